"""HTTP/2 from a client's side, on hyperframe and hpack.

The h2 library is not used: any GOAWAY closes its connection, even the first one of a graceful shutdown, and then it refuses
the response that the server rightly goes on to send (https://github.com/python-hyper/h2/issues/1181).

A ProtocolViolated is recorded only if the bytes cannot be read any further. A late frame on a stream that has ended or was
reset is recorded as a frame and counted to the connection's window; it has no other effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from lastcall.conformance.model.client_events import (
    BodyReceived,
    FrameReceived,
    GoawayReceived,
    InformationalReceived,
    ProtocolViolated,
    ResponseStarted,
    StreamReset,
    TrailersReceived,
)
from lastcall.conformance.wire import h2_frames
from lastcall.conformance.wire.client import ViolationError, excerpt
from lastcall.conformance.wire.h2_frames import MAX_FRAME, MAX_WINDOW, RawFrame
from lastcall.conformance.wire.h2_headers import HeaderBlock, HeaderBlocks
from lastcall.conformance.wire.h2_send import DEFAULT_WINDOW
from lastcall.conformance.wire.h2_websocket import H2WebSockets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire.h2_stream import Stream

_LARGEST_MAX_FRAME = 2**24 - 1
_ACK = 0x1
_FINAL = 200
_BODILESS = (204, 304)


class H2Client(H2WebSockets):
    """One HTTP/2 connection; see :class:`lastcall.conformance.wire.client.WireClient`.

    ``initial_window`` is every stream's receive window in bytes. With ``replenish`` set to False, no WINDOW_UPDATE is sent
    before ``replenish_now``; it can be set at any time. The server's MAX_CONCURRENT_STREAMS is recorded but not obeyed: the
    scenario chooses how many requests are sent at once.
    """

    def __init__(
        self,
        connection: str,
        *,
        authority: str,
        scheme: str,
        initial_window: int = DEFAULT_WINDOW,
        replenish: bool = True,
    ) -> None:
        super().__init__(
            connection, authority=authority, scheme=scheme, initial_window=initial_window, replenish=replenish
        )
        self._blocks = HeaderBlocks()
        self._arrived = bytearray()
        self._events: list[Event] = []
        self._prefaced = self._deaf = self._draining = False
        self._receivers: Mapping[type[Frame], Callable[[Any, RawFrame], None]] = {
            DataFrame: self._receive_data,
            GoAwayFrame: self._receive_goaway,
            PingFrame: self._receive_ping,
            PushPromiseFrame: self._receive_push,
            RstStreamFrame: self._receive_reset,
            SettingsFrame: self._receive_settings,
            WindowUpdateFrame: self._receive_window_update,
        }

    @property
    def draining(self) -> bool:
        """Whether a GOAWAY has arrived."""
        return self._draining

    def receive(self, data: bytes) -> list[Event]:
        """Read bytes; return a FrameReceived for every frame, followed by the events that the frame means."""
        self._events = []
        if not self._deaf:
            self._arrived += data
            self._read_frames()
        return self._events

    def receive_end(self) -> list[Event]:
        """Read the end of the byte stream; a frame that it cuts is no event, unless it is the first one."""
        self._events = []
        if self._arrived and not self._prefaced and not self._deaf:
            self._violate(f"ended within its first frame: {excerpt(self._arrived)}")
        if not self._deaf:
            for stream in self._streams.values():
                self._record_cut(stream)
        self._deaf = True
        return self._events

    def _read_frames(self) -> None:
        while (raw := h2_frames.first_frame(self._arrived)) is not None:
            try:
                self._check_header(raw)
                if not raw.whole:
                    return
                del self._arrived[: h2_frames.size_of(raw)]
                self._read_frame(raw)
            except ViolationError as violation:
                self._violate(f"{violation}: {excerpt(raw.serialize())}")
                return

    def _violate(self, detail: str) -> None:
        self._deaf = True
        self._events.append(ProtocolViolated(connection=self.connection, detail=detail))

    def _check_header(self, raw: RawFrame) -> None:
        if raw.length > MAX_FRAME:
            # RFC 9113 §4.2: no frame may be larger than the receiver's MAX_FRAME_SIZE, which we leave at 16,384.
            known = f"a {raw.name} frame of {raw.length} bytes" if self._prefaced else "not an HTTP/2 frame sequence"
            raise ViolationError(known)
        # RFC 9113 §3.4: the first frame from a server is a SETTINGS frame, and not an acknowledgement.
        preface = raw.type == SettingsFrame.type and not raw.flag_byte & _ACK
        if not preface and not self._prefaced:
            raise ViolationError(f"not an HTTP/2 frame sequence, it begins with {raw.name}")

    def _read_frame(self, raw: RawFrame) -> None:
        self._prefaced = True
        try:
            frame = h2_frames.parse(raw)
            block = self._blocks.add(frame)
        except (HyperframeError, ViolationError) as error:
            self._record(raw, "")
            raise ViolationError(f"{raw.name} cannot be read ({error})") from error
        self._record(raw, h2_frames.describe(frame) if block is None else block.text)
        if type(frame) in self._receivers:
            self._receivers[type(frame)](frame, raw)
        elif isinstance(frame, HeadersFrame):
            self._opened(raw)
        if block is not None:
            self._receive_block(block, raw)

    def _record(self, raw: RawFrame, detail: str) -> None:
        received = FrameReceived(
            connection=self.connection,
            frame=raw.name,
            stream_id=raw.stream_id,
            flags=raw.flags,
            length=raw.length,
            detail=detail,
        )
        self._events.append(received)

    def _opened(self, raw: RawFrame) -> Stream:
        if raw.stream_id not in self._streams:
            raise ViolationError(f"{raw.name} on stream {raw.stream_id}, which we never opened")
        return self._streams[raw.stream_id]

    def _receive_block(self, block: HeaderBlock, raw: RawFrame) -> None:
        stream = self._opened(raw)
        if stream.closed:
            return
        if stream.status:
            # RFC 9113 §8.1: a second header block after the head of a response is its trailers, and ends the response.
            if not block.end_stream:
                raise ViolationError(f"a second head of a response on stream {raw.stream_id}")
            if not stream.asks_socket:
                self._events.append(TrailersReceived(request=stream.request, headers=block.fields))
            self._end_response(stream)
        elif block.status >= _FINAL:
            self._start_response(stream, block)
        elif block.status and not block.end_stream:
            self._events.append(InformationalReceived(request=stream.request, status=block.status))
        else:
            raise ViolationError(f"no head of a response on stream {raw.stream_id}")

    def _start_response(self, stream: Stream, block: HeaderBlock) -> None:
        stream.status = block.status
        if stream.asks_socket:
            self._events.append(self._answered(stream))
        else:
            if stream.method != "HEAD" and block.status not in _BODILESS:
                stream.content_length = block.content_length
            self._events.append(ResponseStarted(request=stream.request, status=block.status, headers=block.fields))
        if block.end_stream:
            self._end_response(stream)

    def _receive_data(self, frame: DataFrame, raw: RawFrame) -> None:
        stream = self._opened(raw)
        # RFC 9113 §6.9.1: a sender stays within both windows. Padding counts; DATA of a closed stream counts on the connection.
        if not self._window.consume(raw.length):
            raise ViolationError("DATA beyond the connection's flow-control window")
        if not stream.closed:
            if not stream.window.consume(raw.length):
                raise ViolationError(f"DATA beyond the flow-control window of stream {raw.stream_id}")
            if not stream.status:
                raise ViolationError(f"DATA before the head of the response on stream {raw.stream_id}")
            self._receive_body(stream, frame)
        if self.replenish:
            self._give_back(None)
            self._give_back(stream)

    def _receive_body(self, stream: Stream, frame: DataFrame) -> None:
        if frame.data:
            stream.body.add(frame.data)
            if stream.socket is not None:
                stream.socket.read(frame.data, self._events)
            elif not stream.asks_socket:
                self._events.append(BodyReceived(request=stream.request, length=len(frame.data)))
        if "END_STREAM" in frame.flags:
            self._end_response(stream)

    def _end_response(self, stream: Stream) -> None:
        # RFC 9113 §8.1.1: a body that is not as long as content-length says is malformed, and no client may accept it.
        if stream.content_length not in (None, stream.body.length):
            sizes = f"{stream.body.length} bytes with content-length {stream.content_length}"
            raise ViolationError(f"a response of {sizes} on stream {stream.stream_id}")
        self._record_cut(stream)
        stream.ended = True
        self._events.append(stream.body.ended(stream.request, "end_stream"))
        self._end_our_half(stream)

    def _record_cut(self, stream: Stream) -> None:
        """Record it if a WebSocket's stream ends inside a message."""
        if stream.socket is not None and not stream.closed:
            self._events += stream.socket.cut()

    def _receive_goaway(self, frame: GoAwayFrame, raw: RawFrame) -> None:
        self._draining = True
        received = GoawayReceived(
            connection=self.connection,
            last_stream_id=frame.last_stream_id,
            error_code=frame.error_code,
            stream_id=raw.stream_id,
            debug=h2_frames.printable(frame.additional_data),
        )
        self._events.append(received)

    def _receive_reset(self, frame: RstStreamFrame, raw: RawFrame) -> None:
        stream = self._opened(raw)
        if not stream.reset:
            self._record_cut(stream)
            stream.reset = True
            name = h2_frames.error_name(frame.error_code)
            self._events.append(StreamReset(request=stream.request, error_code=frame.error_code, error_name=name))

    def _receive_push(self, frame: PushPromiseFrame, _raw: RawFrame) -> None:
        # RFC 9113 §8.4: a server must not push to a client that set ENABLE_PUSH to 0.
        raise ViolationError(f"PUSH_PROMISE of stream {frame.promised_stream_id}, which our SETTINGS forbid")

    def _receive_ping(self, frame: PingFrame, _raw: RawFrame) -> None:
        if "ACK" not in frame.flags:
            self._send(PingFrame(opaque_data=frame.opaque_data, flags=["ACK"]))

    def _receive_settings(self, frame: SettingsFrame, _raw: RawFrame) -> None:
        if "ACK" in frame.flags:
            return
        window = frame.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, self._peer_initial_window)
        # RFC 9113 §6.5.2: values outside these bounds are errors of the connection.
        if window > MAX_WINDOW:
            raise ViolationError(f"SETTINGS with INITIAL_WINDOW_SIZE={window}")
        if not MAX_FRAME <= frame.settings.get(SettingsFrame.MAX_FRAME_SIZE, MAX_FRAME) <= _LARGEST_MAX_FRAME:
            raise ViolationError("SETTINGS with a MAX_FRAME_SIZE out of bounds")
        self._obey(window, frame.settings.get(SettingsFrame.HEADER_TABLE_SIZE))
        self._events += self._learn_offer(frame.settings)

    def _receive_window_update(self, frame: WindowUpdateFrame, raw: RawFrame) -> None:
        if raw.stream_id:
            stream = self._opened(raw)
            stream.send_window += frame.window_increment
            grown = stream.send_window
        else:
            self._send_window += frame.window_increment
            grown = self._send_window
        # RFC 9113 §6.9.1: no window may grow beyond 2^31-1.
        if grown > MAX_WINDOW:
            raise ViolationError(f"WINDOW_UPDATE that makes a window of {grown}")
        self._send_all_unsent()
