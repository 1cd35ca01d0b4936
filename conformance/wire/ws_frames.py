"""WebSocket frames from a server (RFC 6455 §5.2): bytes in, frames out; a frame that is cut stays visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.wire.client import ViolationError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_KNOWN = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_FINAL, _RESERVED, _OPCODE, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x80, 0x7F
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_LONGEST_CONTROL = 125


@dataclass(frozen=True)
class Frame:
    """One whole frame. ``payload`` is kept for control frames only; ``length`` is known for all."""

    opcode: int
    final: bool
    length: int
    payload: bytes = b""

    @property
    def control(self) -> bool:
        """Whether it is a Close, Ping or Pong."""
        return self.opcode >= CLOSE


class FrameReader:
    """Reads frames, wherever their bytes are cut. Raises ViolationError for what no server may send."""

    def __init__(self) -> None:
        self._buffer = b""
        self._frame: Frame | None = None
        self._passed = 0

    @property
    def inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._frame is not None or bool(self._buffer)

    @property
    def data_so_far(self) -> int:
        """How many bytes of payload have arrived of a data frame that has not ended."""
        return 0 if self._frame is None or self._frame.control else self._passed

    def read(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that end in ``data``."""
        view = memoryview(self._buffer + data)
        self._buffer = b""
        while True:
            if self._frame is None:
                size = self._begin(view)
                if size == 0:
                    self._buffer = bytes(view)
                    return
                view = view[size:]
            frame = self._frame
            assert frame is not None
            if frame.control and len(view) < frame.length:
                self._buffer = bytes(view)
                return
            taken = min(frame.length - self._passed, len(view))
            self._passed += taken
            payload, view = view[:taken], view[taken:]
            if self._passed < frame.length:
                return
            self._frame, self._passed = None, 0
            yield Frame(frame.opcode, frame.final, frame.length, bytes(payload) if frame.control else b"")

    def _begin(self, view: memoryview) -> int:
        """Read a frame's header; return its size, 0 if it has not arrived whole."""
        if len(view) < 2:  # noqa: PLR2004 - RFC 6455 §5.2: the shortest header
            return 0
        first, second = view[0], view[1]
        opcode, final, length = first & _OPCODE, bool(first & _FINAL), second & _LENGTH
        # RFC 6455 §5.2: the reserved bits belong to extensions, and none was negotiated
        if first & _RESERVED or opcode not in _KNOWN:
            raise ViolationError(f"a frame of an unknown kind: {first:#04x}")
        # RFC 6455 §5.1: a server does not mask
        if second & _MASKED:
            raise ViolationError("a masked frame from the server")
        # RFC 6455 §5.5: control frames are short and not fragmented
        if opcode >= CLOSE and (not final or length > _LONGEST_CONTROL):
            raise ViolationError("a control frame that is long or fragmented")
        extra = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}.get(length, 0)
        if len(view) < 2 + extra:
            return 0
        if extra:
            length = int.from_bytes(view[2 : 2 + extra], "big")
        self._frame = Frame(opcode, final, length)
        return 2 + extra
