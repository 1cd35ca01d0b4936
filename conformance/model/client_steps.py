"""The steps of the clients: connections, requests, WebSockets, and the frames that only HTTP/2 has."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.step import Step

if TYPE_CHECKING:
    from lastcall.conformance.model.client_events import Headers


class ClosePolicy(enum.StrEnum):
    """What a client does about the end of its connection."""

    POLITE = "polite"
    """After the server's GOAWAY or ``Connection: close``, and with no request open, it closes (HTTP/2: after a GOAWAY)."""
    FOLLOWER = "follower"
    """It closes when the server has closed (FIN or close_notify), as most HTTP clients do."""
    RUDE = "rude"
    """It never closes, and answers neither a close_notify nor the Close of a WebSocket."""


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
    close_policy: ClosePolicy = ClosePolicy.FOLLOWER
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
    """Stop reading from the connection's socket, so that the server's writes come to a stop."""

    connection: str


@dataclass(frozen=True)
class ResumeReading(ClientStep):
    """Read from the connection's socket again."""

    connection: str


@dataclass(frozen=True)
class Request(ClientStep):
    """Send a request. It has the connection's name by default. ``target`` defaults to a held handler.

    With ``whole=False``, ``body`` is only the first part of the request's body (:class:`SendBody` sends more).
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
        """The request's target."""
        return self.target or f"/hold/{self.name}"

    @property
    def can_be_timed(self) -> bool:
        """Whether a resource without a gate can answer it: it is a GET without a body."""
        return not self.body and self.whole and self.method == "GET"


@dataclass(frozen=True)
class BeginHead(Request):
    """Send the first half of a request's head: cut inside a line, or as HEADERS without END_HEADERS."""


@dataclass(frozen=True)
class FinishHead(ClientStep):
    """Send the second half of a head, and the body that goes with it."""

    request: str


READY = "/ready"
"""The path that is answered at once, without the gate."""


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
    """Cancel a request by RST_STREAM with CANCEL (HTTP/2)."""

    request: str


@dataclass(frozen=True)
class Grant(ClientStep):
    """Enlarge a stream's receive window by ``increment`` bytes (HTTP/2)."""

    request: str
    increment: int


@dataclass(frozen=True)
class Replenish(ClientStep):
    """Send WINDOW_UPDATE for all bytes consumed on the connection, and go on doing so (HTTP/2)."""

    connection: str


@dataclass(frozen=True)
class OpenWebSocket(ClientStep):
    """Send the opening handshake of a WebSocket. It has the connection's name by default.

    From then on an HTTP/1.1 connection belongs to the WebSocket; over HTTP/2 the WebSocket has a stream (RFC 8441) beside
    the requests'. Whether the client answers a Close, and ends its half of the stream, depends on its close policy.
    """

    connection: str
    request: str = ""

    @property
    def name(self) -> str:
        """The WebSocket's name in the trace, which is also the last segment of its path."""
        return self.request or self.connection

    @property
    def path(self) -> str:
        """The target of its handshake."""
        return f"/ws/{self.name}"

    @property
    def can_be_timed(self) -> bool:
        """False: a resource without a gate serves no WebSocket."""
        return False


@dataclass(frozen=True)
class Close(ClientStep):
    """Close the client's side of a connection."""

    connection: str
