"""The steps a timeline is made of. They are values: what they do is the player's business.

Steps are obeyed one after another. A fact that is awaited *before* the shutdown and does not come means that the play
never got to its question (``setup failed``); one that does not come *after* it is what the checks are about, so the
timeline goes on.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lastcall.conformance.model.trace import Event, Headers


class Pace(enum.StrEnum):
    """How long those durations are that pass for their own sake."""

    FAST = "fast"
    """Shortens what is not under test."""
    ISSUE = "issue"
    """The durations of the founding issue, https://github.com/golang/go/issues/39776."""


@dataclass(frozen=True)
class Duration:
    """A duration in seconds at each pace."""

    fast_s: float
    issue_s: float

    def at(self, pace: Pace) -> float:
        """Give the seconds at a pace."""
        return self.issue_s if pace is Pace.ISSUE else self.fast_s

    def __str__(self) -> str:
        if self.fast_s == self.issue_s:
            return f"{self.fast_s:g} s"
        return f"{self.fast_s:g} s ({self.issue_s:g} s at the issue's pace)"


class Manners(enum.StrEnum):
    """What a client does about the end of its connection."""

    POLITE = "polite"
    """Told that the server goes (GOAWAY, ``Connection: close``), and with nothing open, it says GOAWAY and closes."""
    FOLLOWER = "follower"
    """It closes when the server has closed (FIN or close_notify), as most HTTP clients do."""
    RUDE = "rude"
    """It never closes, and answers neither a close_notify nor the Close of a WebSocket."""


Limit = Literal[
    "before_shutdown_s",
    "goaway_s",
    "idle_close_s",
    "after_response_close_s",
    "acknowledgement_s",
    "new_connection_s",
    "forced_end_s",
    "",
]
"""The field of :class:`lastcall.conformance.model.limits.Limits` that bounds a wait.

Empty: ``before_shutdown_s`` before the shutdown, and after it the rest of the drain timeout with ``exit_slack_s``.
"""


_LONGEST_BODY = 40
"""Bytes of a body that are shown as they are."""


@dataclass(frozen=True)
class Step:
    """Anything a timeline tells the player to do."""

    @property
    def can_be_timed(self) -> bool:
        """Whether it can be done where handlers cannot be held (see :class:`lastcall.conformance.model.server.Timed`)."""
        return True

    def __str__(self) -> str:
        values = ((item, getattr(self, item.name)) for item in fields(self))
        shown = [f"{item.name}={_shortened(value)}" for item, value in values if value != item.default]
        return f"{type(self).__name__}({', '.join(shown)})"


def _shortened(value: object) -> object:
    """Give a long body by its length."""
    return f"{len(value)} bytes" if isinstance(value, bytes) and len(value) > _LONGEST_BODY else value


@dataclass(frozen=True)
class ClientStep(Step):
    """A step of a client; the others are the harness's, the gate's and the clock's."""


@dataclass(frozen=True)
class Connect(ClientStep):
    """Open a connection in the play's protocol: TCP, TLS where it has it, and the HTTP/2 preface.

    ``silent``: TCP only, not one byte is sent (:class:`BreakSilence` goes on). A failure is recorded; before the
    shutdown it ends the play. ``window`` is the size of every stream's receive window in bytes (HTTP/2);
    ``replenish=False`` never gives a window back; ``receive_buffer`` is the socket's, in bytes (0: the system's).
    """

    connection: str
    manners: Manners = Manners.FOLLOWER
    silent: bool = False
    window: int = 65_535
    replenish: bool = True
    receive_buffer: int = 0


@dataclass(frozen=True)
class BreakSilence(ClientStep):
    """Go on with a connection that was opened silently: the TLS handshake, the preface."""

    connection: str


@dataclass(frozen=True)
class PauseReading(ClientStep):
    """Take nothing more from the connection's socket, so that the server's writes come to a stop."""

    connection: str


@dataclass(frozen=True)
class ResumeReading(ClientStep):
    """Read on."""

    connection: str


