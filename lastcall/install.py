"""Installs servers by their adapters' commands, and finds out which version is installed.

A digest of the sources is stored with each program that is built from this project's sources. When the sources change,
the program counts as not installed: it would be judged as if it were built from today's.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.locks import is_locked_version, lock_environment, with_locked_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lastcall.conformance.model.server import Server

_INSTALL_S = 1800
"""The limit of one command of an installation; the longest ones compile for some minutes on two cores."""
_SERVERS = Path(__file__).resolve().parent / "servers"
"""The folder of the adapters, in which their commands run."""


def version_of(server: Server) -> str | None:
    """Return the installed version; None if there is none, or if it was built from other sources than today's."""
    version = server.version()
    return version if version is None or _is_current(server) else None


def missing_reason(server: Server) -> str:
    """Return why the server counts as not installed, and what to do; it is empty if the server is installed."""
    if server.version() is None:
        return f"not installed; to install it: python -m lastcall install {server.name}"
    if not _is_current(server):
        advice = f"to build it again: python -m lastcall install {server.name}"
        return f"not built from today's sources; {advice}"
    return ""


def install(servers: Sequence[Server], *, again: bool, latest: bool = False) -> list[str]:
    """Install servers that are missing or not of the locked version; return a line for each that failed.

    A failure does not stop the others. ``again`` installs all of them, ``latest`` the newest versions in place of the
    locked ones.
    """
    from lastcall.servers.installation import CACHE  # noqa: PLC0415 - a project with servers of its own may lack ours

    CACHE.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "LASTCALL_CACHE": str(CACHE), "PYTHON": sys.executable}
    failed = []
    for server in servers:
        version = version_of(server)
        current = version is not None and (is_locked_version(server.name, version) or not server.install)
        if current and not again and not latest:
            print(f"{server.name}: {version} is installed", flush=True)
        elif reason := _install(server, environment | lock_environment(server.name, latest=latest)):
            failed.append(f"{server.name}: {reason}")
        else:
            _record_installation(server)
    return failed


def _record_installation(server: Server) -> None:
    """Store the digest of the sources that the server was built from, and print its version."""
    if server.built_from:
        stamp = _stamp(server)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(_digest(server), encoding="ascii")
    if version := version_of(server):
        print(f"{server.name}: {with_locked_version(server.name, version)}", flush=True)


def _install(server: Server, environment: Mapping[str, str]) -> str:
    for line in server.install:
        print(f"{server.name}: {line}", flush=True)
        if reason := run_line(line, _SERVERS, environment):
            return f"{reason} from: {line}"
    return ""


def run_line(line: str, folder: Path, environment: Mapping[str, str], within_s: float = _INSTALL_S) -> str:
    """Run a line of the shell, and return how it failed; the string is empty if it did not.

    After a time-out or Ctrl-C every process that the line has started is killed, so that none is left behind.
    """
    with subprocess.Popen(["sh", "-c", line], cwd=folder, env=environment, start_new_session=True) as running:
        try:
            status = running.wait(within_s)
        except BaseException as error:
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
    digest = hashlib.sha256("\n".join(server.install).encode())
    for folder in server.built_from:
        for file in sorted(path for path in (_SERVERS / folder).rglob("*") if path.is_file()):
            digest.update(f"\0{file.relative_to(_SERVERS)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
