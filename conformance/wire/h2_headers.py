"""Header blocks that arrive: joined from HEADERS and CONTINUATION, and decoded in the order of the connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpack import Decoder, HPACKError
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame

from lastcall.conformance.wire.client import ViolationError
from lastcall.conformance.wire.h2_frames import DEBUG_TEXT, type_name

if TYPE_CHECKING:
    from lastcall.conformance.model.client_events import Headers

MAX_BLOCK = 1024 * 1024
"""The size of one header block in bytes, encoded and decoded, beyond which it is not read."""


@dataclass(frozen=True)
class HeaderBlock:
    """A whole header block of a stream."""

    stream_id: int
    headers: Headers
    end_stream: bool

    @property
    def text(self) -> str:
        """Its fields in one line."""
        return ", ".join(f"{name}: {value}" for name, value in self.headers)[:DEBUG_TEXT]

    @property
    def status(self) -> int:
        """The response's status, or 0 if the block is no head of a response."""
        values = [value for name, value in self.headers if name == ":status"]
        return int(values[0]) if len(values) == 1 and len(values[0]) == len("200") and _decimal(values[0]) else 0

    @property
    def fields(self) -> Headers:
        """The fields without the pseudo-header fields."""
        return tuple((name, value) for name, value in self.headers if not name.startswith(":"))

    @property
    def content_length(self) -> int | None:
        """The value of content-length, if there is exactly one and it is a number."""
        values = [value for name, value in self.fields if name == "content-length"]
        return int(values[0]) if len(values) == 1 and _decimal(values[0]) else None


class HeaderBlocks:
    """The header blocks of one connection. All of them have to be decoded, since each one changes how the next is decoded."""

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=MAX_BLOCK)
        self._begun: HeadersFrame | None = None
        self._fragments = bytearray()

    def add(self, frame: Frame) -> HeaderBlock | None:
        """Take a frame of any type; return the header block that it completes, or None. Raises ViolationError."""
        if isinstance(frame, ContinuationFrame):
            if self._begun is None or frame.stream_id != self._begun.stream_id:
                raise ViolationError("it continues no header block")
        elif self._begun is not None:
            # RFC 9113 §4.3: nothing may come between the frames of a header block.
            raise ViolationError(f"{type_name(frame.type)} within the header block of stream {self._begun.stream_id}")
        elif isinstance(frame, HeadersFrame):
            self._begun = frame
        else:
            return None
        self._fragments += frame.data
        if len(self._fragments) > MAX_BLOCK:
            raise ViolationError("the header block is too long to be read")
        return self._completed(self._begun) if "END_HEADERS" in frame.flags else None

    def _completed(self, begun: HeadersFrame) -> HeaderBlock:
        try:
            decoded = list(self._decoder.decode(bytes(self._fragments), raw=True))
        except HPACKError as error:
            # hpack's message may contain the address of a buffer; traces of equal plays should not differ by that.
            raise ViolationError(f"HPACK: {type(error).__name__}") from error
        self._begun, self._fragments = None, bytearray()
        headers = tuple((_text(field[0]), _text(field[1])) for field in decoded)
        return HeaderBlock(begun.stream_id, headers, "END_STREAM" in begun.flags)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _decimal(value: str) -> bool:
    return value.isascii() and value.isdecimal()
