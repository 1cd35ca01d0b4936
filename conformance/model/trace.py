"""What happened in one play: events with times, kept as one JSON object a line.

A trace begins with the :class:`Play` it belongs to; every further line is an event. An event spans the time from
``begin_ns`` to ``end_ns`` on the play's own monotonic clock (0 is the start of the play): the earliest and the latest
moment at which it can have happened, as far as the recorder can know. A span is short, but it is never invented:
an event seen by a busy recorder has a wide one, and then :func:`precedes` decides nothing.

Names are past tense. What a class records is its docstring; every field is plain data, so that a stored trace can be
read back (:func:`load`) and judged again without a server.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FORMAT = 1
"""Version of the trace format; raised when a stored field changes its meaning or goes."""

Headers = tuple[tuple[str, str], ...]


class TraceError(ValueError):
    """A stored trace cannot be read; the message names the file and line."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Anything that happened. An event made without times serves as a pattern (see :meth:`fits`)."""

    begin_ns: int = 0
    end_ns: int = 0

    def fits(self, pattern: Event) -> bool:
        """Tell whether this event is of the pattern's class and agrees with each field the pattern sets.

        A field of the pattern that still has its default matches everything; times are never compared.
        """
        if type(self) is not type(pattern):
            return False
        return all(getattr(self, name) == value for name, value in _set_fields(pattern))

    def as_json(self) -> dict[str, Any]:
        """Give the event as a JSON object, its class under ``event``."""
        return {"event": type(self).__name__, **vars(self)}

    def at(self, begin_ns: int, end_ns: int) -> Self:
        """Give the same event with its times: what :func:`dataclasses.replace` does, a few times as fast."""
        timed = object.__new__(type(self))
        vars(timed).update(vars(self), begin_ns=begin_ns, end_ns=end_ns)
        return timed


_DEFAULTS: dict[type[Event], dict[str, Any]] = {}


def _defaults(kind: type[Event]) -> dict[str, Any]:
    """Give the fields of a class of events, each with its default; no field holds a dataclass of its own."""
    if kind not in _DEFAULTS:
        _DEFAULTS[kind] = {item.name: item.default for item in dataclasses.fields(kind)}
    return _DEFAULTS[kind]


def _set_fields(pattern: Event) -> Iterator[tuple[str, Any]]:
    for name, default in _defaults(type(pattern)).items():
        value = getattr(pattern, name)
        if name not in ("begin_ns", "end_ns") and value != default:
            yield name, value


# --- the connections, as the client saw them ---------------------------------------------------------------------


@dataclass(frozen=True)
class ConnectionOpened(Event):
    """``connect()`` succeeded. The kernel may have done that alone: nobody need have called ``accept()``."""

    connection: str = ""
    local_port: int = 0


@dataclass(frozen=True)
class ConnectionFailed(Event):
    """``connect()`` did not succeed; the reason is ``refused``, ``timed out``, ``reset`` or the system's own word."""

    connection: str = ""
    reason: str = ""


@dataclass(frozen=True)
class TlsEstablished(Event):
    """The TLS handshake ended; ``alpn`` is empty when the server chose none."""

    connection: str = ""
    version: str = ""
    alpn: str = ""


@dataclass(frozen=True)
class TlsFailed(Event):
    """The TLS handshake, or a record after it, failed with ``reason``."""

    connection: str = ""
    reason: str = ""


@dataclass(frozen=True)
class BytesSent(Event):
    """The probe wrote raw bytes that are no whole request (a part of a header, noise): ``what`` says which."""

    connection: str = ""
    length: int = 0
    what: str = ""


@dataclass(frozen=True)
class FrameSent(Event):
    """The probe wrote an HTTP/2 frame."""

    connection: str = ""
    frame: str = ""
    stream_id: int = 0
    flags: tuple[str, ...] = ()
    length: int = 0
    detail: str = ""


@dataclass(frozen=True)
class FrameReceived(Event):
    """An HTTP/2 frame arrived, of whatever type; what it means follows as events of their own."""

    connection: str = ""
    frame: str = ""
    stream_id: int = 0
    flags: tuple[str, ...] = ()
    length: int = 0
    detail: str = ""


