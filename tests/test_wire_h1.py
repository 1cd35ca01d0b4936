"""The HTTP/1.1 client, on bytes: whole, cut at every offset, and arbitrary."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import re
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastcall.conformance.model.client_events import (
    BodyReceived,
    BytesSent,
    InformationalReceived,
    ProtocolViolated,
    RequestEnded,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    TimeoutAnnounced,
    TrailersReceived,
)
from lastcall.conformance.wire import H1Client, Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire import WireClient

EMPTY = hashlib.sha256(b"").hexdigest()


def client_with(*requests: Outgoing) -> H1Client:
    client = H1Client("a", authority="origin.test:8080")
    client.start()
    for outgoing in requests:
        client.send_request(outgoing)
    client.flush()
    return client


def comparable(events: Sequence[Event]) -> list[Event]:
    """Join neighbouring pieces of a body, and leave out how much of the offending bytes had arrived."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, BodyReceived) and isinstance(last, BodyReceived) and last.request == event.request:
            joined[-1] = dataclasses.replace(last, length=last.length + event.length)
        elif isinstance(event, ProtocolViolated):
            joined.append(dataclasses.replace(event, detail=re.split(r": b['\"]", event.detail)[0]))
        else:
            joined.append(event)
    return joined


def read(requests: Sequence[Outgoing], data: bytes, *cuts: int) -> list[Event]:
    client = client_with(*requests)
    bounds = [0, *cuts, len(data)]
    events: list[Event] = []
    for begin, end in itertools.pairwise(bounds):
        events += client.receive(data[begin:end])
    return events + client.receive_end()


def ended(request: str, body: bytes, framing: str) -> ResponseEnded:
    return ResponseEnded(request=request, length=len(body), sha256=hashlib.sha256(body).hexdigest(), framing=framing)


def started(request: str, status: int = 200, *headers: tuple[str, str]) -> ResponseStarted:
    return ResponseStarted(request=request, status=status, headers=headers)


ONE = [Outgoing("one")]
TWO = [Outgoing("one"), Outgoing("two")]

READINGS = {
    "content-length": (
        ONE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nlastcall\n",
        [
            started("one", 200, ("content-length", "9")),
            BodyReceived(request="one", length=9),
            ended("one", b"lastcall\n", "content-length"),
        ],
    ),
    "content-length of 0": (
        ONE,
        b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
        [started("one", 503, ("content-length", "0")), ended("one", b"", "content-length")],
    ),
    "chunked with trailers": (
        ONE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlast\r\n5;x=y\r\ncall\n\r\n0\r\nseen: yes\r\n\r\n",
        [
            started("one", 200, ("transfer-encoding", "chunked")),
            BodyReceived(request="one", length=9),
            TrailersReceived(request="one", headers=(("seen", "yes"),)),
            ended("one", b"lastcall\n", "chunked"),
        ],
    ),
    "close-delimited": (
        ONE,
        b"HTTP/1.1 200 OK\r\n\r\nlastcall\n",
        [started("one"), BodyReceived(request="one", length=9), ended("one", b"lastcall\n", "close")],
    ),
    "HEAD": (
        [Outgoing("one", method="HEAD")],
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        [started("one", 200, ("content-length", "9")), ended("one", b"", "none")],
    ),
    "204 and 304": (
        TWO,
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        [
            started("one", 204),
            ended("one", b"", "none"),
            started("two", 304, ("content-length", "9")),
            ended("two", b"", "none"),
        ],
    ),
    "interim responses": (
        ONE,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        [
            InformationalReceived(request="one", status=100),
            InformationalReceived(request="one", status=103),
            started("one", 200, ("content-length", "0")),
            ended("one", b"", "content-length"),
        ],
    ),
    "pipelined": (
        [*TWO, Outgoing("three")],
        b"".join(
            [
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n\r\nrest",
            ]
        ),
        [
            started("one", 200, ("content-length", "2"), ("connection", "close")),
            BodyReceived(request="one", length=2),
            ended("one", b"ok", "content-length"),
            started("two", 200, ("transfer-encoding", "chunked")),
            BodyReceived(request="two", length=2),
            ended("two", b"hi", "chunked"),
            started("three"),
            BodyReceived(request="three", length=4),
            ended("three", b"rest", "close"),
        ],
    ),
    "cut in its head": (ONE, b"HTTP/1.1 200 OK\r\ncontent-le", []),
    "cut in its content-length": (
        ONE,
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nlast",
        [started("one", 200, ("content-length", "9")), BodyReceived(request="one", length=4)],
    ),
    "cut before its last chunk": (
        ONE,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlast\r\n",
        [started("one", 200, ("transfer-encoding", "chunked")), BodyReceived(request="one", length=4)],
    ),
    "unsolicited after a response": (
        ONE,
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 Late\r\n\r\n",
        [
            started("one", 200, ("content-length", "0")),
            ended("one", b"", "content-length"),
            ProtocolViolated(connection="a", detail="unsolicited bytes, no request is open"),
        ],
    ),
    "told that an idle connection closes": (
        ONE,
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 408 Late\r\nconnection: close\r\n\r\n",
        [
            started("one", 200, ("content-length", "0")),
            ended("one", b"", "content-length"),
            TimeoutAnnounced(connection="a"),
        ],
    ),
    "unsolicited and cut": (
        [],
        b"HTTP/1.1 40",
        [ProtocolViolated(connection="a", detail="unsolicited bytes, no request is open")],
    ),
    "unsolicited at once": (
        [],
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        [ProtocolViolated(connection="a", detail="unsolicited bytes, no request is open")],
    ),
    "not HTTP/1.1": (
        ONE,
        b"HTTQ is something else",
        [ProtocolViolated(connection="a", detail="not an HTTP/1.1 response")],
    ),
    "illegal chunk": (
        ONE,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\nzzz\r\nmore",
        [
            started("one", 200, ("transfer-encoding", "chunked")),
            BodyReceived(request="one", length=1),
            ProtocolViolated(connection="a", detail="not an HTTP/1.1 response"),
        ],
    ),
    "a switch nobody asked for": (
        ONE,
        b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n\x81\x00",
        [ProtocolViolated(connection="a", detail="not an HTTP/1.1 response")],
    ),
}


