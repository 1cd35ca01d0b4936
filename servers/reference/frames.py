"""HTTP/2 frames as whole pieces of bytes, so that the server decides frame by frame what its library sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_LENGTH = 9

DATA, HEADERS, SETTINGS, PING, GOAWAY, CONTINUATION = 0x0, 0x1, 0x4, 0x6, 0x7, 0x9
ACK = 0x1


def frame_type(frame: bytes) -> int:
    """Return the type of a whole frame."""
    return frame[3]


def is_preface(piece: bytes) -> bool:
    """Return whether the piece is the preface: read as a frame, it would have a length that no frame may have."""
    return piece.startswith(PREFACE[:3])


def is_ack(frame: bytes) -> bool:
    """Return whether a whole SETTINGS or PING frame is an acknowledgement."""
    return bool(frame[4] & ACK)


def stream_id(frame: bytes) -> int:
    """Return the stream id of a whole frame, without the reserved bit."""
    return int.from_bytes(frame[5:HEADER_LENGTH], "big") & 0x7FFFFFFF


class FrameSplitter:
    """Cuts a client's bytes into its preface and its frames, however they arrive."""

    def __init__(self) -> None:
        self._unread = b""
        self._preface_came = False

    def split(self, data: bytes) -> Iterator[bytes]:
        """Yield the preface (first) and the frames that are complete now."""
        self._unread += data
        if not self._preface_came and len(self._unread) >= len(PREFACE):
            self._preface_came = True
            yield self._take(len(PREFACE))
        while self._preface_came and len(self._unread) >= HEADER_LENGTH:
            length = HEADER_LENGTH + int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < length:
                return
            yield self._take(length)

    def _take(self, length: int) -> bytes:
        piece, self._unread = self._unread[:length], self._unread[length:]
        return piece


def frames_in(data: bytes) -> Iterator[bytes]:
    """Yield the frames in bytes that consist of whole frames."""
    while data:
        length = HEADER_LENGTH + int.from_bytes(data[:3], "big")
        yield data[:length]
        data = data[length:]
