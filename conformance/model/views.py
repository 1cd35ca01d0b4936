"""Views of a trace: what happened to each connection and to each request, as pure functions of the events.

A trace is one list of events, as they were recorded. Nearly every check asks about one connection ("did a GOAWAY come
before its end?") or one request ("was it in its handler, and was it answered?"), so it reads these views and not the list.

* :func:`connections` and :func:`requests` are computed once for each trace and kept; a view holds the events themselves,
  so that a check can cite them.
* :func:`shutdown`, :func:`exited` and :func:`in_flight` are the facts that all checks share. Who was in flight is decided
  here and nowhere else.
* :func:`fate` is what became of a request, as its client must see it.

Rules that hold in here, and that an editor must not break:

1. A view never decides the order of two events by their places in the list, only by :func:`precedes`. Where spans overlap
   the order is not known, and each function says which reading it takes. It takes the one that blames the server less.
2. What the harness did itself is not the server's doing. The cancellation of a handler by the suite's own SIGKILL, an
   exit after it, a connection that the client closed first: each is left out here, before a check can see it.
3. An end that only the end of the connection tells (a body without length) counts as whole only if the connection ended
   in order: RFC 9112 section 8.
4. close_notify is an end of its own. FIN and RST may follow it, and say nothing more.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from lastcall.conformance.model.client_events import (
    ABANDONED,
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
        """Where the client closed its side for good. Its close_notify alone is none: a FIN comes with it."""
        return self._end(CLIENT, FIN, CONNECTION_CLOSE, RESET)

    @property
    def abandoned(self) -> ConnectionEnded | None:
        """Where the play was over and the client stopped waiting."""
        return self._end(CLIENT, ABANDONED)

    @property
    def ended(self) -> ConnectionEnded | None:
        """How the server ended it first: close_notify is a close. None if it never did while the play lasted."""
        return min((end for end in self.ends if end.by == SERVER), key=lambda end: end.end_ns, default=None)

    def ended_by_us(self) -> bool:
        """Tell whether the client closed its side first, or may have: then the end is not the server's doing for certain."""
        return self.closed_by_us is not None and (self.ended is None or not precedes(self.ended, self.closed_by_us))

    def open_at(self, event: Event) -> bool:
        """Tell whether the connection certainly stood when the event's span began.

        The harness looks just before it sends a signal, and the span of the signal begins with that look: whatever
        the signal causes begins in it or after it.
        """
        if self.opened is None or not precedes(self.opened, event):
            return False
        endings = [ending for ending in (self.ended, self.closed_by_us) if ending is not None]
        return all(ending.begin_ns >= event.begin_ns for ending in endings)

    def over_before(self, event: Event) -> bool:
        """Tell whether either side had certainly closed the connection before the event."""
        return any(end is not None and precedes(end, event) for end in (self.ended, self.closed_by_us))

    def used_before(self, event: Event) -> bool:
        """Tell whether a request had been sent on it before the event."""
        return any(precedes(request.sent, event) for request in self.requests)

    def idle_at(self, event: Event) -> bool:
        """Tell whether the connection stood, none of its requests was open, and none was sent after the event."""
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
    """The client's own RST_STREAM, sent before its request was over: nothing is owed to it any more."""

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
        """What ended its handler before the handler's own end."""
        return self.cancelled or self.failed

    @property
    def processed(self) -> HandlerEntered | ResponseStarted | None:
        """What shows that the application has seen it: its handler ran, or (for a route without a gate) it was answered."""
        return self.entered or (self.started if self.status == OK else None)

    def over_before(self, event: Event) -> bool:
        """Tell whether it was certainly over, on the wire or in its handler, before the event."""
        return any(end is not None and precedes(end, event) for end in (self.over, self.cut))


def shutdown(trace: Trace) -> SignalSent | None:
    """Give the signal that asked for the graceful stop; None if the server had certainly exited before it."""
    signal = trace.first(SignalSent(purpose="shutdown"))
    dead = signal is not None and any(precedes(end, signal) for end in trace.of(ServerExited))
    return None if dead else signal


def exited(trace: Trace) -> ServerExited | None:
    """Give the server's exit, if it came by itself: after the harness's SIGKILL it says nothing of the server."""
    killed = next(iter(trace.of(ServerKilled)), None)
    return None if killed else next(iter(trace.of(ServerExited)), None)


