"""What a drain costs the machine: processor time while the server waits, and lines in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import (
    OutputDropped,
    OutputWritten,
    ProcessorTimeRead,
)
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept
from lastcall.conformance.model.views import exited, in_flight, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace

LONG_ENOUGH_S = 2.0
"""A shorter drain proves nothing: runtimes load and compile what their shutdown needs."""
SHARE = 0.25
"""Of one processor. A server that waits wants next to none of it; a server that spins wants all of it.

What a server wants is not what it gets: on a busy machine a server that spins gets only what the others leave. Nor is it
the time for which it ran or waited for a processor: a server that wakes up for a moment a hundred times a second waits
each time, on a busy machine for two thirds of all time. So each thread is measured by the time in which it did not wait:
a thread that spins ran for nearly all of that time, a thread that sleeps for nearly none.
"""
FLOOD = 256 * 1024
"""Bytes of output after which a log is unreadable; a drain is worth some lines, or some for each request."""


@check(clauses.LIGHT_DRAIN, level=Level.SHOULD, impact=Impact.MANNERS, needs_gate=True)
def drain_does_not_spin(trace: Trace, _limits: Limits) -> Judgement:
    """A server that waits for its handlers uses next to no processor time: it does not check in a loop whether they are done.

    On a shared machine, a drain that spins takes the time from the very requests that it waits for.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    held = [request.released for request in in_flight(trace)]
    readings = [reading for reading in trace.of(ProcessorTimeRead) if precedes(signal, reading)]
    readings = [reading for reading in readings if all(order is None or precedes(reading, order) for order in held)]
    if not held or len(readings) <= 1:
        return cannot_tell("No processor time was read while handlers were held in the drain.")
    first, last = readings[0], readings[-1]
    wall = measured("", first, last)
    if wall.value_s < LONG_ENOUGH_S or not set(first.pids) & set(last.pids):
        return cannot_tell("The server was not watched for long enough while handlers were held.", first, last)
    used_s, wanted_s = _used_ns(first, last) / 1e9, _wanted_s(first, last, wall.value_s)
    because = f"{used_s:.2f} s of processor time in {wall.value_s:.2f} s of waiting."
    if used_s > SHARE * wall.value_s:
        return broken(because, signal, first, last)
    if wanted_s > SHARE * wall.value_s:
        more = f"{because} On a machine that was not busy it would have been {wanted_s:.2f} s."
        return broken(more, signal, first, last)
    return kept(because, first, last)


def _wanted_s(first: ProcessorTimeRead, last: ProcessorTimeRead, wall_s: float) -> float:
    """Return the processor time that its threads would have taken, had none of them had to wait for a processor."""
    before = dict(zip(first.threads, zip(first.ran_ns, first.waited_ns, strict=False), strict=False))
    after = dict(zip(last.threads, zip(last.ran_ns, last.waited_ns, strict=False), strict=False))
    wanted_s = 0.0
    for thread in before.keys() & after.keys():
        ran_s, waited_s = ((now - then) / 1e9 for then, now in zip(before[thread], after[thread], strict=True))
        if ran_s > 0:
            wanted_s += wall_s * ran_s / max(ran_s, wall_s - waited_s)
    return wanted_s


def _used_ns(first: ProcessorTimeRead, last: ProcessorTimeRead) -> int:
    before = dict(zip(first.pids, first.used_ns, strict=False))
    after = dict(zip(last.pids, last.used_ns, strict=False))
    return sum(after[pid] - before[pid] for pid in before.keys() & after.keys())


@check(clauses.LIGHT_DRAIN, level=Level.SHOULD, impact=Impact.MANNERS)
def log_is_not_flooded(trace: Trace, _limits: Limits) -> Judgement:
    """A drain writes some lines to the log, not hundreds of kilobytes: a loop over an error would hide all other lines."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    if exited(trace) is None:
        return cannot_tell("The server did not exit by itself.")
    lines = [line for line in trace.of(OutputWritten) if line.end_ns >= signal.begin_ns]
    # Output that was read and not kept is recorded when the stream ends; it may all be older than the signal.
    dropped = trace.of(OutputDropped)
    written = sum(len(line.text) + 1 for line in lines) + sum(event.length for event in dropped)
    if written <= FLOOD:
        return kept(f"{written} bytes were written after the signal.", signal, *lines[:1])
    earlier = [line for line in trace.of(OutputWritten) if precedes(line, signal)]
    if sum(len(line.text) + 1 for line in earlier) >= FLOOD // 16:
        return cannot_tell("It was already writing much before the signal.", *dropped)
    return broken(f"{written} bytes were written after the signal.", signal, *dropped, *lines[:1])
