"""A client's connection against real sockets: each way in which it ends is an event of its own."""

import asyncio
import socket
import ssl
import struct
import sys
import threading

import pytest

from lastcall.conformance.harness.client.certificates import make_certificates
from lastcall.conformance.harness.client.connection import ClientConnection
from lastcall.conformance.harness.client.transport import Endpoint
from lastcall.conformance.model.client_events import (
    BodyReceived,
    ConnectionFailed,
    ConnectionOpened,
    GoawaySent,
    ProtocolViolated,
    RequestEnded,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    TlsEstablished,
    TlsFailed,
)
from lastcall.conformance.model.client_steps import (
    READY,
    ClosePolicy,
    Connect,
)
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.wire.client import Outgoing
from tests.ends import close_notify_received, close_notify_sent, fin_received, fin_sent, kind_of, kinds, reset_received
from tests.support import QUICK, keep_busy, perform

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CLOSING = ANSWER.replace(b"OK\r\n", b"OK\r\nconnection: close\r\n")


class Peer:
    """A server of one connection, in a thread of its own, that behaves as a function says."""

    def __init__(self, conduct):
        self._conduct = conduct
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        connection, _ = self._listener.accept()
        connection.settimeout(20)
        with connection:
            self._conduct(connection)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(20)
        self._listener.close()
        assert not self._thread.is_alive()


def reset(connection):
    """Close so that the kernel sends RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def meet(
    conduct, client, close_policy=ClosePolicy.FOLLOWER, *, protocol=Protocol.H1, certificates=None, limits=DEFAULT
):
    """Connect a client to a peer, run ``client`` once it is connected, and return the events."""
    with Peer(conduct) as peer:

        async def work(recorder):
            opened = ClientConnection(
                Connect("a", close_policy), recorder, Endpoint(protocol, peer.port, certificates=certificates)
            )
            try:
                await client(opened, recorder, await opened.connect(limits))
            finally:
                opened.abandon()

        return perform(work)


def ask(request="r", **fields):
    """Return a client that sends a request and waits for the end of the connection."""

    async def client(opened, recorder, connected):
        assert connected
        opened.tell(lambda wire: wire.send_request(Outgoing(request, target=READY, **fields)))
        assert await recorder.wait(lambda: opened.silent_for_good, 20)

    return client


def index(events, kind):
    return next(place for place, event in enumerate(events) if kind_of(event) is kind)


def test_a_port_without_a_listener_refuses():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def work(recorder):
        opened = ClientConnection(Connect("a"), recorder, Endpoint(Protocol.H1, port))
        assert not await opened.connect(QUICK)
        assert opened.failed_to_connect
        assert opened.over
        assert not opened.abandon()

    (failed,) = perform(work)
    assert failed == ConnectionFailed("a", "refused", begin_ns=failed.begin_ns, end_ns=failed.end_ns)
    assert failed.begin_ns < failed.end_ns


def test_response_and_fin():
    def conduct(connection):
        connection.recv(65536)
        connection.sendall(ANSWER)

    events = meet(conduct, ask())
    assert kinds(events, ConnectionOpened, RequestSent, ResponseStarted, ResponseEnded, fin_received, fin_sent) == [
        ConnectionOpened, RequestSent, ResponseStarted, ResponseEnded, fin_received, fin_sent
    ]  # fmt: skip
    assert not kinds(events, reset_received, close_notify_received)


def test_reset_is_no_fin():
    def conduct(connection):
        connection.recv(65536)
        reset(connection)

    events = meet(conduct, ask())
    assert kinds(events, reset_received, fin_received, ResponseStarted, fin_sent) == [reset_received]


TCP_CLOSE = 7
"""The state of a connection after RST, in the kernel's TCP_INFO."""


def request_twice(opened):
    for request in ("taking-the-error", "after-it"):
        opened.tell(lambda wire, request=request: wire.send_request(Outgoing(request, target=READY)))


@pytest.mark.parametrize("protocol", [Protocol.H1, Protocol.H1_TLS])
@pytest.mark.parametrize("send", [request_twice, ClientConnection.close])
def test_reset_whose_error_a_send_has_taken_is_no_fin(certificates, server_context, protocol, send):
    proceed = threading.Event()

    def conduct(connection):
        if protocol.tls:
            connection = server_context.wrap_socket(connection, server_side=True)
        proceed.wait(20)
        reset(connection)

    async def client(opened, recorder, _connected):
        opened.pause()
        proceed.set()
        async with asyncio.timeout(20):
            sock = opened._transport._socket
            while sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_CLOSE:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0)
        send(opened)
        opened.resume()
        assert await recorder.wait(lambda: opened.silent_for_good, 20)

    events = meet(conduct, client, protocol=protocol, certificates=certificates)
    ends = (reset_received, fin_received, close_notify_received, fin_sent, close_notify_sent)
    assert kinds(events, *ends) == [reset_received]


