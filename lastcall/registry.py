"""Finds servers and scenarios: every value of these types at the top level of a module. There is no list to keep up to date.

Installed distributions name the modules under two entry point groups; lastcall's own servers and scenarios come in the
same way. The scenarios of a file are added when the command line names the file. See :mod:`lastcall.top_level`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
class Registry:
    """All servers and scenarios by name. ``problems`` has a line for each module or entry point that cannot be used."""

    servers: dict[str, Server] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    module_of: dict[str, str] = field(default_factory=dict)
    """The module of each scenario, such as ``scenarios.founding``, or the path of the file that was named."""
    file_of: dict[str, Path] = field(default_factory=dict)
    """The file of each scenario."""
    problems: tuple[str, ...] = ()

    def servers_named(self, names: Sequence[str]) -> list[Server]:
        """Return the servers of these names; without names, or for ``all``, every server that is meant for use.

        Raises :class:`RegistryError` for a name that is not known.
        """
        chosen = [server for server in self.servers.values() if not server.mutant]
        if names and list(names) != ["all"]:
            unknown = [name for name in names if name not in self.servers]
            if unknown:
                known = ", ".join(server.name for server in chosen)
                raise RegistryError(f"no such server: {', '.join(unknown)}; known are {known}")
            chosen = [self.servers[name] for name in names]
        return chosen


def find(scenario_files: Sequence[Path] = ()) -> Registry:
    """Return every server and scenario that is installed, and the scenarios of these files.

    Raises :class:`RegistryError` for a name used twice, and for a file that has no scenario or cannot be imported.
    """
    registry = Registry()
    problems: list[str] = []
    for server in installed_values(SERVERS, Server, problems):
        if registry.servers.setdefault(server.value.name, server.value) is not server.value:
            raise RegistryError(f"{server.origin}: a second server is named {server.value.name!r}")
    for scenario in installed_values(SCENARIOS, Scenario, problems):
        _add_scenario(registry, scenario)
    for path in dict.fromkeys(path.resolve() for path in scenario_files):
        # An installed file may be named too: it is imported already, and a second import would make second scenarios.
        if path not in registry.file_of.values():
            for scenario in _scenarios_of(path):
                _add_scenario(registry, scenario)
    return replace(registry, problems=tuple(problems))


def _scenarios_of(path: Path) -> list[Placed[Scenario]]:
    here = Path.cwd().resolve()
    origin = str(path.relative_to(here) if path.is_relative_to(here) else path)
    try:
        return [Placed(scenario, origin, path) for scenario in values_of_file(path, Scenario)]
    except ModuleFileError as error:
        raise RegistryError(str(error)) from error


def _add_scenario(registry: Registry, placed: Placed[Scenario]) -> None:
    scenario = placed.value
    if registry.scenarios.setdefault(scenario.id, scenario) is not scenario:
        raise RegistryError(f"{placed.origin}: a second scenario has the id {scenario.id!r}")
    registry.module_of.setdefault(scenario.id, placed.origin)
    registry.file_of.setdefault(scenario.id, placed.file)
