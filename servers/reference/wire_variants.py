"""Variants that send the same meaning in other bytes: frames, framings and fields that every client must understand."""

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
    """Sends the final GOAWAY three times."""

    def settle_last_stream_id(self) -> None:
        """Send the final GOAWAY, and twice more."""
        super().settle_last_stream_id()
        for _ in range(2):
            self.write_goaway(self.last_stream_id or 0)


class FinalGoawayAtTheEnd(Http2):
    """Processes new streams until nothing is in flight, and then names the last stream."""

    _round_trip = False

    def round_trip_over(self) -> None:
        """Note the round trip, and go on."""
        if self.draining:
            self._round_trip = True
            self.close_if_over()

    def over(self) -> bool:
        """Return whether nothing is in flight; before the close, send the final GOAWAY."""
        if not self._round_trip or self.exchanges:
            return False
        if self.last_stream_id is None and not self.connection.closing:
            self.settle_last_stream_id()
        return True


class GoawayDebugData(Http2):
    """Sends GOAWAY with debug data."""

    def goaway(self, last_stream_id: int, code: int | ErrorCodes) -> GoAwayFrame:
        """Return a GOAWAY frame with debug data."""
        frame = super().goaway(last_stream_id, code)
        frame.additional_data = b"graceful_stop\x00\xff"
        return frame


class SettingsInDrain(Http2):
    """Also sends SETTINGS that allow no more streams."""

    def announce_drain(self) -> None:
        """Send SETTINGS and GOAWAY; h2 does not see the SETTINGS, so that it accepts streams on their way."""
        settings: dict[int, int] = {SettingCodes.MAX_CONCURRENT_STREAMS: 0}
        self.connection.write(SettingsFrame(0, settings=settings).serialize())
        super().announce_drain()


# --- frames --------------------------------------------------------------------------------------------------------


class SmallData(Http2):
    """Sends bodies in small frames."""

    async def _room(self, exchange: Exchange) -> int:
        return min(SMALL, await super()._room(exchange))


class PaddedData(Http2):
    """Pads DATA; the padding counts in the client's windows too."""

    def outgoing(self, data: bytes) -> bytes:
        """Return the frames, with DATA padded where frame size and window have room for it."""
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
        """Return the frames, with every HEADERS split in two."""
        return b"".join(self._split(frame) for frame in frames.frames_in(data))

    def _split(self, frame: bytes) -> bytes:
        if frames.frame_type(frame) != frames.HEADERS:
            return frame
        stream, block, flags = frame[5 : frames.HEADER_LENGTH], frame[frames.HEADER_LENGTH :], frame[4]
        first = (1).to_bytes(3, "big") + bytes([frames.HEADERS, flags & ~END_HEADERS]) + stream + block[:1]
        rest = (len(block) - 1).to_bytes(3, "big") + bytes([frames.CONTINUATION, END_HEADERS]) + stream + block[1:]
        return first + rest


class NoDynamicTable(Http2):
    """Compresses heads without the dynamic table."""

    def start(self) -> None:
        """Set the table size to zero, which the first header block announces."""
        super().start()
        self.h2.encoder.header_table_size = 0


class Trailers(Http2):
    """Ends a response with trailers, as gRPC does."""

    async def send_body(self, exchange: Exchange, data: bytes, *, last: bool) -> None:
        """Send the piece, and after the last one the trailers."""
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
        """Send 103 (Early Hints), and then the head."""
        self._check(exchange)
        self.h2.send_headers(exchange.stream_id, [(b":status", b"%d" % EARLY_HINTS), (b"link", b"</style.css>")])
        super().send_head(exchange, status, headers)


# --- HTTP/1.1 and WebSockets ---------------------------------------------------------------------------------------


class EarlyHintsHttp1(Http1):
    """Sends an interim response before each final one."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send 103 (Early Hints), and then the head."""
        self._check(exchange)
        self._send(h11.InformationalResponse(status_code=EARLY_HINTS, headers=[(b"link", b"</style.css>")]))
        super().send_head(exchange, status, headers)


class ChunkedAlways(Http1):
    """Sends every body in chunks, without content-length."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send the head without content-length, so that h11 uses chunks."""
        super().send_head(exchange, status, [(name, value) for name, value in headers if name != b"content-length"])


class CloseDelimited(Http1):
    """Sends bodies in the drain without length or chunks, which HTTP/1.1 still allows."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send the head, in the drain as h11 does for an HTTP/1.0 client."""
        if self.draining:
            self.h11.their_http_version = b"1.0"
            headers = [(name, value) for name, value in headers if name != b"content-length"]
        super().send_head(exchange, status, headers)


class CloseInAList(Http1):
    """Sends close as one of two connection options, in capitals."""

    def connection_header(self) -> Headers:
        """Return the field; RFC 9110 section 7.6.1: options are a list and case-insensitive."""
        return [(b"connection", b"X-Note , CLOSE"), (b"x-note", b"1")] if super().connection_header() else []


class WebSocketReason(WebSocket):
    """Sends a Close with a reason."""

    def send_close(self, code: int) -> None:
        """Send the code and the reason."""
        self.connection.write(self.ws.send(CloseConnection(code=code, reason=REASON)))


# --- TLS -----------------------------------------------------------------------------------------------------------


class FinAfterCloseNotify(Connection):
    """Waits a while after its close_notify before it sends FIN."""

    def send_fin(self) -> None:
        """Send FIN later, unless the client closes first."""
        self.loop.call_later(FIN_LATE_S, self._send_late_fin)

    def _send_late_fin(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            super().send_fin()
