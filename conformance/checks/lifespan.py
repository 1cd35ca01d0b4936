"""The application around its requests: its shutdown hook (ASGI lifespan), and the disconnects that its handlers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, names
from lastcall.conformance.checks.serving import owed
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import ApplicationReported, HandlerReported
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import connections, exited, in_flight, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace


def _hook(trace: Trace, report: str) -> ApplicationReported | None:
    return trace.first(ApplicationReported(report=report))


@check(clauses.HOOK_AFTER_REQUESTS, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def shutdown_hook_follows_the_last_handler(trace: Trace, limits: Limits) -> Judgement:
    """The server calls the application's shutdown hook after the last request, not while handlers still run.

    The hook closes what handlers need, for example a database pool.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    begun, subjects = _hook(trace, "shutdown begun"), owed(trace, limits, signal)
    if begun is None or not subjects:
        return cannot_tell("No shutdown hook was called, or no handler in flight was released in time.")
    for request in subjects:
        if request.released is not None and not request.cut and precedes(begun, request.released):
            because = f"The shutdown hook was called while the handler of {request.name!r} still ran."
            return broken(because, signal, begun, request.released)
    done = [request.finished for request in subjects if request.finished]
    if not done:
        return cannot_tell("No handler in flight came to its end.", begun)
    return kept(f"The shutdown hook was called after the handlers of {names(subjects)}.", *done, begun)


@check(clauses.HOOK_AWAITED, level=Level.PROMISE, impact=Impact.MANNERS)
def server_waits_for_the_shutdown_hook(trace: Trace, _limits: Limits) -> Judgement:
    """The server calls the application's shutdown hook, and does not exit before the hook has ended."""
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    started, end = trace.all(ApplicationReported(report="startup")), exited(trace)
    if not started:
        return cannot_tell("The application has not reported its startup, so no hook of it is known.")
    if end is None:
        return cannot_tell("The server did not exit by itself.")
    waits = []
    for startup in started:
        begun = trace.first(ApplicationReported(pid=startup.pid, report="shutdown begun"))
        ended = trace.first(ApplicationReported(pid=startup.pid, report="shutdown ended"))
        if begun is None:
            return broken("The server exited and never called the shutdown hook.", startup, end)
        if ended is None or precedes(end, ended):
            return broken("The server exited before the shutdown hook had come to its end.", begun, end)
        waits.append((measured("shutdown hook", begun, ended), ended))
    longest = max(took.value_s for took, _ended in waits)
    because = f"The hook took {longest:.2f} s, and the server exited after it."
    return kept(because, *(ended for _took, ended in waits), end, measured=tuple(took for took, _ended in waits))


@check(clauses.HOOK_AFTER_REQUESTS, level=Level.OBSERVE, impact=Impact.MANNERS)
def shutdown_hook_after_a_forced_end(trace: Trace, _limits: Limits) -> Judgement:
    """Whether the shutdown hook still runs after a forced end of the drain, and whether handlers still ran then."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    held = [request for request in in_flight(trace) if request.released is None]
    if not held or _hook(trace, "startup") is None:
        return cannot_tell("No handler was held to the end of an application that has hooks.")
    begun = _hook(trace, "shutdown begun")
    if begun is None:
        return observed("The shutdown hook was not called.", signal)
    beside = [request for request in held if request.cut is None or precedes(begun, request.cut)]
    took = measured("shutdown hook called", signal, begun)
    rest = [f"for {measured('', begun, request.cut).value_s:.2f} s more" for request in beside if request.cut]
    longer = max(rest, default="to the end")
    how = f"while {names(beside)} still ran ({longer})" if beside else f"when the handlers of {names(held)} had ended"
    return observed(f"Called {took.value_s:.2f} s after the signal, {how}.", signal, begun, measured=(took,))


@check(clauses.DISCONNECT_IS_TRUE, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def handlers_hear_of_no_false_disconnect(trace: Trace, limits: Limits) -> Judgement:
    """In the drain a handler gets no disconnect while its client is still there and waits.

    A handler that believes it gives up its work, and its client loses the response.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = owed(trace, limits, signal)
    if not subjects:
        return cannot_tell("No request that was in its handler at the shutdown was released in time.")
    for request in subjects:
        news = trace.first(HandlerReported(request.name, "disconnected"))
        connection = next(
            (connection for connection in connections(trace) if connection.name == request.connection), None
        )
        if news is None or connection is None or precedes(news, signal):
            continue
        ends = [end for end in (request.over, connection.ended, connection.closed_by_us) if end is not None]
        if all(precedes(news, end) for end in ends):
            because = f"The handler of {request.name!r} was told of a disconnect while its client still waited."
            return broken(because, signal, news)
    done = [request.finished for request in subjects if request.finished]
    if not done:
        return cannot_tell("No handler in flight came to its end.")
    return kept(f"The handlers of {names(subjects)} came to their end and heard of none.", *done)
