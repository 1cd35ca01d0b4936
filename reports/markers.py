"""Which events stand as marks in a lane, with which sign and words. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Record = dict[str, Any]

HIGHEST = 2**31 - 1
_LONG = 160


@dataclass(frozen=True)
class Mark:
    """One event in a lane. ``kind`` picks the sign; the lower its ``rank``, the sooner it gets its words beside it."""

    kind: str
    at_ns: int
    text: str
    told: str
    line: int
    rank: int = 5
    count: int = 1

    def joined_by(self, other: Mark) -> Mark:
        """Give one mark for both: it stands where the first one does, and tells what it has room for."""
        told = f"{self.told}\n{other.told}"
        return replace(self, count=self.count + other.count, told=self.told if len(told) > 2 * _LONG else told)

    @property
    def label(self) -> str:
        """The words beside the sign."""
        return f"{self.text} \N{MULTIPLICATION SIGN}{self.count}" if self.count > 1 else self.text


def _goaway(event: Record) -> tuple[str, str]:
    last = "2³¹\N{MINUS SIGN}1" if event["last_stream_id"] == HIGHEST else str(event["last_stream_id"])
    error = f", error {event['error_code']}" if event["error_code"] else ""
    return f"GOAWAY ≤{last}{error}", f"GOAWAY, last stream id {last}, error code {event['error_code']} {event['debug']}"


def _exit(event: Record) -> tuple[str, str]:
    status = event["status"]
    return f"exit {status}", f"the process ended with status {status}"


def _close(event: Record) -> str:
    return f"Close frame, {'code ' + str(event['code']) if event['code'] else 'no code'} {event['reason']}"


Words = tuple[str, str]
_Sign = tuple[str, int, "Callable[[Record], Words]"]


def _fixed(text: str, told: str) -> Callable[[Record], Words]:
    return lambda _event: (text, told)


def _code(text: str, told: str) -> Callable[[Record], Words]:
    def words(event: Record) -> Words:
        code = event["code"]
        return (text, told) if code is None else (f"{text} {code:#x}", f"{told}, code {code:#x}")

    return words


def _reason(text: str) -> Callable[[Record], Words]:
    return lambda event: (text, f"{text}: {event['reason']}")


_CONNECTION: dict[str, _Sign] = {
    "GoawayReceived": ("goaway", 0, _goaway),
    "ConnectionFailed": ("refused", 0, lambda event: (str(event["reason"]), f"connect() failed: {event['reason']}")),
    "TlsFailed": ("refused", 1, _reason("TLS failed")),
    "ProtocolViolated": ("refused", 1, lambda event: ("violation", f"protocol violated: {event['detail']}")),
    "GoawaySent": ("ours", 7, _fixed("client GOAWAY", "the client sent GOAWAY")),
}

_ENDS: dict[tuple[str, str], _Sign] = {
    ("server", "reset"): ("reset", 1, _fixed("RST", "the connection was reset (RST)")),
    ("server", "fin"): ("fin", 2, _fixed("FIN", "the server closed its side (FIN)")),
    ("server", "close_notify"): ("notify", 3, _fixed("close_notify", "the server closed TLS in order (close_notify)")),
    ("server", "connection_close"): ("fin", 2, _code("CONNECTION_CLOSE", "the server closed the connection")),
    ("server", "idle_timeout"): ("open", 2, _fixed("idle time-out", "nothing was heard for the idle time-out")),
    ("client", "abandoned"): ("open", 4, _fixed("still open", "the play was over and the client stopped waiting")),
    ("client", "fin"): ("ours", 8, _fixed("client FIN", "the client closed its side (FIN)")),
    ("client", "connection_close"): ("ours", 8, _code("client CONNECTION_CLOSE", "the client closed the connection")),
}
"""The ends of a connection, by whose they are and how. A client's close_notify goes with its FIN, and has no sign."""

_REQUEST: dict[str, _Sign] = {
    "ResponseStarted": ("response", 1, lambda event: (str(event["status"]), f"response head, {event['status']}")),
    "ResponseEnded": ("whole", 3, lambda event: ("", f"response ended whole, {event['length']} bytes")),
    "StreamReset": (
        "reset",
        1,
        lambda event: (
            f"RST_STREAM {event['error_name'] or event['error_code']}",
            f"RST_STREAM, error code {event['error_code']} {event['error_name']}",
        ),
    ),
    "CloseReceived": ("goaway", 0, lambda event: (f"Close {event['code'] or ''}".strip(), _close(event))),
    "CloseSent": ("ours", 8, _fixed("client Close", "the client answered the Close")),
    "MessageReceived": ("whole", 6, lambda event: ("", f"message, {event['length']} bytes")),
    "MessageCut": ("reset", 1, lambda event: ("cut", f"the end came {event['length']} bytes into a message")),
    "WebSocketRefused": ("refused", 1, lambda event: (str(event["status"]), f"no WebSocket: status {event['status']}")),
    "HandlerCancelled": ("cancelled", 2, _fixed("cancelled", "the handler was cancelled, or its process ended")),
    "HandlerFailed": ("cancelled", 2, _reason("handler failed")),
}

_PROCESS: dict[str, _Sign] = {
    "ListenerClosed": ("listener", 2, _fixed("listener closed", "no socket listens on the server's port any more")),
    "OutputWritten": ("output", 6, lambda event: (str(event["stream"]), f"{event['stream']}: {event['text']}")),
    "ApplicationReported": ("hook", 7, lambda event: (str(event["report"]), f"the application: {event['report']}")),
    "ServerExited": ("exit", 0, _exit),
    "ServerKilled": ("reset", 1, lambda event: ("SIGKILL", f"the harness ended it with SIGKILL: {event['reason']}")),
    "WorkerSignalled": (
        "signal",
        2,
        lambda event: (
            f"worker {event['signal']}",
            f"{event['signal']} to the worker {event['pid']} of {event['connection']}",
        ),
    ),
    "SuccessorReady": ("listener", 3, _fixed("successor", "a successor on the same port answers")),
    "OrphansFound": ("refused", 2, lambda event: ("left running", f"left running: {', '.join(event['commands'])}")),
    "SetupFailed": ("refused", 0, _reason("setup failed")),
    "HarnessFailed": ("refused", 0, _reason("harness failed")),
}


def connection_mark(event: Record) -> Mark | None:
    """Give the mark of an event on a connection; None if it stands for nothing a reader looks for."""
    if event["event"] == "ConnectionEnded":
        return _signed(_ENDS.get((event["by"], event["how"])), event)
    return _mark(_CONNECTION, event)


def request_mark(event: Record) -> Mark | None:
    """Give the mark of an event of a request or its handler."""
    return _mark(_REQUEST, event)


def process_mark(event: Record) -> Mark | None:
    """Give the mark of an event of the process. The shutdown itself is a line across all lanes, and no mark."""
    if event["event"] == "SignalSent" and event["purpose"] != "shutdown":
        return Mark(
            "signal", event["end_ns"], event["signal"], f"{event['signal']}, {event['purpose']}", event["line"], 1
        )
    return _mark(_PROCESS, event)


def _mark(signs: dict[str, _Sign], event: Record) -> Mark | None:
    return _signed(signs.get(event["event"]), event)


def _signed(sign: _Sign | None, event: Record) -> Mark | None:
    if sign is None:
        return None
    kind, rank, words = sign
    text, told = words(event)
    return Mark(kind, event["end_ns"], text[:24], told[:_LONG].strip(), event["line"], rank)
