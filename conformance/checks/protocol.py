"""The server's bytes: whether they are its protocol's, from the first to the last."""

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
    """Whatever a server sends until its end can be read as its protocol: responses, frames, messages, and nothing else.

    A shutdown is when code runs that seldom runs: errors that are printed into a connection, a second head, a frame that is
    half written. A response that is cut is another matter, and asked elsewhere.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    violated = [each for each in trace.of(ProtocolViolated) if _asked_for(trace, each)]
    if violated:
        first = violated[0]
        return broken(f"What came on {first.connection!r} could not be read: {first.detail.rstrip('.')}.", *violated)
    end = exited(trace)
    if end is None or end.status is None or (end.status < 0 and end.status not in trace.play.exit_statuses):
        return cannot_tell("The server did not come to an end of its own, so it might have said more.")
    read = [(story, said) for story in connections(trace) if (said := _said(trace, story))]
    if not read:
        return cannot_tell("The server said nothing that could be read.")
    return kept(f"What came on {len(read)} connections could be read to its end.", *(said for _story, said in read[:5]))


def _asked_for(trace: Trace, violated: ProtocolViolated) -> bool:
    """Tell whether the client had said by then which protocol it speaks.

    To a connection without a word on it, a server that speaks both may say in HTTP/1.1 that it waits no longer.
    """
    name = violated.connection
    if trace.all(TlsEstablished(name)) or protocol_named(trace.play.protocol) in HTTP1:
        return True
    said = (*trace.all(FrameSent(name)), *trace.all(RequestSent(connection=name)))
    return any(precedes(each, violated) for each in said)


def _said(trace: Trace, story: ConnectionView) -> Event | None:
    """Give something that the server said on a connection, if it said anything."""
    heads = [request.started for request in story.requests if request.started]
    frame = next((each for each in trace.of(FrameReceived) if each.connection == story.name), None)
    asked = {each.request for each in trace.of(WebSocketAsked) if each.connection == story.name}
    opened = next((each for each in trace.of(WebSocketOpened) if each.request in asked), None)
    return next(iter(heads), None) or frame or opened
