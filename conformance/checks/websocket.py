"""WebSockets: how the server closes them in a shutdown, and what becomes of a message that is under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, never_came, too_late, within
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import (
    CloseReceived,
    CloseSent,
    FrameSent,
    MessageCut,
    MessageReceived,
    ResponseEnded,
    StreamReset,
    WebSocketAsked,
    WebSocketOpened,
)
from lastcall.conformance.model.close_codes import may_be_sent
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import HTTP1, HTTP2
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerFinished,
    HandlerOrdered,
    HandlerReported,
    ServerKilled,
)
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, broken, cannot_tell, kept
from lastcall.conformance.model.views import connections, exited, shutdown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server_events import SignalSent
    from lastcall.conformance.model.trace import Trace


_GOING_AWAY = (1001, 1012)
_NONE_OPEN = cannot_tell("No WebSocket was open when the shutdown was sent, and left to the server to close.")
_NO_CLOSE = cannot_tell("No Close came on a WebSocket that was open when the shutdown was sent.")


@dataclass(frozen=True)
class _Socket:
    """A WebSocket that was open at the shutdown, the Close frames on it, and the end of its stream or connection."""

    name: str
    ended: Event | None
    close: CloseReceived | None
    answer: CloseSent | None


def _sockets(trace: Trace, signal: SignalSent) -> list[_Socket]:
    """Return the WebSockets that were open at the signal, can be read, and were not ended by their clients."""
    by_name = {connection.name: connection for connection in connections(trace)}
    opened = {event.request for event in trace.of(WebSocketOpened) if precedes(event, signal)}
    sockets = []
    for opening in trace.of(WebSocketAsked):
        connection = by_name.get(opening.connection)
        close = next(iter(trace.all(CloseReceived(opening.request))), None)
        if connection is None or opening.request not in opened or not connection.open_at(signal):
            continue
        if connection.ended_by_us() or connection.violated or (close is not None and precedes(close, signal)):
            continue
        ended = _stream_end(trace, opening) or connection.ended
        if _given_up(trace, opening) or (ended is not None and ended.begin_ns < signal.begin_ns):
            continue
        answer = next(iter(trace.all(CloseSent(opening.request))), None)
        sockets.append(_Socket(opening.request, ended, close, answer))
    return sockets


def _stream_end(trace: Trace, opening: WebSocketAsked) -> ResponseEnded | StreamReset | None:
    """Return how the server ended the stream of a WebSocket; None over HTTP/1.1, where there is only the connection."""
    # RFC 8441 §5: END_STREAM stands for the orderly close of TCP over HTTP/1.1, and RST_STREAM for its reset.
    return trace.first(ResponseEnded(opening.request)) or trace.first(StreamReset(opening.request))


def _given_up(trace: Trace, opening: WebSocketAsked) -> bool:
    """Return whether the client has reset the stream."""
    return opening.stream_id is not None and bool(
        trace.all(FrameSent(opening.connection, "RST_STREAM", opening.stream_id))
    )


def _carrier(ended: Event) -> str:
    return "stream" if isinstance(ended, (ResponseEnded, StreamReset)) else "connection"


def _names(sockets: Iterable[_Socket]) -> str:
    return ", ".join(f"{socket.name!r}" for socket in sockets)


@check(clauses.WEBSOCKET_CLOSE, level=Level.SHOULD, impact=Impact.MANNERS)
def websocket_close_is_sent(trace: Trace, limits: Limits) -> Judgement:
    """Each open WebSocket gets a Close frame soon after the signal, so that its client knows that the end is no accident."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    sockets = _sockets(trace, signal)
    if not sockets:
        return _NONE_OPEN
    times: list[Measured] = []
    for socket in sockets:
        ended = socket.ended
        if socket.close is None and ended is not None:
            return broken(f"The {_carrier(ended)} of {socket.name!r} was ended without a Close frame.", signal, ended)
        if socket.close is None:
            because = f"No Close frame came on {socket.name!r}."
            return never_came(trace, limits, because, signal, limits.idle_close_s)
        times.append(measured(f"Close on {socket.name}", signal, socket.close, limits.idle_close_s))
        if not within(times[-1]):
            because = f"The Close frame on {socket.name!r} came {times[-1].value_s:.2f} s after the signal."
            return too_late(trace, limits, because, signal, socket.close, measures=times)
    closes = [socket.close for socket in sockets if socket.close]
    return kept(f"A Close frame came on {_names(sockets)}.", signal, *closes, measured=tuple(times))