def test_response_that_was_cut_has_not_ended():
    def conduct(connection):
        connection.recv(65536)
        connection.sendall(ANSWER[:-1])

    events = meet(conduct, ask())
    assert kinds(events, ResponseStarted, BodyReceived, ResponseEnded) == [ResponseStarted, BodyReceived]


def test_a_client_that_stops_waiting_is_no_end_by_the_server():
    proceed = threading.Event()

    async def client(opened, _recorder, _connected):
        assert not opened.over
        assert opened.abandon()
        assert not opened.abandon()
        proceed.set()

    events = meet(lambda _: proceed.wait(20), client)
    assert kinds(events, fin_received, reset_received, fin_sent) == []


def close_after_an_answer(answer):
    """The behaviour of a server that answers, and closes after its client."""

    def conduct(connection):
        connection.recv(65536)
        connection.sendall(answer)
        while connection.recv(65536):
            pass

    return conduct


def test_polite_client_closes_first_after_a_goodbye():
    events = meet(close_after_an_answer(CLOSING), ask(), ClosePolicy.POLITE)
    assert kinds(events, fin_sent, fin_received) == [fin_sent, fin_received]


def test_polite_client_without_a_goodbye_stays():
    async def client(opened, recorder, _connected):
        opened.tell(lambda wire: wire.send_request(Outgoing("r", target=READY)))
        assert await recorder.wait(lambda: recorder.has(ResponseEnded("r")), 20)

    events = meet(close_after_an_answer(ANSWER), client, ClosePolicy.POLITE)
    assert kinds(events, fin_sent, fin_received) == []


def test_rude_client_never_closes():
    def conduct(connection):
        connection.recv(65536)
        connection.sendall(CLOSING)

    events = meet(conduct, ask(), ClosePolicy.RUDE)
    assert kinds(events, fin_sent, fin_received) == [fin_received]


def test_http2_goodbye_comes_before_our_fin():
    received = []

    def conduct(connection):
        while data := connection.recv(65536):
            received.append(data)

    async def client(opened, recorder, _connected):
        opened.close()
        assert await recorder.wait(lambda: opened.silent_for_good, 20)

    events = meet(conduct, client, protocol=Protocol.H2C)
    assert kinds(events, GoawaySent, fin_sent, fin_received) == [GoawaySent, fin_sent, fin_received]
    assert b"".join(received).startswith(b"PRI * HTTP/2.0")


def test_large_request_is_recorded_when_its_last_byte_has_left():
    body, begun, received = b"x" * 8_000_000, threading.Event(), []

    def conduct(connection):
        begun.wait(20)
        while sum(map(len, received)) < len(body) and (data := connection.recv(262_144)):
            received.append(data)

    async def client(opened, recorder, _connected):
        headers = (("content-length", str(len(body))),)
        opened.tell(lambda wire: wire.send_request(Outgoing("r", "POST", READY, headers, body, whole=True)))
        assert not recorder.has(RequestSent("r")), "the kernel cannot have taken it all"
        begun.set()
        assert await recorder.wait(lambda: recorder.has(RequestSent("r")), 20)
        assert await recorder.wait(lambda: opened.over, 20)

    (sent,) = [event for event in meet(conduct, client) if isinstance(event, RequestSent)]
    assert sent.end_ns > sent.begin_ns


def test_body_is_sent_in_pieces():
    received = []

    def conduct(connection):
        while not b"".join(received).endswith(b"0\r\n\r\n") and (data := connection.recv(65536)):
            received.append(data)
        connection.sendall(ANSWER)

    async def client(opened, recorder, _connected):
        opened.tell(lambda wire: wire.send_request(Outgoing("r", "POST", READY, body=b"one", whole=False)))
        opened.tell(lambda wire: wire.send_body("r", b"two", end=True))
        assert await recorder.wait(lambda: opened.silent_for_good, 20)

    events = meet(conduct, client)
    assert kinds(events, RequestSent, RequestEnded, ResponseEnded) == [RequestSent, RequestEnded, ResponseEnded]
    assert b"one" in b"".join(received)


