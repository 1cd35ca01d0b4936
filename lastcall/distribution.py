"""Spreads a run over the workers of pytest-xdist: one worker gets all items of a server, and plays them in one event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lastcall.conformance.model.case import CaseId

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lastcall.session import RunSession


class Distribution:
    """The plugin that makes xdist's scheduler; where there is no xdist, pytest never calls it."""

    def __init__(self, run_session: RunSession) -> None:
        self._spoken = {
            chosen.name: [str(protocol) for protocol in chosen.server.speaks] for chosen in run_session.servers
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Return a scheduler that assigns all items of a server to one worker."""
        from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - called only where xdist is

        spoken = self._spoken

        class ByServer(LoadScopeScheduling):  # type: ignore[misc]
            def _split_scope(self, nodeid: str) -> str:
                return server_of(nodeid, spoken) or str(super()._split_scope(nodeid))

        return ByServer(config, log)


def server_of(nodeid: str, spoken: Mapping[str, Collection[str]]) -> str:
    """Return the server in ``FILE::SCENARIO::CHECK[SERVER-PROTOCOL]`` or ``expectations[SERVER]::ID``; "" if it has none.

    ``spoken`` holds the protocols of each server of the run: other items may have parameters that only look alike.
    """
    kind, _, rest = nodeid.partition("[")
    if kind == "expectations":
        return rest.partition("]")[0]
    protocols = {protocol for protocols in spoken.values() for protocol in protocols}
    try:
        case = CaseId.of_node(nodeid, protocols)
    except ValueError:
        return ""
    return case.server if case.protocol in spoken.get(case.server, ()) else ""
