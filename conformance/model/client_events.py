"""Events of the clients of a play: connections, requests and responses, WebSockets, the ordinary client's load."""

from __future__ import annotations

from dataclasses import dataclass

from lastcall.conformance.model.event import Event

Headers = tuple[tuple[str, str], ...]


# --- connections ---


@dataclass(frozen=True)
class ConnectionOpened(Event):
    """``connect()`` succeeded. The kernel can complete it alone, before the server calls ``accept()``."""

    connection: str = ""
    local_port: int = 0


@dataclass(frozen=True)
class ConnectionFailed(Event):
    """``connect()`` failed; the reason is ``refused``, ``timed out``, ``reset`` or the system's error text."""

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
    """The client wrote raw bytes that are no whole request (a part of a header, noise): ``what`` says which."""

    connection: str = ""
    length: int = 0
    what: str = ""


@dataclass(frozen=True)
class FrameSent(Event):
    """The client wrote an HTTP/2 frame."""

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
    """The client sent a GOAWAY of its own."""

    connection: str = ""
    last_stream_id: int = 0
    error_code: int = 0


HIGHEST_STREAM_ID = 2**31 - 1
"""The last stream id of an HTTP/2 GOAWAY that excludes no stream yet."""


@dataclass(frozen=True)
class GoawayReceived(Event):
    """A GOAWAY arrived. ``stream_id`` is the frame's own (0 unless the server is wrong); ``debug`` is printable text.

    HTTP/2 names the last stream that was or might have been processed; see :meth:`covers`.
    """

    connection: str = ""
    last_stream_id: int = -1
    error_code: int = -1
    stream_id: int = -1
    debug: str = ""

    def covers(self, stream_id: int | None) -> bool:
        """Return whether that stream was or might have been processed; a request on any other can safely be sent again.

        A GOAWAY says nothing about a request without a stream id, so such a request counts as covered.
        """
        # RFC 9113 §6.8: streams up to the last stream id and that one itself might have been processed.
        return stream_id is None or stream_id <= self.last_stream_id

    def covers_more_than(self, other: GoawayReceived) -> bool:
        """Return whether it covers streams that the other excluded."""
        return self.last_stream_id > other.last_stream_id

    @property
    def excludes_nothing(self) -> bool:
        """Whether it covers every possible stream: such a GOAWAY announces the shutdown, and a final one follows."""
        return self.last_stream_id == HIGHEST_STREAM_ID


@dataclass(frozen=True)
class ProtocolViolated(Event):
    """The server sent what its protocol does not allow or the client cannot read; the rest of its bytes are not read."""

    connection: str = ""
    detail: str = ""


SERVER, CLIENT = "server", "client"
"""The side that ended a connection."""

FIN = "fin"
"""TCP was closed for one direction. Over TLS, without a close_notify before it, the stream was truncated."""
RESET = "reset"
"""TCP was reset (RST)."""
CLOSE_NOTIFY = "close_notify"
"""TLS was closed properly for one direction; the FIN is an event of its own."""
CONNECTION_CLOSE = "connection_close"
"""QUIC was closed, for both directions at once, with a code."""
IDLE_TIMEOUT = "idle_timeout"
"""QUIC: no packet arrived for so long that the connection ended silently."""
ABANDONED = "abandoned"
"""The play is over and the client stopped waiting: what the server would have done next is not known."""


@dataclass(frozen=True)
class ConnectionEnded(Event):
    """One side ended the connection, or its own direction of it: ``by`` names the side, ``how`` the way.

    ``how`` is one of ``fin``, ``reset``, ``close_notify``, ``connection_close`` and ``idle_timeout``; the client's
    ``abandoned`` is not an end on the wire. ``code`` is the code of a connection_close.
    """

    connection: str = ""
    by: str = ""
    how: str = ""
    code: int | None = None


# --- requests and responses ---


