"""HTTP/2: how a response in the drain is sent on its stream, and that nothing disturbs the stream afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, names
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import FrameReceived
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import HTTP2
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept
from lastcall.conformance.model.views import connections, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import RequestView


_OF_ONE_CONNECTION = frozenset({"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"})
_NONE_ENDED = cannot_tell("No response came to its end after the shutdown.")


def _ended_in_the_drain(trace: Trace) -> list[RequestView]:
    """Return the requests whose responses ended after the signal."""
    signal = shutdown(trace)
    if signal is None:
        return []
    carried = (request for connection in connections(trace) for request in connection.requests)
    return [request for request in carried if request.ended and precedes(signal, request.ended)]


@check(clauses.NO_CONNECTION_FIELDS, level=Level.MUST, impact=Impact.LOSES_REQUESTS, over=HTTP2, decisive=True)
def responses_carry_no_connection_fields(trace: Trace, _limits: Limits) -> Judgement:
    """A response over HTTP/2 has no connection-specific field, and above all no ``connection: close`` in the drain.

    HTTP/1.1 says close at this moment, and code that adds it easily forgets that HTTP/2 has GOAWAY for that. A client
    treats such a response as malformed.
    """
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    subjects = _ended_in_the_drain(trace)
    if not subjects:
        return _NONE_ENDED
    for request in subjects:
        headers = request.started.headers if request.started else ()
        wrong = [name for name, _value in headers if name.lower() in _OF_ONE_CONNECTION]
        if wrong and request.started:
            return broken(f"The response of {request.name!r} carries {', '.join(wrong)}.", request.started)
    return kept(f"{names(subjects)} carried none.", *(r.started for r in subjects if r.started))


@check(clauses.STREAM_ENDS, level=Level.MUST, impact=Impact.LOSES_REQUESTS, over=HTTP2, decisive=True)
def nothing_follows_the_end_of_a_stream(trace: Trace, _limits: Limits) -> Judgement:
    """After END_STREAM, or its own RST_STREAM, the server sends neither HEADERS nor DATA on that stream.

    A client may answer such a frame by ending the connection, and with it every other response in flight on it.
    """
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    subjects = _ended_in_the_drain(trace)
    if not subjects:
        return _NONE_ENDED
    ends: dict[tuple[str, int], FrameReceived] = {}
    # The trace keeps the frames of one connection in the order of the wire, whatever their times.
    for frame in trace.of(FrameReceived):
        stream = (frame.connection, frame.stream_id)
        if stream in ends and frame.frame in ("HEADERS", "DATA"):
            return broken(f"{frame.frame} on stream {frame.stream_id} after its end.", ends[stream], frame)
        if "END_STREAM" in frame.flags or frame.frame == "RST_STREAM":
            ends.setdefault(stream, frame)
    return kept(f"Nothing followed the end of {names(subjects)}.", *(r.ended for r in subjects if r.ended))


@check(clauses.FINISHED_NOT_RESET, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS, over=HTTP2, decisive=True)
def finished_streams_are_not_reset(trace: Trace, _limits: Limits) -> Judgement:
    """After a whole response the server resets its stream at most with NO_ERROR: no more of the request is wanted.

    With another code, a client that has not read the response to its end may discard it and report an error.
    """
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    subjects = _ended_in_the_drain(trace)
    if not subjects:
        return _NONE_ENDED
    for request in subjects:
        if request.reset is not None and request.reset.error_code != 0 and request.ended is not None:
            code = request.reset.error_name or request.reset.error_code
            because = f"The stream of {request.name!r} was reset ({code}) after its whole response."
            return broken(because, request.ended, request.reset)
    return kept(
        f"The streams of {names(subjects)} were left as they had ended.", *(r.ended for r in subjects if r.ended)
    )
