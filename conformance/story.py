"""A trace, told by connection and by request: what happened to each, as pure functions of the events."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from conformance.trace import (
    CloseNotifyReceived,
    ConnectionAbandoned,
    ConnectionFailed,
    ConnectionOpened,
    Event,
    FinReceived,
    FinSent,
    FrameSent,
    GoawayReceived,
    HandlerCancelled,
    HandlerEntered,
    HandlerFinished,
    HandlerOrdered,
    ProtocolViolated,
    RequestSent,
    ResetReceived,
    ResponseEnded,
    ResponseStarted,
    ServerExited,
    ServerKilled,
    SignalSent,
    StreamReset,
    TlsEstablished,
    TlsFailed,
    Trace,
    precedes,
)

E = TypeVar("E", bound=Event)

OK = 200


@dataclass(frozen=True)
class ConnectionStory:
    """One connection."""

    name: str
    opened: ConnectionOpened | None
    failed: ConnectionFailed | None
    tls: TlsEstablished | None
    tls_failed: TlsFailed | None
    silent: bool
    goaways: tuple[GoawayReceived, ...]
    close_notify: CloseNotifyReceived | None
    fin: FinReceived | None
    reset: ResetReceived | None
    fin_sent: FinSent | None
    violated: ProtocolViolated | None
    abandoned: ConnectionAbandoned | None
    requests: tuple[RequestStory, ...]

    @property
    def ended(self) -> CloseNotifyReceived | FinReceived | ResetReceived | None:
        """How the server ended it first: close_notify is a close. None if it never did while the play lasted."""
        endings = [event for event in (self.close_notify, self.fin, self.reset) if event is not None]
        return min(endings, key=lambda event: event.end_ns, default=None)

    def ended_by_us(self) -> bool:
        """Tell whether the client closed its side first."""
        ended = self.ended
        return self.fin_sent is not None and (ended is None or self.fin_sent.begin_ns < ended.begin_ns)

    def open_at(self, event: Event) -> bool:
        """Tell whether the connection certainly stood when the event's span began.

        The harness looks just before it sends a signal, and the span of the signal begins with that look: whatever
        the signal causes begins in it or after it.
        """
        if self.opened is None or not precedes(self.opened, event):
            return False
        endings = [ending for ending in (self.ended, self.fin_sent) if ending is not None]
        return all(ending.begin_ns >= event.begin_ns for ending in endings)

    def used_before(self, event: Event) -> bool:
        """Tell whether a request had been sent on it before the event."""
        return any(precedes(request.sent, event) for request in self.requests)

    def idle_at(self, event: Event) -> bool:
        """Tell whether the connection stood and none of its requests was open when the event happened."""
        return self.open_at(event) and all(
            request.ended is not None and precedes(request.ended, event)
            for request in self.requests
            if not precedes(event, request.sent)
        )


@dataclass(frozen=True)
class RequestStory:
    """One request, seen from the client and from its handler."""

    name: str
    connection: str
    sent: RequestSent
    entered: HandlerEntered | None
    released: HandlerOrdered | None
    finished: HandlerFinished | None
    cancelled: HandlerCancelled | None
    started: ResponseStarted | None
    ended: ResponseEnded | None
    reset: StreamReset | None

    @property
    def status(self) -> int | None:
        """The final response's status."""
        return self.started.status if self.started else None

    @property
    def over(self) -> ResponseEnded | StreamReset | None:
        """What ended it on the wire."""
        return self.ended or self.reset


def shutdown(trace: Trace) -> SignalSent | None:
    """Give the signal that asked for the graceful stop."""
    return trace.first(SignalSent(purpose="shutdown"))


def exited(trace: Trace) -> ServerExited | None:
    """Give the server's exit, if it came by itself: after the harness's SIGKILL it says nothing of the server."""
    killed = next(iter(trace.of(ServerKilled)), None)
    return None if killed else next(iter(trace.of(ServerExited)), None)


@lru_cache(maxsize=64)
def connections(trace: Trace) -> tuple[ConnectionStory, ...]:
    """Tell the story of every connection, in the order in which they were tried."""
    tried = [event.connection for event in trace.events if isinstance(event, (ConnectionOpened, ConnectionFailed))]
    return tuple(_connection(trace, name) for name in dict.fromkeys(tried))


@lru_cache(maxsize=64)
def requests(trace: Trace) -> tuple[RequestStory, ...]:
    """Tell the story of every request that was sent, in order."""
    return tuple(_request(trace, sent) for sent in trace.of(RequestSent))


def in_flight(trace: Trace) -> list[RequestStory]:
    """Give the requests that were certainly in their handlers when the shutdown was asked for, response not ended."""
    signal = shutdown(trace)
    if signal is None:
        return []
    return [
        request
        for request in requests(trace)
        if request.entered
        and precedes(request.entered, signal)
        and (request.ended is None or not precedes(request.ended, signal))
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
    """Its handler ran and was told to finish, and no whole response came."""
    CUT = "cut"
    """Its handler was still held when the server ended it: the timeline never let it finish."""


_REFUSED_STREAM = 7


def fate(trace: Trace, request: RequestStory) -> Fate:
    """Tell a request's fate."""
    if request.ended is not None and request.status is not None:
        return Fate.SERVED
    if request.entered is not None:
        return Fate.LOST if request.released else Fate.CUT
    if request.reset is not None and request.reset.error_code == _REFUSED_STREAM:
        return Fate.REFUSED
    goaways = next((story.goaways for story in connections(trace) if story.name == request.connection), ())
    if any(goaway.last_stream_id < request.sent.stream_id for goaway in goaways):
        return Fate.REFUSED
    return Fate.AMBIGUOUS


def _connection(trace: Trace, name: str) -> ConnectionStory:
    def first(kind: type[E]) -> E | None:
        return next((event for event in trace.of(kind) if getattr(event, "connection", "") == name), None)

    sent = tuple(request for request in requests(trace) if request.connection == name)
    return ConnectionStory(
        name=name,
        opened=first(ConnectionOpened),
        failed=first(ConnectionFailed),
        tls=first(TlsEstablished),
        tls_failed=first(TlsFailed),
        silent=first(FrameSent) is None and first(TlsEstablished) is None and not sent,
        goaways=tuple(trace.all(GoawayReceived(name))),
        close_notify=first(CloseNotifyReceived),
        fin=first(FinReceived),
        reset=first(ResetReceived),
        fin_sent=first(FinSent),
        violated=first(ProtocolViolated),
        abandoned=first(ConnectionAbandoned),
        requests=sent,
    )


def _request(trace: Trace, sent: RequestSent) -> RequestStory:
    def first(kind: type[E]) -> E | None:
        return next((event for event in trace.of(kind) if getattr(event, "request", "") == sent.request), None)

    orders = (event for event in trace.of(HandlerOrdered) if event.request == sent.request)
    return RequestStory(
        name=sent.request,
        connection=sent.connection,
        sent=sent,
        entered=first(HandlerEntered),
        released=next((order for order in orders if order.order.startswith("finish")), None),
        finished=first(HandlerFinished),
        cancelled=first(HandlerCancelled),
        started=first(ResponseStarted),
        ended=first(ResponseEnded),
        reset=first(StreamReset),
    )
