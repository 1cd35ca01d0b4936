"""Settings of the project's own tests. The suite itself is the plugin lastcall.plugin, which is an entry point."""

from importlib.util import find_spec

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Switch off hypothesis' deadlines: no test depends on the speed of the machine. A run of the suite needs no hypothesis."""
    if (
        not config.getoption("--server", default=None)
        and not config.getoption("--judge-only", default=None)
        and find_spec("hypothesis")
    ):
        from hypothesis import settings  # noqa: PLC0415 - its import takes longer than that of pytest

        settings.register_profile("lastcall", deadline=None, print_blob=True)
        settings.load_profile("lastcall")
