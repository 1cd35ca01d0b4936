"""WebSockets of the reference server, seen by other clients: wsproto on a plain socket, and on a stream of HTTP/2."""

import contextlib

import pytest
from hyperframe import frame as frames
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection as Framing
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, RejectConnection, Request

from tests.test_reference_server import CANCEL, H2, h1_request, h1_response, order, running


class Client:
    """A WebSocket client; ``events`` are all that it has received."""

    def __init__(self, server, target="/ws/one"):
        self.sock = server.connect("http/1.1")
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.events = []
        self.sock.sendall(self.ws.send(Request(host="localhost", target=target)))

    def until(self, kind):
        """Read until an event of this kind has come, and return it."""
        while not (matching := [event for event in self.events if isinstance(event, kind)]):
            data = self.sock.recv(65536)
            assert data, f"the end came before {kind.__name__}: {self.events}"
            self.ws.receive_data(data)
            self.events += self.ws.events()
        return matching[0]

    def send(self, event):
        self.sock.sendall(self.ws.send(event))

    def ended(self):
        """Return whether nothing but the server's FIN is left to read."""
        return self.sock.recv(1) == b""


@contextlib.contextmanager
def opened(*options, drain_s=20.0):
    with running(*options, drain_s=drain_s) as server:
        client = Client(server)
        handler = server.gate.entered()
        client.until(AcceptConnection)
        yield server, client, handler


def test_a_drain_closes_with_going_away_and_reports_it_to_the_application():
    with opened() as (server, client, handler):
        server.stop()
        close = client.until(CloseConnection)
        assert close.code == 1001
        client.send(close.response())
        assert client.ended()
        assert handler.readline() == "closed 1001\n"
        client.sock.close()
        assert server.exit() == 0


def test_a_client_that_does_not_answer_is_closed_after_a_while():
    with opened() as (server, client, handler):
        server.stop()
        assert client.until(CloseConnection).code == 1001
        assert client.ended()
        assert handler.readline() == "closed 1006\n"
        client.sock.close()
        assert server.exit() == 0


def test_messages_pings_and_a_close_by_the_application():
    with opened() as (_server, client, handler):
        client.send(Ping(b"there?"))
        assert client.until(Pong).payload == b"there?"
        client.send(BytesMessage(b"unexpected message"))
        order(handler, "finish 11")
        assert client.until(BytesMessage).data == b"lastcall\nla"
        close = client.until(CloseConnection)
        assert close.code == 1000
        assert handler.readline() == "finished 11\n"
        client.send(close.response())
        assert client.ended()


def test_a_close_by_the_client_is_answered():
    with opened() as (_server, client, handler):
        client.send(CloseConnection(code=4000))
        assert client.until(CloseConnection).code == 4000
        assert client.ended()
        assert handler.readline() == "closed 4000\n"


def test_a_client_that_has_gone_is_reported_to_the_application():
    with opened() as (_server, client, handler):
        client.sock.close()
        assert handler.readline() == "closed 1006\n"


def test_a_protocol_error_ends_the_connection():
    with opened() as (_server, client, handler):
        client.sock.sendall(b"\xff\xff")
        assert client.until(CloseConnection).code == 1002
        assert client.ended()
        assert handler.readline() == "closed 1002\n"


def test_a_handler_that_fails_closes_with_an_internal_error():
    with opened() as (_server, client, handler):
        order(handler, "send nine")
        assert client.until(CloseConnection).code == 1011
        assert handler.readline().startswith("failed ValueError")


def test_a_route_without_websockets_refuses_the_handshake():
    with running() as server:
        assert Client(server, "/hold/one").until(RejectConnection).status_code == 500
        malformed = server.connect("http/1.1")
        h1_request(
            malformed, "/ws/one", extra="connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 7\r\n"
        )
        assert h1_response(malformed)[0] == 426


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("websocket-closed-as-normal", 1000),
        ("websocket-tcp-kept", 1001),
        ("websocket-waits-for-rude-peer", 1001),
        ("websocket-application-not-told", 1001),
    ],
)
def test_faults_that_send_a_close(name, code):
    with opened("--fault", name) as (server, client, _handler):
        server.stop()
        assert client.until(CloseConnection).code == code


def test_a_reserved_code_is_on_the_wire():
    with opened("--fault", "websocket-reserved-close-code") as (server, client, _handler):
        server.stop()
        assert client.sock.recv(9) == b"\x88\x02\x03\xee"


@pytest.mark.parametrize("name", ["websocket-no-close-frame", "websocket-cuts-message"])
def test_faults_that_send_no_close(name):
    with opened("--fault", name) as (server, client, _handler):
        server.stop()
        assert client.ended()


def test_a_websocket_kept_open_is_ended_by_the_drain_timeout():
    with opened("--fault", "websocket-kept-open", drain_s=0.2) as (server, client, _handler):
        server.stop()
        assert client.ended()


