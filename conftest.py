"""Settings of the project's own tests. The suite itself is the plugin lastcall.plugin, which is an entry point."""

from importlib.util import find_spec

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let no test depend on how fast the machine is today. A run of the suite needs no hypothesis, and may have none."""
    if (
        not config.getoption("--server", default=None)
        and not config.getoption("--judge-only", default=None)
        and find_spec("hypothesis")
    ):
        from hypothesis import settings  # noqa: PLC0415 - it takes longer to import than all of pytest

        settings.register_profile("lastcall", deadline=None, print_blob=True)
        settings.load_profile("lastcall")
