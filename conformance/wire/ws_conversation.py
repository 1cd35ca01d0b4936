"""One open WebSocket, over HTTP/1.1 or HTTP/2: what its frames mean, and how a client answers them.

wsproto frames what is sent. What is received is read here, frame by frame, since a library hides what checks need: a code
that must not be in a Close, and a frame that is cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsproto.frame_protocol import FrameProtocol

from lastcall.conformance.model.client_events import (
    CloseReceived,
    CloseSent,
    MessageCut,
    MessageReceived,
)
from lastcall.conformance.model.close_codes import may_be_sent
from lastcall.conformance.wire.client import ViolationError
from lastcall.conformance.wire.ws_frames import CLOSE, CONTINUATION, PING, PONG, FrameReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire.ws_frames import Frame

_PROTOCOL_ERROR = 1002


class Conversation:
    """The frames of one WebSocket. ``say`` sends bytes, and records the events that happen when they are sent.

    ``answers_close=False`` never answers a Close.
    """

    def __init__(self, request: str, say: Callable[..., None], *, answers_close: bool) -> None:
        self._request = request
        self._say = say
        self._answers_close = answers_close
        self._frames = FrameReader()
        self._framing = FrameProtocol(client=True, extensions=[])
        self._message_length = -1  # none is open
        self._close_sent = False

    def read(self, data: bytes, events: list[Event]) -> None:
        """Append the events of the frames that end in ``data``; raises ViolationError for what no server may send."""
        for frame in self._frames.read(data):
            self._take(frame, events)

    def cut(self) -> list[Event]:
        """Return a MessageCut if the bytes ended inside a message or a frame."""
        begun = self._message_length >= 0
        if not begun and not self._frames.inside:
            return []
        return [MessageCut(self._request, max(self._message_length, 0) + self._frames.data_so_far)]

    def _take(self, frame: Frame, events: list[Event]) -> None:
        if frame.opcode == CLOSE:
            self._take_close(frame.payload, events)
        elif frame.opcode == PING:
            self._say(bytes(self._framing.pong(frame.payload)))
        elif frame.opcode != PONG:
            self._take_data(frame, events)

    def _take_data(self, frame: Frame, events: list[Event]) -> None:
        # RFC 6455 §5.4: the frames of two messages are not interleaved
        if (frame.opcode == CONTINUATION) != (self._message_length >= 0):
            raise ViolationError("a continuation frame without a message, or a message within a message")
        self._message_length = max(self._message_length, 0) + frame.length
        if frame.final:
            events.append(MessageReceived(self._request, self._message_length))
            self._message_length = -1

    def _take_close(self, payload: bytes, events: list[Event]) -> None:
        # RFC 6455 §5.5.1: the body of a Close is empty or begins with a code of two bytes
        if len(payload) == 1:
            raise ViolationError("a Close with a body of one byte")
        code = int.from_bytes(payload[:2], "big")
        if payload and not code:
            raise ViolationError("a Close with code 0")  # in the trace it would look like one without a code
        events.append(CloseReceived(self._request, code, payload[2:].decode("utf-8", "backslashreplace")))
        if not self._answers_close or self._close_sent:
            return
        self._close_sent = True
        # RFC 6455 §5.5.1: the answer repeats the code; one that must not be in a Close is answered by a protocol error
        answer = code if may_be_sent(code) or not code else _PROTOCOL_ERROR
        self._say(bytes(self._framing.close(answer or None)), CloseSent(self._request, answer))
