"""Views of a trace: what happened to each connection and to each request, as pure functions of the events.

A trace is one list of events in the order of their recording. Nearly every check is about one connection ("did a GOAWAY
come before its end?") or one request ("was it in its handler, and was it answered?"), so checks read these views.

* :func:`connections` and :func:`requests` are computed once for each trace and cached; a view holds the events themselves,
  so that a check can cite them.
* :func:`shutdown`, :func:`exited` and :func:`in_flight` are the facts that all checks share. Which requests were in flight
  is decided here and nowhere else.
* :func:`fate` is the outcome of a request, as its client must see it.

Rules that hold in here, and that an editor must not break:

1. A view never decides the order of two events by their places in the list, only by :func:`precedes`. Where spans overlap
   the order is not known, and each function documents which order it assumes: the one that blames the server less.
2. The server is not responsible for what the harness did itself. A handler that the harness's own SIGKILL cancelled, an
   exit after it, a connection that the client closed first: all these are left out here, before a check can see them.
3. A body without a length ends with its connection. It counts as whole only if the connection was closed properly:
   RFC 9112 section 8.
4. close_notify is an end of its own. A FIN or RST may follow it, and adds nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from lastcall.conformance.model.client_events import (
    CLIENT,
    CLOSE_NOTIFY,
    CONNECTION_CLOSE,
    FIN,
    RESET,
    SERVER,
    BytesSent,
    ConnectionEnded,
    ConnectionFailed,
    ConnectionOpened,
    FrameSent,
    GoawayReceived,
    ProtocolViolated,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    StreamReset,
    TlsEstablished,
    TlsFailed,
    WebSocketAsked,
)
from lastcall.conformance.model.event import Event, precedes
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerFinished,
    HandlerOrdered,
    ServerExited,
    ServerKilled,
    SignalSent,
)

if TYPE_CHECKING:
    from lastcall.conformance.model.trace import Trace

E = TypeVar("E", bound=Event)

OK = 200


@dataclass(frozen=True)
class ConnectionView:
    """One connection."""

    name: str
    opened: ConnectionOpened | None
    failed: ConnectionFailed | None
    tls: TlsEstablished | None
    tls_failed: TlsFailed | None
    silent: bool
    noise: BytesSent | None
    goaways: tuple[GoawayReceived, ...]
    ends: tuple[ConnectionEnded, ...]
    violated: ProtocolViolated | None
    requests: tuple[RequestView, ...]

    def _end(self, by: str, *hows: str) -> ConnectionEnded | None:
        return next((end for end in self.ends if end.by == by and end.how in hows), None)

    @property
    def close_notify(self) -> ConnectionEnded | None:
        """The server's orderly close of TLS."""
        return self._end(SERVER, CLOSE_NOTIFY)

    @property
    def fin(self) -> ConnectionEnded | None:
        """The server's FIN."""
        return self._end(SERVER, FIN)

    @property
    def reset(self) -> ConnectionEnded | None:
        """The server's RST."""
        return self._end(SERVER, RESET)

    @property
    def closed_by_us(self) -> ConnectionEnded | None:
        """The client's own close. Its close_notify does not count, since the FIN follows it at once."""
        return self._end(CLIENT, FIN, CONNECTION_CLOSE, RESET)

    @property
    def ended(self) -> ConnectionEnded | None:
        """The server's first end: close_notify is a close. None if there is none before the play's end."""
        # asyncio's TLS servers send close_notify and may wait 30 s for the client's before the FIN: the FIN alone would
        # make them look slow.
        return min((end for end in self.ends if end.by == SERVER), key=lambda end: end.end_ns, default=None)

    def ended_by_us(self) -> bool:
        """Return whether the client closed its side first, or may have: then the end proves nothing about the server."""
        return self.closed_by_us is not None and (self.ended is None or not precedes(self.ended, self.closed_by_us))

    def open_at(self, event: Event) -> bool:
        """Return whether the connection was certainly open when the event's span began.

        The harness looks just before it sends a signal, and the span of the signal begins with that look. So the span of
        anything that the signal causes begins within the signal's span or later, and an end that begins earlier is older.
        """
        if self.opened is None or not precedes(self.opened, event):
            return False
        endings = [ending for ending in (self.ended, self.closed_by_us) if ending is not None]
        return all(ending.begin_ns >= event.begin_ns for ending in endings)

    def over_before(self, event: Event) -> bool:
        """Return whether either side had certainly closed the connection before the event."""
        return any(end is not None and precedes(end, event) for end in (self.ended, self.closed_by_us))

    def used_before(self, event: Event) -> bool:
        """Return whether a request was certainly sent on it before the event."""
        return any(precedes(request.sent, event) for request in self.requests)

    def idle_at(self, event: Event) -> bool:
        """Return whether the connection was open, all its requests had ended before the event, and none was sent later."""
        return self.open_at(event) and all(
            request.ended is not None and precedes(request.ended, event) for request in self.requests
        )