@check(clauses.WEBSOCKET_GOING_AWAY, level=Level.SHOULD, impact=Impact.MISLEADS_CLIENTS)
def websocket_close_says_going_away(trace: Trace, _limits: Limits) -> Judgement:
    """The Close frame carries 1001 (Going Away) or 1012 (Service Restart).

    Clients act on the code: many connect again after these two, take 1000 for a finished conversation and do not come
    back, and count 1011 as an error.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closes = [socket.close for socket in _sockets(trace, signal) if socket.close]
    if not closes:
        return _NO_CLOSE
    for close in closes:
        if close.code not in _GOING_AWAY:
            said = f"code {close.code}" if close.code else "no code"
            return broken(f"The Close frame on {close.request!r} carried {said}.", signal, close)
    return kept(f"Closed with {', '.join(str(close.code) for close in closes)}.", signal, *closes)


@check(clauses.WEBSOCKET_CODE_ALLOWED, level=Level.MUST, impact=Impact.MISLEADS_CLIENTS)
def websocket_close_code_is_allowed(trace: Trace, _limits: Limits) -> Judgement:
    """The code in a Close frame is one that may be sent: not 1005, 1006 or 1015, and from 1000 to 4999."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closes = [socket.close for socket in _sockets(trace, signal) if socket.close]
    if not closes:
        return _NO_CLOSE
    for close in closes:
        # A Close without a body has no code at all, which is allowed.
        if close.code and not may_be_sent(close.code):
            return broken(f"The Close frame on {close.request!r} carried {close.code}.", signal, close)
    return kept(f"Codes sent: {', '.join(str(close.code or 'none') for close in closes)}.", signal, *closes)


@check(clauses.WEBSOCKET_CLOSE_LAST, level=Level.MUST, impact=Impact.LOSES_REQUESTS, decisive=True)
def websocket_close_is_the_last_word(trace: Trace, _limits: Limits) -> Judgement:
    """After its Close the server sends neither messages nor another Close, however many of them were waiting.

    A client that has read the Close reads no further, and a message behind it is lost without a trace.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closed = [socket for socket in _sockets(trace, signal) if socket.close and socket.ended]
    if not closed:
        return cannot_tell("No WebSocket got a Close and then its end.")
    for socket in closed:
        # The trace keeps the messages of one connection in the order of the wire, whatever their times.
        said = [event for event in trace.events if isinstance(event, (CloseReceived, MessageReceived))]
        said = [event for event in said if event.request == socket.name]
        after = said[said.index(socket.close) + 1 :] if socket.close else []
        if after and socket.close:
            what = "a message" if isinstance(after[0], MessageReceived) else "another Close"
            return broken(f"After its Close, {what} came on {socket.name!r}.", socket.close, after[0])
    return kept(
        f"Nothing came after the Close on {_names(closed)}.", *(socket.close for socket in closed if socket.close)
    )


@check(clauses.WEBSOCKET_TCP_CLOSE, level=Level.SHOULD, impact=Impact.HANGS, over=HTTP1)
def websocket_tcp_closes_after_the_handshake(trace: Trace, limits: Limits) -> Judgement:
    """When the client has answered the Close, the server closes TCP soon: the client waits for that."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    endings: list[Event] = []
    for socket in _sockets(trace, signal):
        answer, ended = socket.answer, socket.ended
        if answer is None:
            continue
        if ended is None:
            because = f"TCP stayed open on {socket.name!r} after the closing handshake."
            return never_came(trace, limits, because, answer, limits.after_response_close_s, measures=times)
        times.append(measured(f"TCP close of {socket.name}", answer, ended, limits.after_response_close_s))
        endings += [answer, ended]
        if not within(times[-1]):
            because = f"TCP was closed on {socket.name!r} {times[-1].value_s:.2f} s after the closing handshake."
            return too_late(trace, limits, because, answer, ended, measures=times)
    if not times:
        return cannot_tell("No closing handshake of the shutdown was completed.")
    worst = max(time.value_s for time in times)
    return kept(f"TCP was closed at most {worst:.2f} s after the handshake.", *endings, measured=tuple(times))


