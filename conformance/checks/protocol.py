"""The server's bytes: whether they can be read as its protocol, from the first to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import (
    FrameReceived,
    FrameSent,
    ProtocolViolated,
    RequestSent,
    TlsEstablished,
    WebSocketAsked,
    WebSocketOpened,
)
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import HTTP1, protocol_named
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept
from lastcall.conformance.model.views import connections, exited, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import ConnectionView


@check(clauses.READABLE, level=Level.MUST, impact=Impact.MISLEADS_CLIENTS)
def server_speaks_its_protocol(trace: Trace, _limits: Limits) -> Judgement:
    """All that a server sends until its end can be read as its protocol: responses, frames, messages, and nothing else.

    A shutdown runs code that seldom runs: an error printed into a connection, a second head, a half-written frame. A
    response that is cut is the subject of other checks.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    violated = [event for event in trace.of(ProtocolViolated) if _protocol_is_known(trace, event)]
    if violated:
        first = violated[0]
        return broken(f"What came on {first.connection!r} could not be read: {first.detail.rstrip('.')}.", *violated)
    end = exited(trace)
    if end is None or end.status is None or (end.status < 0 and end.status not in trace.play.exit_statuses):
        return cannot_tell("The server did not come to an end of its own, so it might have said more.")
    read = [(connection, said) for connection in connections(trace) if (said := _said(trace, connection))]
    if not read:
        return cannot_tell("The server said nothing that could be read.")
    return kept(f"What came on {len(read)} connections could be read to its end.", *(said for _story, said in read[:5]))


def _protocol_is_known(trace: Trace, violated: ProtocolViolated) -> bool:
    """Return whether the client had shown by then which protocol it speaks.

    On a silent connection, a server that speaks both may say in HTTP/1.1 that it waits no longer.
    """
    name = violated.connection
    if trace.all(TlsEstablished(name)) or protocol_named(trace.play.protocol) in HTTP1:
        return True
    said = (*trace.all(FrameSent(name)), *trace.all(RequestSent(connection=name)))
    return any(precedes(event, violated) for event in said)


def _said(trace: Trace, connection: ConnectionView) -> Event | None:
    """Return an event that shows what the server sent on a connection, if it sent anything."""
    heads = [request.started for request in connection.requests if request.started]
    frame = next((frame for frame in trace.of(FrameReceived) if frame.connection == connection.name), None)
    sockets = {opening.request for opening in trace.of(WebSocketAsked) if opening.connection == connection.name}
    opened = next((event for event in trace.of(WebSocketOpened) if event.request in sockets), None)
    return next(iter(heads), None) or frame or opened
