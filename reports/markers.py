"""Which events stand as markers in a lane, with which sign and label. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lastcall.conformance.model.client_events import (
    HIGHEST_STREAM_ID,
    CloseReceived,
    CloseSent,
    ConnectionEnded,
    ConnectionFailed,
    GoawayReceived,
    GoawaySent,
    MessageCut,
    MessageReceived,
    ProtocolViolated,
    ResponseEnded,
    ResponseStarted,
    StreamReset,
    TlsFailed,
    WebSocketRefused,
)
from lastcall.conformance.model.event import Event
from lastcall.conformance.model.server_events import (
    ApplicationReported,
    HandlerCancelled,
    HandlerFailed,
    HarnessFailed,
    ListenerClosed,
    OrphansFound,
    OutputWritten,
    RemoveFailed,
    ServerExited,
    ServerKilled,
    SetupFailed,
    SignalSent,
    SuccessorReady,
    WorkerSignalled,
)

_LONG = 160

E = TypeVar("E", bound=Event)
Labels = tuple[str, str]
"""The label beside a sign, and the title that a pointer on the sign shows."""
_Sign = tuple[str, int, Callable[[Any], Labels]]


@dataclass(frozen=True)
class Marker:
    """One event in a lane. ``kind`` picks the sign; a lower ``rank`` gets its label sooner.

    ``title`` is the whole of it, ``text`` what stands beside the sign; ``line`` is the event's in the stored trace.
    """

    kind: str
    at_ns: int
    text: str
    title: str
    line: int
    rank: int = 5
    count: int = 1

    def joined_by(self, other: Marker) -> Marker:
        """Return one marker for both: it stands where the first one does, and its title has what there is room for."""
        title = f"{self.title}\n{other.title}"
        return replace(self, count=self.count + other.count, title=self.title if len(title) > 2 * _LONG else title)

    @property
    def label(self) -> str:
        """The text beside the sign."""
        return f"{self.text} \N{MULTIPLICATION SIGN}{self.count}" if self.count > 1 else self.text


def _goaway(event: GoawayReceived) -> Labels:
    last = "2³¹\N{MINUS SIGN}1" if event.last_stream_id == HIGHEST_STREAM_ID else str(event.last_stream_id)
    error = f", error {event.error_code}" if event.error_code else ""
    return f"GOAWAY ≤{last}{error}", f"GOAWAY, last stream id {last}, error code {event.error_code} {event.debug}"


def _reset(event: StreamReset) -> Labels:
    title = f"RST_STREAM, error code {event.error_code} {event.error_name}"
    return f"RST_STREAM {event.error_name or event.error_code}", title


def _close(event: CloseReceived) -> Labels:
    code = f"code {event.code}" if event.code else "no code"
    return f"Close {event.code or ''}".strip(), f"Close frame, {code} {event.reason}"


def _worker(event: WorkerSignalled) -> Labels:
    return f"worker {event.signal}", f"{event.signal} to the worker {event.pid} of {event.connection}"


def _fixed(text: str, title: str) -> Callable[[Event], Labels]:
    return lambda _event: (text, title)


def _reason(text: str) -> Callable[[TlsFailed | HandlerFailed | SetupFailed | HarnessFailed], Labels]:
    return lambda event: (text, f"{text}: {event.reason}")


def _code(text: str, title: str) -> Callable[[ConnectionEnded], Labels]:
    def labels(event: ConnectionEnded) -> Labels:
        return (text, title) if event.code is None else (f"{text} {event.code:#x}", f"{title}, code {event.code:#x}")

    return labels


def _sign(kind: type[E], sign: str, rank: int, labels: Callable[[E], Labels]) -> tuple[type[Event], _Sign]:
    return kind, (sign, rank, labels)


_CONNECTION: dict[type[Event], _Sign] = dict(
    (
        _sign(GoawayReceived, "goaway", 0, _goaway),
        _sign(ConnectionFailed, "refused", 0, lambda event: (event.reason, f"connect() failed: {event.reason}")),
        _sign(TlsFailed, "refused", 1, _reason("TLS failed")),
        _sign(ProtocolViolated, "refused", 1, lambda event: ("violation", f"protocol violated: {event.detail}")),
        _sign(GoawaySent, "ours", 7, _fixed("client GOAWAY", "the client sent GOAWAY")),
    )
)

_ENDS: dict[tuple[str, str], _Sign] = {
    ("server", "reset"): ("reset", 1, _fixed("RST", "the connection was reset (RST)")),
    ("server", "fin"): ("fin", 2, _fixed("FIN", "the server closed its side (FIN)")),
    ("server", "close_notify"): ("notify", 3, _fixed("close_notify", "the server closed TLS in order (close_notify)")),
    ("server", "connection_close"): ("fin", 2, _code("CONNECTION_CLOSE", "the server closed the connection")),
    ("server", "idle_timeout"): ("open", 2, _fixed("idle time-out", "no packet arrived for the idle time-out")),
    ("client", "abandoned"): ("open", 4, _fixed("still open", "the play was over and the client stopped waiting")),
    ("client", "fin"): ("ours", 8, _fixed("client FIN", "the client closed its side (FIN)")),
    ("client", "connection_close"): ("ours", 8, _code("client CONNECTION_CLOSE", "the client closed the connection")),
}
"""The ends of a connection, by who ended it and how. A client's close_notify goes with its FIN, and has no sign."""

