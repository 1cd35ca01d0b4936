"""WebSockets on streams of HTTP/2, on bytes: whole, cut at every offset; and against h2 and wsproto as the server."""

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection as Framing
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong

from lastcall.conformance.model.client_events import (
    CloseReceived,
    CloseSent,
    FrameReceived,
    FrameSent,
    MessageCut,
    MessageReceived,
    ProtocolViolated,
    RequestEnded,
    ResponseEnded,
    WebSocketAsked,
    WebSocketOpened,
    WebSocketRefused,
)
from lastcall.conformance.model.client_events import StreamReset as StreamWasReset
from lastcall.conformance.wire import H2Client, Outgoing
from tests.test_wire_h2 import DATA, END_STREAM, RST_STREAM, frame, headers, settings, window_update

OFFERED = settings((8, 1))
ASKED = WebSocketAsked("w", "a", "/ws/w", 1)
OPENED = WebSocketOpened("w")


def client(**options):
    made = H2Client("a", authority="origin.test", scheme="https", **options)
    made.start()
    made.flush()
    return made


def meaning(events):
    return [event for event in events if not isinstance(event, (FrameReceived, FrameSent))]


def half_open(**options):
    """A client that has sent the handshake of a WebSocket on its first stream."""
    made = client(**options)
    made.open_websocket("w", "/ws/w")
    made.receive(OFFERED)
    assert meaning(made.flush()[1]) == [ASKED]
    return made


def opened(**options):
    made = half_open(**options)
    assert meaning(made.receive(headers(1))) == [OPENED]
    return made


def data(payload, flags=0):
    return frame(DATA, flags, 1, payload)


def served(framing, *events):
    return b"".join(framing.send(event) for event in events)


def ended(events):
    """The events without the digest of what the stream carried."""
    return [
        ResponseEnded(event.request, framing=event.framing) if isinstance(event, ResponseEnded) else event
        for event in events
    ]


ENDED = ResponseEnded("w", framing="end_stream")


def test_a_whole_life_seen_by_a_server_of_another_make():
    server = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    server.initiate_connection()
    server.update_settings({SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})
    probe = H2Client("a", authority="origin.test", scheme="https")
    probe.start()
    server.receive_data(probe.flush()[0])
    probe.receive(server.data_to_send())
    probe.open_websocket("w", "/ws/w")
    (request,) = [event for event in server.receive_data(probe.flush()[0]) if isinstance(event, RequestReceived)]
    assert request.headers == [
        (":method", "CONNECT"),
        (":scheme", "https"),
        (":authority", "origin.test"),
        (":path", "/ws/w"),
        (":protocol", "websocket"),
        ("sec-websocket-version", "13"),
    ]
    framing = Framing(ConnectionType.SERVER)
    server.send_headers(1, [(":status", "200")])
    server.send_data(1, served(framing, BytesMessage(b"x" * 300), Ping(b"there?"), CloseConnection(1001, "restart")))
    said = meaning(probe.receive(server.data_to_send()))
    assert said == [OPENED, MessageReceived("w", 300), CloseReceived("w", 1001, "restart")]
    sent, events = probe.flush()
    assert meaning(events) == [CloseSent("w", 1001)]
    for event in server.receive_data(sent):
        if isinstance(event, DataReceived):
            framing.receive_data(event.data)
    pong, close = framing.events()
    assert (pong, close.code) == (Pong(b"there?"), 1001)
    assert probe.open_requests == {"w"}
    server.end_stream(1)
    assert ended(meaning(probe.receive(server.data_to_send()))) == [ENDED]
    assert probe.open_requests == frozenset()
    sent, events = probe.flush()
    assert [type(event) for event in meaning(events)] == [RequestEnded]
    assert [type(event) for event in server.receive_data(sent)][-1] is StreamEnded


def test_every_cut_gives_the_same_events():
    framing = Framing(ConnectionType.SERVER)
    messages = served(framing, BytesMessage(b"x" * 200), CloseConnection(1012, "bye"))
    stream = headers(1) + data(messages[:7]) + data(messages[7:]) + data(b"", END_STREAM)
    expected = [OPENED, MessageReceived("w", 200), CloseReceived("w", 1012, "bye"), ENDED]
    for cut in range(len(stream) + 1):
        probe = half_open()
        events = probe.receive(stream[:cut]) + probe.receive(stream[cut:])
        assert ended(meaning(events)) == expected, cut


