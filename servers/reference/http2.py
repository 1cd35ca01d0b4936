"""HTTP/2 on one connection, with h2, and the two GOAWAYs of a graceful shutdown.

The first GOAWAY still allows every stream (2^31-1): streams that the client opened before it read the GOAWAY are served.
A PING goes with it. When the client acknowledges it, no such stream can still be on its way, and the second GOAWAY names
the last stream. Streams up to it are served to their end; the connection closes after the last of them.

The library h2 ends its connection state at a GOAWAY in either direction, even with streams in flight. So h2 does not see
the client's GOAWAY, and the server writes its own past h2. An editor must keep both out of h2.
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
"""How long the server waits for the acknowledgement of the PING that goes with the first GOAWAY."""
CONNECTION_HEADERS = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})


def asks_for_websocket(pseudo: dict[bytes, bytes]) -> bool:
    """Return whether a request is an extended CONNECT for a WebSocket."""
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
        """The highest stream that the application has received."""
        self.last_stream_id: int | None = None
        """The last stream that is processed; None until the final GOAWAY names it."""
        self.client_leaves = False
        self._window_opened = asyncio.Event()

    # bytes

    def start(self) -> None:
        """Send our SETTINGS."""
        # RFC 8441 section 3: only with this setting may a client send an extended CONNECT
        offered = {SettingCodes(code): value for code, value in self.h2.local_settings.items()}
        offered[SettingCodes.ENABLE_CONNECT_PROTOCOL] = 1
        self.h2.local_settings = Settings(client=False, initial_values=offered)
        self.h2.initiate_connection()
        self.flush()

    def receive(self, data: bytes) -> None:
        """Process bytes from the client, frame by frame."""
        try:
            for frame in self.splitter.split(data):
                if self.connection.closing:
                    return
                self.receive_frame(frame)
        except ProtocolError as error:
            # RFC 9113 section 4.3: a header block that cannot be decoded is a COMPRESSION_ERROR, which h2 does not report
            broken_hpack = isinstance(error.__cause__, HPACKError)
            self.fail_connection(ErrorCodes.COMPRESSION_ERROR if broken_hpack else error.error_code)
        self.flush()

    def receive_frame(self, frame: bytes) -> None:
        """Process a frame (or the preface); raises h2's ProtocolError."""
        if frames.frame_type(frame) == frames.GOAWAY and not frames.is_preface(frame):
            self.client_leaves = True
            self.close_if_over()
            return
        for event in self.h2.receive_data(frame):
            self._handle(event)

    def flush(self) -> None:
        """Send the frames that h2 has made."""
        self.connection.write(self.outgoing(self.h2.data_to_send()))

    def outgoing(self, data: bytes) -> bytes:
        """Return the bytes to send for the frames that h2 has made: all of them, unless a fault overrides it."""
        return data

    def client_ended(self) -> None:
        """Close: without the client's WINDOW_UPDATE and acknowledgements the connection cannot go on."""
        self.close()

    def lost(self) -> None:
        """Handle the loss of the connection, and wake the handlers that wait for flow control."""
        super().lost()
        for websocket in tuple(self.websockets.values()):
            websocket.leave()
        self._wake_writers()

    def fail_connection(self, code: int) -> None:
        """End the connection because of an error of the client."""
        self.h2.clear_outbound_data_buffer()  # h2 has put its own GOAWAY there
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
        """Return the exchanges whose response has not ended."""
        return list(self.exchanges.values())

    def open_stream(self, stream_id: int, headers: Headers) -> None:
        """Process a new stream, or discard it."""
        if self.accepts(stream_id):
            self.accept(stream_id, headers)
        else:
            self.discard(stream_id)

    def accepts(self, stream_id: int) -> bool:
        """Return whether a new stream is processed: any stream before the final GOAWAY, none above its last stream id."""
        return self.last_stream_id is None or stream_id <= self.last_stream_id

    def accept(self, stream_id: int, headers: Headers) -> None:
        """Start the application, or a WebSocket, for a new stream."""
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
        """Start a WebSocket on a stream."""
        from lastcall.servers.reference import websocket_stream as over_h2  # noqa: PLC0415 - imports wsproto only if a client opens a WebSocket

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
        """Ignore a stream above the last stream id: by the final GOAWAY the client knows that it is not processed."""

    def _receive_data(self, stream_id: int, data: bytes, counted: int) -> None:
        exchange = self.exchanges.get(stream_id)
        if exchange is None:
            self.discard_data(counted)
        else:
            exchange.body_arrived(data, counted)

    def discard_data(self, counted: int) -> None:
        """Return the DATA of a discarded stream to the connection's window."""
        # RFC 9113 section 6.8: DATA of ignored streams still counts in the connection's flow control; without its return
        # the uploads in flight would stall
        if counted:
            self.h2.increment_flow_control_window(counted)

    def _end_reset_stream(self, exchange: Exchange) -> None:
        exchange.lose_client()
        exchange.end_response()

    def body_wanted(self, exchange: Exchange) -> None:
        """Send 100 (Continue) if the client waits for it before it sends the body."""
        # RFC 9110 section 10.1.1: a server that wants the content answers the expectation with 100 (Continue)
        if (b"expect", b"100-continue") in exchange.headers and exchange.stream_id in self.exchanges:
            exchange.headers.remove((b"expect", b"100-continue"))
            if not exchange.response_begun and not exchange.unread:
                self.h2.send_headers(exchange.stream_id, [(b":status", b"100")])
                self.flush()

    def body_consumed(self, exchange: Exchange) -> None:
        """Return the bytes that the application has read to the windows."""
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
        """Return the fields of a response without those that belong to an HTTP/1.1 connection."""
        # RFC 9113 section 8.2.2: a message with connection-specific fields is malformed in HTTP/2
        return [(name, value) for name, value in headers if name not in CONNECTION_HEADERS]

    async def send_body(self, exchange: Exchange, data: bytes, *, last: bool) -> None:
        """Send a piece of a response's body as the client's windows allow; the response to HEAD has none."""
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
        """Wait until the windows allow sending, and return how many bytes they allow."""
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
        except ProtocolError:  # the client has reset it first
            return
        self.flush()

    def exchange_ended(self, exchange: Exchange) -> None:
        """Forget a stream whose response has ended, and close the connection if it was the last of a drain."""
        if self.exchanges.pop(exchange.stream_id, None) is None:
            return
        self.body_consumed(exchange)
        if not exchange.request_ended and not exchange.client_gone:
            # RFC 9113 section 8.1: after a whole response, RST_STREAM with NO_ERROR asks the client to stop its request
            self.reset_stream(exchange.stream_id, ErrorCodes.NO_ERROR)
        self._wake_writers()
        self.close_if_over()

    def cut(self, exchange: Exchange) -> None:
        """Reset the stream with CANCEL."""
        # RFC 9113 section 8.7: REFUSED_STREAM says that nothing was processed, so that the client may retry; not true here
        self.reset_stream(exchange.stream_id, ErrorCodes.CANCEL)
        exchange.lose_client()
        exchange.end_response()

    # the drain

    def begin_drain(self) -> None:
        """Begin the drain of the requests and of the WebSockets."""
        super().begin_drain()
        for websocket in tuple(self.websockets.values()):
            if websocket.session is not None:
                websocket.session.begin_drain()

    def announce_drain(self) -> None:
        """Announce the end of the connection, and wait one round trip for streams that are on their way."""
        # RFC 9113 section 6.8: a graceful shutdown begins with a GOAWAY whose last stream id is 2^31-1 and whose code is
        # NO_ERROR; after at least one round trip, another GOAWAY names the real last stream
        self.write_goaway(HIGHEST_STREAM_ID)
        self.h2.ping(b"lastcall")
        self.flush()
        self.connection.call_later(ROUND_TRIP_S, self.round_trip_over)

    def round_trip_over(self) -> None:
        """Name the last stream: the client has seen the first GOAWAY, or has had time to."""
        if self.draining and self.last_stream_id is None and not self.connection.closing:
            self.settle_last_stream_id()
            self.close_if_over()

    def settle_last_stream_id(self) -> None:
        """Accept no more streams, and send the client the id of the last one."""
        self.last_stream_id = self.highest_accepted
        self.write_goaway(self.last_stream_id)

    def write_goaway(self, last_stream_id: int, code: int = ErrorCodes.NO_ERROR) -> None:
        """Send a GOAWAY, after the frames that h2 has made."""
        self.flush()
        self.connection.write(self.goaway(last_stream_id, code).serialize())

    def goaway(self, last_stream_id: int, code: int) -> GoAwayFrame:
        """Return a GOAWAY frame."""
        return GoAwayFrame(0, last_stream_id=last_stream_id, error_code=code)

    def over(self) -> bool:
        """Return whether the final GOAWAY is sent and every stream has ended."""
        return self.last_stream_id is not None and not self.exchanges and not self.websockets

    def close_if_over(self) -> None:
        """Close after the drain, or when the client has sent GOAWAY and no stream is open."""
        open_streams = self.exchanges or self.websockets
        if self.client_leaves and not self.draining and not open_streams and not self.connection.closing:
            self.settle_last_stream_id()
            self.close()
        super().close_if_over()

    def expire(self) -> None:
        """End by force, but first name the last stream, so that the client knows which requests it may repeat."""
        if self.last_stream_id is None:
            self.settle_last_stream_id()
        for websocket in tuple(self.websockets.values()):
            websocket.abort()
        super().expire()