@dataclass(frozen=True)
class RequestView:
    """One request, seen from the client and from its handler."""

    name: str
    connection: str
    sent: RequestSent
    entered: HandlerEntered | None
    released: HandlerOrdered | None
    finished: HandlerFinished | None
    cancelled: HandlerCancelled | None
    failed: HandlerFailed | None
    started: ResponseStarted | None
    ended: ResponseEnded | None
    reset: StreamReset | None
    gave_up: FrameSent | None = None
    """The client's own RST_STREAM, sent before the request was over. The server owes this request nothing more."""

    @property
    def status(self) -> int | None:
        """The final response's status."""
        return self.started.status if self.started else None

    @property
    def over(self) -> ResponseEnded | StreamReset | FrameSent | None:
        """What ended it on the wire."""
        return self.ended or self.reset or self.gave_up

    @property
    def cut(self) -> HandlerCancelled | HandlerFailed | None:
        """The event that ended its handler before the handler finished."""
        return self.cancelled or self.failed

    @property
    def processed(self) -> HandlerEntered | ResponseStarted | None:
        """The event that shows that the application got it: its handler ran, or a route without a gate answered 200."""
        return self.entered or (self.started if self.status == OK else None)

    def over_before(self, event: Event) -> bool:
        """Return whether it was certainly over, on the wire or in its handler, before the event."""
        return any(end is not None and precedes(end, event) for end in (self.over, self.cut))


def shutdown(trace: Trace) -> SignalSent | None:
    """Return the signal that requested the graceful stop; None if the server had certainly exited before it."""
    signal = trace.first(SignalSent(purpose="shutdown"))
    dead = signal is not None and any(precedes(end, signal) for end in trace.of(ServerExited))
    return None if dead else signal


def exited(trace: Trace) -> ServerExited | None:
    """Return the server's exit, if the server exited by itself: an exit after the harness's SIGKILL says nothing about it."""
    killed = next(iter(trace.of(ServerKilled)), None)
    return None if killed else next(iter(trace.of(ServerExited)), None)


# A trace is compared by identity, so these caches hold the views of the traces judged last and never mix up two of them.
@lru_cache(maxsize=64)
def connections(trace: Trace) -> tuple[ConnectionView, ...]:
    """Return the view of every connection, in the order of the attempts to open them."""
    tried = [event.connection for event in trace.events if isinstance(event, (ConnectionOpened, ConnectionFailed))]
    return tuple(_connection(trace, name) for name in dict.fromkeys(tried))


@lru_cache(maxsize=64)
def requests(trace: Trace) -> tuple[RequestView, ...]:
    """Return the view of every request that was sent, in order."""
    return tuple(_request(trace, sent) for sent in trace.of(RequestSent))


def in_flight(trace: Trace) -> list[RequestView]:
    """Return the requests that were certainly in their handlers when the shutdown was requested, and not over before it.

    A request that its client gives up afterwards is not included: the server owes it nothing.
    """
    signal = shutdown(trace)
    if signal is None:
        return []
    gone = {connection.name for connection in connections(trace) if connection.over_before(signal)}
    # Only the handler's own report counts. A request that was sent may still be in the kernel's accept queue, where the
    # server has not seen it.
    return [
        request
        for request in requests(trace)
        if request.entered and precedes(request.entered, signal)
        if not request.over_before(signal) and request.connection not in gone
        if request.gave_up is None
    ]


class Fate(enum.StrEnum):
    """The outcome of a request, as its client must see it."""

    SERVED = "served"
    """A whole response came."""
    REFUSED = "refused"
    """The server told the client that it did not process the request, which can safely be sent again."""
    AMBIGUOUS = "ambiguous"
    """No response came, and the client cannot know whether the request was processed; its handler did not run."""
    LOST = "lost"
    """Its handler ran and got the order to finish, or its response had begun, and no whole response came."""
    CUT = "cut"
    """Its handler was still held when the server ended it, or a further signal had ordered the server to end at once."""
    HELD = "held"
    """Its handler was still held, and its client still waited, when the play was over and the harness ended the server."""
    GIVEN_UP = "given up"
    """Its client cancelled it by RST_STREAM."""


_REFUSED_STREAM = 7