def test_unsolicited_bytes_are_a_violation():
    async def client(opened, recorder, _connected):
        assert await recorder.wait(lambda: opened.silent_for_good, 20)

    events = meet(lambda connection: connection.sendall(b"220 mail\r\n"), client)
    assert kinds(events, ProtocolViolated, fin_received) == [ProtocolViolated, fin_received]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives the kernel's receive times here")
def test_arrival_is_when_the_kernel_saw_it_however_late_the_client_is():
    sent, proceed = threading.Event(), threading.Event()

    def conduct(connection):
        connection.recv(65536)
        connection.sendall(ANSWER[:-2])
        proceed.wait(20)
        connection.sendall(ANSWER[-2:])
        sent.set()

    async def client(opened, recorder, _connected):
        opened.tell(lambda wire: wire.send_request(Outgoing("r", target=READY)))
        assert await recorder.wait(lambda: recorder.has(ResponseStarted("r")), 20)
        proceed.set()
        assert sent.wait(20)  # The loop is blocked here on purpose.
        keep_busy(0.1)
        recorder.did(fin_sent("the loop is free again"))
        assert await recorder.wait(lambda: opened.silent_for_good, 20)

    events = meet(conduct, client)
    free = next(event for event in events if kind_of(event) is fin_sent and event.connection != "a")
    ended = next(event for event in events if isinstance(event, ResponseEnded))
    assert ended.end_ns < free.end_ns - 50_000_000


# --- TLS ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server_context(certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert, certificates.key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def over_tls(context, conduct):
    def wrapped(connection):
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as secure:
            conduct(secure)

    return wrapped


def answered(secure):
    secure.recv(65536)
    secure.sendall(ANSWER)


def test_close_notify_and_fin_are_two_events(certificates, server_context):
    def conduct(secure):
        answered(secure)
        secure.unwrap().close()

    events = meet(over_tls(server_context, conduct), ask(), protocol=Protocol.H1_TLS, certificates=certificates)
    wanted = (TlsEstablished, ResponseEnded, close_notify_received, close_notify_sent, fin_sent, fin_received)
    assert set(kinds(events, *wanted)) == set(wanted)
    assert index(events, close_notify_received) < index(events, close_notify_sent) < index(events, fin_received)
    established = events[index(events, TlsEstablished)]
    assert (established.version, established.alpn) == ("TLSv1.3", "http/1.1")


def test_fin_without_close_notify_is_seen_as_such(certificates, server_context):
    events = meet(over_tls(server_context, answered), ask(), protocol=Protocol.H1_TLS, certificates=certificates)
    assert kinds(events, ResponseEnded, close_notify_received, fin_received) == [ResponseEnded, fin_received]


def test_rude_client_does_not_answer_a_close_notify(certificates, server_context):
    def conduct(secure):
        answered(secure)
        secure.settimeout(0.2)
        with pytest.raises(TimeoutError):
            secure.unwrap()

    events = meet(
        over_tls(server_context, conduct), ask(), ClosePolicy.RUDE, protocol=Protocol.H1_TLS, certificates=certificates
    )
    assert kinds(events, close_notify_received, close_notify_sent, fin_sent) == [close_notify_received]


async def expect_failure(_opened, _recorder, connected):
    assert not connected


def failure_of(events):
    return [event.reason for event in events if isinstance(event, TlsFailed)]


def test_peer_that_speaks_no_tls(certificates):
    def conduct(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.recv(65536)

    (reason,) = failure_of(meet(conduct, expect_failure, protocol=Protocol.H1_TLS, certificates=certificates))
    assert reason not in ("timed out", "the connection ended")


def test_peer_that_ends_the_connection_within_the_handshake(certificates):
    events = meet(
        lambda connection: connection.recv(65536), expect_failure, protocol=Protocol.H1_TLS, certificates=certificates
    )
    assert failure_of(events) == ["the connection ended"]
    assert kinds(events, fin_received)


def test_peer_that_never_shakes_hands(certificates):
    proceed = threading.Event()

    async def client(_opened, _recorder, connected):
        assert not connected
        proceed.set()

    conduct = {"conduct": lambda _: proceed.wait(20), "client": client, "protocol": Protocol.H1_TLS}
    assert failure_of(meet(**conduct, certificates=certificates, limits=QUICK)) == ["timed out"]


def test_certificate_of_another_authority_is_refused(server_context, tmp_path):
    stranger = make_certificates(tmp_path)

    def conduct(connection):
        with pytest.raises(ssl.SSLError), server_context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(10)

    (reason,) = failure_of(meet(conduct, expect_failure, protocol=Protocol.H1_TLS, certificates=stranger))
    assert reason == "CERTIFICATE_VERIFY_FAILED"
