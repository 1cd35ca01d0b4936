"""Spreads a run over the workers of pytest-xdist: all items of a server go to one, whose plays run in one event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lastcall.session import RunSession


class Distribution:
    """The plugin that makes xdist's scheduler; where there is no xdist, pytest never calls it."""

    def __init__(self, run_session: RunSession) -> None:
        self._server_of_parameters = {
            f"{row.server.name}-{protocol}": row.server.name
            for row in run_session.rows
            for protocol in row.server.speaks
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Return a scheduler that gives all items of a server to one worker."""
        from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - called only where xdist is

        known = self._server_of_parameters

        class ByServer(LoadScopeScheduling):  # type: ignore[misc]
            def _split_scope(self, nodeid: str) -> str:
                return server_of(nodeid, known) or str(super()._split_scope(nodeid))

        return ByServer(config, log)


def server_of(nodeid: str, known: Mapping[str, str]) -> str:
    """Return the server in ``FILE::SCENARIO::CHECK[SERVER-PROTOCOL]`` or ``expectations[SERVER]::ID``; "" if none is.

    ``known`` has the server's name of each ``SERVER-PROTOCOL`` of the run: a name may hold hyphens, and a protocol too.
    """
    kind, _, rest = nodeid.partition("[")
    if kind == "expectations":
        return rest.partition("]")[0]
    return known.get(nodeid.rpartition("[")[2].removesuffix("]"), "")
