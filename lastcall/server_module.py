"""Servers of the user's own, described in Python: a file, or a distribution's entry point.

A file is like one of ``servers/``: whatever :class:`~conformance.model.server.Server` stands at its top level is a server.
An installed distribution names a module, or a value in it, under the entry point group ``lastcall.servers``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from lastcall.conformance.model.server import Server
from lastcall.server_toml import ServerFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "lastcall.servers"
"""The entry point group."""


def load_servers(path: Path) -> list[Server]:
    """Give the servers that a Python file makes; raises :class:`ServerFileError`."""
    if not path.is_file():
        raise ServerFileError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"lastcall_own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ServerFileError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ServerFileError(f"{path}: cannot be imported: {type(error).__name__}: {error}") from error
    found = list(servers_in(vars(module)))
    if not found:
        raise ServerFileError(f"{path}: no conformance.server.Server stands at its top level")
    return found


def installed_servers(broken: list[str]) -> Iterator[tuple[str, Server]]:
    """Give the servers of installed distributions, each with its entry point's name; what fails is told in ``broken``."""
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            value = point.load()
        except Exception as error:  # noqa: BLE001 - one broken distribution must not take the others along
            broken.append(f"entry point {point.name} ({point.value}): {type(error).__name__}: {error}")
            continue
        values = {"": value} if isinstance(value, (Server, tuple)) else vars(value)
        for server in servers_in(values):
            yield f"entry point {point.name}", server


def servers_in(values: dict[str, Any]) -> Iterator[Server]:
    """Give the servers among a module's values, once each."""
    seen: set[int] = set()
    for value in values.values():
        for candidate in value if isinstance(value, tuple) else (value,):
            if isinstance(candidate, Server) and id(candidate) not in seen:
                seen.add(id(candidate))
                yield candidate