@dataclass(frozen=True)
class GoawaySent(Event):
    """The probe said goodbye with a GOAWAY of its own."""

    connection: str = ""
    last_stream_id: int = 0
    error_code: int = 0


@dataclass(frozen=True)
class GoawayReceived(Event):
    """A GOAWAY arrived. ``stream_id`` is the frame's own (0 unless the server is wrong); ``debug`` is printable text."""

    connection: str = ""
    last_stream_id: int = -1
    error_code: int = -1
    stream_id: int = -1
    debug: str = ""


@dataclass(frozen=True)
class ProtocolViolated(Event):
    """The server sent what its protocol does not allow or the probe cannot read; the rest of its bytes are not read."""

    connection: str = ""
    detail: str = ""


@dataclass(frozen=True)
class CloseNotifyReceived(Event):
    """The server closed its side of TLS in order; its FIN is another event."""

    connection: str = ""


@dataclass(frozen=True)
class FinReceived(Event):
    """The server closed its side of TCP (FIN). Over TLS, without a close_notify before it, the stream was truncated."""

    connection: str = ""


@dataclass(frozen=True)
class ResetReceived(Event):
    """The connection was reset (RST)."""

    connection: str = ""


@dataclass(frozen=True)
class CloseNotifySent(Event):
    """The probe closed its side of TLS in order."""

    connection: str = ""


@dataclass(frozen=True)
class FinSent(Event):
    """The probe closed its side of TCP."""

    connection: str = ""


@dataclass(frozen=True)
class ConnectionAbandoned(Event):
    """The play is over and the probe stopped waiting: what the server would have done next is not known."""

    connection: str = ""


# --- requests and responses, as the client saw them --------------------------------------------------------------


@dataclass(frozen=True)
class RequestSent(Event):
    """The head of a request was written; ``whole`` if the body (if any) was too. ``stream_id`` is 0 in HTTP/1.1.

    ``expects``: it asked for 100 (Continue) and holds its body back.
    """

    request: str = ""
    connection: str = ""
    method: str = ""
    target: str = ""
    stream_id: int = 0
    whole: bool = True
    expects: bool = False


@dataclass(frozen=True)
class RequestEnded(Event):
    """The rest of a request that was not sent whole at once has now been written; its body had ``length`` bytes."""

    request: str = ""
    length: int = 0


@dataclass(frozen=True)
class TimeoutAnnounced(Event):
    """A 408 (Request Timeout) arrived though no request was open: the server tells that it closes an idle connection."""

    connection: str = ""


@dataclass(frozen=True)
class InformationalReceived(Event):
    """An interim response (1xx) arrived."""

    request: str = ""
    status: int = 0


@dataclass(frozen=True)
class ResponseStarted(Event):
    """The head of the final response arrived."""

    request: str = ""
    status: int = 0
    headers: Headers = ()


@dataclass(frozen=True)
class BodyReceived(Event):
    """A piece of a response's body arrived: ``length`` bytes."""

    request: str = ""
    length: int = 0


@dataclass(frozen=True)
class ResponseEnded(Event):
    """A response ended as its protocol says a whole one ends.

    ``framing`` is what said so: ``end_stream``, ``content-length``, ``chunked``, ``none`` (no body allowed), or
    ``close`` (HTTP/1.1 delimited by the end of the connection, which cannot tell a whole body from a cut one).
    ``length`` counts the body's bytes, ``sha256`` is their digest in hexadecimal.
    """

    request: str = ""
    length: int = -1
    sha256: str = ""
    framing: str = ""


@dataclass(frozen=True)
class StreamReset(Event):
    """RST_STREAM arrived for the request's stream, with the code's number and name."""

    request: str = ""
    error_code: int = -1
    error_name: str = ""


# --- WebSockets, as the client saw them ------------------------------------------------------------------------------


