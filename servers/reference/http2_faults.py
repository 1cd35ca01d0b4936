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

# --- connections without a goodbye ---------------------------------------------------------------------------------


class AgedConnectionClosed(Http2):
    """Takes a connection older than 5 s for one that was never used, and closes it: golang/go#39776."""

    def begin_drain(self) -> None:
        """Look at the wrong thing."""
        if self.connection.age_s > NEW_CONNECTION_S:
            self.connection.close()
        else:
            super().begin_drain()


class IdleClosedWithoutGoaway(Http2):
    """Thinks that an idle connection needs no GOAWAY: a request on its way is lost, and may not be repeated."""

    def announce_drain(self) -> None:
        """Close at once if no stream is open."""
        if self.exchanges:
            super().announce_drain()
        else:
            self.connection.close()


class NoGoaway(Http2):
    """Drains in silence."""

    def write_goaway(self, last_stream_id: int, code: int = ErrorCodes.NO_ERROR) -> None:
        """Do nothing."""


class GoawayLate(Http2):
    """Says goodbye when the last stream has ended and no sooner: the client goes on opening streams."""

    def announce_drain(self) -> None:
        """Do nothing."""

    def over(self) -> bool:
        """Look at the streams alone."""
        return not self.exchanges

    def close(self) -> None:
        """Say it now."""
        self.settle_last_stream_id()
        super().close()


# --- a wrong goodbye -----------------------------------------------------------------------------------------------


class GoawayWithError(Http2):
    """Blames somebody."""

    def write_goaway(self, last_stream_id: int, code: int = ErrorCodes.NO_ERROR) -> None:
        """Say INTERNAL_ERROR."""
        super().write_goaway(last_stream_id, code or ErrorCodes.INTERNAL_ERROR)


class GoawayOnStream(Http2):
    """Sends GOAWAY on a stream, where it belongs to the connection."""

    def goaway(self, last_stream_id: int, code: int) -> GoAwayFrame:
        """Make a GOAWAY that names stream 1."""
        frame = super().goaway(last_stream_id, code)
        frame.stream_id = 1
        return frame


class LastStreamIdTooLow(Http2):
    """Disowns a stream that it processes: the client repeats the request, which is done twice."""

    def settle_last_stream_id(self) -> None:
        """Say less than is done."""
        self.last_stream_id = self.highest_accepted
        self.write_goaway(max(0, self.highest_accepted - 2))


class LastStreamIdIncreases(Http2):
    """Takes back, with a second GOAWAY, what the first one said."""

    def announce_drain(self) -> None:
        """Say the exact last stream, and then let a round trip pass."""
        self.write_goaway(self.highest_accepted)
        self.h2.ping(b"lastcall")
        self.flush()
        self.connection.call_later(0.5, self.round_trip_over)

    def settle_last_stream_id(self) -> None:
        """Say more."""
        self.last_stream_id = self.highest_accepted
        self.write_goaway(self.highest_accepted + 2)


# --- streams that race with the goodbye ----------------------------------------------------------------------------


class ProcessesAboveLastStreamId(SingleGoaway):
    """Processes streams that it has told the client are not."""

    def accepts(self, stream_id: int) -> bool:
        """Accept all."""
        return stream_id > 0


class RacedStreamResetsConnection(Http2):
    """Takes a stream that was on its way when GOAWAY was sent for a crime."""

    def open_stream(self, stream_id: int, headers: Headers) -> None:
        """End the connection, and every stream on it."""
        if self.draining:
            self.fail_connection(ErrorCodes.PROTOCOL_ERROR)
        else:
            super().open_stream(stream_id, headers)


class RacedStreamDropped(Http2):
    """Drops the streams that the shutdown overtakes, and never says which was the last that counted."""

    def open_stream(self, stream_id: int, headers: Headers) -> None:
        """Forget it."""
        if self.draining:
            self.discard(stream_id)
        else:
            super().open_stream(stream_id, headers)

    def settle_last_stream_id(self) -> None:
        """Know it, and keep it secret."""
        self.last_stream_id = self.highest_accepted


class RefusesProcessedStream(Http2):
    """Resets streams with REFUSED_STREAM though their handlers run: the client repeats what has been done."""

    def begin_drain(self) -> None:
        """Refuse what is in flight."""
        super().begin_drain()
        for exchange in self.in_flight():
            self.reset_stream(exchange.stream_id, ErrorCodes.REFUSED_STREAM)
            exchange.lose_client()
            exchange.end_response()


# --- what a connection owes while it drains ------------------------------------------------------------------------


class FlowControlLeak(SingleGoaway):
    """Keeps what the DATA of discarded streams took from the connection's window: uploads in flight stall."""

    def discard_data(self, counted: int) -> None:
        """Do nothing."""


class HpackDesync(SingleGoaway):
    """Drops discarded streams' frames unread, so that the header compression of all others goes wrong."""

    def receive_frame(self, frame: bytes) -> None:
        """Drop what belongs to a stream above the last one."""
        if self.last_stream_id is None or frames.is_preface(frame) or frames.stream_id(frame) <= self.last_stream_id:
            super().receive_frame(frame)
        elif frames.frame_type(frame) == frames.DATA and len(frame) > frames.HEADER_LENGTH:
            self.h2.increment_flow_control_window(len(frame) - frames.HEADER_LENGTH)


class WindowsShutInDrain(Http2):
    """Gives no window back in the drain: an upload that is longer than the rest of it stalls."""

    def body_consumed(self, exchange: Exchange) -> None:
        """Do nothing once the drain has begun."""
        if not self.draining:
            super().body_consumed(exchange)


class PingUnansweredInDrain(Http2):
    """Leaves PING without an answer in the drain: a client that checks its connection gives it up."""

    def outgoing(self, data: bytes) -> bytes:
        """Drop acknowledgements of PING."""
        return without_acks(data, frames.PING) if self.draining else data


class SettingsUnackedInDrain(Http2):
    """Leaves SETTINGS without an acknowledgement in the drain."""

    def outgoing(self, data: bytes) -> bytes:
        """Drop acknowledgements of SETTINGS."""
        return without_acks(data, frames.SETTINGS) if self.draining else data


def without_acks(data: bytes, kind: int) -> bytes:
    """Give the frames without acknowledgements of one type."""
    kept = (frame for frame in frames.frames_in(data) if frames.frame_type(frame) != kind or not frames.is_ack(frame))
    return b"".join(kept)
