"""WebSocket over HTTP/1.1 (RFC 6455) from a client's side: the opening handshake, after which it owns the connection.

The frames on an open WebSocket are :mod:`lastcall.conformance.wire.ws_conversation`, also over HTTP/2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11
from wsproto.utilities import generate_accept_token, generate_nonce

from lastcall.conformance.model.client_events import (
    BytesSent,
    ProtocolViolated,
    WebSocketAsked,
    WebSocketOpened,
    WebSocketRefused,
)
from lastcall.conformance.wire.client import Outbox, ViolationError, excerpt
from lastcall.conformance.wire.ws_conversation import Conversation

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire.client import Outgoing

MAX_HEAD = 64 * 1024
_SWITCHING = 101


class WebSocketClient:
    """One WebSocket; see :class:`lastcall.conformance.wire.client.WireClient`. Its only request is the opening handshake.

    ``answers_close=False`` never answers a Close. RFC 6455 §7.1.1: the server closes TCP first, so this client never does.
    """

    def __init__(self, connection: str, *, authority: str, answers_close: bool = True) -> None:
        self.connection = connection
        self._authority = authority
        self._answers_close = answers_close
        self._outbox = Outbox()
        self._request = ""
        self._nonce = b""
        self._handshake: h11.Connection | None = None
        self._conversation: Conversation | None = None
        self._deaf = False

    @property
    def open_requests(self) -> frozenset[str]:
        """Always empty: a WebSocket ends by a Close, and has no response."""
        return frozenset()

    @property
    def draining(self) -> bool:
        """False: a Close is answered by a Close, and closes nothing here."""
        return False

    def start(self) -> None:
        """Do nothing: the opening handshake comes first."""

    def send_goodbye(self) -> None:
        """Do nothing: a client that closes TCP without a Close is one that has vanished."""

    def send_request(self, outgoing: Outgoing) -> None:
        """Queue the opening handshake; ValueError for a second one."""
        self.expect(outgoing.request)
        self._nonce = generate_nonce()
        headers = [
            ("host", self._authority),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", self._nonce.decode()),
            *outgoing.headers,
        ]
        self._handshake = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        head = self._handshake.send(h11.Request(method="GET", target=outgoing.target, headers=headers)) or b""
        self._handshake.send(h11.EndOfMessage())
        self._outbox.put(head, WebSocketAsked(outgoing.request, self.connection, outgoing.target))

    def send_body(self, request: str, data: bytes, *, end: bool) -> None:
        """Raise ValueError: a handshake has no body."""
        raise ValueError(f"a WebSocket's request has no body: {request!r}, {len(data)} bytes, {end=}")

    def begin_head(self, outgoing: Outgoing) -> None:
        """Raise ValueError: a handshake is sent whole."""
        raise ValueError(f"a WebSocket's handshake is sent whole: {outgoing.request!r}")

    def finish_head(self, request: str) -> None:
        """Raise ValueError: none can have been begun."""
        raise ValueError(f"no head of {request!r} has been begun on {self.connection!r}")

    def send_raw(self, data: bytes, what: str) -> None:
        """Queue any bytes."""
        self._outbox.put(data, BytesSent(connection=self.connection, length=len(data), what=what))

    def expect(self, request: str, method: str = "GET") -> None:  # noqa: ARG002 - a handshake is always a GET
        """Name the WebSocket of this connection; ValueError for a second one."""
        if self._request:
            raise ValueError(f"{self.connection!r} is the WebSocket {self._request!r} already")
        self._request = request

    def flush(self) -> tuple[bytes, list[Event]]:
        """Return all queued bytes, and the events that happen when they are written."""
        return self._outbox.take()

    def receive(self, data: bytes) -> list[Event]:
        """Read bytes and return their events: the answer to the handshake first, then frames."""
        events: list[Event] = []
        if self._deaf or not data:
            return events
        try:
            rest = data if self._conversation is not None else self._read_answer(data, events)
            if self._conversation is not None:
                self._conversation.read(rest, events)
        except ViolationError as violation:
            self._deaf = True
            events.append(ProtocolViolated(connection=self.connection, detail=str(violation)))
        return events

    def receive_end(self) -> list[Event]:
        """Read the end of the byte stream; return a MessageCut if it is inside a message or a frame."""
        if self._deaf or self._conversation is None:
            return []
        self._deaf = True
        return self._conversation.cut()

    def _read_answer(self, data: bytes, events: list[Event]) -> bytes:
        """Read the answer to the handshake; return the bytes after it."""
        if self._handshake is None:
            raise ViolationError(f"unsolicited bytes, no WebSocket was asked for: {excerpt(data)}")
        try:
            self._handshake.receive_data(data)
            answer = self._handshake.next_event()
        except h11.RemoteProtocolError as error:
            raise ViolationError(f"not an answer to the handshake: {excerpt(data)} ({str(error)[:200]})") from error
        if isinstance(answer, h11.InformationalResponse) and answer.status_code == _SWITCHING:
            return self._open(answer, events)
        if isinstance(answer, h11.Response):
            self._deaf = True
            events.append(WebSocketRefused(self._request, answer.status_code))
        return b""

    def _open(self, answer: h11.InformationalResponse, events: list[Event]) -> bytes:
        # RFC 6455 §4.1: the connection fails unless the accept value matches this client's key
        if dict(answer.headers).get(b"sec-websocket-accept", b"").strip() != generate_accept_token(self._nonce):
            raise ViolationError("the 101 does not answer the client's Sec-WebSocket-Key")
        assert self._handshake is not None
        self._conversation = Conversation(self._request, self._outbox.put, answers_close=self._answers_close)
        events.append(WebSocketOpened(self._request))
        return bytes(self._handshake.trailing_data[0])