def test_no_handshake_is_sent_before_the_server_has_offered_it():
    probe = client()
    probe.open_websocket("w", "/ws/w")
    assert probe.flush() == (b"", [])
    probe.send_request(Outgoing("r"))
    probe.flush()
    assert meaning(probe.receive(OFFERED)) == []
    assert meaning(probe.flush()[1]) == [WebSocketAsked("w", "a", "/ws/w", 3)]


@pytest.mark.parametrize("offer", [settings(), settings((8, 0))])
def test_no_handshake_is_sent_to_a_server_that_does_not_offer_it(offer):
    probe = client()
    probe.open_websocket("w", "/ws/w")
    assert meaning(probe.receive(offer)) == [WebSocketRefused("w")]
    assert meaning(probe.flush()[1]) == []
    probe.open_websocket("x", "/ws/x")
    assert meaning(probe.flush()[1]) == [WebSocketRefused("x")]


def test_later_settings_that_do_not_mention_it_take_nothing_back():
    probe = client()
    probe.receive(OFFERED + settings((3, 100)))
    probe.open_websocket("w", "/ws/w")
    assert meaning(probe.flush()[1]) == [ASKED]


def test_a_refusal_is_recorded_with_its_status():
    probe = half_open()
    not_found = b"\x8d"
    events = meaning(probe.receive(headers(1, not_found) + data(b"not found", END_STREAM)))
    assert ended(events) == [WebSocketRefused("w", 404), ENDED]


def test_a_rude_client_neither_answers_the_close_nor_ends_its_half():
    probe = half_open()
    probe.answers_close = False
    close = Framing(ConnectionType.SERVER).send(CloseConnection(1001))
    assert meaning(probe.receive(headers(1) + data(close)))[-1] == CloseReceived("w", 1001)
    assert ended(meaning(probe.receive(data(b"", END_STREAM)))) == [ENDED]
    assert probe.flush() == (b"", [])


def test_a_close_that_the_window_does_not_let_out_is_not_sent_yet():
    probe = client()
    probe.open_websocket("w", "/ws/w")
    probe.receive(settings((8, 1), (4, 3)))
    probe.receive(headers(1) + data(Framing(ConnectionType.SERVER).send(CloseConnection(1001))))
    assert meaning(probe.flush()[1]) == [ASKED]
    probe.receive(window_update(1, 100))
    assert meaning(probe.flush()[1]) == [CloseSent("w", 1001)]


CUTS = {
    "the stream's end": data(b"", END_STREAM),
    "a reset": frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big")),
    "the connection's end": b"",
}


@pytest.mark.parametrize("name", CUTS)
def test_an_end_inside_a_message_is_a_cut(name):
    probe = opened()
    assert meaning(probe.receive(data(b"\x82\x09abc"))) == []
    events = meaning(probe.receive(CUTS[name]) + probe.receive_end())
    assert [event for event in events if isinstance(event, MessageCut)] == [MessageCut("w", 3)]
    assert [event for event in events if isinstance(event, StreamWasReset)] == (
        [StreamWasReset("w", 8, "CANCEL")] if name == "a reset" else []
    )


def test_the_client_aborts_by_cancel():
    server = H2Connection(H2Configuration(client_side=False))
    server.local_settings.enable_connect_protocol = 1
    server.initiate_connection()
    probe = H2Client("a", authority="origin.test", scheme="https")
    probe.start()
    probe.receive(OFFERED)
    probe.open_websocket("w", "/ws/w")
    probe.send_reset("w")
    reset = server.receive_data(probe.flush()[0])[-1]
    assert isinstance(reset, StreamReset)
    assert reset.error_code == ErrorCodes.CANCEL


def test_what_no_server_may_send_on_the_stream_is_a_violation():
    probe = opened()
    (violated,) = meaning(probe.receive(data(b"\x82\x81")))
    assert isinstance(violated, ProtocolViolated)
    assert "masked" in violated.detail


def test_what_is_read_is_given_back_to_the_windows():
    probe = opened(initial_window=1000)
    sent = b"\x82\x7e" + (600).to_bytes(2, "big") + b"x" * 600
    assert meaning(probe.receive(data(sent))) == [MessageReceived("w", 600)]
    assert [event.frame for event in probe.flush()[1] if isinstance(event, FrameSent)] == ["WINDOW_UPDATE"]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_garbage_on_the_stream_never_raises(pieces):
    probe = opened()
    for piece in pieces:
        probe.receive(data(piece))
    probe.receive_end()
    probe.flush()
    assert probe.receive(b"more") == []