@lru_cache(maxsize=64)
def connections(trace: Trace) -> tuple[ConnectionView, ...]:
    """Tell the story of every connection, in the order in which they were tried."""
    tried = [event.connection for event in trace.events if isinstance(event, (ConnectionOpened, ConnectionFailed))]
    return tuple(_connection(trace, name) for name in dict.fromkeys(tried))


@lru_cache(maxsize=64)
def requests(trace: Trace) -> tuple[RequestView, ...]:
    """Tell the story of every request that was sent, in order."""
    return tuple(_request(trace, sent) for sent in trace.of(RequestSent))


def in_flight(trace: Trace) -> list[RequestView]:
    """Give the requests that were certainly in their handlers when the shutdown was asked for, and not over before it.

    One that its client gives up afterwards is not among them: it is owed nothing.
    """
    signal = shutdown(trace)
    if signal is None:
        return []
    gone = {story.name for story in connections(trace) if story.over_before(signal)}
    return [
        request
        for request in requests(trace)
        if request.entered and precedes(request.entered, signal)
        if not request.over_before(signal) and request.connection not in gone
        if request.gave_up is None
    ]


class Fate(enum.StrEnum):
    """What became of a request, as its client must see it."""

    SERVED = "served"
    """A whole response came."""
    REFUSED = "refused"
    """Provably not processed, and the client was told: it may safely be sent again."""
    AMBIGUOUS = "ambiguous"
    """No response came, and the client cannot know whether it was processed; its handler did not run."""
    LOST = "lost"
    """Its handler ran and was told to finish, or its response had begun, and no whole response came."""
    CUT = "cut"
    """Its handler was still held when the server ended it, or a further signal had told the server to end at once."""
    HELD = "held"
    """Its handler was still held, and its client still waited, when the play was over and the suite ended the server."""
    GIVEN_UP = "given up"
    """Its client wanted it no more, and said so by RST_STREAM."""


_REFUSED_STREAM = 7


def fate(trace: Trace, request: RequestView) -> Fate:
    """Tell a request's fate."""
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
    refused = request.reset is not None and request.reset.error_code == _REFUSED_STREAM
    goaways = next((story.goaways for story in connections(trace) if story.name == request.connection), ())
    excluded = any(not goaway.covers(request.sent.stream_id) for goaway in goaways)
    return Fate.REFUSED if refused or excluded else Fate.AMBIGUOUS


def _forced(trace: Trace, request: RequestView) -> bool:
    """Tell whether a further signal had asked for the end before the request came to its own."""
    further = [signal for signal in trace.of(SignalSent) if signal.purpose in ("again", "force")]
    ending = request.cancelled or request.over
    return bool(further) and (ending is None or not precedes(ending, further[0]))


def _waited_to_the_end(trace: Trace, request: RequestView) -> bool:
    """Tell whether only the harness's own SIGKILL ended the request: by then nothing had, and its connection stood."""
    killed = next(iter(trace.of(ServerKilled)), None)
    if killed is None or request.over_before(killed):
        return False
    ends = trace.all(ConnectionEnded(request.connection, by=SERVER))
    return not any(precedes(end, killed) for end in ends)


_FIRST_BYTES = (FrameSent, TlsEstablished, TlsFailed, BytesSent, WebSocketAsked)
"""What shows, besides a request, that something was sent on a connection."""


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
    """Give the client's own RST_STREAM, unless the request was over by then."""
    if sent.stream_id is None:
        return None
    resets = trace.all(FrameSent(sent.connection, "RST_STREAM", sent.stream_id))
    return next((reset for reset in resets if over is None or not precedes(over, reset)), None)


def _by_the_server(trace: Trace, event: E | None) -> E | None:
    """Leave out what the harness's own SIGKILL did, or may have done."""
    if event is None or all(precedes(event, killed) for killed in trace.of(ServerKilled)):
        return event
    return None


def _whole(trace: Trace, sent: RequestSent, ended: ResponseEnded | None) -> ResponseEnded | None:
    """Leave out an end that only the connection's end has told, when that end was an error."""
    if ended is None or ended.framing != "close":
        return ended
    # RFC 9112 §8: closing delimits a response unless the transport reports an error, such as a reset or a TLS truncation.
    how = {end.how for end in trace.all(ConnectionEnded(sent.connection, by=SERVER))}
    truncated = bool(trace.all(TlsEstablished(sent.connection))) and CLOSE_NOTIFY not in how
    return None if truncated or (RESET in how and not how & {FIN, CLOSE_NOTIFY}) else ended