@pytest.mark.parametrize(("name", "code"), [("websocket-close-1012", 1012), ("websocket-close-late", 1001)])
def test_variants(name, code):
    with opened("--variant", name) as (server, client, _handler):
        server.stop()
        close = client.until(CloseConnection)
        assert close.code == code
        client.send(close.response())
        assert client.ended()


# --- over HTTP/2 ---

CONNECT = {"method": "CONNECT", "ended": False, "extra": [(":protocol", "websocket"), ("sec-websocket-version", "13")]}


class Stream(H2):
    """A WebSocket client on stream 1; other streams may have requests."""

    def __init__(self, server, target="/ws/one"):
        super().__init__(server.connect())
        assert self.until(frames.SettingsFrame).settings[frames.SettingsFrame.ENABLE_CONNECT_PROTOCOL] == 1
        self.framing = Framing(ConnectionType.CLIENT)
        self.request(1, target, **CONNECT)

    def say(self, *events, ended=False):
        data = b"".join(self.framing.send(event) for event in events)
        self.send(frames.DataFrame(1, data, flags=["END_STREAM"] if ended else []))

    def receive_event(self, kind):
        """Read until a WebSocket event of this kind has come on the stream, and return it."""
        while True:
            self.framing.receive_data(self.until(frames.DataFrame, stream_id=1).data)
            for event in self.framing.events():
                if isinstance(event, kind):
                    return event

    def status(self):
        return self.until(frames.HeadersFrame, stream_id=1).headers[":status"]


@contextlib.contextmanager
def on_a_stream(*options, drain_s=20.0):
    with running(*options, drain_s=drain_s) as server:
        client = Stream(server)
        handler = server.gate.entered()
        assert client.status() == "200"
        yield server, client, handler


def test_over_http2_a_drain_closes_the_stream_and_serves_another_request():
    with on_a_stream() as (server, client, handler):
        client.request(3)
        other = server.gate.entered()
        server.stop()
        close = client.receive_event(CloseConnection)
        assert close.code == 1001
        assert not client.ended(1)
        client.say(close.response(), ended=True)
        assert handler.readline() == "closed 1001\n"
        order(other, "finish 9")
        client.until_end()
        assert client.body(3) == b"lastcall\n"
        assert [client.ended(1), client.ended(3), client.of(frames.RstStreamFrame, 1)] == [True, True, []]
        assert client.goaways()[-1] == (0, 3, 0)
        client.sock.close()
        assert server.exit() == 0


def test_over_http2_a_client_that_does_not_answer_is_closed_after_a_while():
    with on_a_stream() as (server, client, handler):
        server.stop()
        assert client.receive_event(CloseConnection).code == 1001
        client.until_end()
        assert client.ended(1)
        assert [frame.error_code for frame in client.of(frames.RstStreamFrame, 1)] == [CANCEL]
        assert handler.readline() == "closed 1006\n"
        client.sock.close()
        assert server.exit() == 0


def test_over_http2_messages_wait_for_the_window():
    with on_a_stream() as (_server, client, handler):
        client.say(Ping(b"there?"), BytesMessage(b"unexpected message"))
        assert client.receive_event(Pong).payload == b"there?"
        order(handler, "send 100000")
        length = 0
        while length < 65_535 - 8:
            data = client.until(frames.DataFrame, stream_id=1).data
            client.framing.receive_data(data)
            length += len(data)
        for stream_id in (0, 1):
            client.send(frames.WindowUpdateFrame(stream_id, 100_000))
        assert handler.readline() == "sent 100000\n"
        order(handler, "finish 0")
        client.receive_event(CloseConnection)
        client.say(CloseConnection(1000), ended=True)
        assert handler.readline() == "finished 100000\n"
        client.until(frames.DataFrame, stream_id=1, flags={"END_STREAM"})


@pytest.mark.parametrize(
    "gone", [frames.RstStreamFrame(1, error_code=CANCEL), frames.DataFrame(1, flags=["END_STREAM"])]
)
def test_over_http2_a_client_that_has_gone_is_reported_to_the_application(gone):
    with on_a_stream() as (_server, client, handler):
        client.send(gone)
        assert handler.readline() == "closed 1006\n"
        client.request(3, "/ready")
        client.until(frames.DataFrame, stream_id=3)
        assert client.body(3) == b"ready\n"


def test_over_http2_a_route_without_websockets_refuses_the_handshake():
    with running() as server:
        client = Stream(server, "/hold/one")
        assert client.status() == "500"
        assert "END_STREAM" in client.until(frames.DataFrame, stream_id=1).flags


def test_over_http2_a_drain_rejects_new_websockets():
    with on_a_stream() as (server, client, _handler):
        client.answers_ping = False
        server.stop()
        client.request(3, "/ws/two", **CONNECT)
        assert client.until(frames.HeadersFrame, stream_id=3).headers[":status"] == "503"


def test_over_http2_the_drain_timeout_resets_the_stream():
    with on_a_stream("--fault", "websocket-kept-open", drain_s=0.2) as (server, client, _handler):
        server.stop()
        client.until_end()
        assert [frame.error_code for frame in client.of(frames.RstStreamFrame, 1)] == [CANCEL]