@pytest.mark.parametrize("name", READINGS)
def test_bytes_become_events_however_they_are_cut(name: str) -> None:
    requests, data, expected = READINGS[name]
    assert comparable(read(requests, data)) == expected
    for cut in range(1, len(data)):
        assert comparable(read(requests, data, cut)) == expected, cut
    assert comparable(read(requests, data, *range(1, len(data)))) == expected


def test_a_violation_shows_the_first_bytes_and_silences_the_rest() -> None:
    client = client_with(Outgoing("one"))
    [violation] = client.receive(b"\x15\x03\x03\x00\x02\x02\x28")
    assert violation == ProtocolViolated(
        connection="a", detail=r"not an HTTP/1.1 response: b'\x15\x03\x03\x00\x02\x02('"
    )
    assert client.receive(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") == []
    assert client.receive_end() == []
    assert client.open_requests == {"one"}


def test_a_violation_contains_the_parsers_reason() -> None:
    client = client_with(Outgoing("one"))
    [violation] = client.receive(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")
    assert isinstance(violation, ProtocolViolated)
    assert violation.detail.startswith(r"not an HTTP/1.1 response: b'HTTP/1.1 200 OK\r\nno colon\r\n\r\n'")
    assert "illegal header line" in violation.detail


@pytest.mark.parametrize(
    ("head", "draining"),
    [
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Upgrade, Close\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", True),
    ],
)
def test_the_head_of_a_response_says_whether_the_server_drains(head: bytes, draining: bool) -> None:
    client = client_with(Outgoing("one"))
    assert not client.draining
    client.receive(head + b"content-length: 5\r\n\r\n")
    assert client.draining is draining
    assert client.open_requests == {"one"}


def test_requests_are_open_until_their_own_response_ends() -> None:
    client = client_with(Outgoing("one"), Outgoing("two"))
    assert client.open_requests == {"one", "two"}
    client.receive(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
    assert client.open_requests == {"two"}
    client.receive_end()
    assert client.open_requests == set()


def test_a_plain_request_is_written_with_a_host() -> None:
    client = H1Client("a", authority="origin.test:8080")
    client.send_request(Outgoing("one", target="/hold/one", headers=(("Accept", "*/*"),)))
    data, events = client.flush()
    assert data == b"GET /hold/one HTTP/1.1\r\nhost: origin.test:8080\r\nAccept: */*\r\n\r\n"
    assert events == [RequestSent(request="one", connection="a", method="GET", target="/hold/one")]
    assert client.flush() == (b"", [])


def test_a_host_given_is_kept() -> None:
    client = H1Client("a", authority="origin.test:8080")
    client.send_request(Outgoing("one", headers=(("Host", "other"),)))
    assert client.flush()[0] == b"GET / HTTP/1.1\r\nHost: other\r\n\r\n"


@pytest.mark.parametrize(
    ("outgoing", "wire"),
    [
        (Outgoing("one", "POST", body=b"hello"), b"content-length: 5\r\n\r\nhello"),
        (Outgoing("one", "POST"), b"content-length: 0\r\n\r\n"),
        (
            Outgoing("one", "POST", headers=(("Transfer-Encoding", "chunked"),), body=b"hello"),
            b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        (Outgoing("one", "POST", headers=(("Content-Length", "9"),), body=b"hello"), b"Content-Length: 9\r\n\r\nhello"),
    ],
)
def test_a_whole_body_is_framed(outgoing: Outgoing, wire: bytes) -> None:
    client = H1Client("a", authority="x")
    client.send_request(outgoing)
    data, [event] = client.flush()
    assert data == b"POST / HTTP/1.1\r\nhost: x\r\n" + wire
    assert event == RequestSent(request="one", connection="a", method="POST", target="/", whole=True)


def test_a_body_sent_in_pieces_is_chunked() -> None:
    client = H1Client("a", authority="x")
    client.send_request(Outgoing("one", "POST", body=b"he", whole=False))
    data, events = client.flush()
    assert data == b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n"
    assert events == [RequestSent(request="one", connection="a", method="POST", target="/", whole=False)]
    client.send_body("one", b"", end=False)
    assert client.flush() == (b"", [])
    client.send_body("one", b"l" * 16, end=False)
    assert client.flush() == (
        b"10\r\nllllllllllllllll\r\n",
        [BytesSent(connection="a", length=22, what="body of one")],
    )
    client.send_body("one", b"o", end=True)
    assert client.flush() == (
        b"1\r\no\r\n0\r\n\r\n",
        [BytesSent(connection="a", length=11, what="body of one"), RequestEnded(request="one", length=19)],
    )
    with pytest.raises(ValueError, match="no body"):
        client.send_body("one", b"late", end=True)


def test_a_body_of_announced_length_is_sent_raw() -> None:
    client = H1Client("a", authority="x")
    client.send_request(Outgoing("one", "PUT", headers=(("content-length", "5"),), body=b"he", whole=False))
    client.send_body("one", b"llo", end=False)
    client.send_body("one", b"", end=True)
    data, events = client.flush()
    assert data == b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
    assert events[-1] == RequestEnded(request="one", length=5)


def test_a_request_that_waits_for_100_continue_is_recorded_as_such() -> None:
    client = H1Client("a", authority="x")
    for name, headers in (("one", ()), ("two", (("content-length", "1"), ("Expect", "100-continue")))):
        client.send_request(Outgoing(name, "POST", headers=headers, whole=False))
    sent = [event for event in client.flush()[1] if isinstance(event, RequestSent)]
    assert [event.expects for event in sent] == [False, True]


def test_what_is_written_is_what_a_server_reads() -> None:
    client = H1Client("a", authority="x")
    client.send_request(Outgoing("one", "POST", "/upload", body=b"first,", whole=False))
    client.send_body("one", b"second", end=True)
    server = h11.Connection(h11.SERVER)
    server.receive_data(client.flush()[0])
    request, *pieces = (server.next_event() for _ in range(4))
    assert isinstance(request, h11.Request)
    assert request.target == b"/upload"
    assert b"".join(bytes(piece.data) for piece in pieces if isinstance(piece, h11.Data)) == b"first,second"
    assert isinstance(pieces[-1], h11.EndOfMessage)


def test_an_early_response_is_read_while_the_body_is_still_being_sent() -> None:
    client = client_with(Outgoing("one", "POST", body=b"he", whole=False))
    events = client.receive(b"HTTP/1.1 413 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    assert [type(event) for event in events] == [ResponseStarted, ResponseEnded]
    client.send_body("one", b"llo", end=True)
    assert client.flush()[0] == b"3\r\nllo\r\n0\r\n\r\n"


def test_half_a_head_is_answered_to_the_name_it_was_expected_under() -> None:
    client = client_with()
    assert client.expect("half") is None
    client.send_raw(b"GET / HTT", "half a head")
    assert client.flush() == (b"GET / HTT", [BytesSent(connection="a", length=9, what="half a head")])
    assert client.open_requests == {"half"}
    events = client.receive(b"HTTP/1.1 408 Slow\r\ncontent-length: 0\r\n\r\n")
    assert events == [started("half", 408, ("content-length", "0")), ended("half", b"", "content-length")]


def test_a_name_is_used_once() -> None:
    client = client_with(Outgoing("one"))
    with pytest.raises(ValueError, match="exists already"):
        client.send_request(Outgoing("one"))


def test_http1_has_no_preface_and_no_goodbye() -> None:
    client: WireClient = H1Client("a", authority="x")
    client.start()
    client.send_goodbye()
    assert client.flush() == (b"", [])


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    client = client_with(Outgoing("one"), Outgoing("two", "HEAD"))
    events = [event for piece in pieces for event in client.receive(piece)] + client.receive_end()
    assert sum(isinstance(event, ProtocolViolated) for event in events) <= 1


FRAGMENTS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 099 \r\n",
    b"HTTP/1.1 100 \r\n",
    b"HTTP/1.1 204\r\n",
    b"content-length: 5\r\n",
    b"content-length: 99999999999999999999999\r\n",
    b"transfer-encoding: chunked\r\n",
    b"transfer-encoding: gzip, chunked\r\n",
    b"connection: close\r\n",
    b" folded\r\n",
    b"x: \xff\xfe\r\n",
    b"\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"hello",
    b"\x00",
)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12), st.data())
def test_pieces_of_responses_never_raise_and_read_the_same_when_cut(pieces: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(pieces)
    cut = draw.draw(st.integers(0, len(data)))
    requests = [Outgoing("one"), Outgoing("two", "HEAD"), Outgoing("three")]
    assert comparable(read(requests, data)) == comparable(read(requests, data, cut))
