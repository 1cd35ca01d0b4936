"""The reaper: a process that outlives the run by a moment, and ends the processes that a killed run left behind.

The run starts it once, and writes to its standard input which sessions it starts (``+ PID``) and which are over
(``- PID``). When that pipe closes, because the run ended, crashed or was killed with SIGKILL, the reaper kills every process
of the remaining sessions, and every process that has the run's token in its environment. It imports only the standard
library, so that ``python -I -S`` starts it in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

TOKEN = "LASTCALL_RUN"  # noqa: S105 - a mark, not a secret
"""The environment variable that marks every process which a run starts: the run's token, a dot, and the play's number."""


def members(sessions: set[int], token: str, since_ticks: int = 0) -> list[int]:
    """Return the living processes of these sessions, or with this token (a run's, or one play's) in their environment.

    Processes that started before ``since_ticks`` of the kernel's clock are left out, so that their files need not be read.
    """
    mark = f"{TOKEN}={token}".encode()
    living = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - paths cost more than what is read
        if name.isdigit() and int(name) != os.getpid():
            # A process may end while it is looked at.
            with contextlib.suppress(OSError, IndexError, ValueError):
                state, session, started_ticks = _state(int(name))
                if state in "ZX" or started_ticks < since_ticks:
                    continue
                entries = _read(f"/proc/{name}/environ").split(b"\0") if token else []
                marked = any(entry == mark or entry.startswith(mark + b".") for entry in entries)
                if session in sessions or marked:
                    living.append(int(name))
    return sorted(living)


def started_at(pid: int) -> int:
    """Return when a process started, in ticks of the kernel's clock; 0 if it has ended."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return _state(pid)[2]
    return 0


def _state(pid: int) -> tuple[str, int, int]:
    """Return a process's state, its session and when it started: fields 3, 6 and 22 of its line in /proc."""
    # The second field is the program's name in parentheses, which may hold anything.
    fields = _read(f"/proc/{pid}/stat").decode(errors="replace").rpartition(")")[2].split()
    return fields[0], int(fields[3]), int(fields[19])


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        data = b""
        while more := os.read(file, 1 << 16):
            data += more
        return data
    finally:
        os.close(file)


def kill(pids: list[int]) -> None:
    """Kill these processes; one that has ended already is no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def main(token: str) -> None:
    """Read from the run until it is gone, then kill what is left. A process may fork while it is killed: look again."""
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
