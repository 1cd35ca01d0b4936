"""The servers of a run: chosen by name, by file, as ``all``, or by the folders of stored traces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import PROTOCOLS
from lastcall.conformance.model.server import Drain, Server
from lastcall.registry import RegistryError, find
from lastcall.server_module import load_servers
from lastcall.server_toml import ServerFileError, load_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lastcall.conformance.model.launch import Launch
    from lastcall.registry import Registry


class ServerChoiceError(ValueError):
    """An argument names no server that can be used; the message says why and what to do."""


@dataclass(frozen=True)
class ChosenServer:
    """One server of a run. ``argument`` is what the command line called it.

    ``by_name``: the command line named this server and not ``all``, so it is a failure if it is not installed.
    """

    server: Server
    by_name: bool
    argument: str

    @property
    def name(self) -> str:
        """The server's name."""
        return self.server.name


def servers_named(arguments: Sequence[str]) -> list[Server]:
    """Return the servers of these names or files; raises :class:`ServerChoiceError`."""
    try:
        return [chosen.server for chosen in choose_servers(find(), arguments)]
    except RegistryError as error:
        raise ServerChoiceError(str(error)) from error


def choose_servers(registry: Registry, arguments: Iterable[str]) -> list[ChosenServer]:
    """Return the servers that the arguments name, once each; raises :class:`ServerChoiceError`.

    ``all`` chooses every server that is meant for use, and leaves one that is also named as it is.
    """
    chosen: dict[str, ChosenServer] = {}
    for argument in arguments:
        if argument == "all":
            for server in registry.servers.values():
                if not server.mutant:
                    chosen.setdefault(server.name, ChosenServer(server, by_name=False, argument=server.name))
        elif argument.endswith((".toml", ".py")):
            for server in _servers_of_file(registry, argument):
                chosen[server.name] = ChosenServer(server, by_name=True, argument=argument)
        elif argument in registry.servers:
            chosen[argument] = ChosenServer(registry.servers[argument], by_name=True, argument=argument)
        else:
            raise ServerChoiceError(_unknown(registry, argument))
    return list(chosen.values())


def _servers_of_file(registry: Registry, argument: str) -> list[Server]:
    path = Path(argument)
    try:
        servers = [load_server(path)] if path.suffix == ".toml" else load_servers(path)
    except ServerFileError as error:
        raise ServerChoiceError(str(error)) from error
    for server in servers:
        if server.name in registry.servers:
            taken = f"the name {server.name!r} is taken by a server of lastcall; choose another"
            raise ServerChoiceError(f"{argument}: {taken}")
    return servers


def _unknown(registry: Registry, argument: str) -> str:
    known = ", ".join(sorted(server.name for server in registry.servers.values() if not server.mutant))
    reasons = "".join(f"; {line}" for line in registry.problems)
    return f"--server {argument}: no such server. Known are {known}; or give the path of a .toml or .py file{reasons}"


def stored_servers(traces: Path) -> list[Server]:
    """Return a server for each folder of stored traces: enough of one to judge these again."""
    return [_stored_server(path) for path in sorted(traces.iterdir()) if path.is_dir()]


def _stored_server(folder: Path) -> Server:
    def refuse(_launch: Launch) -> list[str]:
        raise ServerChoiceError(f"{folder.name} is known by its traces alone and cannot be started")

    spoken = {path.name for path in folder.iterdir()}
    return Server(
        name=folder.name,
        speaks=frozenset(protocol for name, protocol in PROTOCOLS.items() if name in spoken),
        command=refuse,
        version=lambda: "version as stored",
        install=(),
        documentation="",
        drain=Drain("", ""),
    )
