"""The pytest entry point: it declares lastcall's options, and starts a run when one of them requests it.

pytest imports this module in every project of an environment, so it imports nothing else of lastcall: a project that
only shares the environment pays for the declarations alone. :mod:`lastcall.pytest_start` does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PACES = ("fast", "issue")
"""The values of :class:`lastcall.conformance.model.step.Pace`, which is not imported here; a test compares them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add lastcall's options."""
    group = parser.getgroup("lastcall", "graceful shutdown conformance (lastcall)")
    group.addoption(
        "--server",
        action="append",
        default=[],
        metavar="NAME",
        help="server to test: a name (python -m lastcall list shows them), 'all', or the path of a TOML or Python file;"
        " repeatable",
    )
    group.addoption(
        "--pace",
        choices=PACES,
        default=PACES[0],
        help="fast (default) shortens what is not under test; issue uses the founding issue's durations",
    )
    group.addoption(
        "--results",
        metavar="DIR",
        default="lastcall-results",
        help="folder for traces, results.json and report.html (default: %(default)s)",
    )
    group.addoption("--judge-only", metavar="DIR", help="judge the traces stored in DIR again; no server is started")
    group.addoption(
        "--expectations",
        action="append",
        default=[],
        metavar="FILE|DIR",
        help="known deviations, TOML (repeatable); 'none' leaves out those of the servers that lastcall knows",
    )
    group.addoption(
        "--update-expectations", action="store_true", help="write proposed expectations beside the existing files"
    )
    group.addoption("--strict-should", action="store_true", help="a broken 'should' and a 'cannot tell' fail too")


def pytest_configure(config: pytest.Config) -> None:
    """Start a run of lastcall if the options name a server or stored traces; otherwise do nothing."""
    if config.getoption("--server") or config.getoption("--judge-only"):
        from lastcall.pytest_start import start  # noqa: PLC0415 - other projects' test runs need none of it

        start(config)
