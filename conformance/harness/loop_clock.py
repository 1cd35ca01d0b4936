"""The event loop that knows when it looked: it bounds from both sides when a thing can have happened.

A loop sees an event some time after it happened. The previous time it looked and the event was not there is the
earliest moment, the time of looking now the latest. A heartbeat keeps looks at most :data:`HEARTBEAT_S` apart, so the
span stays short while the machine is not starved; and how late the heartbeat comes is the harness's own lag.

The moment of a look is taken before it, never after it. A thread may lose its processor between the kernel's answer and
the reading of the clock, and what happens meanwhile is in no answer: with the later moment as its earliest one it would
have to have happened after it happened. A look that waits has no such moment, because the kernel's answer comes at some
time of the wait; so a wait is followed by a look that does not wait, and that one counts.
"""

from __future__ import annotations

import asyncio
import itertools
import selectors
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HEARTBEAT_S = 0.01
WORTH_NOTING_NS = 1_000_000


class LoopClock(selectors.DefaultSelector):
    """A selector that remembers, on the monotonic clock, when it last looked and when it looked before that."""

    previous_ns: int = 0
    current_ns: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.previous_ns = self.current_ns = time.monotonic_ns()
        self._due_ns = 0
        self._late: deque[tuple[int, int]] = deque(maxlen=100_000)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until there is something to see, look, and note when."""
        if timeout is None or timeout > 0:
            super().select(timeout)
        looked_ns = time.monotonic_ns()
        ready = super().select(0)
        self.previous_ns, self.current_ns = self.current_ns, looked_ns
        return ready

    def nothing_has_happened(self) -> bool:
        """Look without taking anything: whether nothing waits to be dealt with. If so, this was a look like any other.

        Just before the harness acts, it makes the span of whatever that causes begin with the act.
        """
        looked_ns = time.monotonic_ns()
        ready = super().select(0)
        if not ready:
            self.current_ns = looked_ns
        return not ready

    async def quiet_moment(self, within_s: float) -> int:
        """Return when nothing waits to be dealt with, or the time is over; how long that took, in nanoseconds."""
        began_ns = time.monotonic_ns()
        while True:
            await asyncio.sleep(0)
            quiet, took_ns = self.nothing_has_happened(), time.monotonic_ns() - began_ns
            if quiet or took_ns >= within_s * 1e9:
                return took_ns

    def worst_lag_since(self, begin_ns: int) -> int:
        """Give the worst lateness of the heartbeat since then, in nanoseconds."""
        recent = itertools.takewhile(lambda noted: noted[0] >= begin_ns, reversed(self._late))
        return max((late for _at_ns, late in recent), default=0)

    def beat(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep the heart beating for as long as the loop runs."""
        now_ns = time.monotonic_ns()
        late_ns = now_ns - self._due_ns if self._due_ns else 0
        if late_ns > WORTH_NOTING_NS:
            self._late.append((now_ns, late_ns))
        self._due_ns = now_ns + int(HEARTBEAT_S * 1e9)
        loop.call_later(HEARTBEAT_S, self.beat, loop)


def loop_factory(clock: LoopClock) -> Callable[[], asyncio.AbstractEventLoop]:
    """Give what :class:`asyncio.Runner` wants: a factory of a loop that looks through this watch."""

    def make() -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(clock)
        loop.call_soon(clock.beat, loop)
        return loop

    return make
