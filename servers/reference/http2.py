"""HTTP/2 on one connection, with h2, and the two GOAWAYs of a graceful shutdown.

h2 ends its connection at a GOAWAY in either direction, streams in flight or not. So it is not shown the client's, and
ours are written beside it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hpack.exceptions import HPACKError
from hyperframe.frame import GoAwayFrame

from lastcall.servers.reference import frames
from lastcall.servers.reference.application import ClientGoneError
from lastcall.servers.reference.session import Session

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Exchange, Headers
    from lastcall.servers.reference.host import SessionHost
    from lastcall.servers.reference.websocket_stream import WebSocketStream

HIGHEST_STREAM_ID = 2**31 - 1
ROUND_TRIP_S = 0.5
"""How long the acknowledgement of the PING that goes with the first GOAWAY is waited for."""
CONNECTION_HEADERS = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})


def asks_for_websocket(pseudo: dict[bytes, bytes]) -> bool:
    """Tell whether a request is an extended CONNECT for a WebSocket."""
    return pseudo.get(b":method") == b"CONNECT" and pseudo.get(b":protocol") == b"websocket"


class Http2(Session):
    """An HTTP/2 connection."""

    http_version = "2"

    def __init__(self, connection: SessionHost) -> None:
        super().__init__(connection)
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.splitter = frames.FrameSplitter()
        self.exchanges: dict[int, Exchange] = {}
        self.websockets: dict[int, WebSocketStream] = {}
        self.highest_accepted = 0
        """The highest stream that was given to the application."""
        self.last_stream_id: int | None = None
        """The last stream that is processed, once that is settled."""
        self.client_leaves = False
        self._window_opened = asyncio.Event()

    # bytes

    def start(self) -> None:
        """Send our SETTINGS."""
        # RFC 8441 section 3: by this a client knows that it may ask for a WebSocket
        offered = {SettingCodes(code): value for code, value in self.h2.local_settings.items()}
        offered[SettingCodes.ENABLE_CONNECT_PROTOCOL] = 1
        self.h2.local_settings = Settings(client=False, initial_values=offered)
        self.h2.initiate_connection()
        self.flush()

    def receive(self, data: bytes) -> None:
        """Take bytes of the client, frame by frame."""
        try:
            for frame in self.splitter.split(data):
                if self.connection.closing:
                    return
                self.receive_frame(frame)
        except ProtocolError as error:
            # RFC 9113 section 4.3: a header block that cannot be decoded is COMPRESSION_ERROR; h2 has no name for it
            broken_hpack = isinstance(error.__cause__, HPACKError)
            self.fail_connection(ErrorCodes.COMPRESSION_ERROR if broken_hpack else error.error_code)
        self.flush()

    def receive_frame(self, frame: bytes) -> None:
        """Take a frame (or the preface); raises h2's ProtocolError."""
        if frames.frame_type(frame) == frames.GOAWAY and not frames.is_preface(frame):
            self.client_leaves = True
            self.close_if_over()
            return
        for event in self.h2.receive_data(frame):
            self._handle(event)

    def flush(self) -> None:
        """Send what h2 has to send."""
        self.connection.write(self.outgoing(self.h2.data_to_send()))

    def outgoing(self, data: bytes) -> bytes:
        """Give what is sent of the frames that h2 has made."""
        return data

    def client_ended(self) -> None:
        """Close: without the client's WINDOW_UPDATEs and PINGs there is no going on."""
        self.close()

    def lost(self) -> None:
        """Wake the handlers that wait for flow control, too."""
        super().lost()
        for websocket in tuple(self.websockets.values()):
            websocket.leave()
        self._wake_writers()

    def fail_connection(self, code: int) -> None:
        """End the connection with an error of the client's."""
        self.h2.clear_outbound_data_buffer()  # where h2 has put a GOAWAY of its own
        # RFC 9113 section 6.8: the last stream id of a later GOAWAY is never higher than that of an earlier one
        self.write_goaway(self.highest_accepted if self.last_stream_id is None else self.last_stream_id, code)
        self.connection.close()

    def _handle(self, event: Any) -> None:
        match event:
            case events.RequestReceived():
                self.open_stream(event.stream_id, event.headers)
            case _ if getattr(event, "stream_id", 0) in self.websockets:
                self.websockets[event.stream_id].handle(event)
            case events.DataReceived():
                self._receive_data(event.stream_id, event.data, event.flow_controlled_length)
            case events.StreamEnded() if event.stream_id in self.exchanges:
                self.exchanges[event.stream_id].end_request()
            case events.StreamReset() if event.stream_id in self.exchanges:
                self._end_reset_stream(self.exchanges[event.stream_id])
            case events.WindowUpdated() | events.RemoteSettingsChanged():
                self._wake_writers()
            case events.PingAckReceived():
                self.round_trip_over()

    # requests

    def in_flight(self) -> list[Exchange]:
        """Give the exchanges whose response has not ended."""
        return list(self.exchanges.values())

    def open_stream(self, stream_id: int, headers: Headers) -> None:
        """Process a new stream, or do not."""
        if self.accepts(stream_id):
            self.accept(stream_id, headers)
        else:
            self.discard(stream_id)

    def accepts(self, stream_id: int) -> bool:
        """Tell whether a new stream is processed."""
        return self.last_stream_id is None or stream_id <= self.last_stream_id

    def accept(self, stream_id: int, headers: Headers) -> None:
        """Give a request to the application."""
        pseudo = {name: value for name, value in headers if name.startswith(b":")}
        plain = [(bytes(name), bytes(value)) for name, value in headers if not name.startswith(b":")]
        if b":authority" in pseudo:
            plain.insert(0, (b"host", pseudo[b":authority"]))
        method, target = pseudo[b":method"].decode("latin-1"), bytes(pseudo.get(b":path", b"*"))
        self.highest_accepted = stream_id
        if asks_for_websocket(pseudo):
            self._open_websocket(stream_id, target, plain)
            return
        exchange = self.connection.new_exchange(self, stream_id, method, target, plain)
        self.exchanges[stream_id] = exchange
        self.run(exchange)

    def _open_websocket(self, stream_id: int, target: bytes, headers: Headers) -> None:
        """Give a stream to a WebSocket."""
        from lastcall.servers.reference import websocket_stream as over_h2  # noqa: PLC0415 - wsproto, if a client asks for it

        self.requests += 1
        stream = self.websockets[stream_id] = over_h2.WebSocketStream(self, stream_id)
        websocket = self.connection.new_websocket(stream, target, headers, over_h2.StreamHandshake(stream))
        websocket.start()
        if self.draining:
            websocket.begin_drain()

    def websocket_ended(self, stream_id: int) -> None:
        """Forget the stream of a WebSocket."""
        if self.websockets.pop(stream_id, None) is not None:
            self.close_if_over()

    def discard(self, stream_id: int) -> None:
        """Leave a stream above the last one alone: the client has been told that it is not processed."""

    def _receive_data(self, stream_id: int, data: bytes, counted: int) -> None:
        exchange = self.exchanges.get(stream_id)
        if exchange is None:
            self.discard_data(counted)
        else:
            exchange.body_arrived(data, counted)

    def discard_data(self, counted: int) -> None:
        """Give what the DATA of a discarded stream took back to the connection's window."""
        # RFC 9113 section 6.8: after a GOAWAY, DATA of ignored streams still counts in the connection's flow control
        if counted:
            self.h2.increment_flow_control_window(counted)

    def _end_reset_stream(self, exchange: Exchange) -> None:
        exchange.lose_client()
        exchange.end_response()

    def body_wanted(self, exchange: Exchange) -> None:
        """Invite the body if the client waits for that."""
        # RFC 9110 section 10.1.1: a server that means to read the content answers the expectation with 100 (Continue)
        if (b"expect", b"100-continue") in exchange.headers and exchange.stream_id in self.exchanges:
            exchange.headers.remove((b"expect", b"100-continue"))
            if not exchange.response_begun and not exchange.unread:
                self.h2.send_headers(exchange.stream_id, [(b":status", b"100")])
                self.flush()

    def body_consumed(self, exchange: Exchange) -> None:
        """Give the windows back what the application has taken."""
        if exchange.unread and not self.connection.closing:
            self.h2.acknowledge_received_data(exchange.unread, exchange.stream_id)
            self.flush()
        exchange.unread = 0

    # responses

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send the head of a response."""
        self._check(exchange)
        self.h2.send_headers(exchange.stream_id, [(b":status", b"%d" % status), *self.fields(headers)])
        self.flush()

    def fields(self, headers: Headers) -> Headers:
        """Give the fields of a response without those that belong to one HTTP/1.1 connection."""
        # RFC 9113 section 8.2.2: HTTP/2 has other means for what they say, and a message with one is malformed
        return [(name, value) for name, value in headers if name not in CONNECTION_HEADERS]

    async def send_body(self, exchange: Exchange, data: bytes, *, last: bool) -> None:
        """Send a piece of a response's body as the client's windows allow; there is none in the answer to HEAD."""
        rest = memoryview(b"" if exchange.method == "HEAD" else data)
        while rest:
            room = await self._room(exchange)
            piece, rest = rest[:room], rest[room:]
            self.h2.send_data(exchange.stream_id, bytes(piece), end_stream=last and not rest)
            self.flush()
            await self.connection.writable()
            if rest or not last:
                self._check(exchange)
        if last and (not data or exchange.method == "HEAD"):
            self.send_end(exchange)

    async def _room(self, exchange: Exchange) -> int:
        """Wait until the windows allow to send something, and give how much."""
        while True:
            self._check(exchange)
            window = self.h2.local_flow_control_window(exchange.stream_id)
            if window > 0:
                return min(window, self.h2.max_outbound_frame_size)
            await self._window_opened.wait()

    def _wake_writers(self) -> None:
        self._window_opened.set()
        self._window_opened = asyncio.Event()
        for websocket in tuple(self.websockets.values()):
            websocket.pump()

    def send_end(self, exchange: Exchange) -> None:
        """Send the end of a response."""
        self._check(exchange)
        self.h2.send_data(exchange.stream_id, b"", end_stream=True)
        self.flush()

    def _check(self, exchange: Exchange) -> None:
        if exchange.stream_id not in self.exchanges or self.connection.closing:
            raise ClientGoneError("the stream is closed")

    def reset_stream(self, stream_id: int, code: ErrorCodes) -> None:
        """End a stream with an error, or with NO_ERROR to say that the rest of the request is not wanted."""
        try:
            self.h2.reset_stream(stream_id, code)
        except ProtocolError:  # the client has been first
            return
        self.flush()

    def exchange_ended(self, exchange: Exchange) -> None:
        """Forget a stream that needs nothing more."""
        if self.exchanges.pop(exchange.stream_id, None) is None:
            return
        self.body_consumed(exchange)
        if not exchange.request_ended and not exchange.client_gone:
            # RFC 9113 section 8.1: after a whole response, NO_ERROR asks the client to stop sending its request
            self.reset_stream(exchange.stream_id, ErrorCodes.NO_ERROR)
        self._wake_writers()
        self.close_if_over()

    def cut(self, exchange: Exchange) -> None:
        """Reset the stream. Never with REFUSED_STREAM, which would say that nothing has been done."""
        self.reset_stream(exchange.stream_id, ErrorCodes.CANCEL)
        exchange.lose_client()
        exchange.end_response()

    # the drain

    def begin_drain(self) -> None:
        """Take note of the shutdown, and close the WebSockets."""
        super().begin_drain()
        for websocket in tuple(self.websockets.values()):
            if websocket.session is not None:
                websocket.session.begin_drain()

    def announce_drain(self) -> None:
        """Say that this connection ends, and let come what is on its way: one round trip."""
        # RFC 9113 section 6.8: a graceful shutdown begins with a GOAWAY that still allows every stream
        self.write_goaway(HIGHEST_STREAM_ID)
        self.h2.ping(b"lastcall")
        self.flush()
        self.connection.call_later(ROUND_TRIP_S, self.round_trip_over)

    def round_trip_over(self) -> None:
        """Say what the last stream is: the client has seen the first GOAWAY, or has had time to."""
        if self.draining and self.last_stream_id is None and not self.connection.closing:
            self.settle_last_stream_id()
            self.close_if_over()

    def settle_last_stream_id(self) -> None:
        """Accept no more streams, and tell the client which was the last."""
        self.last_stream_id = self.highest_accepted
        self.write_goaway(self.last_stream_id)

    def write_goaway(self, last_stream_id: int, code: int = ErrorCodes.NO_ERROR) -> None:
        """Send a GOAWAY, after what h2 has to send."""
        self.flush()
        self.connection.write(self.goaway(last_stream_id, code).serialize())

    def goaway(self, last_stream_id: int, code: int) -> GoAwayFrame:
        """Make a GOAWAY."""
        return GoAwayFrame(0, last_stream_id=last_stream_id, error_code=code)

    def over(self) -> bool:
        """Tell whether the last stream is settled and has ended."""
        return self.last_stream_id is not None and not self.exchanges and not self.websockets

    def close_if_over(self) -> None:
        """Close after the drain, or when the client has said goodbye and waits for nothing more."""
        open_streams = self.exchanges or self.websockets
        if self.client_leaves and not self.draining and not open_streams and not self.connection.closing:
            self.settle_last_stream_id()
            self.close()
        super().close_if_over()

    def expire(self) -> None:
        """End by force, and say before which streams were processed."""
        if self.last_stream_id is None:
            self.settle_last_stream_id()
        for websocket in tuple(self.websockets.values()):
            websocket.abort()
        super().expire()
