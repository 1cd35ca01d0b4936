"""A server of the user's own, described by a TOML file.

    name = "mine"
    speaks = ["h1", "h2"]
    command = ["./mine", "--port", "{port}", "--cert", "{cert}", "--key", "{key}", "--grace", "{drain_s}"]
    graceful_signal = "SIGTERM"            # this is the default
    exit_statuses = [0]                    # this is the default

    [drain]                                # leave it out if the server has no drain timeout
    option = "--grace"
    documented = "https://example.org/mine/shutdown"

    [drain.default]                        # the timeout without the option; leave it out if it is not documented
    command = ["./mine", "--port", "{port}", "--cert", "{cert}", "--key", "{key}"]
    seconds = 30                           # leave it out if the server then waits for requests without a limit
    documented = "https://example.org/mine/shutdown"

It may also have:

    stop = ["docker", "kill", "--signal=TERM", "mine-{port}"]     # in place of the graceful signal
    remove = ["docker", "rm", "--force", "mine-{port}"]           # run after every start
    features = ["websocket", "lifespan", "workers"]               # features of its application and command line

    [signals]                              # further documented signals, by their role
    force = "SIGINT"
    reload = "SIGHUP"

    [timed]                                # for handlers that cannot speak to the gate: its slow resources
    slow = "/report"
    slow_s = 2.0
    streaming = "/export"                  # may be left out
    ready = "/health"                      # answers with 200 at once

The placeholders of ``command`` are the fields of :class:`lastcall.conformance.model.launch.Launch`, and ``{here}``, the
folder of the TOML file; ``stop`` and ``remove`` have ``{pid}`` too. ``command`` may be a table with one command for each
protocol. A program that begins with ``./`` or ``../`` is in that folder.
"""

from __future__ import annotations

import signal
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

from lastcall.command_template import filled, is_command
from lastcall.conformance.model.launch import Launch
from lastcall.conformance.model.protocol import PROTOCOLS, Protocol, ProtocolError, protocol_named
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Feature,
    Server,
    Timed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_KNOWN: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "speaks": list,
    "command": (list, dict),
    "graceful_signal": str,
    "exit_statuses": list,
    "drain": dict,
    "environment": dict,
    "version": list,
    "documentation": str,
    "install": str,
    "needs_origin": bool,
    "stop": list,
    "remove": list,
    "features": list,
    "signals": dict,
    "timed": dict,
}
_REQUIRED = ("name", "speaks", "command")
_QUICKEST_S, _SLOWEST_S = 1.0, 10.0
"""The bounds of ``slow_s``: the response must still be in progress when the signal comes, and end within a play."""


class ServerFileError(ValueError):
    """A TOML file does not describe a server; the message names the file, the mistake, and what is needed."""


