"""The process: whether it ends in time, as documented, and completely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.closing import (
    busy_connections_close_after_their_last_response,
    idle_connections_close_promptly,
    silent_connections_close_promptly,
    unused_connections_close_promptly,
)
from lastcall.conformance.checks.evidence import (
    NO_SHUTDOWN,
    measured,
    never_came,
    seconds,
    stopped_waiting,
    too_late,
    within,
)
from lastcall.conformance.checks.serving import in_flight_requests_are_served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import Event, precedes
from lastcall.conformance.model.server_events import (
    OrphansFound,
    OutputDropped,
    OutputWritten,
    PortChecked,
    SuccessorReady,
)
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import RequestView, connections, exited, in_flight, requests, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server_events import ServerExited
    from lastcall.conformance.model.trace import Trace

KEPT_OPEN = (
    busy_connections_close_after_their_last_response,
    idle_connections_close_promptly,
    unused_connections_close_promptly,
    silent_connections_close_promptly,
)
"""These checks are about connections that keep a draining server from exiting: a late exit then only repeats them."""

_CRASH_MARKS = (
    "Traceback (most recent call last)",
    "panic: ",
    "fatal error: ",
    "Exception in thread ",
    "Segmentation fault",
    "panicked at ",
)

_DID_NOT_EXIT = cannot_tell("The server did not exit by itself.")


def _was_killed(trace: Trace, end: ServerExited) -> bool:
    """Return whether a signal ended the process that the server does not document as its own end."""
    return end.status is not None and end.status < 0 and end.status not in trace.play.exit_statuses


def _last_owed(trace: Trace, signal: Event) -> Event:
    """Return the last event that a graceful stop may wait for: the last end of a response, or the signal itself."""
    # Refusing a stream takes no time. A request that reached its handler is waited for, however it ended.
    ends = [end for request in requests(trace) if (end := request.over if request.entered else request.ended)]
    return max([signal, *ends], key=lambda event: event.end_ns)


def _unanswered(trace: Trace, signal: Event) -> list[RequestView]:
    """Return the requests whose handlers were entered, also during the drain, and that have had no end since the signal.

    In timed mode no handler reports, so any request may have been in one.
    """
    in_handlers = [request for request in requests(trace) if request.entered or trace.play.slow_s]
    return [request for request in in_handlers if not request.over and _left_open(request, signal)]


def _left_open(request: RequestView, signal: Event) -> bool:
    return request.cut is None or not precedes(request.cut, signal)


@check(clauses.ENDS_IN_TIME, level=Level.PROMISE, impact=Impact.HANGS, blocked_by=(in_flight_requests_are_served,))
def server_exits_in_time(trace: Trace, limits: Limits) -> Judgement:
    """The process exits by itself: at the latest when its drain timeout is over, or, without one, once it is drained."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    if trace.play.drain_s is None and any(request.released is None for request in _unanswered(trace, signal)):
        return cannot_tell("It has no drain timeout, and a handler was held to the end.")
    since_ns = _last_owed(trace, signal).end_ns
    if trace.play.drain_s is not None:
        since_ns = max(since_ns, signal.end_ns + int(trace.play.drain_s * 1e9))
    limit_s = seconds(since_ns - signal.end_ns) + limits.exit_slack_s
    end = exited(trace)
    if end is None:
        return never_came(
            trace, limits, f"The server had not exited {limit_s:.1f} s after the signal.", signal, limit_s
        )
    if _was_killed(trace, end):
        return cannot_tell(f"Signal {-(end.status or 0)} ended it, which is no end of its own.", end)
    took = measured("exit", signal, end, limit_s)
    if not within(took):
        because = f"The server exited {took.value_s:.2f} s after the signal; {limit_s:.2f} s were allowed."
        return too_late(trace, limits, because, signal, end, measures=(took,))
    return kept(f"The server exited {took.value_s:.2f} s after the signal.", signal, end, measured=(took,))


@check(
    clauses.ENDS_IN_TIME,
    level=Level.SHOULD,
    impact=Impact.HANGS,
    blocked_by=(server_exits_in_time, *KEPT_OPEN),
    needs_gate=True,
)
def server_exits_once_drained(trace: Trace, limits: Limits) -> Judgement:
    """When the last response in flight has been sent, the process exits soon and does not wait for its drain timeout."""
    return _exits_once_drained(trace, limits)


@check(
    clauses.ENDS_IN_TIME,
    level=Level.PROMISE,
    impact=Impact.HANGS,
    blocked_by=(server_exits_in_time,),
    needs_gate=True,
)
def idle_server_exits_promptly(trace: Trace, limits: Limits) -> Judgement:
    """A server without connections exits soon after the signal and does not wait for its drain timeout.

    A server with connections may have reasons to stay a little; here nothing is left to drain.
    """
    if connections(trace):
        return cannot_tell("A connection was made, so the server was not idle.")
    return _exits_once_drained(trace, limits)