@dataclass(frozen=True)
class Request(ClientStep):
    """Send a request; its name is the connection's unless one is given. ``target`` defaults to a held handler.

    With ``whole=False`` the body given is only its first part (:class:`SendBody` sends more).
    """

    connection: str
    request: str = ""
    target: str = ""
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""
    whole: bool = True

    @property
    def name(self) -> str:
        """The request's name in the trace, which is also the last segment of a held handler's path."""
        return self.request or self.connection

    @property
    def path(self) -> str:
        """What the request asks for."""
        return self.target or f"/hold/{self.name}"

    @property
    def can_be_timed(self) -> bool:
        """Whether any resource can answer it: it has no body."""
        return not self.body and self.whole and self.method == "GET"


@dataclass(frozen=True)
class BeginHead(Request):
    """Send the first half of a request's head: cut in a line, or as HEADERS without END_HEADERS."""


@dataclass(frozen=True)
class FinishHead(ClientStep):
    """Send the second half of a head, and the body that goes with it."""

    request: str


READY = "/ready"
"""The resource that answers at once, without the gate."""


@dataclass(frozen=True)
class SendBody(ClientStep):
    """Send more of a request's body."""

    request: str
    body: bytes = b""
    end: bool = True


@dataclass(frozen=True)
class SendTrailers(ClientStep):
    """End a request with trailers (HTTP/2)."""

    request: str
    trailers: Headers = ()


@dataclass(frozen=True)
class SendRaw(ClientStep):
    """Send bytes as they are; ``what`` says what they are."""

    connection: str
    data: bytes
    what: str


@dataclass(frozen=True)
class Ping(ClientStep):
    """Send a PING (HTTP/2)."""

    connection: str


@dataclass(frozen=True)
class SendSettings(ClientStep):
    """Send SETTINGS that change nothing (HTTP/2)."""

    connection: str


@dataclass(frozen=True)
class SendPriority(ClientStep):
    """Send a PRIORITY frame for a request's stream (HTTP/2)."""

    request: str


@dataclass(frozen=True)
class ResetRequest(ClientStep):
    """Give a request up by RST_STREAM with CANCEL (HTTP/2)."""

    request: str


@dataclass(frozen=True)
class Grant(ClientStep):
    """Give a stream's receive window ``increment`` bytes more than it was (HTTP/2)."""

    request: str
    increment: int


@dataclass(frozen=True)
class Replenish(ClientStep):
    """Give back all of the connection's windows, and go on replenishing them (HTTP/2)."""

    connection: str


@dataclass(frozen=True)
class ReadBody(Step):
    """Tell the handler to read the request's body to its end."""

    request: str

    @property
    def can_be_timed(self) -> bool:
        """Nobody can tell the handler so."""
        return False


@dataclass(frozen=True)
class SendChunk(Step):
    """Tell the handler to send a piece of its response, ``length`` bytes, and the head before it if need be."""

    request: str
    length: int = 9

    @property
    def can_be_timed(self) -> bool:
        """Whether a streaming resource does it by itself: not if a length is asked for."""
        return self.length == SendChunk.length


@dataclass(frozen=True)
class ReleaseHandler(Step):
    """Tell the handler to end its response, with ``length`` more bytes."""

    request: str
    length: int = 9


@dataclass(frozen=True)
class Await(Step):
    """Wait until an event fits ``fact``, at most for the named limit.

    ``optional``: before the shutdown too, the timeline goes on without it.
    """

    fact: Event
    within: Limit = ""
    optional: bool = False

    @property
    def can_be_timed(self) -> bool:
        """Whether the fact is not a report of the application's; that a handler is entered is taken for granted."""
        return type(self.fact).__name__ not in ("HandlerReported", "ApplicationReported")

    def __str__(self) -> str:
        values = ((item, getattr(self.fact, item.name)) for item in fields(self.fact))
        shown = [f"{item.name}={value}" for item, value in values if value != item.default]
        bound = f", within {self.within.removesuffix('_s')}" if self.within else ""
        bound += ", optional" if self.optional else ""
        return f"Await({type(self.fact).__name__}({', '.join(shown)}){bound})"


