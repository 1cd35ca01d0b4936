"""How much processor time the server's processes have used and waited for, from the kernel (proc(5)).

``/proc/PID/stat`` counts all threads of a process, those that have ended too. How long a thread could have run and waited
for a processor is in ``schedstat``, which each thread has for itself: that of a process is its first thread's alone.
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
"""Fields 14 and 15 of the line, counted from the first one after the command's name."""


def read(pids: Iterable[int]) -> ProcessorTimeRead:
    """Return the processor time of each of these processes and their threads; what has ended is left out."""
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