@check(clauses.WEBSOCKET_STREAM_END, level=Level.SHOULD, impact=Impact.HANGS, over=HTTP2)
def websocket_stream_ends_after_the_handshake(trace: Trace, limits: Limits) -> Judgement:
    """When the client has answered the Close, the server ends the stream soon, by END_STREAM: the client waits for that.

    A reset (RST_STREAM) looks like an error, and the end of the connection takes other streams with it.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    endings: list[Event] = []
    for socket in _sockets(trace, signal):
        answer, ended = socket.answer, socket.ended
        if answer is None:
            continue
        if ended is None:
            because = f"The stream of {socket.name!r} stayed open after the closing handshake."
            return never_came(trace, limits, because, answer, limits.after_response_close_s, measures=times)
        if not isinstance(ended, ResponseEnded):
            how = "a reset" if isinstance(ended, StreamReset) else "the end of its connection"
            return broken(f"The stream of {socket.name!r} was ended by {how}, not by END_STREAM.", answer, ended)
        times.append(measured(f"end of the stream of {socket.name}", answer, ended, limits.after_response_close_s))
        endings += [answer, ended]
        if not within(times[-1]):
            because = f"The stream of {socket.name!r} was ended {times[-1].value_s:.2f} s after the closing handshake."
            return too_late(trace, limits, because, answer, ended, measures=times)
    if not times:
        return cannot_tell("No closing handshake of the shutdown was completed.")
    worst = max(time.value_s for time in times)
    return kept(f"The stream was ended at most {worst:.2f} s after the handshake.", *endings, measured=tuple(times))


@check(clauses.WEBSOCKET_MESSAGE_WHOLE, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def websocket_messages_are_whole(trace: Trace, _limits: Limits) -> Judgement:
    """A message that the application was sending when the shutdown came arrives whole, or a Close comes in its place.

    A cut frame breaks this, and so does the loss of a message that was reported to the application as sent.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    evidence: list[Event] = []
    for socket in _sockets(trace, signal):
        orders = [order for order in _orders(trace, socket.name) if precedes(order, signal)]
        arrived = trace.all(MessageReceived(socket.name))
        reports = [report for report in trace.all(HandlerReported(socket.name)) if report.report.startswith("sent ")]
        for index, order in enumerate(orders):
            if index < len(arrived) and not precedes(signal, arrived[index]):
                continue
            received = arrived[index] if index < len(arrived) else None
            judgement = _unsent(trace, socket, order, received, reported=len(reports) > index)
            if judgement is not None:
                return judgement
            evidence += [order, *(event for event in (received or socket.close,) if event)]
    if not evidence:
        return cannot_tell("No message was under way when the shutdown was sent.")
    return kept("Messages under way came whole, or were replaced by a Close.", signal, *evidence)


def _orders(trace: Trace, request: str) -> list[HandlerOrdered]:
    orders = trace.all(HandlerOrdered(request))
    return [order for order in orders if order.order.startswith("send ") or order.order.startswith("finish ")]


def _unsent(
    trace: Trace, socket: _Socket, order: HandlerOrdered, received: MessageReceived | None, *, reported: bool
) -> Judgement | None:
    """Return what is wrong with a message that was ordered, or None."""
    wanted = int(order.order.split()[1])
    if received is not None:
        if received.length == wanted:
            return None
        return broken(f"A message of {wanted} bytes arrived with {received.length}.", order, received)
    cut = next(iter(trace.all(MessageCut(socket.name))), None)
    lost = cut or (socket.ended if reported else None)
    if lost is not None and all(precedes(lost, killed) for killed in trace.of(ServerKilled)):
        carrier = _carrier(socket.ended or lost)
        because = f"The {carrier} ended after {cut.length if cut else 0} of the {wanted} bytes of a message."
        return broken(because, order, lost)
    if socket.close is not None:
        return None
    return cannot_tell(f"What became of a message of {wanted} bytes was not seen.", order)


@check(clauses.WEBSOCKET_DISCONNECT, level=Level.PROMISE, impact=Impact.MANNERS)
def websocket_end_is_told_to_the_application(trace: Trace, limits: Limits) -> Judgement:
    """The application learns that its WebSocket has ended (ASGI: websocket.disconnect).

    An end by force at the drain timeout does not count: the server may cancel the handler then.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    entered = {event.request for event in trace.of(HandlerEntered) if precedes(event, signal)}
    entered -= {event.request for event in trace.of(HandlerFinished)}
    entered -= {event.request for event in trace.of(HandlerFailed)}
    subjects = [socket for socket in _sockets(trace, signal) if socket.name in entered and socket.ended]
    if not subjects:
        return cannot_tell("No WebSocket that the server ended was in its handler to the end.")
    reported: list[Event] = []
    for socket in subjects:
        reports = [report for report in trace.all(HandlerReported(socket.name)) if report.report.startswith("closed ")]
        if reports:
            reported.append(reports[0])
            continue
        cut = next(iter(trace.all(HandlerCancelled(socket.name))), None)
        if exited(trace) is None or cut is None or _by_force(trace, limits, signal, socket):
            return cannot_tell(f"Whether the handler of {socket.name!r} was told was not seen to the end.")
        return broken(f"The handler of {socket.name!r} was ended without being told.", signal, cut)
    codes = ", ".join(report.report for report in reported if isinstance(report, HandlerReported))
    return kept(f"Handlers were told: {codes}.", signal, *reported)


def _by_force(trace: Trace, limits: Limits, signal: SignalSent, socket: _Socket) -> bool:
    """Return whether the end of the drain timeout may have ended a WebSocket."""
    if trace.play.drain_s is None or socket.ended is None:
        return False
    expiry_ns = signal.begin_ns + int((trace.play.drain_s - limits.drain_early_s) * 1e9)
    return socket.ended.end_ns >= expiry_ns
