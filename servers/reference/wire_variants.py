"""Variants that say the same in other bytes: frames, framings and fields that a client has to understand alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11
from h2.settings import SettingCodes
from hyperframe.frame import SettingsFrame
from wsproto.events import CloseConnection

from lastcall.servers.reference import frames
from lastcall.servers.reference.connection import Connection
from lastcall.servers.reference.http1 import Http1
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.websocket import WebSocket

if TYPE_CHECKING:
    from h2.errors import ErrorCodes
    from hyperframe.frame import GoAwayFrame

    from lastcall.servers.reference.application import Exchange, Headers

SMALL = 700
PADDING = 100
FIN_LATE_S = 0.5
EARLY_HINTS = 103
REASON = "the server goes away: à bientôt"
END_STREAM, END_HEADERS = 0x1, 0x4

# --- GOAWAY --------------------------------------------------------------------------------------------------------


class GoawayThrice(Http2):
    """Says the last stream three times over."""

    def settle_last_stream_id(self) -> None:
        """Say it, and twice more."""
        super().settle_last_stream_id()
        for _ in range(2):
            self.write_goaway(self.last_stream_id or 0)


class FinalGoawayAtTheEnd(Http2):
    """Processes what comes until nothing is in flight, and names the last stream then."""

    _round_trip = False

    def round_trip_over(self) -> None:
        """Remember it, and go on."""
        if self.draining:
            self._round_trip = True
            self.close_if_over()

    def over(self) -> bool:
        """Name the last stream when nothing is in flight."""
        if not self._round_trip or self.exchanges:
            return False
        if self.last_stream_id is None and not self.connection.closing:
            self.settle_last_stream_id()
        return True


class GoawayDebugData(Http2):
    """Says in words why."""

    def goaway(self, last_stream_id: int, code: int | ErrorCodes) -> GoAwayFrame:
        """Make a GOAWAY with words in it."""
        frame = super().goaway(last_stream_id, code)
        frame.additional_data = b"graceful_stop\x00\xff"
        return frame


class SettingsInDrain(Http2):
    """Tells the client in a second way that no more streams are wanted."""

    def announce_drain(self) -> None:
        """Say it, and GOAWAY; h2 is not told, so that it takes what was on its way."""
        settings: dict[int, int] = {SettingCodes.MAX_CONCURRENT_STREAMS: 0}
        self.connection.write(SettingsFrame(0, settings=settings).serialize())
        super().announce_drain()


# --- frames --------------------------------------------------------------------------------------------------------


class SmallData(Http2):
    """Sends bodies in small frames."""

    async def _room(self, exchange: Exchange) -> int:
        return min(SMALL, await super()._room(exchange))


class PaddedData(Http2):
    """Pads DATA, which costs the client's windows more than the body has bytes."""

    def outgoing(self, data: bytes) -> bytes:
        """Leave the frames as they are but for DATA that has room: a window that is short is not overdrawn."""
        return b"".join(self._padded(frame) for frame in frames.frames_in(data))

    def _padded(self, frame: bytes) -> bytes:
        stream_id, size = frames.stream_id(frame), len(frame) - frames.HEADER_LENGTH
        padding = PADDING + 1
        if frames.frame_type(frame) != frames.DATA or size + padding > self.h2.max_outbound_frame_size:
            return frame
        stream = self.h2.streams.get(stream_id)
        if stream is None or min(stream.outbound_flow_control_window, self.h2.outbound_flow_control_window) < padding:
            return frame
        stream.outbound_flow_control_window -= padding
        self.h2.outbound_flow_control_window -= padding
        head = (size + padding).to_bytes(3, "big") + bytes([frame[3], frame[4] | 0x8]) + frame[5 : frames.HEADER_LENGTH]
        return head + bytes([PADDING]) + frame[frames.HEADER_LENGTH :] + bytes(PADDING)


class ContinuedHeaders(Http2):
    """Sends the first byte of a header block in HEADERS, the rest in CONTINUATION."""

    def outgoing(self, data: bytes) -> bytes:
        """Split what can be split."""
        return b"".join(self._split(frame) for frame in frames.frames_in(data))

    def _split(self, frame: bytes) -> bytes:
        if frames.frame_type(frame) != frames.HEADERS:
            return frame
        stream, block, flags = frame[5 : frames.HEADER_LENGTH], frame[frames.HEADER_LENGTH :], frame[4]
        first = (1).to_bytes(3, "big") + bytes([frames.HEADERS, flags & ~END_HEADERS]) + stream + block[:1]
        rest = (len(block) - 1).to_bytes(3, "big") + bytes([frames.CONTINUATION, END_HEADERS]) + stream + block[1:]
        return first + rest


class NoDynamicTable(Http2):
    """Compresses heads without a memory of earlier ones."""

    def start(self) -> None:
        """Shrink the table to nothing, which the first head then says."""
        super().start()
        self.h2.encoder.header_table_size = 0


class Trailers(Http2):
    """Ends a response with fields, as gRPC does."""

    async def send_body(self, exchange: Exchange, data: bytes, *, last: bool) -> None:
        """Send the piece, and the end by itself."""
        await super().send_body(exchange, data, last=False)
        if last:
            self.send_end(exchange)

    def send_end(self, exchange: Exchange) -> None:
        """Send the end as trailers."""
        self._check(exchange)
        self.h2.send_headers(exchange.stream_id, [(b"x-served", b"yes")], end_stream=True)
        self.flush()


class EarlyHintsHttp2(Http2):
    """Sends an interim response before each final one."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send both."""
        self._check(exchange)
        self.h2.send_headers(exchange.stream_id, [(b":status", b"%d" % EARLY_HINTS), (b"link", b"</style.css>")])
        super().send_head(exchange, status, headers)


# --- HTTP/1.1 and WebSockets ---------------------------------------------------------------------------------------


class EarlyHintsHttp1(Http1):
    """Sends an interim response before each final one."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send both."""
        self._check(exchange)
        self._send(h11.InformationalResponse(status_code=EARLY_HINTS, headers=[(b"link", b"</style.css>")]))
        super().send_head(exchange, status, headers)


class ChunkedAlways(Http1):
    """Announces no length."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Leave the length out, and h11 takes chunks."""
        super().send_head(exchange, status, [(name, value) for name, value in headers if name != b"content-length"])


class CloseDelimited(Http1):
    """Writes bodies of the drain without length or chunks, which HTTP/1.1 still allows."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Let h11 answer as it answers a client that knows no chunks."""
        if self.draining:
            self.h11.their_http_version = b"1.0"
            headers = [(name, value) for name, value in headers if name != b"content-length"]
        super().send_head(exchange, status, headers)


class CloseInAList(Http1):
    """Says close as one option of two, and loudly."""

    def connection_header(self) -> Headers:
        """Say it so: options are a list, and their case means nothing."""
        return [(b"connection", b"X-Note , CLOSE"), (b"x-note", b"1")] if super().connection_header() else []


class WebSocketReason(WebSocket):
    """Gives a reason for people to read."""

    def send_close(self, code: int) -> None:
        """Send it with the code."""
        self.connection.write(self.ws.send(CloseConnection(code=code, reason=REASON)))


# --- TLS -----------------------------------------------------------------------------------------------------------


class FinAfterCloseNotify(Connection):
    """Waits after its close_notify for the client's, for a while, before it sends FIN."""

    def send_fin(self) -> None:
        """Send it later; the client's own close is answered sooner."""
        self.loop.call_later(FIN_LATE_S, self._send_late_fin)

    def _send_late_fin(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            super().send_fin()
