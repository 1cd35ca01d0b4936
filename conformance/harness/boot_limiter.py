"""Limits how many servers boot at a time: a booting server takes processor time, a held handler does not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from lastcall.conformance.harness.loop_clock import LoopClock

_LOOK_S = 0.02
_RECENT_S = 0.5
_PUNCTUAL_S = 0.03
"""How late the harness's heartbeat may have been lately for the last core to be used as well."""


def _cores() -> int:
    """Return how many cores this process may use: pytest-xdist's workers share the machine's."""
    return max(1, (os.cpu_count() or 2) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


class BootLimiter:
    """A context manager that waits for a place in which a server can boot, first come, first served.

    Each core is one place, except one core that is left to the harness, because the harness's times are the evidence.
    While the harness is punctual that core is a place too; as soon as the harness is late, it is not.
    """

    def __init__(self, clock: LoopClock, cores: int | None = None) -> None:
        self._clock = clock
        self._cores = cores or _cores()
        self._under_way = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def __aenter__(self) -> Self:
        async with self._turn:
            while not self._is_room():
                self._freed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._freed.wait()
            self._under_way += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._under_way -= 1
        self._freed.set()

    def _is_room(self) -> bool:
        if self._under_way < max(1, self._cores - 1):
            return True
        recently_ns = time.monotonic_ns() - int(_RECENT_S * 1e9)
        return self._under_way < self._cores and self._clock.worst_lag_since(recently_ns) < _PUNCTUAL_S * 1e9
