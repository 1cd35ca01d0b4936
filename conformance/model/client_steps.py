"""The steps of the clients: connections, requests, WebSockets, and what only HTTP/2 has."""

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
    """Told that the server goes (GOAWAY, ``Connection: close``), and with nothing open, it says GOAWAY and closes."""
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
