"""Finds servers and scenarios: whatever value of the type stands at a module's top level. No list is kept anywhere.

The modules are those that installed distributions name under two entry point groups, lastcall's own like everybody
else's; scenarios of a file are added to them when the file is named. See :mod:`lastcall.top_level`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.model.scenario import Scenario
from lastcall.conformance.model.server import Server
from lastcall.top_level import ModuleFileError, Placed, installed_values, values_of_file

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVERS = "lastcall.servers"
"""The entry point group of servers."""
SCENARIOS = "lastcall.scenarios"
"""The entry point group of scenarios."""


class RegistryError(ValueError):
    """A name is used twice or not known, or a named file has no scenario; the message says which and what to do."""


@dataclass(frozen=True)
class Found:
    """What was found, and in one line each the modules that could not be imported."""

    servers: dict[str, Server] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    module_of: dict[str, str] = field(default_factory=dict)
    """The module of each scenario, such as ``scenarios.founding``, or the path of the file that was named."""
    file_of: dict[str, Path] = field(default_factory=dict)
    """The file of each scenario."""
    broken: tuple[str, ...] = ()

    def servers_named(self, names: Sequence[str]) -> list[Server]:
        """Return the servers of these names, or of none or ``all`` every one that is meant for use; or raise."""
        chosen = [server for server in self.servers.values() if not server.mutant]
        if names and list(names) != ["all"]:
            unknown = [name for name in names if name not in self.servers]
            if unknown:
                known = ", ".join(server.name for server in chosen)
                raise RegistryError(f"no such server: {', '.join(unknown)}; known are {known}")
            chosen = [self.servers[name] for name in names]
        return chosen


def find(scenario_files: Sequence[Path] = ()) -> Found:
    """Return every server and scenario that is installed, and the scenarios of these files.

    Raises :class:`RegistryError` for a name used twice, and for a file that has no scenario or cannot be imported.
    """
    found = Found()
    broken: list[str] = []
    for server in installed_values(SERVERS, Server, broken):
        if found.servers.setdefault(server.value.name, server.value) is not server.value:
            raise RegistryError(f"{server.origin}: a second server is named {server.value.name!r}")
    for scenario in installed_values(SCENARIOS, Scenario, broken):
        _add_scenario(found, scenario)
    for path in dict.fromkeys(path.resolve() for path in scenario_files):
        if path not in found.file_of.values():
            for scenario in _scenarios_of(path):
                _add_scenario(found, scenario)
    return Found(found.servers, found.scenarios, found.module_of, found.file_of, tuple(broken))


def _scenarios_of(path: Path) -> list[Placed[Scenario]]:
    here = Path.cwd().resolve()
    shown = str(path.relative_to(here) if path.is_relative_to(here) else path)
    try:
        return [Placed(scenario, shown, path) for scenario in values_of_file(path, Scenario)]
    except ModuleFileError as error:
        raise RegistryError(str(error)) from error


def _add_scenario(found: Found, placed: Placed[Scenario]) -> None:
    scenario = placed.value
    if found.scenarios.setdefault(scenario.id, scenario) is not scenario:
        raise RegistryError(f"{placed.origin}: a second scenario has the id {scenario.id!r}")
    found.module_of.setdefault(scenario.id, placed.origin)
    found.file_of.setdefault(scenario.id, placed.file)
