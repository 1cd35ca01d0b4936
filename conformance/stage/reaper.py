"""Ends what a killed run left behind: a process of its own, that outlives the run by a moment.

The run starts it once, and writes to its standard input which sessions it starts (``+ PID``) and which are over
(``- PID``). When that pipe closes, because the run ended, crashed or was killed with SIGKILL, every process of the
remaining sessions is killed, and every process that carries the run's token in its environment. It imports the
standard library only, so that ``python -I -S`` starts it in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

TOKEN = "LASTCALL_RUN"  # noqa: S105 - a mark, not a secret
"""The environment variable that marks every process which a run starts: the run's token, a dot, and the play's number."""


def members(sessions: set[int], token: str) -> list[int]:
    """Give the living processes of these sessions, or with this token (a run's, or one play's) in their environment."""
    mark = f"{TOKEN}={token}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            # A process may go while one looks at it.
            with contextlib.suppress(OSError, IndexError, ValueError):
                state, _parent, _group, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                entries = (folder / "environ").read_bytes().split(b"\0") if token else []
                marked = any(entry == mark or entry.startswith(mark + b".") for entry in entries)
                if state not in "ZX" and (int(session) in sessions or marked):
                    found.append(int(folder.name))
    return sorted(found)


def kill(pids: list[int]) -> None:
    """Kill these processes; one that is gone already is no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def main(token: str) -> None:
    """Listen until the run is gone, then end what is left. A process may fork while being killed: look again."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_IGN)
    os.write(1, b"ready\n")
    sessions: set[int] = set()
    for line in sys.stdin:
        sign, pid = line.split()
        (sessions.add if sign == "+" else sessions.discard)(int(pid))
    for _attempt in range(10):
        left = members(sessions, token)
        if not left:
            break
        kill(left)


if __name__ == "__main__":
    main(sys.argv[1])