def _exits_once_drained(trace: Trace, limits: Limits) -> Judgement:
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    if _unanswered(trace, signal):
        return cannot_tell("Not every request whose handler ran was answered, so the server never was drained.")
    end = exited(trace)
    if end is None:
        return _DID_NOT_EXIT
    if _was_killed(trace, end):
        return cannot_tell(f"Signal {-(end.status or 0)} ended it, which is no end of its own.", end)
    last = _last_owed(trace, signal)
    took = measured("exit once drained", last, end, limits.exit_slack_s)
    if not within(took):
        because = f"The server exited {took.value_s:.2f} s after the last response."
        return too_late(trace, limits, because, last, end, measures=(took,))
    return kept(f"The server exited {took.value_s:.2f} s after it was drained.", last, end, measured=(took,))


@check(clauses.CLEAN_EXIT, level=Level.PROMISE, impact=Impact.MANNERS)
def exit_status_is_documented(trace: Trace, _limits: Limits) -> Judgement:
    """A graceful stop ends with the exit status that the server documents for it: supervisors act on it."""
    signal, end = shutdown(trace), exited(trace)
    if signal is None:
        return NO_SHUTDOWN
    if end is None:
        return _DID_NOT_EXIT
    if end.status not in trace.play.exit_statuses:
        expected = " or ".join(str(status) for status in trace.play.exit_statuses)
        return broken(f"Exit status {end.status}; documented is {expected}.", signal, end)
    return kept(f"Exit status {end.status}.", end)


@check(clauses.CLEAN_EXIT, level=Level.SHOULD, impact=Impact.MANNERS)
def server_prints_no_stack_trace(trace: Trace, _limits: Limits) -> Judgement:
    """A graceful stop prints no stack trace."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    if exited(trace) is None:
        return _DID_NOT_EXIT
    crashes = [line for line in trace.of(OutputWritten) if any(mark in line.text for mark in _CRASH_MARKS)]
    after = [line for line in crashes if line.end_ns >= signal.begin_ns]
    if after:
        return broken(f"Printed after the signal: {after[0].text.strip()!r}.", *after)
    dropped = trace.of(OutputDropped)
    if dropped:
        return cannot_tell("It printed so much that not all of it was kept.", *dropped)
    return kept("No stack trace in its output.")


@check(clauses.CLEAN_EXIT, level=Level.PROMISE, impact=Impact.HANGS)
def server_leaves_no_process_behind(trace: Trace, _limits: Limits) -> Judgement:
    """When the server's process has exited, every process that it started has exited too."""
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    if exited(trace) is None or not trace.of(PortChecked):
        return _DID_NOT_EXIT
    orphans = trace.of(OrphansFound)
    if orphans:
        return broken(f"Left running: {', '.join(orphans[0].commands)}.", *orphans)
    return kept("Nothing was left running.")


@check(clauses.CLEAN_EXIT, level=Level.PROMISE, impact=Impact.HANGS)
def port_is_free_after_exit(trace: Trace, _limits: Limits) -> Judgement:
    """When the server has exited, a successor can listen on its port."""
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    looked = next(iter(trace.of(PortChecked)), None)
    if exited(trace) is None or looked is None:
        return _DID_NOT_EXIT
    if looked.free is None:
        return cannot_tell("Whether the port was free is not known.", looked)
    if trace.of(SuccessorReady):
        return cannot_tell("A successor served on the port.", looked)
    return kept("The port was free.", looked) if looked.free else broken("The port was still taken.", looked)


@check(clauses.DRAIN_TIMEOUT, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS, needs_gate=True)
def drain_timeout_is_granted_in_full(trace: Trace, limits: Limits) -> Judgement:
    """A request in flight is not cut before the configured drain timeout is over."""
    signal, drain_s = shutdown(trace), trace.play.drain_s
    if signal is None:
        return NO_SHUTDOWN
    ours = {connection.name for connection in connections(trace) if connection.ended_by_us()}
    held = [r for r in in_flight(trace) if r.released is None and (r.over or r.connection not in ours)]
    without_limit = drain_s is None and trace.play.default_drain and trace.play.drain_documented
    if not held or (drain_s is None and not without_limit):
        return cannot_tell("No handler was held beyond a drain timeout.")
    cuts = [(request, _first_cut(trace, request)) for request in held]
    if drain_s is None:
        return _waited_without_limit(signal, cuts)
    times: list[Measured] = []
    for request, cut in cuts:
        if cut is None:
            continue
        times.append(Measured(f"cut of {request.name}", seconds(cut.end_ns - signal.begin_ns), None))
        if times[-1].value_s < drain_s - limits.drain_early_s:
            because = f"Request {request.name!r} was cut after {times[-1].value_s:.2f} s of {drain_s:g} s."
            return broken(because, signal, cut, measured=tuple(times))
    uncut = [request for request, cut in cuts if cut is None]
    if uncut:
        return cannot_tell(f"Request {uncut[0].name!r} had not ended when the play was over.", measured=tuple(times))
    return kept(f"Held requests had their {drain_s:g} s.", signal, *(c for _, c in cuts if c), measured=tuple(times))