@dataclass(frozen=True)
class RequestSent(Event):
    """The head of a request was written; ``whole`` if the body (if any) was too. ``stream_id`` is None in HTTP/1.1.

    ``expects``: the request has an Expect header (100-continue), so its body is held back.
    """

    request: str = ""
    connection: str = ""
    method: str = ""
    target: str = ""
    stream_id: int | None = None
    whole: bool = True
    expects: bool = False


@dataclass(frozen=True)
class RequestEnded(Event):
    """The end of a request that was not sent whole at once was written; its body had ``length`` bytes."""

    request: str = ""
    length: int = 0


@dataclass(frozen=True)
class TimeoutAnnounced(Event):
    """A 408 (Request Timeout) arrived while no request was open: the server announces that it closes an idle connection."""

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
class TrailersReceived(Event):
    """Trailers arrived: the fields that follow a response's body, and end it."""

    request: str = ""
    headers: Headers = ()


@dataclass(frozen=True)
class ResponseEnded(Event):
    """A response ended in the way in which its protocol ends a whole one.

    ``framing`` is what marked the end: ``end_stream``, ``content-length``, ``chunked``, ``none`` (no body allowed), or
    ``close`` (HTTP/1.1 delimited by the end of the connection, so that a cut body can look like a whole one).
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


@dataclass(frozen=True)
class StreamsEnded(Event):
    """A client that sent request after request on a connection has stopped, after ``sent`` of them.

    ``by_server``: the server took no more there, because it had named its last stream or ended the connection.
    """

    connection: str = ""
    name: str = ""
    sent: int = -1
    by_server: bool = False


# --- WebSockets ---


@dataclass(frozen=True)
class WebSocketAsked(Event):
    """The client's opening handshake, for a WebSocket named ``request``, was written on the connection.

    ``stream_id`` is None in HTTP/1.1. Over HTTP/2 the end of the WebSocket's stream is a ResponseEnded or StreamReset.
    """

    request: str = ""
    connection: str = ""
    target: str = ""
    stream_id: int | None = None


@dataclass(frozen=True)
class WebSocketOpened(Event):
    """The server completed the opening handshake: 101 with the accept value for the client's key, or 2xx over HTTP/2."""

    request: str = ""


@dataclass(frozen=True)
class WebSocketRefused(Event):
    """The server answered the opening handshake with another status than the one that opens it.

    ``status`` is 0 if the handshake could not be sent: over HTTP/2, the server's SETTINGS do not offer WebSockets.
    """

    request: str = ""
    status: int = 0


@dataclass(frozen=True)
class MessageReceived(Event):
    """A whole message arrived, in one frame or several; its payload has ``length`` bytes."""

    request: str = ""
    length: int = -1


@dataclass(frozen=True)
class MessageCut(Event):
    """The byte stream ended inside a message, or inside any frame; ``length`` bytes of the message had arrived."""

    request: str = ""
    length: int = -1


@dataclass(frozen=True)
class CloseReceived(Event):
    """A Close frame arrived. ``code`` is the frame's own, 0 if it has none (which applications see as 1005)."""

    request: str = ""
    code: int = -1
    reason: str = ""


@dataclass(frozen=True)
class CloseSent(Event):
    """The client answered a Close with its own: the same code, none (0) for none, 1002 for one that a Close must not have."""

    request: str = ""
    code: int = -1


# --- the ordinary client's load ---


@dataclass(frozen=True)
class LoadSent(Event):
    """An ordinary client (httpx) began a request; it decides by itself whether it opens a new connection."""

    request: str = ""


@dataclass(frozen=True)
class LoadAnswered(Event):
    """The ordinary client returned a whole response to its caller; ``version`` is the HTTP version that it reports."""

    request: str = ""
    status: int = 0
    length: int = -1
    version: str = ""


@dataclass(frozen=True)
class LoadFailed(Event):
    """The ordinary client raised an error to its caller: ``error`` is the exception's class, ``reason`` its message."""

    request: str = ""
    error: str = ""
    reason: str = ""
