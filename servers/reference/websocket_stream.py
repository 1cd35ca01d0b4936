"""The HTTP/2 stream of a WebSocket (RFC 8441), which is its host as a TCP connection is over HTTP/1.1."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.errors import ErrorCodes
from wsproto import ConnectionType
from wsproto.connection import Connection as Framing
from wsproto.events import AcceptConnection, RejectConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from wsproto.events import Event

    from lastcall.servers.reference.application import Application, Headers
    from lastcall.servers.reference.http2 import Http2
    from lastcall.servers.reference.websocket import WebSocket

LINGER_S = 0.3
"""How long the client has, after the end of our half of the stream, to end its own."""
OK = 200


class WebSocketStream:
    """One stream, until both of its halves have ended or it is reset."""

    def __init__(self, http2: Http2, stream_id: int) -> None:
        self.http2 = http2
        self.stream_id = stream_id
        self.session: WebSocket | None = None
        self.ended = False
        """Whether our half has ended."""
        self.client_ended = False
        self._closing = False
        self._unsent = bytearray()
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def secure(self) -> bool:
        """Whether the connection uses TLS."""
        return self.http2.connection.secure

    @property
    def closing(self) -> bool:
        """Whether writing is over."""
        return self._closing or self.http2.connection.closing

    # the client

    def handle(self, event: Any) -> None:
        """Process an event of the stream."""
        match event:
            case events.DataReceived():
                if event.flow_controlled_length:
                    self.http2.h2.acknowledge_received_data(event.flow_controlled_length, self.stream_id)
                if self.session is not None and not self.closing:
                    self.session.receive(event.data)
            case events.StreamEnded():
                self._take_end()
            case events.StreamReset():
                self.leave()
            case events.WindowUpdated():
                self.pump()

    def _take_end(self) -> None:
        self.client_ended = True
        if self.ended:
            self.leave()
        elif self.session is not None and not self.closing:
            self.session.client_ended()

    # bytes out

    def write(self, data: bytes) -> None:
        """Send bytes as the client's windows allow; after our close they are dropped."""
        if not self.closing and data:
            self._unsent += data
            self._drained.clear()
            self.pump()

    def pump(self) -> None:
        """Send as many bytes as the windows allow, and after the last one the end of the stream."""
        if self.ended or self.http2.connection.closing:
            return
        h2 = self.http2.h2
        while self._unsent and (window := h2.local_flow_control_window(self.stream_id)) > 0:
            room = min(window, h2.max_outbound_frame_size)
            h2.send_data(self.stream_id, bytes(self._unsent[:room]))
            del self._unsent[:room]
        if not self._unsent:
            self._drained.set()
            if self._closing:
                self._end()
        self.http2.flush()

    async def writable(self) -> None:
        """Wait while the client reads more slowly than the server writes."""
        await self._drained.wait()
        await self.http2.connection.writable()

    # the WebSocket and its application

    def take_over(self, websocket: WebSocket) -> None:
        """Hand the stream's bytes and the drain over to a WebSocket from now on."""
        self.session = websocket

    def start_handler(self, handler: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
        """Run a handler of the application; the drain waits for it."""
        self.http2.connection.start_handler(handler)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call the callback after some seconds."""
        self.http2.connection.call_later(delay_s, callback)

    def log(self, line: str) -> None:
        """Write a line to the server's log."""
        self.http2.connection.log(line)

    # the close

    def close(self) -> None:
        """End our half after the bytes still to be written; the client then has ``LINGER_S`` to end its own."""
        if not self.closing:
            self._close()
            self.pump()

    def _close(self) -> None:
        self._closing = True
        if self.session is not None:
            self.session.lost()

    def _end(self) -> None:
        # RFC 8441 section 5: END_STREAM stands for the orderly close of TCP
        self.ended = True
        self.http2.h2.end_stream(self.stream_id)
        if self.client_ended:
            self.leave()
        else:
            self.call_later(LINGER_S, self.abort)

    def abort(self) -> None:
        """Reset the stream."""
        # RFC 8441 section 5: RST_STREAM with CANCEL stands for the RST of TCP
        if self.stream_id in self.http2.websockets:
            self.http2.reset_stream(self.stream_id, ErrorCodes.CANCEL)
            self.leave()

    def leave(self) -> None:
        """Note that the stream is over, by an end or by a reset."""
        self.ended = True
        self._drained.set()
        self._close()
        self.http2.websocket_ended(self.stream_id)


class StreamHandshake:
    """The opening handshake over HTTP/2, and the frames after it: wsproto's own handshake is for HTTP/1.1 only."""

    def __init__(self, stream: WebSocketStream) -> None:
        self._stream = stream
        self._framing = Framing(ConnectionType.SERVER)

    def initiate_upgrade_connection(self, headers: Headers, path: str) -> None:
        """Do nothing: HTTP/2 has read the request already."""

    def receive_data(self, data: bytes) -> None:
        """Process bytes from the client."""
        self._framing.receive_data(data)

    def events(self) -> Iterator[Event]:
        """Return the events in the bytes processed so far."""
        return iter(self._framing.events())

    def send(self, event: Event) -> bytes:
        """Answer the handshake by a response, or return the bytes of a WebSocket frame."""
        if isinstance(event, AcceptConnection):
            self._answer(OK, [])
        elif isinstance(event, RejectConnection):
            self._answer(event.status_code, list(event.headers))
        else:
            return bytes(self._framing.send(event))
        return b""

    def _answer(self, status: int, headers: Headers) -> None:
        http2 = self._stream.http2
        http2.h2.send_headers(self._stream.stream_id, [(b":status", b"%d" % status), *http2.fields(headers)])
        http2.flush()
