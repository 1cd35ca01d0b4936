"""Installing servers by the commands that their adapters state, and telling what is installed.

What is built from sources of the project is kept with a digest of them: a program that was built before its sources
changed would be judged as if it were today's, so it counts as not installed.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.locks import beside_the_lock, is_locked_version, lock_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lastcall.conformance.model.server import Server

_INSTALL_S = 1800
"""For one command of an installation; the longest compile for some minutes on two cores."""
_SERVERS = Path(__file__).resolve().parent / "servers"
"""The folder of the adapters, where their commands are run."""


def version_of(server: Server) -> str | None:
    """Give the version that is installed; None if none is, or one that was built from other sources than today's."""
    version = server.version()
    return version if version is None or _is_current(server) else None


def why_missing(server: Server) -> str:
    """Say that the server is not installed, or not as it is today, and what to do; nothing if it is."""
    if server.version() is None:
        return f"not installed; to install it: python -m lastcall install {server.name}"
    if not _is_current(server):
        advice = f"to build it again: python -m lastcall install {server.name}"
        return f"not built from today's sources; {advice}"
    return ""


def install(servers: Sequence[Server], *, again: bool, latest: bool = False) -> list[str]:
    """Install what is missing or not of the locked version, or all; return a line for each that failed.

    One that fails does not stop the others. ``latest`` takes the newest version of each in place of the locked one.
    """
    from lastcall.servers.installation import CACHE  # noqa: PLC0415 - who brings servers of his own may have none of ours

    CACHE.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "LASTCALL_CACHE": str(CACHE), "PYTHON": sys.executable}
    failed = []
    for server in servers:
        version = version_of(server)
        current = version is not None and (is_locked_version(server.name, version) or not server.install)
        if current and not again and not latest:
            print(f"{server.name}: {version} is installed", flush=True)
        elif why := _install(server, environment | lock_environment(server.name, latest=latest)):
            failed.append(f"{server.name}: {why}")
        else:
            _take_note(server)
    return failed


def _take_note(server: Server) -> None:
    """Keep what the server was built from, and say which version came of it."""
    if server.built_from:
        stamp = _stamp(server)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(_digest(server), encoding="ascii")
    if version := version_of(server):
        print(f"{server.name}: {beside_the_lock(server.name, version)}", flush=True)


def _install(server: Server, environment: Mapping[str, str]) -> str:
    for line in server.install:
        print(f"{server.name}: {line}", flush=True)
        if why := run_line(line, _SERVERS, environment):
            return f"{why} from: {line}"
    return ""


def run_line(line: str, folder: Path, environment: Mapping[str, str], within_s: float = _INSTALL_S) -> str:
    """Run a line of the shell, with all that it starts; say how it failed, or nothing if it did not."""
    with subprocess.Popen(["sh", "-c", line], cwd=folder, env=environment, start_new_session=True) as running:
        try:
            status = running.wait(within_s)
        except BaseException as error:
            # A registry that does not answer must not hold up the others; nor is anything left behind by Ctrl-C.
            os.killpg(running.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return f"no end after {within_s:g} s"
            raise
    return f"status {status}" if status else ""


def _is_current(server: Server) -> bool:
    if not server.built_from:
        return True
    stamp = _stamp(server)
    return stamp.exists() and stamp.read_text(encoding="ascii") == _digest(server)


def _stamp(server: Server) -> Path:
    from lastcall.servers.installation import CACHE  # noqa: PLC0415 - as above

    return CACHE / "built" / server.name


def _digest(server: Server) -> str:
    told = hashlib.sha256("\n".join(server.install).encode())
    for folder in server.built_from:
        for file in sorted(path for path in (_SERVERS / folder).rglob("*") if path.is_file()):
            told.update(f"\0{file.relative_to(_SERVERS)}\0".encode())
            told.update(file.read_bytes())
    return told.hexdigest()
