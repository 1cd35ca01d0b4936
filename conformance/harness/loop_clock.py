"""The event loop's clock: it knows when the loop looked, and so between which two moments an event happened.

A loop sees an event some time after it happened. At its previous look the event was not there yet: that is the earliest
moment. At this look it was there: that is the latest. A heartbeat keeps two looks at most :data:`HEARTBEAT_S` apart while
the machine is not starved, so spans stay short, and the lateness of a heartbeat is the harness's own lag.

Why two numbers and not a timestamp: on a busy machine user space sees an arrival several milliseconds late, and tens of
milliseconds late while another thread of the process computes. A timestamp would put the events of two sockets into a wrong
order; two spans that overlap say truthfully that the order is not known.

Why the clock is read before a look and not after it: a thread may lose its processor between the kernel's answer and the
reading of the clock. What happens meanwhile is not in that answer, so its span would begin after it happened. A look that
waits has no such moment, because the kernel answers at some time of the wait. So after a wait the loop looks once more
without waiting, and that look counts.

Why lag: if the heartbeat was late, the timeline was late as well (its signal, its releases), so a server that seems to
exceed a limit may have kept it. Checks compare the worst lag with ``Limits.lag_s`` before they blame a server for time.
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
"""The longest time between two looks of an idle loop. It is also the precision of a span, so it is far below every limit."""
WORTH_NOTING_NS = 1_000_000
"""A heartbeat that is later than this is remembered. Less is the usual jitter of a timer."""


class LoopClock(selectors.DefaultSelector):
    """A selector that remembers, on the monotonic clock, the moments of its last look and of the one before.

    It is the selector because only ``select()`` knows when the kernel was really asked; a callback runs later.
    """

    previous_ns: int = 0
    current_ns: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.previous_ns = self.current_ns = time.monotonic_ns()
        self._due_ns = 0
        self._late: deque[tuple[int, int]] = deque(maxlen=100_000)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until something is there, look, and remember when."""
        if timeout is None or timeout > 0:
            super().select(timeout)
        looked_ns = time.monotonic_ns()
        ready = super().select(0)
        self.previous_ns, self.current_ns = self.current_ns, looked_ns
        return ready

    def nothing_has_happened(self) -> bool:
        """Look without handling anything, and return whether nothing is ready.

        The harness calls it just before it acts. If nothing is ready, everything that is seen later happened after this
        look, so the span of what the act causes cannot begin before the act. If something is ready, the look does not
        count: what is ready happened before it, and its span still has to begin at the look before.
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
        """Return the worst lateness of the heartbeat since a moment, in nanoseconds."""
        recent = itertools.takewhile(lambda remembered: remembered[0] >= begin_ns, reversed(self._late))
        return max((late for _at_ns, late in recent), default=0)

    def beat(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure how late this heartbeat is, and schedule the next one."""
        now_ns = time.monotonic_ns()
        late_ns = now_ns - self._due_ns if self._due_ns else 0
        if late_ns > WORTH_NOTING_NS:
            self._late.append((now_ns, late_ns))
        self._due_ns = now_ns + int(HEARTBEAT_S * 1e9)
        loop.call_later(HEARTBEAT_S, self.beat, loop)


def loop_factory(clock: LoopClock) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return a factory, as :class:`asyncio.Runner` needs one, of a loop whose selector is this clock."""

    def make() -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(clock)
        loop.call_soon(clock.beat, loop)
        return loop

    return make