def load_server(path: Path) -> Server:
    """Read a server from a TOML file; raises :class:`ServerFileError`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ServerFileError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ServerFileError(f"{path}: not TOML: {error}") from error
    try:
        return _server(table, path.resolve().parent)
    except ValueError as error:
        raise ServerFileError(f"{path}: {error}") from error


def _server(table: Mapping[str, Any], here: Path) -> Server:
    _check_shape(table)
    speaks = frozenset(_protocol(name) for name in table["speaks"])
    commands = _commands(table["command"], speaks)
    drain = _drain(table.get("drain"))
    has_default = drain is not None and drain.default is not None
    defaults = _commands(table["drain"]["default"]["command"], speaks, "[drain.default] command") if has_default else {}

    def command(launch: Launch) -> list[str]:
        return filled((defaults if defaults and launch.default_drain else commands)[launch.protocol], launch, here)

    # Every command is filled once now, so that a mistake in it is reported with the file and not in a play.
    for protocol, template in [*commands.items(), *defaults.items()]:
        example = Launch(protocol, 1, here, here, 1, here)
        filled(template, example, here)
        for key in ("stop", "remove"):
            filled(_process_template(table, key), example, here, key=key, pid=1)
    return Server(
        name=table["name"],
        speaks=speaks,
        command=command,
        version=lambda: _version(table.get("version"), here),
        install=tuple(filter(None, [table.get("install", "")])),
        documentation=table.get("documentation", ""),
        graceful_signal=_signal(table.get("graceful_signal", "SIGTERM")),
        exit_statuses=tuple(_status(value) for value in table.get("exit_statuses", [0])),
        drain=drain,
        needs_origin=table.get("needs_origin", False),
        environment={
            name: str(value).replace("{here}", str(here)) for name, value in table.get("environment", {}).items()
        },
        features=frozenset(_feature(name) for name in table.get("features", [])),
        signals={role: _signal(name, role) for role, name in table.get("signals", {}).items()},
        timed=_timed(table.get("timed")),
        stop=_process_command(table, "stop", here),
        remove=_process_command(table, "remove", here),
    )


def _check_shape(table: Mapping[str, Any]) -> None:
    for name in _REQUIRED:
        if name not in table:
            raise ValueError(f"{name!r} is missing; needed are {', '.join(_REQUIRED)}")
    for name, value in table.items():
        if name not in _KNOWN:
            raise ValueError(f"unknown key {name!r}; known are {', '.join(_KNOWN)}")
        if not isinstance(value, _KNOWN[name]):
            raise ValueError(f"{name!r} has the wrong type ({type(value).__name__})")
    if not table["name"][:1].isalnum() or set(table["name"]) & set("/[]:, \t\n") or not table["speaks"]:
        raise ValueError(
            "'name' must be a word that begins with a letter or digit, without / [ ] : , or spaces,"
            " and 'speaks' must not be empty"
        )
    if not table.get("exit_statuses", [0]):
        raise ValueError("'exit_statuses' must not be empty: 0 is what it is when left out")
    if not all(isinstance(argument, str) for argument in table.get("version", [])):
        raise ValueError("'version' must be a list of words, the command that prints the version")


def _protocol(name: object) -> Protocol:
    try:
        return protocol_named(str(name))
    except ProtocolError:
        raise ValueError(f"'speaks' knows {', '.join(PROTOCOLS)}, not {name!r}") from None


def _commands(command: Any, speaks: frozenset[Protocol], key: str = "'command'") -> dict[Protocol, list[str]]:
    table = command if isinstance(command, dict) else dict.fromkeys(speaks, command)
    commands = {_protocol(name): template for name, template in table.items()}
    for protocol in speaks:
        if not is_command(commands.get(protocol)):
            raise ValueError(f"{key} must be a list of words, for {protocol} too")
    return commands


def _process_template(table: Mapping[str, Any], key: str) -> list[str]:
    """Return a command about a process, such as ``stop``; it is empty where the file has none."""
    if key not in table:
        return []
    template: list[str] = table[key]
    if not is_command(template):
        raise ValueError(f"{key!r} must be a list of words, a command")
    return template


def _process_command(table: Mapping[str, Any], key: str, here: Path) -> Callable[[Launch, int], list[str]] | None:
    template = _process_template(table, key)
    return (lambda launch, pid: filled(template, launch, here, key=key, pid=pid)) if template else None


def _version(command: list[str] | None, here: Path) -> str:
    """Return the first line that the server's version command prints.

    It is never None: a server of the user's own counts as installed, even if its version is not known.
    """
    if not command:
        return "version not stated"
    try:
        run = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"version unknown ({error})"
    lines = (run.stdout + run.stderr).strip().splitlines()
    return lines[0] if lines else "version unknown"


def _signal(name: object, key: str = "graceful_signal") -> str:
    if name not in signal.Signals.__members__:
        raise ValueError(f"{key!r} {name!r} is no signal's name, such as SIGTERM")
    return str(name)


def _feature(name: object) -> Feature:
    try:
        return Feature(str(name))
    except ValueError:
        raise ValueError(f"'features' knows {', '.join(Feature)}, not {name!r}") from None


def _timed(table: Mapping[str, Any] | None) -> Timed | None:
    if table is None:
        return None
    paths = {key: table[key] for key in ("slow", "streaming", "ready") if key in table}
    if set(table) - {"slow", "slow_s", "streaming", "ready"} or "slow" not in table:
        raise ValueError("[timed] wants 'slow', a path, and 'slow_s', and may have 'streaming' and 'ready'")
    if not all(isinstance(path, str) and path.startswith("/") for path in paths.values()):
        raise ValueError("[timed] 'slow', 'streaming' and 'ready' are paths that begin with /")
    slow_s = table.get("slow_s")
    if isinstance(slow_s, bool) or not isinstance(slow_s, (int, float)) or not _QUICKEST_S <= slow_s <= _SLOWEST_S:
        raise ValueError(f"[timed] 'slow_s' is a number of seconds from {_QUICKEST_S:g} to {_SLOWEST_S:g}")
    return Timed(slow_s=float(slow_s), **paths)


def _status(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"'exit_statuses' are numbers (a negative one for a signal), not {value!r}")
    return value


def _drain(table: Mapping[str, Any] | None) -> Drain | None:
    if table is None:
        return None
    unknown = set(table) - {"option", "documented", "whole_seconds", "default"}
    texts = (table.get("option"), table.get("documented", ""))
    if unknown or not all(isinstance(text, str) for text in texts):
        raise ValueError("[drain] wants 'option', a text, and may have 'documented', 'whole_seconds' and 'default'")
    whole = bool(table.get("whole_seconds", False))
    return Drain(
        table["option"], table.get("documented", ""), whole_seconds=whole, default=_default(table.get("default"))
    )


def _default(table: Mapping[str, Any] | None) -> DefaultDrain | None:
    if table is None:
        return None
    wanted = (
        "[drain.default] wants 'command', a list of words, and may have 'seconds', a number, and 'documented', a text"
    )
    if not isinstance(table, dict) or "command" not in table or set(table) - {"command", "seconds", "documented"}:
        raise ValueError(wanted)
    seconds, documented = table.get("seconds"), table.get("documented", "")
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, (int, float, type(None)))
        or not isinstance(documented, str)
    ):
        raise ValueError(wanted)
    return DefaultDrain(None if seconds is None else float(seconds), documented)
