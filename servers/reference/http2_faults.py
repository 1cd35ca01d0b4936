"""Faults of HTTP/2: GOAWAY, streams that race with it, and what a connection owes in a drain. See faults.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2.errors import ErrorCodes

from lastcall.servers.reference import frames
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.variants import SingleGoaway

if TYPE_CHECKING:
    from hyperframe.frame import GoAwayFrame

    from lastcall.servers.reference.application import Exchange, Headers

NEW_CONNECTION_S = 5.0

# --- connections without a GOAWAY ----------------------------------------------------------------------------------


class AgedConnectionClosed(Http2):
    """Mistakes a connection older than 5 s for one that was never used, and closes it: golang/go#39776."""

    def begin_drain(self) -> None:
        """Close the connection if it is old, whatever is in flight on it."""
        if self.connection.age_s > NEW_CONNECTION_S:
            self.connection.close()
        else:
            super().begin_drain()


class IdleClosedWithoutGoaway(Http2):
    """Closes idle connections without GOAWAY: a request on its way is lost, and its client must not repeat it."""

    def announce_drain(self) -> None:
        """Close at once if no stream is open."""
        if self.exchanges:
            super().announce_drain()
        else:
            self.connection.close()


class NoGoaway(Http2):
    """Drains without sending GOAWAY."""

    def write_goaway(self, last_stream_id: int, code: int = ErrorCodes.NO_ERROR) -> None:
        """Do nothing."""


class GoawayLate(Http2):
    """Sends GOAWAY only when the last stream has ended: the client goes on opening streams."""

    def announce_drain(self) -> None:
        """Do nothing."""

    def over(self) -> bool:
        """Return whether every stream has ended, with or without a final GOAWAY."""
        return not self.exchanges

    def close(self) -> None:
        """Send GOAWAY, and close."""
        self.settle_last_stream_id()
        super().close()


# --- a wrong GOAWAY ------------------------------------------------------------------------------------------------


class GoawayWithError(Http2):
    """Sends GOAWAY with an error code."""

    def write_goaway(self, last_stream_id: int, code: int = ErrorCodes.NO_ERROR) -> None:
        """Send GOAWAY with INTERNAL_ERROR."""
        super().write_goaway(last_stream_id, code or ErrorCodes.INTERNAL_ERROR)


class GoawayOnStream(Http2):
    """Sends GOAWAY on a stream instead of on the connection (stream 0)."""

    def goaway(self, last_stream_id: int, code: int) -> GoAwayFrame:
        """Return a GOAWAY frame on stream 1."""
        frame = super().goaway(last_stream_id, code)
        frame.stream_id = 1
        return frame


class LastStreamIdTooLow(Http2):
    """Names a last stream below one that it processes: the client repeats the request, which is then processed twice."""

    def settle_last_stream_id(self) -> None:
        """Name a stream below the last one."""
        self.last_stream_id = self.highest_accepted
        self.write_goaway(max(0, self.highest_accepted - 2))


class LastStreamIdIncreases(Http2):
    """Raises the last stream id in its second GOAWAY."""

    def announce_drain(self) -> None:
        """Name the exact last stream, and then wait a round trip."""
        self.write_goaway(self.highest_accepted)
        self.h2.ping(b"lastcall")
        self.flush()
        self.connection.call_later(0.5, self.round_trip_over)

    def settle_last_stream_id(self) -> None:
        """Name a higher stream."""
        self.last_stream_id = self.highest_accepted
        self.write_goaway(self.highest_accepted + 2)


# --- streams that race with the GOAWAY -----------------------------------------------------------------------------


class ProcessesAboveLastStreamId(SingleGoaway):
    """Processes streams above the last stream id that its GOAWAY named."""

    def accepts(self, stream_id: int) -> bool:
        """Return true for every stream."""
        return stream_id > 0


class RacedStreamResetsConnection(Http2):
    """Treats a stream that was on its way when GOAWAY was sent as a connection error."""

    def open_stream(self, stream_id: int, headers: Headers) -> None:
        """End the connection, and every stream on it."""
        if self.draining:
            self.fail_connection(ErrorCodes.PROTOCOL_ERROR)
        else:
            super().open_stream(stream_id, headers)


class RacedStreamDropped(Http2):
    """Drops the streams that arrive after the signal, and never names the last stream that it processed."""

    def open_stream(self, stream_id: int, headers: Headers) -> None:
        """Discard the stream in a drain."""
        if self.draining:
            self.discard(stream_id)
        else:
            super().open_stream(stream_id, headers)

    def settle_last_stream_id(self) -> None:
        """Note the last stream, and send no GOAWAY."""
        self.last_stream_id = self.highest_accepted


class RefusesProcessedStream(Http2):
    """Resets streams with REFUSED_STREAM though their handlers run: the client repeats requests that were processed."""

    def begin_drain(self) -> None:
        """Drain, and refuse the streams in flight."""
        super().begin_drain()
        for exchange in self.in_flight():
            self.reset_stream(exchange.stream_id, ErrorCodes.REFUSED_STREAM)
            exchange.lose_client()
            exchange.end_response()


# --- what a connection owes while it drains ------------------------------------------------------------------------


class FlowControlLeak(SingleGoaway):
    """Does not return the DATA of discarded streams to the connection's window: uploads in flight stall."""

    def discard_data(self, counted: int) -> None:
        """Do nothing."""


class HpackDesync(SingleGoaway):
    """Drops the frames of discarded streams unread, so that the header compression of all other streams breaks."""

    def receive_frame(self, frame: bytes) -> None:
        """Process a frame, or drop it if it belongs to a stream above the last one."""
        if self.last_stream_id is None or frames.is_preface(frame) or frames.stream_id(frame) <= self.last_stream_id:
            super().receive_frame(frame)
        elif frames.frame_type(frame) == frames.DATA and len(frame) > frames.HEADER_LENGTH:
            self.h2.increment_flow_control_window(len(frame) - frames.HEADER_LENGTH)


class WindowsShutInDrain(Http2):
    """Returns no window in the drain: an upload that is longer than the rest of the window stalls."""

    def body_consumed(self, exchange: Exchange) -> None:
        """Do nothing once the drain has begun."""
        if not self.draining:
            super().body_consumed(exchange)


class PingUnansweredInDrain(Http2):
    """Does not answer PING in the drain: a client that checks its connection gives it up."""

    def outgoing(self, data: bytes) -> bytes:
        """Return the frames without acknowledgements of PING, in the drain."""
        return without_acks(data, frames.PING) if self.draining else data


class SettingsUnackedInDrain(Http2):
    """Does not acknowledge SETTINGS in the drain."""

    def outgoing(self, data: bytes) -> bytes:
        """Return the frames without acknowledgements of SETTINGS, in the drain."""
        return without_acks(data, frames.SETTINGS) if self.draining else data


def without_acks(data: bytes, kind: int) -> bytes:
    """Return the frames without acknowledgements of one type."""
    kept = (frame for frame in frames.frames_in(data) if frames.frame_type(frame) != kind or not frames.is_ack(frame))
    return b"".join(kept)
