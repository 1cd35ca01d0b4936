"""Finds servers and scenarios: whatever value of the type stands at a module's top level. No list is kept anywhere.

Installed distributions may bring servers of their own, see :mod:`lastcall.server_module`.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from lastcall import scenarios, servers
from lastcall.conformance.model.scenario import Scenario
from lastcall.conformance.model.server import Server
from lastcall.server_module import installed_servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

V = TypeVar("V")

PACKAGE = "lastcall."
"""What stands before the name of every module of ours, and says nothing to a person who looks for a file."""


class RegistryError(ValueError):
    """Two values share a name, or a name is not known; the message says which and what to do."""


@dataclass(frozen=True)
class Found:
    """What was found, and in one line each the modules that could not be imported."""

    servers: dict[str, Server] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    module_of: dict[str, str] = field(default_factory=dict)
    """The module of each scenario, such as ``lastcall.scenarios.founding``."""
    broken: tuple[str, ...] = ()


def find() -> Found:
    """Import every module of ``servers`` and ``scenarios``; raises :class:`RegistryError` for a name used twice."""
    found = Found()
    broken: list[str] = []
    for module in _modules(servers, broken):
        for server in _values(module, Server):
            _add(found, _origin(module), server)
    for point, server in installed_servers(broken):
        _add(found, point, server)
    for module in _modules(scenarios, broken):
        for scenario in _values(module, Scenario):
            _add(found, _origin(module), scenario)
    return Found(found.servers, found.scenarios, found.module_of, tuple(broken))


def _modules(package: ModuleType, broken: list[str]) -> Iterator[ModuleType]:
    for item in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if item.ispkg:
            continue
        try:
            yield importlib.import_module(item.name)
        except Exception as error:  # noqa: BLE001 - one broken file must not take the others along
            broken.append(f"{item.name.removeprefix(PACKAGE)} cannot be imported: {type(error).__name__}: {error}")


def _origin(module: ModuleType) -> str:
    return module.__name__.removeprefix(PACKAGE)


def _values(module: ModuleType, kind: type[V]) -> Iterator[V]:
    for value in vars(module).values():
        candidates: tuple[Any, ...] = value if isinstance(value, tuple) else (value,)
        yield from (candidate for candidate in candidates if isinstance(candidate, kind))


def _add(found: Found, origin: str, value: Server | Scenario) -> None:
    if isinstance(value, Server):
        if found.servers.setdefault(value.name, value) is not value:
            raise RegistryError(f"{origin}: a second server is named {value.name!r}")
    elif found.scenarios.setdefault(value.id, value) is not value:
        raise RegistryError(f"{origin}: a second scenario has the id {value.id!r}")
    else:
        found.module_of.setdefault(value.id, origin)