@dataclass(frozen=True)
class WebSocketAsked(Event):
    """The client's opening handshake was written: a WebSocket named ``request`` was asked for on the connection.

    ``stream_id`` is 0 in HTTP/1.1. Over HTTP/2 the end of the WebSocket's stream is a ResponseEnded or StreamReset.
    """

    request: str = ""
    connection: str = ""
    target: str = ""
    stream_id: int = 0


@dataclass(frozen=True)
class WebSocketOpened(Event):
    """The server completed the opening handshake: 101 with the right answer to the client's key, or 2xx over HTTP/2."""

    request: str = ""


@dataclass(frozen=True)
class WebSocketRefused(Event):
    """The server answered the opening handshake with another status than the one that opens it.

    ``status`` is 0 where it could not be asked at all: over HTTP/2, the server's SETTINGS do not offer it.
    """

    request: str = ""
    status: int = 0


@dataclass(frozen=True)
class MessageReceived(Event):
    """A whole message arrived, in one frame or several; its payload had ``length`` bytes."""

    request: str = ""
    length: int = -1


@dataclass(frozen=True)
class MessageCut(Event):
    """The byte stream ended inside a message, or inside any frame; ``length`` bytes of the message had come."""

    request: str = ""
    length: int = -1


@dataclass(frozen=True)
class CloseReceived(Event):
    """A Close frame arrived, with the code that stood in it; 0 if none did (to applications that is 1005)."""

    request: str = ""
    code: int = -1
    reason: str = ""


@dataclass(frozen=True)
class CloseSent(Event):
    """The client sent its own Close frame in answer; with the code received, or none (0) if there was none."""

    request: str = ""
    code: int = -1


# --- the application, as it reports through the gate -------------------------------------------------------------


@dataclass(frozen=True)
class HandlerEntered(Event):
    """The application's handler runs, and has said so itself."""

    request: str = ""
    method: str = ""
    target: str = ""


@dataclass(frozen=True)
class HandlerOrdered(Event):
    """The harness gave a handler an order (``read``, ``send 9``, ``finish 9``); ``finish`` releases it."""

    request: str = ""
    order: str = ""


@dataclass(frozen=True)
class HandlerReported(Event):
    """A handler said that it has obeyed (``read 5``, ``sent 9``) or what it was told (``disconnected``)."""

    request: str = ""
    report: str = ""


@dataclass(frozen=True)
class HandlerFinished(Event):
    """A handler has handed its whole response to the server; the body has ``length`` bytes."""

    request: str = ""
    length: int = -1


@dataclass(frozen=True)
class HandlerFailed(Event):
    """A handler caught an error."""

    request: str = ""
    reason: str = ""


@dataclass(frozen=True)
class HandlerCancelled(Event):
    """A handler's connection to the gate dropped before it finished: it was cancelled, or its process is gone."""

    request: str = ""


@dataclass(frozen=True)
class ApplicationReported(Event):
    """A hook around the application's life reported (``process PID WORDS`` in the gate's protocol)."""

    pid: int = 0
    report: str = ""


# --- the server's processes, as the harness saw them -------------------------------------------------------------


@dataclass(frozen=True)
class ServerStarted(Event):
    """The server's process was started with this command line."""

    pid: int = 0
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServerReady(Event):
    """The server answered ``GET /ready`` with 200, in the protocol of the play."""


@dataclass(frozen=True)
class SignalSent(Event):
    """A signal was sent to the server's process, which had not exited then.

    ``purpose`` is ``shutdown`` for the one that asks for the graceful stop, else the signal's role in the timeline.
    """

    signal: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class ListenerClosed(Event):
    """The kernel no longer lists a listening socket on the server's port."""


@dataclass(frozen=True)
class OutputWritten(Event):
    """The server wrote a line to ``stdout`` or ``stderr``."""

    stream: str = ""
    text: str = ""


@dataclass(frozen=True)
class OutputDropped(Event):
    """So many bytes of the server's output were read but not kept; the first and last lines are."""

    stream: str = ""
    length: int = 0


@dataclass(frozen=True)
class ProcessorTimeRead(Event):
    """How much processor time each of the server's processes had taken by then, in nanoseconds since its start."""

    pids: tuple[int, ...] = ()
    used_ns: tuple[int, ...] = ()