_REQUEST: dict[type[Event], _Sign] = dict(
    (
        _sign(ResponseStarted, "response", 1, lambda event: (str(event.status), f"response head, {event.status}")),
        _sign(ResponseEnded, "whole", 3, lambda event: ("", f"response ended whole, {event.length} bytes")),
        _sign(StreamReset, "reset", 1, _reset),
        _sign(CloseReceived, "goaway", 0, _close),
        _sign(CloseSent, "ours", 8, _fixed("client Close", "the client answered the Close")),
        _sign(MessageReceived, "whole", 6, lambda event: ("", f"message, {event.length} bytes")),
        _sign(MessageCut, "reset", 1, lambda event: ("cut", f"the end came {event.length} bytes into a message")),
        _sign(
            WebSocketRefused, "refused", 1, lambda event: (str(event.status), f"no WebSocket: status {event.status}")
        ),
        _sign(HandlerCancelled, "cancelled", 2, _fixed("cancelled", "the handler was cancelled, or its process ended")),
        _sign(HandlerFailed, "cancelled", 2, _reason("handler failed")),
    )
)

_PROCESS: dict[type[Event], _Sign] = dict(
    (
        _sign(
            ListenerClosed,
            "listener",
            2,
            _fixed("listener closed", "no socket listens on the server's port any more"),
        ),
        _sign(OutputWritten, "output", 6, lambda event: (event.stream, f"{event.stream}: {event.text}")),
        _sign(ApplicationReported, "hook", 7, lambda event: (event.report, f"the application: {event.report}")),
        _sign(
            ServerExited,
            "exit",
            0,
            lambda event: (f"exit {event.status}", f"the process ended with status {event.status}"),
        ),
        _sign(
            ServerKilled, "reset", 1, lambda event: ("SIGKILL", f"the harness ended it with SIGKILL: {event.reason}")
        ),
        _sign(WorkerSignalled, "signal", 2, _worker),
        _sign(SuccessorReady, "listener", 3, _fixed("successor", "a successor on the same port answers")),
        _sign(
            OrphansFound,
            "refused",
            2,
            lambda event: ("left running", f"left running: {', '.join(event.commands)}"),
        ),
        _sign(RemoveFailed, "refused", 2, lambda event: ("not removed", f"not removed: {event.reason}")),
        _sign(SetupFailed, "refused", 0, _reason("setup failed")),
        _sign(HarnessFailed, "refused", 0, _reason("harness failed")),
    )
)


def connection_marker(line: int, event: Event) -> Marker | None:
    """Return the marker of an event on a connection; None if it stands for nothing a reader looks for."""
    if isinstance(event, ConnectionEnded):
        return _marker(_ENDS.get((event.by, event.how)), line, event)
    return _marker(_CONNECTION.get(type(event)), line, event)


def request_marker(line: int, event: Event) -> Marker | None:
    """Return the marker of an event of a request or its handler."""
    return _marker(_REQUEST.get(type(event)), line, event)


def process_marker(line: int, event: Event) -> Marker | None:
    """Return the marker of an event of the process. The shutdown itself is a line across all lanes, and no marker."""
    if isinstance(event, SignalSent) and event.purpose != "shutdown":
        return Marker("signal", event.end_ns, event.signal, f"{event.signal}, {event.purpose}", line, 1)
    return _marker(_PROCESS.get(type(event)), line, event)


def _marker(sign: _Sign | None, line: int, event: Event) -> Marker | None:
    if sign is None:
        return None
    kind, rank, labels = sign
    text, title = labels(event)
    return Marker(kind, event.end_ns, text[:24], title[:_LONG].strip(), line, rank)
