"""How much processor time the server's processes have taken, and waited for, from the kernel's own account (proc(5)).

``/proc/PID/stat`` has the time of all threads of a process, those that have ended too. The time for which a thread could
have run and waited for a processor is in ``schedstat`` alone, which each thread has for itself: that of the process is
its first thread's.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.model.server_events import ProcessorTimeRead

if TYPE_CHECKING:
    from collections.abc import Iterable

_USER, _SYSTEM = 11, 12
"""Fields 14 and 15 of the line, counted from behind the command's name."""


def read(pids: Iterable[int]) -> ProcessorTimeRead:
    """Return it for each of these processes and their threads; what has gone, or a system without /proc, is left out."""
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    used: dict[int, int] = {}
    ran: dict[int, int] = {}
    waited: dict[int, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            used[pid] = (int(fields[_USER]) + int(fields[_SYSTEM])) * tick_ns
        for thread in _threads(pid):
            # Either both figures of a thread are there, or the kernel keeps no such account, or the thread has gone.
            with contextlib.suppress(OSError, ValueError):
                account = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text(encoding="ascii")
                ran[thread], waited[thread], _slices = map(int, account.split())
    return ProcessorTimeRead(tuple(used), tuple(used.values()), tuple(ran), tuple(ran.values()), tuple(waited.values()))


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208 - paths cost more than what is read
    except OSError:
        return []
