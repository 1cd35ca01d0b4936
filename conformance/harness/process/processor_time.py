"""How much processor time the server's processes have used, from the kernel (proc(5), ``stat``)."""

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
    """Return the processor time of each of these processes; one that has ended is left out, as are all without /proc."""
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    used: dict[int, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            used[pid] = (int(fields[_USER]) + int(fields[_SYSTEM])) * tick_ns
    return ProcessorTimeRead(tuple(used), tuple(used.values()))
