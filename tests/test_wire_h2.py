"""The HTTP/2 client, on bytes: whole, cut at every offset, and arbitrary; and against h2 as the server."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import re
import struct
from typing import TYPE_CHECKING

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st

from lastcall.conformance.model.client_events import (
    BodyReceived,
    BytesSent,
    FrameReceived,
    FrameSent,
    GoawayReceived,
    GoawaySent,
    InformationalReceived,
    ProtocolViolated,
    RequestEnded,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    StreamReset,
    TrailersReceived,
)
from lastcall.conformance.wire import H2Client, Outgoing
from lastcall.conformance.wire.h2_frames import error_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire import WireClient

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20
STATUS_200 = b"\x88"
STATUS_100 = b"\x48\x03100"


def frame(kind: int, flags: int = 0, stream_id: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">BHBBL", len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream_id) + payload


def headers(stream_id: int, block: bytes = STATUS_200, flags: int = END_HEADERS) -> bytes:
    return frame(HEADERS, flags, stream_id, block)


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, payload=b"".join(struct.pack(">HL", *pair) for pair in pairs))


def window_update(stream_id: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream_id, struct.pack(">L", increment))


def goaway(last: int, code: int = 0, debug: bytes = b"", stream_id: int = 0) -> bytes:
    return frame(GOAWAY, 0, stream_id, struct.pack(">LL", last, code) + debug)


def client_with(*requests: Outgoing, initial_window: int = 65_535, replenish: bool = True) -> H2Client:
    client = H2Client("a", authority="origin.test", scheme="https", initial_window=initial_window, replenish=replenish)
    client.start()
    for outgoing in requests:
        client.send_request(outgoing)
    client.flush()
    return client


def named(*names: str) -> list[Outgoing]:
    return [Outgoing(name) for name in names]


def comparable(events: Iterable[Event]) -> list[Event]:
    """Leave out how much of the offending bytes had arrived."""
    return [
        dataclasses.replace(event, detail=re.split(r": b['\"]", event.detail)[0])
        if isinstance(event, ProtocolViolated)
        else event
        for event in events
    ]


def read(requests: Sequence[Outgoing], data: bytes, *cuts: int) -> list[Event]:
    client = client_with(*requests)
    events = [
        event for begin, end in itertools.pairwise([0, *cuts, len(data)]) for event in client.receive(data[begin:end])
    ]
    return comparable(events + client.receive_end())


def meaning(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, FrameReceived)]


def received(kind: str, stream_id: int = 0, flags: tuple[str, ...] = (), length: int = 0, detail: str = "") -> Event:
    return FrameReceived(connection="a", frame=kind, stream_id=stream_id, flags=flags, length=length, detail=detail)


def ended(request: str, body: bytes = b"") -> ResponseEnded:
    digest = hashlib.sha256(body).hexdigest()
    return ResponseEnded(request=request, length=len(body), sha256=digest, framing="end_stream")


def started(request: str, status: int = 200, *fields: tuple[str, str]) -> ResponseStarted:
    return ResponseStarted(request=request, status=status, headers=fields)


def violated(detail: str) -> ProtocolViolated:
    return ProtocolViolated(connection="a", detail=detail)


def literal(name: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def decoded(decoder: Decoder, block: bytes) -> list[tuple[str, str]]:
    return [(str(field[0]), str(field[1])) for field in decoder.decode(block)]


FIRST = received("SETTINGS")

# name -> (requests, the server's bytes, every event)
READINGS: dict[str, tuple[list[Outgoing], bytes, list[Event]]] = {
    "a response, in bytes": (
        named("one"),
        bytes.fromhex(
            "00000c 04 00 00000000 0003 00000064 0008 00000001"
            "000000 04 01 00000000"
            "000001 01 04 00000001 88"
            "000009 00 00 00000001 6c61737463616c6c0a"
            "000000 00 01 00000001"
        ),
        [
            received("SETTINGS", length=12, detail="MAX_CONCURRENT_STREAMS=100 ENABLE_CONNECT_PROTOCOL=1"),
            received("SETTINGS", flags=("ACK",)),
            received("HEADERS", 1, ("END_HEADERS",), 1, ":status: 200"),
            started("one"),
            received("DATA", 1, length=9),
            BodyReceived(request="one", length=9),
            received("DATA", 1, ("END_STREAM",)),
            ended("one", b"lastcall\n"),
        ],
    ),
    "interim, trailers, padding, priority, continuation": (
        named("one"),
        settings()
        + headers(1, STATUS_100)
        + headers(1, b"\x02\x00\x00\x00\x00\x0f" + STATUS_200 + b"\0\0", PADDED | PRIORITIZED)
        + frame(CONTINUATION, 0, 1, literal(b"x", b"y")[:3])
        + frame(CONTINUATION, END_HEADERS, 1, literal(b"x", b"y")[3:])
        + frame(DATA, PADDED, 1, b"\x03body\0\0\0")
        + headers(1, literal(b"grpc-status", b"0"), END_HEADERS | END_STREAM),
        [
            FIRST,
            received("HEADERS", 1, ("END_HEADERS",), 5, ":status: 100"),
            InformationalReceived(request="one", status=100),
            received("HEADERS", 1, ("PADDED", "PRIORITY"), 9),
            received("CONTINUATION", 1, (), 3),
            received("CONTINUATION", 1, ("END_HEADERS",), 2, ":status: 200, x: y"),
            started("one", 200, ("x", "y")),
            received("DATA", 1, ("PADDED",), 8, "padding=3"),
            BodyReceived(request="one", length=4),
            received("HEADERS", 1, ("END_STREAM", "END_HEADERS"), 15, "grpc-status: 0"),
            TrailersReceived(request="one", headers=(("grpc-status", "0"),)),
            ended("one", b"body"),
        ],
    ),
    "the graceful two GOAWAYs around a response": (
        named("one", "two", "three"),
        settings()
        + goaway(2**31 - 1)
        + headers(5, flags=END_HEADERS | END_STREAM)
        + goaway(5, 0, b"bye\n\\\xff")
        + headers(1, flags=END_HEADERS | END_STREAM),
        [
            FIRST,
            received("GOAWAY", length=8, detail="NO_ERROR last=2147483647"),
            GoawayReceived(connection="a", last_stream_id=2**31 - 1, error_code=0, stream_id=0),
            received("HEADERS", 5, ("END_STREAM", "END_HEADERS"), 1, ":status: 200"),
            started("three"),
            ended("three"),
            received("GOAWAY", length=14, detail=r"NO_ERROR last=5 debug=bye\n\\\xff"),
            GoawayReceived(connection="a", last_stream_id=5, error_code=0, stream_id=0, debug=r"bye\n\\\xff"),
            received("HEADERS", 1, ("END_STREAM", "END_HEADERS"), 1, ":status: 200"),
            started("one"),
            ended("one"),
        ],
    ),
    "a GOAWAY on a stream": (
        named("one"),
        settings() + goaway(0x8000_0001, 0x2A, stream_id=1) + headers(1),
        [
            FIRST,
            received("GOAWAY", 1, (), 8, "0x2a last=1"),
            GoawayReceived(connection="a", last_stream_id=1, error_code=0x2A, stream_id=1),
            received("HEADERS", 1, ("END_HEADERS",), 1, ":status: 200"),
            started("one"),
        ],
    ),
    "frames nobody knows, PING, PRIORITY": (
        named("one"),
        settings((0x99, 7))
        + frame(0x2A, 0x5, 9, b"what")
        + frame(0x0A, 0, 0, b"")
        + frame(PING, 0, 0, b"12345678")
        + frame(PRIORITY, 0, 7, b"\x00\x00\x00\x03\x0f"),
        [
            received("SETTINGS", length=6, detail="0x99=7"),
            received("0x2a", 9, ("0x05",), 4),
            received("0x0a"),
            received("PING", length=8, detail="3132333435363738"),
            received("PRIORITY", 7, (), 5, "depends_on=3 weight=16"),
        ],
    ),
    "late frames after RST_STREAM and after END_STREAM": (
        named("one", "two"),
        settings()
        + headers(1)
        + frame(RST_STREAM, 0, 1, b"\0\0\0\x07")
        + frame(RST_STREAM, 0, 1, b"\0\0\0\x08")
        + frame(DATA, END_STREAM, 1, b"late")
        + headers(1, flags=END_HEADERS | END_STREAM)
        + headers(3, flags=END_HEADERS | END_STREAM)
        + frame(DATA, END_STREAM, 3, b"late")
        + window_update(3, 9)
        + frame(RST_STREAM, 0, 3, b"\0\0\0\0"),
        [
            FIRST,
            received("HEADERS", 1, ("END_HEADERS",), 1, ":status: 200"),
            started("one"),
            received("RST_STREAM", 1, (), 4, "REFUSED_STREAM"),
            StreamReset(request="one", error_code=7, error_name="REFUSED_STREAM"),
            received("RST_STREAM", 1, (), 4, "CANCEL"),
            received("DATA", 1, ("END_STREAM",), 4),
            received("HEADERS", 1, ("END_STREAM", "END_HEADERS"), 1, ":status: 200"),
            received("HEADERS", 3, ("END_STREAM", "END_HEADERS"), 1, ":status: 200"),
            started("two"),
            ended("two"),
            received("DATA", 3, ("END_STREAM",), 4),
            received("WINDOW_UPDATE", 3, (), 4, "increment=9"),
            received("RST_STREAM", 3, (), 4, "NO_ERROR"),
            StreamReset(request="two", error_code=0, error_name="NO_ERROR"),
        ],
    ),
    "a response cut by the end": (
        named("one"),
        settings() + headers(1) + frame(DATA, 0, 1, b"last") + frame(DATA, END_STREAM, 1, b"call\n")[:-1],
        [
            FIRST,
            received("HEADERS", 1, ("END_HEADERS",), 1, ":status: 200"),
            started("one"),
            received("DATA", 1, (), 4),
            BodyReceived(request="one", length=4),
        ],
    ),
    "content-length of a body that may not be": (
        [Outgoing("one", "HEAD"), Outgoing("two")],
        settings()
        + headers(1, STATUS_200 + literal(b"content-length", b"9"), END_HEADERS | END_STREAM)
        + headers(3, b"\x8b" + literal(b"content-length", b"9"), END_HEADERS | END_STREAM),
        [
            FIRST,
            received("HEADERS", 1, ("END_STREAM", "END_HEADERS"), 19, ":status: 200, content-length: 9"),
            started("one", 200, ("content-length", "9")),
            ended("one"),
            received("HEADERS", 3, ("END_STREAM", "END_HEADERS"), 19, ":status: 304, content-length: 9"),
            started("two", 304, ("content-length", "9")),
            ended("two"),
        ],
    ),
}


@pytest.mark.parametrize("name", READINGS)
def test_bytes_become_events_however_they_are_cut(name: str) -> None:
    requests, data, expected = READINGS[name]
    assert read(requests, data) == expected
    for cut in range(1, len(data)):
        assert read(requests, data, cut) == expected, cut
    assert read(requests, data, *range(1, len(data))) == expected


VIOLATIONS = {
    "HTTP/1.1": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not an HTTP/2 frame sequence"),
    "TLS alert": (b"\x15\x03\x03\x00\x02\x02\x28", "ended within its first frame"),
    "GOAWAY first": (goaway(0), "not an HTTP/2 frame sequence, it begins with GOAWAY"),
    "SETTINGS ACK first": (frame(SETTINGS, ACK), "not an HTTP/2 frame sequence, it begins with SETTINGS"),
    "oversize": (settings() + frame(DATA, 0, 1, b"x" * 16_385), "a DATA frame of 16385 bytes"),
    "HPACK": (settings() + headers(1, b"\xff\xff\xff"), "HEADERS cannot be read (HPACK: HPACKDecodingError)"),
    "unopened HEADERS": (settings() + headers(3), "HEADERS on stream 3, which we never opened"),
    "unopened DATA": (settings() + frame(DATA, 0, 2, b""), "DATA on stream 2, which we never opened"),
    "unopened RST": (settings() + frame(RST_STREAM, 0, 5, b"\0" * 4), "RST_STREAM on stream 5, which we never opened"),
    "unopened WINDOW_UPDATE": (settings() + window_update(5, 1), "WINDOW_UPDATE on stream 5, which we never opened"),
    "DATA first": (settings() + frame(DATA, 0, 1, b"x"), "DATA before the head of the response on stream 1"),
    "push": (
        settings() + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + STATUS_200),
        "PUSH_PROMISE of stream 2, which our SETTINGS forbid",
    ),
    "interleaved": (
        settings() + headers(1, flags=0) + frame(PING, 0, 0, b"12345678"),
        "PING cannot be read (PING within the header block of stream 1)",
    ),
    "continuing nothing": (
        settings() + frame(CONTINUATION, END_HEADERS, 1, STATUS_200),
        "CONTINUATION cannot be read (it continues no header block)",
    ),
    "continuing another stream": (
        settings() + headers(1, flags=0) + frame(CONTINUATION, END_HEADERS, 3, STATUS_200),
        "CONTINUATION cannot be read (it continues no header block)",
    ),
    "padding": (settings() + frame(DATA, PADDED, 1, b"\x09x"), "DATA cannot be read (Padding is too long.)"),
    "short GOAWAY": (settings() + frame(GOAWAY, 0, 0, b"\0"), "GOAWAY cannot be read (Invalid GOAWAY body.)"),
    "SETTINGS on a stream": (settings() + frame(SETTINGS, 0, 1), "SETTINGS cannot be read (Stream ID must be zero"),
    "HEADERS on no stream": (settings() + headers(0), "HEADERS cannot be read (Stream ID must be non-zero"),
    "no status": (settings() + headers(1, literal(b"x", b"y")), "no head of a response on stream 1"),
    "odd status": (settings() + headers(1, literal(b":status", b"2x0")), "no head of a response on stream 1"),
    "two statuses": (settings() + headers(1, STATUS_200 * 2), "no head of a response on stream 1"),
    "ended by an interim": (
        settings() + headers(1, STATUS_100, END_HEADERS | END_STREAM),
        "no head of a response on stream 1",
    ),
    "second head": (settings() + headers(1) + headers(1), "a second head of a response on stream 1"),
    "increment 0": (settings() + window_update(0, 0), "WINDOW_UPDATE cannot be read ("),
    "window too large": (settings() + window_update(0, 2**31 - 1), "WINDOW_UPDATE that makes a window of 2147549182"),
    "initial window": (settings((4, 2**31)), "SETTINGS with INITIAL_WINDOW_SIZE=2147483648"),
    "max frame": (settings((5, 100)), "SETTINGS with a MAX_FRAME_SIZE out of bounds"),
    "body shorter than told": (
        settings() + headers(1, STATUS_200 + literal(b"content-length", b"9")) + frame(DATA, END_STREAM, 1, b"last"),
        "a response of 4 bytes with content-length 9 on stream 1",
    ),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_what_cannot_be_read_is_one_violation_however_it_is_cut(name: str) -> None:
    data, detail = VIOLATIONS[name]
    events = read(named("one"), data)
    assert isinstance(events[-1], ProtocolViolated)
    assert events[-1].detail.startswith(detail)
    assert sum(isinstance(event, ProtocolViolated) for event in events) == 1
    assert not [event for event in events if isinstance(event, ResponseEnded)]
    for cut in range(1, len(data), max(1, len(data) // 200)):
        assert read(named("one"), data, cut) == events, cut


def test_a_violation_shows_the_first_bytes_and_silences_the_rest() -> None:
    client = client_with(*named("one"))
    [violation] = client.receive(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
    assert violation == violated(r"not an HTTP/2 frame sequence: b'HTTP/1.1 400 Bad Request\r\nconnection: cl'")
    assert client.receive(settings() + headers(1)) == []
    assert client.receive_end() == []
    assert client.open_requests == {"one"}


def test_a_frame_that_cannot_be_read_is_recorded_all_the_same() -> None:
    events = read(named("one"), settings() + frame(PING, 0, 0, b"short"))
    assert events == [
        FIRST,
        received("PING", length=5),
        violated("PING cannot be read (PING frame must have 8 byte length: got 5)"),
    ]


def test_the_reserved_bit_of_an_increment_is_ignored() -> None:
    events = read([], settings() + window_update(0, 0x8000_0005))
    assert events == [FIRST, received("WINDOW_UPDATE", length=4, detail="increment=5")]


def test_debug_data_is_cut_at_200_characters() -> None:
    *_, event = read([], settings() + goaway(0, debug=b"x" * 300))
    assert isinstance(event, GoawayReceived)
    assert event.debug == "x" * 200


def test_error_codes_have_their_names() -> None:
    assert [error_name(code) for code in (0, 1, 7, 8, 13, 14)] == [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "HTTP_1_1_REQUIRED",
        "0xe",
    ]


def test_the_first_flush_is_the_preface_and_our_settings() -> None:
    client = H2Client("a", authority="x", scheme="http", initial_window=1000)
    client.start()
    assert client.flush() == (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("00000c 04 00 00000000 0002 00000000 0004 000003e8"),
        [FrameSent(connection="a", frame="SETTINGS", length=12, detail="ENABLE_PUSH=0 INITIAL_WINDOW_SIZE=1000")],
    )
    assert client.flush() == (b"", [])


def test_a_request_is_headers_that_end_the_stream() -> None:
    client = client_with()
    client.send_request(Outgoing("one", target="/hold/one", headers=(("X-Thing", "y"),)))
    data, events = client.flush()
    assert decoded(Decoder(), data[9:]) == [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "origin.test"),
        (":path", "/hold/one"),
        ("x-thing", "y"),
    ]
    assert events == [
        FrameSent(
            connection="a",
            frame="HEADERS",
            stream_id=1,
            flags=("END_STREAM", "END_HEADERS"),
            length=len(data) - 9,
            detail="GET /hold/one",
        ),
        RequestSent(request="one", connection="a", method="GET", target="/hold/one", stream_id=1, whole=True),
    ]
    assert client.open_requests == {"one"}


def test_a_long_header_block_is_continued() -> None:
    client = client_with()
    client.send_request(Outgoing("one", headers=(("x", "y" * 40_000),)))
    data, events = client.flush()
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    client.start()
    [arrived] = [event for event in server.receive_data(client.flush()[0] + data) if isinstance(event, RequestReceived)]
    assert (b"x", b"y" * 40_000) in arrived.headers
    frames = [event.frame for event in events if isinstance(event, FrameSent)]
    assert frames == ["HEADERS", "CONTINUATION", "CONTINUATION"]


def test_a_body_in_pieces_ends_with_request_ended() -> None:
    client = client_with()
    client.send_request(Outgoing("one", "POST", body=b"he", whole=False))
    client.send_body("one", b"llo", end=False)
    _, events = client.flush()
    assert [event.flags for event in events if isinstance(event, FrameSent)] == [("END_HEADERS",), (), ()]
    assert events[1] == RequestSent(request="one", connection="a", method="POST", target="/", stream_id=1, whole=False)
    client.send_body("one", b"", end=True)
    assert client.flush() == (
        frame(DATA, END_STREAM, 1),
        [
            FrameSent(connection="a", frame="DATA", stream_id=1, flags=("END_STREAM",)),
            RequestEnded(request="one", length=5),
        ],
    )
    with pytest.raises(ValueError, match="no body"):
        client.send_body("one", b"late", end=True)


def test_a_body_waits_for_the_stream_window_and_then_for_the_connection_window() -> None:
    client = client_with()
    client.receive(settings((4, 10)))
    client.flush()
    client.send_request(Outgoing("one", "POST", body=b"x" * 70_000))
    _, events = client.flush()
    assert [event.length for event in events if isinstance(event, FrameSent) and event.frame == "DATA"] == [10]
    [sent] = [event for event in events if isinstance(event, RequestSent)]
    assert not sent.whole
    client.receive(settings((4, 100_000)))
    _, events = client.flush()
    assert sum(event.length for event in events if isinstance(event, FrameSent)) == 65_525
    client.receive(window_update(1, 1000))
    assert client.flush()[0] == b""
    client.receive(window_update(0, 70_000))
    _, events = client.flush()
    assert sum(event.length for event in events if isinstance(event, FrameSent)) == 4465
    assert events[-1] == RequestEnded(request="one", length=70_000)


def test_a_smaller_initial_window_may_leave_a_stream_in_debt() -> None:
    client = client_with(Outgoing("one", "POST", body=b"x" * 1000, whole=False))
    client.receive(settings((4, 100)))
    client.send_body("one", b"y", end=True)
    client.receive(window_update(1, 900))
    assert not [event for event in client.flush()[1] if isinstance(event, FrameSent) and event.frame == "DATA"]
    client.receive(window_update(1, 1))
    assert client.flush()[1][-1] == RequestEnded(request="one", length=1001)


def test_a_reset_upload_is_abandoned() -> None:
    client = client_with(Outgoing("one", "POST", body=b"x" * 100_000))
    client.receive(settings() + frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))
    client.receive(window_update(0, 100_000) + window_update(1, 100_000))
    data, _ = client.flush()
    assert data == frame(SETTINGS, ACK)
    assert client.open_requests == set()


def test_a_smaller_header_table_is_announced_once_even_if_set_twice() -> None:
    client = client_with()
    client.receive(settings((1, 0)) + settings((1, 0)) + settings((1, 0)))
    client.flush()
    client.send_request(Outgoing("one", headers=(("x", "y"),)))
    client.send_request(Outgoing("two", headers=(("x", "y"),)))
    data, _ = client.flush()
    assert data[9:10] == b"\x20"
    first_length = int.from_bytes(data[:3], "big")
    decoder = Decoder()
    decoder.max_allowed_table_size = 0
    assert ("x", "y") in decoded(decoder, data[9 : 9 + first_length])
    assert ("x", "y") in decoded(decoder, data[18 + first_length :])


def test_a_larger_header_table_is_not_used() -> None:
    client = client_with()
    client.receive(settings((1, 65_536)))
    client.flush()
    client.send_request(Outgoing("one"))
    assert client.flush()[0][9:10] == b"\x82"


def test_ping_and_settings_are_acknowledged() -> None:
    client = client_with()
    client.receive(settings() + frame(PING, 0, 0, b"12345678") + frame(PING, ACK, 0, b"87654321"))
    data, events = client.flush()
    assert data == frame(SETTINGS, ACK) + frame(PING, ACK, 0, b"12345678")
    assert [(event.frame, event.flags) for event in events if isinstance(event, FrameSent)] == [
        ("SETTINGS", ("ACK",)),
        ("PING", ("ACK",)),
    ]


def test_goodbye_is_sent_once() -> None:
    client: WireClient = client_with()
    client.send_goodbye()
    client.send_goodbye()
    assert client.flush() == (
        goaway(0),
        [
            FrameSent(connection="a", frame="GOAWAY", length=8, detail="NO_ERROR last=0"),
            GoawaySent(connection="a", last_stream_id=0, error_code=0),
        ],
    )


def test_a_request_may_follow_a_goaway() -> None:
    client = client_with(*named("one"))
    seen = []
    for data in (settings(), goaway(1)):
        client.receive(data)
        seen.append(client.draining)
    assert seen == [False, True]
    client.send_request(Outgoing("raced"))
    assert [event.stream_id for event in client.flush()[1] if isinstance(event, RequestSent)] == [3]


def test_a_request_written_raw_is_answered_to_the_name_it_was_expected_under() -> None:
    client = client_with(*named("one"))
    assert client.expect("half") == 3
    half = headers(3, b"\x82\x86", flags=END_STREAM)
    client.send_raw(half, "half a header block")
    assert client.flush() == (
        half,
        [BytesSent(connection="a", length=len(half), what="half a header block")],
    )
    events = client.receive(settings() + frame(RST_STREAM, 0, 3, b"\0\0\0\x01"))
    assert meaning(events) == [StreamReset(request="half", error_code=1, error_name="PROTOCOL_ERROR")]
    client.receive(window_update(0, 10))
    client.send_request(Outgoing("next"))
    assert [event.stream_id for event in client.flush()[1] if isinstance(event, RequestSent)] == [5]


def test_a_name_is_used_once() -> None:
    client = client_with(*named("one"))
    with pytest.raises(ValueError, match="exists already"):
        client.send_request(Outgoing("one"))


def increments(client: H2Client, stream_id: int) -> list[int]:
    updates = [event for event in client.flush()[1] if isinstance(event, FrameSent) and event.frame == "WINDOW_UPDATE"]
    return [int(event.detail.removeprefix("increment=")) for event in updates if event.stream_id == stream_id]


def test_windows_are_replenished_at_16_kib_and_not_for_every_frame() -> None:
    client = client_with(*named("one", "two"))
    client.receive(settings() + headers(1) + headers(3))
    client.receive(frame(DATA, 0, 1, b"x" * 8000) + frame(DATA, 0, 3, b"x" * 8000))
    assert increments(client, 0) == []
    client.receive(frame(DATA, 0, 1, b"x" * 8383))
    assert increments(client, 0) == [24_383]
    client.receive(frame(DATA, 0, 1, b"x"))
    assert increments(client, 1) == [16_384]


def test_a_small_window_is_replenished_at_its_half() -> None:
    client = client_with(*named("one"), initial_window=100)
    client.receive(settings() + headers(1) + frame(DATA, 0, 1, b"x" * 49))
    assert increments(client, 1) == []
    client.receive(frame(DATA, PADDED, 1, b"\x00"))
    assert increments(client, 1) == [50]


def test_an_ended_stream_is_not_replenished_but_the_connection_is() -> None:
    client = client_with(*named("one", "two"))
    client.receive(settings() + headers(1) + frame(DATA, END_STREAM, 1, b"x" * 16_384))
    _, events = client.flush()
    updates = [event for event in events if isinstance(event, FrameSent) and event.frame == "WINDOW_UPDATE"]
    assert [(event.stream_id, event.detail) for event in updates] == [(0, "increment=16384")]
    client.receive(frame(RST_STREAM, 0, 3, b"\0\0\0\x07") + frame(DATA, 0, 3, b"x" * 16_384))
    _, events = client.flush()
    updates = [event for event in events if isinstance(event, FrameSent) and event.frame == "WINDOW_UPDATE"]
    assert [(event.stream_id, event.detail) for event in updates] == [(0, "increment=16384")]


def test_without_replenishing_a_window_runs_out_until_it_is_given_back() -> None:
    client = client_with(*named("one"), replenish=False)
    block = frame(DATA, 0, 1, b"x" * 13_107)
    client.receive(settings() + headers(1) + block * 5)
    _, events = client.flush()
    assert [event.frame for event in events if isinstance(event, FrameSent)] == ["SETTINGS"]
    client.replenish_now()
    client.replenish_now()
    assert client.flush()[0] == window_update(0, 65_535) + window_update(1, 65_535)
    client.receive(block * 5)
    *_, violation = comparable(client.receive(frame(DATA, 0, 1, b"x")))
    assert violation == violated("DATA beyond the connection's flow-control window")


def test_a_window_of_nothing_is_opened_by_a_grant() -> None:
    client = client_with(*named("one"), initial_window=0)
    client.receive(settings() + headers(1))
    client.flush()
    client.grant("one", 10)
    assert client.flush()[0] == window_update(1, 10)
    assert client.receive(frame(DATA, 0, 1, b"x" * 10))[1:] == [BodyReceived(request="one", length=10)]
    assert increments(client, 1) == [10]
    with pytest.raises(ValueError, match="no request"):
        client.grant("two", 10)


def test_data_beyond_a_streams_window_is_a_violation() -> None:
    client = client_with(*named("one"), initial_window=10, replenish=False)
    *_, violation = comparable(client.receive(settings() + headers(1) + frame(DATA, 0, 1, b"x" * 11)))
    assert violation == violated("DATA beyond the flow-control window of stream 1")


def assert_nothing_follows_an_ending(events: list[Event]) -> None:
    over: set[tuple[type[Event], str]] = set()
    for event in events:
        if isinstance(event, BodyReceived):
            assert not {(ResponseEnded, event.request), (StreamReset, event.request)} & over
        elif isinstance(event, ResponseEnded | StreamReset):
            assert (type(event), event.request) not in over
            assert isinstance(event, StreamReset) or (StreamReset, event.request) not in over
            over.add((type(event), event.request))


@given(
    st.lists(st.tuples(st.sampled_from([1, 3, 5]), st.integers(0, 4000), st.integers(0, 9)), max_size=40),
    st.integers(8000, 70_000),
)
def test_what_was_consumed_is_given_back_once(pieces: list[tuple[int, int, int]], window: int) -> None:
    client = client_with(*named("one", "two", "three"), initial_window=window)
    data = settings() + b"".join(headers(stream_id) for stream_id in (1, 3, 5))
    consumed = 0
    sent = 0
    events = client.receive(data)
    for stream_id, length, ending in pieces:
        # Every stream may be ended or reset in the middle; what comes after counts on the connection alone.
        events += client.receive(frame(DATA, END_STREAM if ending == 1 else 0, stream_id, b"x" * length))
        if ending == 0:
            events += client.receive(frame(RST_STREAM, 0, stream_id, b"\0\0\0\x08"))
        consumed += length
        sent += sum(increments(client, 0))
    assert not [event for event in events if isinstance(event, ProtocolViolated)]
    assert consumed - sent < 16 * 1024
    client.replenish_now()
    sent += sum(increments(client, 0))
    assert sent == consumed
    assert_nothing_follows_an_ending(events)
    requests = [event.request for event in events if isinstance(event, ResponseEnded | StreamReset)]
    assert client.open_requests == {"one", "two", "three"} - set(requests)


def test_a_conversation_with_h2_as_the_server() -> None:
    client = H2Client("a", authority="origin.test", scheme="http")
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    client.start()
    upload = bytes(range(256)) * 1000
    client.send_request(Outgoing("up", "POST", body=upload))
    uploaded, response = bytearray(), bytearray(b"lastcall\n" * 20_000)
    events: list[Event] = []
    answered = False
    for _ in range(200):
        for event in server.receive_data(client.flush()[0]):
            if isinstance(event, DataReceived):
                uploaded += event.data
                server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                server.send_headers(1, [(":status", "200"), ("content-length", str(len(response)))])
                answered = True
        while answered and response and (room := min(len(response), server.local_flow_control_window(1), 16_384)):
            server.send_data(1, bytes(response[:room]), end_stream=room == len(response))
            del response[:room]
        events += client.receive(server.data_to_send())
    assert bytes(uploaded) == upload
    assert meaning(events)[-1] == ended("up", b"lastcall\n" * 20_000)
    assert not [event for event in events if isinstance(event, ProtocolViolated)]


def test_header_blocks_of_closed_streams_keep_the_table_in_step() -> None:
    encoder = Encoder()
    block = [encoder.encode([(":status", "200"), ("x-a", "b")]) for _ in range(3)]
    data = settings() + frame(RST_STREAM, 0, 1, b"\0\0\0\x08")
    data += headers(1, block[0]) + headers(3, block[1]) + headers(5, block[2])
    assert [event for event in read(named("one", "two", "three"), data) if isinstance(event, ResponseStarted)] == [
        started("two", 200, ("x-a", "b")),
        started("three", 200, ("x-a", "b")),
    ]


@given(st.lists(st.binary(max_size=80), max_size=4), st.booleans())
def test_no_bytes_raise(pieces: list[bytes], prefaced: bool) -> None:
    client = client_with(*named("one", "two"))
    events = client.receive(settings() if prefaced else b"")
    events += [event for piece in pieces for event in client.receive(piece)] + client.receive_end()
    assert sum(isinstance(event, ProtocolViolated) for event in events) <= 1


BLOCKS = st.one_of(
    st.binary(max_size=30),
    st.lists(st.sampled_from([STATUS_200, STATUS_100, literal(b"x", b"y"), b"\x40\x01x\x01y", b"\xbe"])).map(b"".join),
)
FRAMES = st.builds(
    frame,
    st.integers(0, 12),
    st.sampled_from([0, 1, 4, 5, 8, 9, 0x20, 0x25, 0xFF]),
    st.sampled_from([0, 1, 2, 3, 5, 0x8000_0001]),
    st.one_of(BLOCKS, st.sampled_from([b"\0\0\0\x05", b"\0\0\0\x01\0\0\0\x07", b"\0\x04\0\0\0\x64"])),
)


@given(st.lists(FRAMES, max_size=8), st.data())
def test_frames_of_any_kind_never_raise_and_read_the_same_when_cut(frames: list[bytes], draw: st.DataObject) -> None:
    data = settings() + b"".join(frames)
    cut = draw.draw(st.integers(0, len(data)))
    assert read(named("one", "two"), data) == read(named("one", "two"), data, cut)
