"""The recorder: puts a span on every event, writes it to disk at once, and wakes the step that waits for it.

Two methods make spans, and it matters which one is called. :meth:`Recorder.seen` is for what others did: it happened after
the loop's previous look and before now. :meth:`Recorder.did` is for what the harness did: its moment is known, so the span
covers only the call itself. A wrong choice would make a span too short, and then an order that is not known looks certain.

A line is in the file before any step reacts to its event: a run that is killed leaves the trace up to its last event, and a
trace is on disk before it is judged.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

from lastcall.conformance.model.event import Event
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.trace_file import event_line, play_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lastcall.conformance.harness.loop_clock import LoopClock

E = TypeVar("E", bound=Event)

Span = tuple[int, int]
"""Begin and end on :func:`time.monotonic_ns`."""


def _key(event: Event) -> tuple[type[Event], str]:
    return type(event), str(getattr(event, "request", ""))


class Recorder:
    """One play's trace while it is being made. Every line is written to the file at once, unbuffered.

    Without a path it keeps the events in memory only, for requests that are not part of a play.
    """

    def __init__(self, play: Play, clock: LoopClock, path: Path | None = None) -> None:
        self.play = play
        self.events: list[Event] = []
        self._alike: defaultdict[tuple[type[Event], str], list[Event]] = defaultdict(list)
        """The events of each class, and of each class and request: a step that waits tests its fact after every event."""
        self.begin_ns = time.monotonic_ns()
        self._clock = clock
        self._file = -1
        self._closed = False
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            self._write(play_line(play))
        self._waiters: set[tuple[Callable[[], bool], asyncio.Future[None]]] = set()

    def close(self) -> None:
        """Close the file. What is recorded later is dropped: connections that end after the play are no part of it."""
        self._closed = True
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def trace(self) -> Trace:
        """The trace so far."""
        return Trace(self.play, tuple(self.events))

    @property
    def earliest_ns(self) -> int:
        """The earliest moment of what the loop notices in this turn: its previous look, at which it was not there yet."""
        return self._clock.previous_ns

    def seen(self, *events: Event, end_ns: int = 0, since_ns: int = 0) -> None:
        """Record events that the loop has just noticed: they happened after its previous look, and not after ``end_ns``.

        Call it only from a callback of the loop, in the very turn that noticed them: later, the previous look is too late.
        ``since_ns`` is for events that may be older than the previous look, because the loop did not look for them then.
        """
        end_ns = end_ns or time.monotonic_ns()
        # The kernel's time of arrival can be earlier than the previous look.
        self.record(events, (min(since_ns or self.earliest_ns, end_ns), end_ns))

    def did(self, *events: Event, since_ns: int = 0) -> None:
        """Record what the harness itself did, just now or from ``since_ns`` until now."""
        now_ns = time.monotonic_ns()
        self.record(events, (since_ns or now_ns, now_ns))

    def record(self, events: Iterable[Event], span: Span) -> None:
        """Record events that happened within a span."""
        if self._closed:
            return
        begin_ns, end_ns = (max(0, at_ns - self.begin_ns) for at_ns in span)
        for event in events:
            timed = event.at(begin_ns, end_ns)
            self.events.append(timed)
            kind, request = key = _key(timed)
            self._alike[kind, ""].append(timed)
            if request:
                self._alike[key].append(timed)
            self._write(event_line(timed))
        self._wake()

    async def wait(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Wait until a condition over the recorded events holds; return whether it did in time.

        It is tested after every recorded event, and never by polling.
        """
        if condition():
            return True
        waiter = (condition, asyncio.get_running_loop().create_future())
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(within_s):
                await waiter[1]
        except TimeoutError:
            return condition()
        finally:
            self._waiters.discard(waiter)
        return True

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of a class that have been recorded, in order."""
        return [event for event in self._alike[kind, ""] if isinstance(event, kind)]

    def has(self, pattern: Event) -> bool:
        """Return whether an event that fits the pattern has been recorded."""
        return any(event.fits(pattern) for event in self._alike[_key(pattern)])

    def _wake(self) -> None:
        for condition, future in list(self._waiters):
            if not future.done() and condition():
                future.set_result(None)

    def _write(self, line: str) -> None:
        if self._file < 0:
            return
        data = memoryview(line.encode())
        while data:
            data = data[os.write(self._file, data) :]
