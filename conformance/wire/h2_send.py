"""The sending half of an HTTP/2 client: frames made from requests, within the windows that the server grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from lastcall.conformance.model.client_events import (
    BytesSent,
    GoawaySent,
    RequestEnded,
    RequestSent,
)
from lastcall.conformance.wire import h2_frames
from lastcall.conformance.wire.client import Outbox
from lastcall.conformance.wire.h2_frames import MAX_FRAME
from lastcall.conformance.wire.h2_stream import ReceiveWindow, Stream

if TYPE_CHECKING:
    from lastcall.conformance.model.client_events import Headers
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire.client import Outgoing

DEFAULT_WINDOW = 65_535
"""The initial size of every window (RFC 9113 §6.9.2); this client never changes the connection's."""
DEFAULT_TABLE = 4096
"""The initial size of the HPACK table in bytes (RFC 9113 §6.5.2)."""


class H2Sender:
    """The sending half of a client, with its streams and the windows of both directions."""

    def __init__(
        self,
        connection: str,
        *,
        authority: str,
        scheme: str,
        initial_window: int = DEFAULT_WINDOW,
        replenish: bool = True,
    ) -> None:
        self.connection = connection
        self.replenish = replenish
        self._authority = authority
        self._scheme = scheme
        self._initial_window = initial_window
        self._window = ReceiveWindow(DEFAULT_WINDOW)
        self._send_window = DEFAULT_WINDOW
        self._peer_initial_window = DEFAULT_WINDOW
        self._encoder = Encoder()
        self._streams: dict[int, Stream] = {}
        self._outbox = Outbox()
        self._goodbye_said = False
        self._begun: tuple[Stream, Outgoing, bytes] | None = None
        self._held_back: list[tuple[Frame, tuple[Event, ...], str]] = []

    @property
    def open_requests(self) -> frozenset[str]:
        """The requests, sent or expected, whose response has neither ended nor been reset."""
        return frozenset(stream.request for stream in self._streams.values() if not stream.closed)

    def start(self) -> None:
        """Queue the preface and our SETTINGS: no push, and the streams' window."""
        self._outbox.put(h2_frames.PREFACE)
        settings = {SettingsFrame.ENABLE_PUSH: 0, SettingsFrame.INITIAL_WINDOW_SIZE: self._initial_window}
        self._send(SettingsFrame(settings=settings))

    def send_request(self, outgoing: Outgoing) -> None:
        """Queue a request on a new stream; the part of its body that exceeds the server's windows waits here.

        A request whose body has to wait is recorded as not sent whole; its RequestEnded follows with the last byte.
        """
        stream = self._open(outgoing.request, outgoing.method)
        stream.recorded_whole = outgoing.whole and len(outgoing.body) <= min(self._send_window, stream.send_window)
        self._send_head(stream, outgoing, end=outgoing.whole and not outgoing.body)
        self._outbox.put(b"", self._sent(stream, outgoing))
        if not stream.end_sent:
            stream.queue(outgoing.body, end=outgoing.whole)
            self._send_unsent(stream)

    def begin_head(self, outgoing: Outgoing) -> None:
        """Queue HEADERS with the first half of the header block. Every other frame waits for the second half.

        RFC 9113 §6.10: between HEADERS and its CONTINUATION no other frame may come, of any stream.
        """
        stream = self._open(outgoing.request, outgoing.method)
        stream.recorded_whole = outgoing.whole
        block = self._header_block(outgoing)
        half = max(1, len(block) // 2)
        frame = HeadersFrame(stream.stream_id, block[:half])
        ends = outgoing.whole and not outgoing.body
        if ends:
            frame.flags.add("END_STREAM")
        self._send(frame, detail=f"{outgoing.method} {outgoing.target}, first half")
        stream.end_sent = ends
        self._begun = stream, outgoing, block[half:]

    def finish_head(self, request: str) -> None:
        """Queue CONTINUATION with the rest of the block, then the frames that waited for it, then the body."""
        if self._begun is None or self._begun[0].request != request:
            raise ValueError(f"no head of {request!r} has been begun on {self.connection!r}")
        (stream, outgoing, rest), self._begun = self._begun, None
        self._send(ContinuationFrame(stream.stream_id, rest, flags=["END_HEADERS"]), self._sent(stream, outgoing))
        for frame, events, detail in self._held_back:
            self._send(frame, *events, detail=detail)
        self._held_back = []
        if not stream.end_sent:
            stream.queue(outgoing.body, end=outgoing.whole)
            self._send_unsent(stream)

    def send_trailers(self, request: str, trailers: Headers) -> None:
        """Queue trailers, which end the request."""
        stream = self._named(request)
        if stream is None or not stream.accepts_body:
            raise ValueError(f"no body of {request!r} is being sent on {self.connection!r}")
        block = self._encoder.encode([(name.encode("latin-1"), value.encode("latin-1")) for name, value in trailers])
        stream.end_sent = True
        ended = RequestEnded(request=request, length=stream.sent_length)
        self._send(HeadersFrame(stream.stream_id, block, flags=["END_HEADERS", "END_STREAM"]), ended, detail="trailers")

    def send_ping(self) -> None:
        """Queue a PING."""
        self._send(PingFrame(0, opaque_data=b"lastcall"))

    def send_settings(self) -> None:
        """Queue SETTINGS that change nothing, to be acknowledged."""
        self._send(SettingsFrame(settings={SettingsFrame.ENABLE_PUSH: 0}))

    def send_priority(self, request: str) -> None:
        """Queue a PRIORITY frame for a stream. RFC 9113 §5.3.2 deprecates it, and servers must still accept it."""
        stream = self._named(request)
        self._send(PriorityFrame(stream.stream_id if stream else 1, stream_weight=16))

    def send_reset(self, request: str) -> None:
        """Queue RST_STREAM (CANCEL): the client cancels the request."""
        stream = self._named(request)
        if stream is None:
            raise ValueError(f"no request {request!r} on {self.connection!r}")
        self._send(RstStreamFrame(stream.stream_id, error_code=8))
        stream.reset = True

    def send_body(self, request: str, data: bytes, *, end: bool) -> None:
        """Queue more body. After the server has reset the stream it is dropped, and no end is recorded."""
        stream = self._named(request)
        if stream is None or not stream.accepts_body:
            raise ValueError(f"no body of {request!r} is being sent on {self.connection!r}")
        stream.queue(data, end=end)
        self._send_unsent(stream)

    def send_goodbye(self) -> None:
        """Queue GOAWAY, once: the server opened no stream, so the last one we processed is 0."""
        if not self._goodbye_said:
            self._goodbye_said = True
            self._send(GoAwayFrame(), GoawaySent(connection=self.connection))

    def send_raw(self, data: bytes, what: str) -> None:
        """Queue any bytes. They bypass the HPACK encoder, so a header block in them must not index fields."""
        self._outbox.put(data, BytesSent(connection=self.connection, length=len(data), what=what))

    def expect(self, request: str, method: str = "GET") -> int:
        """Return the next stream id, for a request whose frames the caller writes by ``send_raw``."""
        stream = self._open(request, method)
        stream.end_sent = True
        return stream.stream_id

    def replenish_now(self) -> None:
        """Queue WINDOW_UPDATEs for everything consumed on the connection and on each stream that is still open."""
        self._give_back(None, everything=True)
        for stream in self._streams.values():
            self._give_back(stream, everything=True)

    def grant(self, request: str, increment: int) -> None:
        """Queue a WINDOW_UPDATE beyond what was consumed: with an ``initial_window`` of 0 only this opens the window.

        Written by ``send_raw`` it would not be counted, and the server's DATA would look like a violation.
        """
        stream = self._named(request)
        if stream is None:
            raise ValueError(f"no request {request!r} on {self.connection!r}")
        stream.window.grow(increment)
        self._send(WindowUpdateFrame(stream.stream_id, increment))

    def flush(self) -> tuple[bytes, list[Event]]:
        """Return all queued bytes, and the events that happen when they are written."""
        return self._outbox.take()

    def _open(self, request: str, method: str) -> Stream:
        if self._named(request) is not None:
            raise ValueError(f"request {request!r} exists already on {self.connection!r}")
        windows = {"send_window": self._peer_initial_window, "receive_window": self._initial_window}
        stream = Stream(2 * len(self._streams) + 1, request, method, **windows)
        self._streams[stream.stream_id] = stream
        return stream

    def _named(self, request: str) -> Stream | None:
        return next((stream for stream in self._streams.values() if stream.request == request), None)

    def _sent(self, stream: Stream, outgoing: Outgoing) -> RequestSent:
        return RequestSent(
            request=outgoing.request,
            connection=self.connection,
            method=outgoing.method,
            target=outgoing.target,
            stream_id=stream.stream_id,
            whole=stream.recorded_whole,
        )

    def _send(self, frame: Frame, *events: Event, detail: str = "") -> None:
        if self._begun is not None:
            self._held_back.append((frame, events, detail))
            return
        data, event = h2_frames.sent(self.connection, frame, detail)
        self._outbox.put(data, event, *events)

    def _header_block(self, outgoing: Outgoing) -> bytes:
        pseudo = (
            (":method", outgoing.method),
            (":scheme", self._scheme),
            (":authority", self._authority),
            (":path", outgoing.target),
            *(((":protocol", outgoing.protocol),) if outgoing.protocol else ()),
        )
        # RFC 9113 §8.2: field names are sent in lower case.
        fields = tuple((name.lower(), value) for name, value in outgoing.headers)
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pseudo + fields]
        return self._encoder.encode(encoded)

    def _send_head(self, stream: Stream, outgoing: Outgoing, *, end: bool) -> None:
        block = self._header_block(outgoing)
        pieces = [block[at : at + MAX_FRAME] for at in range(0, len(block), MAX_FRAME)]
        for index, piece in enumerate(pieces):
            frame = ContinuationFrame(stream.stream_id, piece) if index else HeadersFrame(stream.stream_id, piece)
            if end and not index:
                frame.flags.add("END_STREAM")
            if index == len(pieces) - 1:
                frame.flags.add("END_HEADERS")
            self._send(frame, detail="" if index else f"{outgoing.method} {outgoing.target}")
        stream.end_sent = end

    def _send_unsent(self, stream: Stream) -> None:
        while (piece := stream.next_piece(self._send_window)) is not None:
            data, last = piece
            self._send_window -= len(data)
            self._send(DataFrame(stream.stream_id, data, flags=["END_STREAM"] if last else []))
            self._outbox.put(b"", *stream.said())
            if last and not stream.recorded_whole:
                self._outbox.put(b"", RequestEnded(request=stream.request, length=stream.sent_length))

    def _obey(self, initial_window: int, table: int | None) -> None:
        """Apply the server's SETTINGS and acknowledge them."""
        size = DEFAULT_TABLE if table is None else min(table, DEFAULT_TABLE)
        if table is not None and size != self._encoder.header_table_size:
            # RFC 7541 §4.2: an encoder may use a smaller table than allowed, so this one never exceeds the default. Setting
            # the same size again would make hpack forget an earlier change that it still has to announce to the server.
            self._encoder.header_table_size = size
        # RFC 9113 §6.9.2: a new initial window changes the windows of the open streams by the difference.
        for stream in self._streams.values():
            stream.send_window += initial_window - self._peer_initial_window
        self._peer_initial_window = initial_window
        self._send(SettingsFrame(flags=["ACK"]))
        self._send_all_unsent()

    def _send_all_unsent(self) -> None:
        for stream in self._streams.values():
            self._send_unsent(stream)

    def _give_back(self, stream: Stream | None, *, everything: bool = False) -> None:
        if stream is not None and stream.closed:
            return
        window = self._window if stream is None else stream.window
        increment = window.give_back(everything=everything)
        if increment:
            self._send(WindowUpdateFrame(0 if stream is None else stream.stream_id, increment))