@dataclass(frozen=True)
class ServerExited(Event):
    """The server's process ended; ``status`` is its exit status, or minus the number of the signal that ended it."""

    status: int | None = None


@dataclass(frozen=True)
class ServerKilled(Event):
    """The harness ended the server with SIGKILL: its time was up, or the play was over."""

    reason: str = ""


@dataclass(frozen=True)
class OrphansFound(Event):
    """After the server's process had exited, these processes that it started still ran (and were then ended)."""

    pids: tuple[int, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConnectionAccepted(Event):
    """The server's side of a connection is in these processes' hands, as the kernel's tables say. Mostly it is one."""

    connection: str = ""
    pids: tuple[int, ...] = ()


@dataclass(frozen=True)
class WorkerSignalled(Event):
    """The harness sent a signal to the process that holds a connection, as nobody but a person or the kernel does."""

    connection: str = ""
    pid: int = 0
    signal: str = ""


@dataclass(frozen=True)
class SuccessorStarted(Event):
    """A second server was started on the same port; its first attempt to listen came some time after this."""


@dataclass(frozen=True)
class SuccessorReady(Event):
    """The second server answered ``GET /ready`` with 200."""


@dataclass(frozen=True)
class SuccessorFailed(Event):
    """The second server did not come to serve."""

    reason: str = ""


@dataclass(frozen=True)
class PortChecked(Event):
    """After the exit: whether a new server could listen on the port."""

    free: bool | None = None


# --- the ordinary client's load ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LoadSent(Event):
    """An ordinary client (httpx) was asked for a request; whether it needs a new connection is its own affair."""

    request: str = ""


@dataclass(frozen=True)
class LoadAnswered(Event):
    """The ordinary client gave its caller a whole response; ``version`` is the protocol's, as the client says it."""

    request: str = ""
    status: int = 0
    length: int = -1
    version: str = ""


@dataclass(frozen=True)
class LoadFailed(Event):
    """The ordinary client gave its caller an error: ``error`` is the exception's class, ``reason`` its words."""

    request: str = ""
    error: str = ""
    reason: str = ""


# --- the play itself ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepBegun(Event):
    """The player came to step ``index`` of the timeline."""

    index: int = -1
    text: str = ""


@dataclass(frozen=True)
class AwaitExpired(Event):
    """The fact that step ``index`` waited for did not come: time was up, or it had become impossible."""

    index: int = -1
    text: str = ""
    impossible: bool = False


@dataclass(frozen=True)
class SetupFailed(Event):
    """The play could not come to its question: the server did not start, or a fact before the shutdown never came."""

    reason: str = ""


@dataclass(frozen=True)
class HarnessFailed(Event):
    """The harness itself failed; the server is not to blame."""

    reason: str = ""


@dataclass(frozen=True)
class LagMeasured(Event):
    """How late the harness itself was in this play at worst: its event loop's lateness in nanoseconds."""

    worst_ns: int = 0


@dataclass(frozen=True)
class PlayEnded(Event):
    """Last line of a complete trace. A trace without it was cut short, and is no evidence of what came next."""


EVENTS: Mapping[str, type[Event]] = {
    name: value
    for name, value in list(globals().items())
    if isinstance(value, type) and issubclass(value, Event) and value is not Event
}


# --- the whole ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Play:
    """Which timeline was played against what, and all that a judge has to know about the server to read the trace.

    Durations are seconds. ``drain_s`` is the drain timeout that the server was given (None: it has none);
    with ``default_drain`` it was given none, and that is what its documentation says of it then.
    ``lame_duck_s`` is for how long it was told to go on accepting after the signal (0: it was not).
    ``slow_s`` is how long its slow resource takes if it is played in timed mode, without a witness inside (0: it is not).
    ``exit_statuses`` are those that its adapter declares for a clean stop. ``control`` tells the timeline that was
    played without its shutdown. ``steps`` are the timeline in words.
    """

    scenario: str
    server: str
    protocol: str
    pace: str
    control: bool = False
    version: str = ""
    graceful_signal: str = ""
    drain_s: float | None = None
    drain_documented: str = ""
    exit_statuses: tuple[int, ...] = (0,)
    limits: dict[str, float] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    lame_duck_s: float = 0.0
    default_drain: bool = False
    slow_s: float = 0.0
    platform: str = ""
    suite_version: str = ""
    started_at: str = ""
    format: int = FORMAT


E = TypeVar("E", bound=Event)


@dataclass(frozen=True, eq=False)
class Trace:
    """One play's record. Events are in the order in which the recorder wrote them; rely on their times, not on it."""

    play: Play
    events: tuple[Event, ...]
    _found: dict[tuple[type[Event], ...], list[Any]] = field(default_factory=dict, init=False, repr=False)

    def of(self, *kinds: type[E]) -> list[E]:
        """Give the events of these classes."""
        if kinds not in self._found:
            self._found[kinds] = [event for event in self.events if isinstance(event, kinds)]
        return list(self._found[kinds])

    def all(self, pattern: E) -> list[E]:
        """Give the events that fit the pattern."""
        wanted = tuple(_set_fields(pattern))
        alike = (event for event in self.of(type(pattern)) if type(event) is type(pattern))
        return [event for event in alike if all(getattr(event, name) == value for name, value in wanted)]

    def first(self, pattern: E) -> E | None:
        """Give the first event that fits the pattern, or None."""
        return next(iter(self.all(pattern)), None)

    def line_of(self, event: Event) -> int:
        """Give the number of the event's line in the stored trace (the play is line 1)."""
        for number, candidate in enumerate(self.events, start=2):
            if candidate is event:
                return number
        raise KeyError(event)

    @property
    def complete(self) -> bool:
        """Whether the recorder came to the end of the play."""
        return bool(self.events) and isinstance(self.events[-1], PlayEnded)

    def dump(self, path: Path) -> Self:
        """Write the trace to a file, whole."""
        lines = [play_line(self.play), *(event_line(event) for event in self.events)]
        path.write_text("".join(lines), encoding="utf-8")
        return self


def precedes(first: Event, second: Event) -> bool:
    """Tell whether ``first`` certainly happened before ``second``: it ended before the other began."""
    return first.end_ns < second.begin_ns


def play_line(play: Play) -> str:
    """Give the first line of a trace."""
    return json.dumps({"play": dataclasses.asdict(play)}) + "\n"


def event_line(event: Event) -> str:
    """Give an event's line in a trace."""
    return json.dumps(event.as_json()) + "\n"


def load(path: Path) -> Trace:
    """Read a stored trace; raises :class:`TraceError`. A last line that was cut off (a killed run) is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        message = f"{path}: not a lastcall trace ({error})"
        raise TraceError(message) from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    if not lines:
        message = f"{path}: empty, so not a trace"
        raise TraceError(message)
    play = _parse(path, 1, lines[0], play_from_json)
    return Trace(play, tuple(_parse(path, number, line, event_from_json) for number, line in enumerate(lines[1:], 2)))


def _parse(path: Path, number: int, line: str, read: Any) -> Any:
    try:
        return read(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path}:{number}: not a line of a lastcall trace ({error})"
        raise TraceError(message) from error


def play_from_json(record: Mapping[str, Any]) -> Play:
    """Rebuild the play of a trace's first line; raises ValueError for a newer format than this one."""
    fields = dict(record["play"])
    if fields.get("format", 0) > FORMAT:
        message = f"trace format {fields['format']} is newer than this lastcall reads ({FORMAT})"
        raise ValueError(message)
    return Play(**_tuples(fields))


def event_from_json(record: Mapping[str, Any]) -> Event:
    """Rebuild one event; raises KeyError for a class that does not exist."""
    fields = dict(record)
    return EVENTS[fields.pop("event")](**_tuples(fields))


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in fields.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value


def events_between(trace: Trace, begin_ns: int, end_ns: int) -> Iterable[Event]:
    """Give the events that can have happened in the given time."""
    return (event for event in trace.events if event.end_ns >= begin_ns and event.begin_ns <= end_ns)