def fate(trace: Trace, request: RequestView) -> Fate:
    """Return the fate of a request.

    The order of these tests matters. A whole response counts whatever came beside it, and a request whose handler ran is
    never "refused", even if a GOAWAY or a RST_STREAM says that it was not processed.
    """
    if request.ended is not None and request.status is not None:
        return Fate.SERVED
    if request.gave_up is not None:
        return Fate.GIVEN_UP
    if request.entered is not None:
        if request.released and not _forced(trace, request):
            return Fate.LOST
        return Fate.HELD if _waited_to_the_end(trace, request) else Fate.CUT
    if request.started is not None:
        return Fate.LOST
    # RFC 9113 §8.7: REFUSED_STREAM, and a GOAWAY whose last stream id is lower than the request's, both say that nothing
    # was processed, so that the client can repeat even a request that is not idempotent.
    refused = request.reset is not None and request.reset.error_code == _REFUSED_STREAM
    goaways = next((view.goaways for view in connections(trace) if view.name == request.connection), ())
    excluded = any(not goaway.covers(request.sent.stream_id) for goaway in goaways)
    return Fate.REFUSED if refused or excluded else Fate.AMBIGUOUS


def _forced(trace: Trace, request: RequestView) -> bool:
    """Return whether a further signal may have ordered the end before the request ended."""
    further = [signal for signal in trace.of(SignalSent) if signal.purpose in ("again", "force")]
    ending = request.cancelled or request.over
    return bool(further) and (ending is None or not precedes(ending, further[0]))


def _waited_to_the_end(trace: Trace, request: RequestView) -> bool:
    """Return whether only the harness's own SIGKILL ended the request: it and its connection were open until then."""
    killed = next(iter(trace.of(ServerKilled)), None)
    if killed is None or request.over_before(killed):
        return False
    ends = trace.all(ConnectionEnded(request.connection, by=SERVER))
    return not any(precedes(end, killed) for end in ends)


_FIRST_BYTES = (FrameSent, TlsEstablished, TlsFailed, BytesSent, WebSocketAsked)
"""The events that show, besides a request, that something was sent on a connection."""


def _connection(trace: Trace, name: str) -> ConnectionView:
    def first(kind: type[E]) -> E | None:
        return next((event for event in trace.of(kind) if getattr(event, "connection", "") == name), None)

    sent = tuple(request for request in requests(trace) if request.connection == name)
    return ConnectionView(
        name=name,
        opened=first(ConnectionOpened),
        failed=first(ConnectionFailed),
        tls=first(TlsEstablished),
        tls_failed=first(TlsFailed),
        silent=not sent and all(first(kind) is None for kind in _FIRST_BYTES),
        noise=first(BytesSent),
        goaways=tuple(trace.all(GoawayReceived(name))),
        ends=tuple(trace.all(ConnectionEnded(name))),
        violated=first(ProtocolViolated),
        requests=sent,
    )


def _request(trace: Trace, sent: RequestSent) -> RequestView:
    def first(kind: type[E]) -> E | None:
        return next((event for event in trace.of(kind) if getattr(event, "request", "") == sent.request), None)

    orders = (event for event in trace.of(HandlerOrdered) if event.request == sent.request)
    return RequestView(
        name=sent.request,
        connection=sent.connection,
        sent=sent,
        entered=first(HandlerEntered),
        released=next((order for order in orders if order.order.startswith("finish")), None),
        finished=first(HandlerFinished),
        cancelled=_by_the_server(trace, first(HandlerCancelled)),
        failed=_by_the_server(trace, first(HandlerFailed)),
        started=first(ResponseStarted),
        ended=_whole(trace, sent, first(ResponseEnded)),
        reset=first(StreamReset),
        gave_up=_gave_up(trace, sent, first(ResponseEnded) or first(StreamReset)),
    )


def _gave_up(trace: Trace, sent: RequestSent, over: Event | None) -> FrameSent | None:
    """Return the client's own RST_STREAM, unless the request was over by then."""
    if sent.stream_id is None:
        return None
    resets = trace.all(FrameSent(sent.connection, "RST_STREAM", sent.stream_id))
    return next((reset for reset in resets if over is None or not precedes(over, reset)), None)


def _by_the_server(trace: Trace, event: E | None) -> E | None:
    """Return the event, or None if the harness's own SIGKILL caused it, or may have."""
    if event is None or all(precedes(event, killed) for killed in trace.of(ServerKilled)):
        return event
    return None


def _whole(trace: Trace, sent: RequestSent, ended: ResponseEnded | None) -> ResponseEnded | None:
    """Return the response's end; None if the response is delimited by its connection's end, and that was an error."""
    if ended is None or ended.framing != "close":
        return ended
    # RFC 9112 §8: closing delimits a response unless the transport reports an error, such as a reset or a TLS truncation.
    how = {end.how for end in trace.all(ConnectionEnded(sent.connection, by=SERVER))}
    truncated = bool(trace.all(TlsEstablished(sent.connection))) and CLOSE_NOTIFY not in how
    return None if truncated or (RESET in how and not how & {FIN, CLOSE_NOTIFY}) else ended