def _waited_without_limit(signal: Event, cuts: list[tuple[RequestView, Event | None]]) -> Judgement:
    """Return the judgement on a server that documents to wait for requests in flight without a limit."""
    for request, cut in cuts:
        if cut is not None:
            took = measured(f"cut of {request.name}", signal, cut)
            because = (
                f"Request {request.name!r} was cut after {took.value_s:.2f} s; documented is that it is waited for."
            )
            return broken(because, signal, cut, measured=(took,))
    return cannot_tell("It had cut nothing when the play was over; nobody can wait for ever.", signal)


def _first_cut(trace: Trace, request: RequestView) -> Event | None:
    endings = [connection.ended for connection in connections(trace) if connection.name == request.connection]
    cuts = [event for event in (request.over, request.cut, *endings) if event]
    return min(cuts, key=lambda event: event.end_ns, default=None)


@check(clauses.DRAIN_TIMEOUT, level=Level.PROMISE, impact=Impact.HANGS)
def drain_timeout_ends_the_server(trace: Trace, limits: Limits) -> Judgement:
    """When the drain timeout is over, the server ends what is still in flight by force and exits, without a second wait."""
    signal, drain_s = shutdown(trace), trace.play.drain_s
    if signal is None:
        return NO_SHUTDOWN
    held = [request for request in in_flight(trace) if request.released is None]
    if drain_s is None or not held:
        return cannot_tell("No handler was held beyond a drain timeout.")
    limit_s = drain_s + limits.forced_end_s
    end = exited(trace)
    if end is None:
        because = f"With a drain timeout of {drain_s:g} s the server had not exited."
        return never_came(trace, limits, because, signal, limit_s)
    took = measured("forced end", signal, end, limit_s)
    if not within(took):
        because = f"With a drain timeout of {drain_s:g} s the server exited after {took.value_s:.2f} s."
        return too_late(trace, limits, because, signal, end, measures=(took,))
    if took.value_s < drain_s - limits.drain_early_s:
        return cannot_tell(f"The server exited after {took.value_s:.2f} s, before its drain timeout was over.", end)
    return kept(f"The server exited {took.value_s - drain_s:.2f} s after its drain timeout.", end, measured=(took,))


@check(clauses.DRAIN_LEFT_ALONE, level=Level.OBSERVE, impact=Impact.HANGS, needs_gate=True)
def drain_when_nothing_is_configured(trace: Trace, _limits: Limits) -> Judgement:
    """How long a server with its default drain timeout waits for requests that do not end, and what it documents."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    held = [request for request in in_flight(trace) if request.released is None]
    if not trace.play.default_drain or not held:
        return cannot_tell("Its drain timeout had been configured, or no handler was held.")
    documented = (
        f"documented are {trace.play.drain_s:g} s" if trace.play.drain_s is not None else "nothing is documented"
    )
    if trace.play.drain_s is None and trace.play.drain_documented:
        documented = "documented is that it waits for as long as they take"
    cuts = [cut for request in held if (cut := _first_cut(trace, request)) is not None]
    end, last = exited(trace), stopped_waiting(trace)
    cut = min(cuts, key=lambda event: event.end_ns, default=None)
    went_on = measured("requests in flight", signal, cut or last)
    stayed = measured("exit", signal, end or last)
    how_cut = f"cut the first request after {went_on.value_s:.2f} s" if cut else "cut no request"
    how_ended = f"exited after {stayed.value_s:.2f} s" if end else f"was still there after {stayed.value_s:.2f} s"
    because = f"Told no drain timeout ({documented}), it {how_cut} and {how_ended}."
    return observed(because, signal, *filter(None, (cut, end)), measured=(went_on, stayed))


@check(clauses.CLEAN_EXIT, level=Level.OBSERVE, impact=Impact.MANNERS)
def exit_status_after_a_forced_end(trace: Trace, _limits: Limits) -> Judgement:
    """The exit status after a forced end: the server may choose another one than after a clean stop."""
    end = exited(trace)
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    return observed(f"Exit status {end.status}.", end) if end else _DID_NOT_EXIT