@dataclass(frozen=True)
class Elapse(Step):
    """Let time pass that is itself under test; ``why`` says what for.

    It is over when the server's process has ended, unless ``beyond_exit``: then it is about what comes after.
    """

    duration: Duration
    why: str
    beyond_exit: bool = False


@dataclass(frozen=True)
class Shutdown(Step):
    """Send the server its graceful signal."""


@dataclass(frozen=True)
class Signal(Step):
    """Send the server another signal: ``again`` is the graceful one once more, else what the server documents.

    The roles are ``force`` (ends at once, in its own way), ``hard`` (SIGKILL's gentler cousin, if there is one), and
    ``reload`` (new processes or a new configuration, without an end); from a reload on, what does not come is the
    server's doing, as it is from the shutdown on.
    ``pause`` and ``resume`` stop its first process and let it go on, as a machine that is short of time does.
    """

    role: str


@dataclass(frozen=True)
class ReadProcessorTime(Step):
    """Read from the kernel how much processor time the server's processes have taken so far."""


@dataclass(frozen=True)
class HoldHook(Step):
    """Let the application's shutdown hook (ASGI lifespan) wait in the gate, until :class:`ReleaseHook`."""

    @property
    def can_be_timed(self) -> bool:
        """Nobody can tell the handler so."""
        return False


@dataclass(frozen=True)
class ReleaseHook(Step):
    """Let the shutdown hook go on."""


@dataclass(frozen=True)
class FindWorkers(Step):
    """Look which process of the server holds each connection that is open (Linux's tables tell)."""


@dataclass(frozen=True)
class SignalWorker(Step):
    """Send a signal to the process that holds the server's side of a connection, which the timeline has looked for.

    ``pause`` and ``resume`` stop it and let it go on, so that other workers take what comes meanwhile. ``kill`` ends it
    by SIGKILL, as the kernel does when it is out of memory; in a control nobody is killed.
    """

    connection: str
    role: Literal["pause", "resume", "kill"]


@dataclass(frozen=True)
class BackgroundStep(Step):
    """A step of the clients that go on by themselves while the timeline does."""

    @property
    def can_be_timed(self) -> bool:
        """Nobody can tell the handler so."""
        return False


@dataclass(frozen=True)
class BeginLoop(BackgroundStep):
    """Let a client send one request after another until :class:`EndLoops`, each held for ``held_s`` in its handler.

    Requests are called ``NAME-1``, ``NAME-2`` ...; connections ``NAME/1`` and so on. ``fresh``: each request has a
    connection of its own; otherwise one is kept until it ends, or the server has told that it wants no more of it.
    """

    name: str
    fresh: bool = False
    held_s: float = 0.04


@dataclass(frozen=True)
class BeginLoad(BackgroundStep):
    """Let ordinary clients (httpx, as an application uses it) send one request after another until :class:`EndLoops`."""

    name: str
    clients: int = 4
    held_s: float = 0.04


@dataclass(frozen=True)
class EndLoops(BackgroundStep):
    """Let the clients that go on by themselves come to the end of their requests, and stop."""


@dataclass(frozen=True)
class StartSuccessor(Step):
    """Start a second server on the same port, as a deployment does; it is ready or has failed when the step is over."""


@dataclass(frozen=True)
class OpenWebSocket(ClientStep):
    """Ask for a WebSocket on a connection; its name is the connection's unless one is given.

    From then on an HTTP/1.1 connection is the WebSocket's; over HTTP/2 it has a stream (RFC 8441), and requests go on
    beside it. Whether the client answers a Close, and ends its half of the stream, is a matter of its manners.
    """

    connection: str
    request: str = ""

    @property
    def name(self) -> str:
        """The WebSocket's name in the trace, which is also the last segment of its path."""
        return self.request or self.connection

    @property
    def path(self) -> str:
        """What it is asked of."""
        return f"/ws/{self.name}"

    @property
    def can_be_timed(self) -> bool:
        """Nobody can tell the handler so."""
        return False


@dataclass(frozen=True)
class Close(ClientStep):
    """Close the client's side of a connection."""

    connection: str


Timeline = tuple[Step, ...]
