"""The WebSocket client, on bytes: whole, cut at every offset, and arbitrary."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import FrameProtocol

from lastcall.conformance.model.client_events import (
    BytesSent,
    CloseReceived,
    CloseSent,
    MessageCut,
    MessageReceived,
    ProtocolViolated,
    WebSocketAsked,
    WebSocketOpened,
    WebSocketRefused,
)
from lastcall.conformance.wire import Outgoing, WebSocketClient
from lastcall.conformance.wire.ws_frames import FrameReader

OPENED = WebSocketOpened("w")


def half_open(**options):
    """A client that has sent its handshake, and a server that has read it."""
    client = WebSocketClient("a", authority="origin.test:8080", **options)
    client.start()
    client.send_request(Outgoing("w", target="/ws/w"))
    head, events = client.flush()
    assert events == [WebSocketAsked("w", "a", "/ws/w")]
    server = WSConnection(ConnectionType.SERVER)
    server.receive_data(head)
    (request,) = server.events()
    assert isinstance(request, Request)
    assert (request.host, request.target) == ("origin.test:8080", "/ws/w")
    return client, server


def opened(**options):
    client, server = half_open(**options)
    assert client.receive(server.send(AcceptConnection())) == [OPENED]
    return client, server


def frame(first, payload=b"", second=None):
    return bytes([first, len(payload) if second is None else second]) + payload


def test_it_opens_reads_messages_and_answers_the_close():
    client, server = opened()
    data = server.send(TextMessage("hällo")) + server.send(BytesMessage(b"x" * 300))
    data += server.send(CloseConnection(1001, "restart"))
    assert client.receive(data) == [
        MessageReceived("w", 6),
        MessageReceived("w", 300),
        CloseReceived("w", 1001, "restart"),
    ]
    answer, events = client.flush()
    assert events == [CloseSent("w", 1001)]
    server.receive_data(answer)
    (close,) = server.events()
    assert isinstance(close, CloseConnection)
    assert close.code == 1001
    assert client.receive_end() == []


def test_every_cut_gives_the_same_events():
    whole_client, server = half_open()
    long = b"y" * 70_000
    data = server.send(AcceptConnection())
    data += server.send(BytesMessage(b"ab", message_finished=False)) + server.send(Ping(b"p"))
    data += server.send(BytesMessage(b"cd")) + server.send(BytesMessage(b"x" * 200))
    data += server.send(CloseConnection(1012, "bye"))
    expected = [OPENED, MessageReceived("w", 4), MessageReceived("w", 200), CloseReceived("w", 1012, "bye")]
    assert whole_client.receive(data) == expected
    for cut in range(len(data) + 1):
        client, _server = half_open()
        client._nonce = whole_client._nonce
        assert client.receive(data[:cut]) + client.receive(data[cut:]) == expected, cut
    frames = FrameProtocol(client=False, extensions=[]).send_data(long)
    for cut in (1, 2, 5, 9, 10, 11, 69_999):
        reader = FrameReader()
        frames_read = [*reader.read(bytes(frames[:cut])), *reader.read(bytes(frames[cut:]))]
        assert [frame.length for frame in frames_read] == [70_000]
        assert not reader.inside


def test_a_byte_at_a_time_is_enough():
    client, server = opened()
    data = server.send(BytesMessage(b"x" * 126)) + server.send(CloseConnection(1000))
    events = [event for byte in data for event in client.receive(bytes([byte]))]
    assert events == [MessageReceived("w", 126), CloseReceived("w", 1000)]


def test_a_ping_is_answered():
    client, server = opened()
    client.receive(server.send(Ping(b"there?")))
    pong, events = client.flush()
    assert events == []
    server.receive_data(pong)
    assert list(server.events()) == [Pong(b"there?")]


def test_a_rude_client_does_not_answer_the_close():
    client, server = opened(answers_close=False)
    assert client.receive(server.send(CloseConnection(1001))) == [CloseReceived("w", 1001)]
    assert client.flush() == (b"", [])


@pytest.mark.parametrize(
    ("payload", "code", "answer"),
    [
        (b"", 0, 0),
        ((1006).to_bytes(2, "big"), 1006, 1002),
        ((1005).to_bytes(2, "big"), 1005, 1002),
        ((999).to_bytes(2, "big"), 999, 1002),
        ((5000).to_bytes(2, "big"), 5000, 1002),
        ((4999).to_bytes(2, "big"), 4999, 4999),
    ],
)
def test_a_close_is_recorded_with_the_code_that_stood_in_it(payload, code, answer):
    client, _server = opened()
    assert client.receive(frame(0x88, payload)) == [CloseReceived("w", code)]
    sent, events = client.flush()
    assert events == [CloseSent("w", answer)]
    assert len(sent) == 6 + (2 if answer else 0)


def test_a_second_close_is_not_answered():
    client, server = opened()
    close = server.send(CloseConnection(1001))
    client.receive(close + close)
    assert client.flush()[1] == [CloseSent("w", 1001)]


def test_a_refusal_is_recorded_and_nothing_more_is_read():
    client, server = half_open()
    answer = server.send(RejectConnection(status_code=503, headers=[(b"connection", b"close")]))
    assert client.receive(answer) == [WebSocketRefused("w", 503)]
    assert client.receive(b"garbage") == []
    assert client.receive_end() == []


@pytest.mark.parametrize(
    ("sent", "had"),
    [
        (b"\x82", 0),
        (frame(0x82, b"abc", 9), 3),
        (frame(0x02, b"abc"), 3),
        (frame(0x02, b"abc") + frame(0x80, b"de", 9), 5),
        (b"\x88\x02\x03", 0),
    ],
)
def test_an_end_inside_a_message_or_a_frame_is_a_cut(sent, had):
    client, _server = opened()
    assert client.receive(sent) == []
    assert client.receive_end() == [MessageCut("w", had)]
    assert client.receive_end() == []


VIOLATIONS = {
    "a reserved bit": (b"\xc2\x00", "unknown kind"),
    "an unknown opcode": (b"\x83\x00", "unknown kind"),
    "a mask": (b"\x82\x81", "masked"),
    "a long ping": (b"\x89\x7e", "control frame"),
    "a fragmented ping": (b"\x09\x00", "control frame"),
    "a close of one byte": (b"\x88\x01x", "one byte"),
    "a close with code 0": (b"\x88\x02\x00\x00", "code 0"),
    "a continuation of nothing": (b"\x80\x00", "continuation"),
    "a message within a message": (b"\x02\x00\x82\x00", "continuation"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_what_no_server_may_send_is_a_violation(name):
    sent, says = VIOLATIONS[name]
    client, server = opened()
    (violated,) = client.receive(sent)
    assert isinstance(violated, ProtocolViolated)
    assert re.search(says, violated.detail)
    assert client.receive(server.send(CloseConnection(1000))) == []


def test_an_answer_to_another_key_is_a_violation():
    client, _server = half_open()
    _other, other_server = half_open()
    (violated,) = client.receive(other_server.send(AcceptConnection()))
    assert "Sec-WebSocket-Key" in violated.detail


def test_bytes_before_any_request_are_a_violation():
    (violated,) = WebSocketClient("a", authority="origin.test").receive(b"HTTP/1.1 200 OK\r\n\r\n")
    assert "unsolicited" in violated.detail


def test_raw_bytes_are_sent_as_they_are():
    client, _server = opened()
    client.send_raw(b"\x00", "noise")
    assert client.flush() == (b"\x00", [BytesSent("a", 1, "noise")])


def test_one_connection_is_one_websocket():
    client, _server = opened()
    with pytest.raises(ValueError, match="already"):
        client.send_request(Outgoing("x"))
    for intent in (
        lambda: client.send_body("w", b"", end=True),
        lambda: client.begin_head(Outgoing("x")),
        lambda: client.finish_head("w"),
    ):
        with pytest.raises(ValueError, match=r"'w'|'x'"):
            intent()
    assert client.open_requests == frozenset()
    assert not client.draining


@given(st.lists(st.binary(max_size=40), max_size=8), st.booleans())
def test_garbage_never_raises(pieces, answered):
    client, _server = opened() if answered else half_open()
    for piece in pieces:
        client.receive(piece)
    client.receive_end()
    client.flush()
    assert client.receive(b"more") == []
