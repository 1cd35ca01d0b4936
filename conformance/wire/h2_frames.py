"""HTTP/2 frames: cut out of a byte stream, parsed by hyperframe, and described in a few words.

The nine bytes of a frame's header are read here and not by hyperframe, which refuses some frames before it returns their
length, and drops flags and stream ids that the trace needs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperframe.frame import (
    FRAMES,
    DataFrame,
    ExtensionFrame,
    Frame,
    GoAwayFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from lastcall.conformance.model.client_events import FrameSent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hyperframe.flags import Flag

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_FRAME = 16_384
"""The largest payload that both sides may send: the lowest value of RFC 9113 §6.5.2, which is also the default."""
MAX_STREAM_ID = 2**31 - 1
MAX_WINDOW = 2**31 - 1
DEBUG_TEXT = 200
"""How many characters of a GOAWAY's debug data, or of a header block, are recorded."""

ERROR_NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)
"""The error codes of RFC 9113 §7 (https://www.rfc-editor.org/rfc/rfc9113#section-7); the index is the code."""

_SETTING_NAMES = {
    SettingsFrame.HEADER_TABLE_SIZE: "HEADER_TABLE_SIZE",
    SettingsFrame.ENABLE_PUSH: "ENABLE_PUSH",
    SettingsFrame.MAX_CONCURRENT_STREAMS: "MAX_CONCURRENT_STREAMS",
    SettingsFrame.INITIAL_WINDOW_SIZE: "INITIAL_WINDOW_SIZE",
    SettingsFrame.MAX_FRAME_SIZE: "MAX_FRAME_SIZE",
    SettingsFrame.MAX_HEADER_LIST_SIZE: "MAX_HEADER_LIST_SIZE",
    SettingsFrame.ENABLE_CONNECT_PROTOCOL: "ENABLE_CONNECT_PROTOCOL",
}
_TYPE_NAMES = (
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
)
_HEADER = struct.Struct(">BHBBL")


@dataclass(frozen=True)
class RawFrame:
    """A frame as it was on the wire. While it is arriving, ``payload`` is shorter than ``length``."""

    type: int
    flag_byte: int
    stream_id: int
    length: int
    payload: bytes

    @property
    def name(self) -> str:
        """The type's name in RFC 9113, or its number in hexadecimal."""
        return type_name(self.type)

    @property
    def flags(self) -> tuple[str, ...]:
        """The names of the flags that are set; all flags without a name on this type are one hexadecimal number."""
        flags: Sequence[Flag] = FRAMES[self.type].defined_flags if self.type in FRAMES else ()
        named = tuple(flag.name for flag in flags if self.flag_byte & flag.bit)
        unnamed = self.flag_byte & ~sum(flag.bit for flag in flags)
        return (*named, f"{unnamed:#04x}") if unnamed else named

    @property
    def whole(self) -> bool:
        """Whether all of it has arrived."""
        return len(self.payload) == self.length

    def serialize(self) -> bytes:
        """Return the frame's bytes as they arrived."""
        head = (self.length >> 16, self.length & 0xFFFF, self.type, self.flag_byte, self.stream_id)
        return _HEADER.pack(*head) + self.payload


def first_frame(data: bytes | bytearray) -> RawFrame | None:
    """Return the frame at the beginning of the bytes, as far as it has arrived; None if its header is not whole."""
    if len(data) < _HEADER.size:
        return None
    high, low, kind, flag_byte, stream_id = _HEADER.unpack_from(data)
    length = (high << 16) + low
    payload = bytes(data[_HEADER.size : _HEADER.size + length])
    # RFC 9113 §4.1: the bit before the stream id is reserved and ignored.
    return RawFrame(kind, flag_byte, stream_id & MAX_STREAM_ID, length, payload)


def size_of(raw: RawFrame) -> int:
    """Return the number of bytes of a whole frame, its header included."""
    return _HEADER.size + raw.length


def parse(raw: RawFrame) -> Frame:
    """Return the parsed frame; raises HyperframeError. A GOAWAY on a wrong stream is parsed as if on stream 0."""
    if raw.type >= len(_TYPE_NAMES):
        # RFC 9113 §5.5: a frame of an unknown type is ignored. ALTSVC counts as unknown here, although hyperframe parses it.
        return ExtensionFrame(type=raw.type, stream_id=raw.stream_id, flag_byte=raw.flag_byte, body=raw.payload)
    payload = raw.payload
    if raw.type in (WindowUpdateFrame.type, GoAwayFrame.type) and payload:
        # RFC 9113 §6.8 and §6.9: the first bit of the number is reserved and ignored; hyperframe would include it.
        payload = bytes([payload[0] & 0x7F]) + payload[1:]
    frame = FRAMES[raw.type](0 if raw.type == GoAwayFrame.type else raw.stream_id)
    frame.parse_flags(raw.flag_byte)
    frame.parse_body(memoryview(payload))
    return frame


def type_name(kind: int | None) -> str:
    """Return the name of a frame type in RFC 9113, or its number in hexadecimal."""
    return _TYPE_NAMES[kind] if kind is not None and kind < len(_TYPE_NAMES) else f"{kind:#04x}"


def error_name(code: int) -> str:
    """Return the name of an error code, or its number in hexadecimal."""
    return ERROR_NAMES[code] if code < len(ERROR_NAMES) else f"{code:#x}"


def setting_name(number: int) -> str:
    """Return the name of a setting, or its number in hexadecimal."""
    return _SETTING_NAMES.get(number, f"{number:#x}")


def printable(data: bytes) -> str:
    """Return bytes as ASCII text with escapes, cut at 200 characters."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")[:DEBUG_TEXT]


def describe(frame: Frame) -> str:
    """Return a frame's contents in a few words; empty if its type, flags and length say everything."""
    describer = _DESCRIBERS.get(type(frame))
    return describer(frame) if describer else ""


def _describe_goaway(frame: GoAwayFrame) -> str:
    debug = printable(frame.additional_data)
    return f"{error_name(frame.error_code)} last={frame.last_stream_id}" + (f" debug={debug}" if debug else "")


def _describe_settings(frame: SettingsFrame) -> str:
    return " ".join(f"{setting_name(number)}={value}" for number, value in frame.settings.items())


_DESCRIBERS: dict[type[Frame], Callable[[Any], str]] = {
    DataFrame: lambda frame: f"padding={frame.pad_length}" if frame.pad_length else "",
    GoAwayFrame: _describe_goaway,
    PingFrame: lambda frame: frame.opaque_data.hex(),
    PriorityFrame: lambda frame: f"depends_on={frame.depends_on} weight={frame.stream_weight + 1}",
    PushPromiseFrame: lambda frame: f"promised={frame.promised_stream_id}",
    RstStreamFrame: lambda frame: error_name(frame.error_code),
    SettingsFrame: _describe_settings,
    WindowUpdateFrame: lambda frame: f"increment={frame.window_increment}",
}


def sent(connection: str, frame: Frame, detail: str = "") -> tuple[bytes, FrameSent]:
    """Return a frame's bytes, and the event that happens when they are sent."""
    data = frame.serialize()
    event = FrameSent(
        connection=connection,
        frame=type_name(frame.type),
        stream_id=frame.stream_id,
        flags=tuple(flag.name for flag in frame.defined_flags if flag.name in frame.flags),
        length=frame.body_len,
        detail=detail or describe(frame),
    )
    return data, event
