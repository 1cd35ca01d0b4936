"""The reference server as a real process, seen by real clients: httpx, curl, nghttp, and frames by hand."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import h11
import hpack
import httpx
import pytest
import trustme
from hyperframe import frame as frames

from lastcall.conformance.model.launch import Launch
from lastcall.conformance.model.protocol import Protocol
from lastcall.servers.apps.asgi import application
from lastcall.servers.reference.faults import FAULTS
from lastcall.servers.reference.frames import GOAWAY, frame_type, frames_in
from lastcall.servers.reference.server import ServerOptions
from lastcall.servers.reference.variants import VARIANTS
from lastcall.servers.reference_server import MUTANTS, REFERENCE
from lastcall.servers.reference_server import VARIANTS as VARIANT_SERVERS

ROOT = Path(__file__).resolve().parent.parent
LONG_S = 15.0  # the limit of a wait that succeeds; no test takes that long
MAX = 2**31 - 1
CANCEL, REFUSED_STREAM, INTERNAL_ERROR = 8, 7, 2
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return folder / "cert.pem", folder / "key.pem"


class Gate:
    """The harness's side of docs/gate.md, one accepted connection at a time."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LONG_S)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.files = []

    def accept(self):
        sock, _ = self.listener.accept()
        sock.settimeout(LONG_S)
        self.files.append(sock.makefile("rw", newline="\n"))
        sock.close()
        return self.files[-1]

    def entered(self):
        """Return the connection of the next handler, after its line ``entered``."""
        lines = self.accept()
        assert lines.readline().startswith("entered ")
        return lines

    def close(self):
        for opened in (*self.files, self.listener):
            with contextlib.suppress(OSError):
                opened.close()


def order(handler, line):
    handler.write(line + "\n")
    handler.flush()


@dataclass
class Running:
    process: subprocess.Popen
    gate: Gate
    tls: bool
    life: object  # the lines of the process at the gate
    port: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def connect(self, alpn="h2"):
        sock = socket.create_connection(("127.0.0.1", self.port), LONG_S)
        if self.tls:
            context = ssl._create_unverified_context()
            context.set_alpn_protocols([alpn])
            sock = context.wrap_socket(sock, suppress_ragged_eofs=False)
        self.gate.files.append(sock)
        return sock

    def stop(self):
        """Send the signal, and wait until the server logs that it drains."""
        self.process.send_signal(signal.SIGTERM)
        while "draining" not in (line := self.process.stderr.readline()):
            assert line, "the server has gone"
            self.log.append(line)
        self.log.append(line)

    def pause(self):
        """Stop the process, and wait until it has stopped: a signal takes effect later than it is sent."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def exit(self):
        """Wait for the exit, complete the log, and return the exit status."""
        self.log += self.process.stderr.readlines()
        return self.process.wait(LONG_S)


@contextlib.contextmanager
def running(*options, tls=None, drain_s=20.0):
    gate = Gate()
    pair = ["--cert", str(tls[0]), "--key", str(tls[1])] if tls else []
    command = [sys.executable, "-m", "lastcall.servers.reference", "--port", "0", "--drain-timeout", str(drain_s)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LASTCALL_GATE": gate.address}
    with subprocess.Popen(
        [*command, *pair, *options], stderr=subprocess.PIPE, text=True, env=environment, process_group=0
    ) as process:
        try:
            server = Running(process, gate, bool(tls), gate.accept())
            order(server.life, "proceed")  # the shutdown hook does not wait for an order
            while not (match := re.search(r"listening on 127\.0\.0\.1:(\d+)", line := process.stderr.readline())):
                assert line, "the server did not start"
            server.log.append(line)
            server.port = int(match[1])
            yield server
        finally:
            gate.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with processes that it may have left behind


class H2:
    """An HTTP/2 client that reads frames without judging them."""

    def __init__(self, sock):
        self.sock = sock
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.data = b""
        self.seen = []
        self.answers_ping = True
        sock.sendall(PREFACE + frames.SettingsFrame(0).serialize())

    def send(self, frame):
        self.sock.sendall(frame.serialize())

    def request(self, stream_id, path="/hold/one", method="GET", *, ended=True, extra=()):
        headers = [(":method", method), (":scheme", "http"), (":authority", "it"), (":path", path), *extra]
        flags = ["END_HEADERS", *(["END_STREAM"] if ended else [])]
        self.send(frames.HeadersFrame(stream_id, self.encoder.encode(headers), flags=flags))

    def read(self):
        """Return the next frame, or None at the end of the connection; answer a PING as every client does."""
        header = self._exactly(9)
        if header is None:
            return None
        frame, length = frames.Frame.parse_frame_header(memoryview(header))
        frame.parse_body(memoryview(self._exactly(length)))
        if isinstance(frame, frames.HeadersFrame):
            frame.headers = dict(self.decoder.decode(frame.data))
        if isinstance(frame, frames.PingFrame) and "ACK" not in frame.flags and self.answers_ping:
            self.send(frames.PingFrame(0, frame.opaque_data, flags=["ACK"]))
        self.seen.append(frame)
        return frame

    def _exactly(self, length):
        while len(self.data) < length:
            piece = self.sock.recv(65536)
            if not piece:
                return None
            self.data += piece
        piece, self.data = self.data[:length], self.data[length:]
        return piece

    def until(self, kind, **fields):
        """Read up to a frame of this kind with these attributes, and return it."""
        while (frame := self.read()) is not None:
            if isinstance(frame, kind) and all(getattr(frame, name) == value for name, value in fields.items()):
                return frame
        raise AssertionError(f"the connection ended before {kind.__name__} {fields}: {self.seen}")

    def until_end(self):
        while self.read() is not None:
            pass
        return self

    def goaways(self):
        return [
            (frame.stream_id, frame.last_stream_id, frame.error_code)
            for frame in self.seen
            if isinstance(frame, frames.GoAwayFrame)
        ]

    def of(self, kind, stream_id):
        return [frame for frame in self.seen if isinstance(frame, kind) and frame.stream_id == stream_id]

    def body(self, stream_id):
        return b"".join(frame.data for frame in self.of(frames.DataFrame, stream_id))

    def ended(self, stream_id):
        return any("END_STREAM" in frame.flags for frame in self.seen if frame.stream_id == stream_id)


def h1_request(sock, target="/hold/one", method="GET", extra=""):
    sock.sendall(f"{method} {target} HTTP/1.1\r\nHost: it\r\n{extra}\r\n".encode())


def h1_response(sock):
    """Return the only response that can come; see :func:`h1_responses`."""
    return next(h1_responses(sock))


def h1_responses(sock):
    """Yield status, headers and body of responses, by h11. Several may come in one piece, so one reader reads them all."""
    reader = h11.Connection(h11.CLIENT)
    while True:
        yield _h1_response(reader, sock)
        reader.start_next_cycle()


def _h1_response(reader, sock):
    reader.send(h11.Request(method="GET", target="/", headers=[("host", "it")]))
    reader.send(h11.EndOfMessage())
    response, body = None, b""
    while True:
        event = reader.next_event()
        if event is h11.NEED_DATA:
            reader.receive_data(sock.recv(65536))
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return response.status_code, dict(response.headers), body


def test_ready_in_each_protocol(pems):
    for tls in (None, pems):
        with running(tls=tls) as server:
            for http1, http2 in ((True, False), (False, True)):
                with httpx.Client(http1=http1, http2=http2, verify=False) as client:
                    answer = client.get(server.url + "/ready")
                    assert (answer.status_code, answer.text) == (200, "ready\n")
                    assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
                    assert client.get(server.url + "/nowhere").status_code == 404
            server.stop()
            assert server.exit() == 0


@pytest.mark.parametrize("tls", [False, True])
def test_http2_in_flight_is_served_between_two_goaways_and_a_fin(tls, pems):
    with running(tls=pems if tls else None) as server:
        client = H2(server.connect())
        client.request(1)
        handler = server.gate.entered()
        server.stop()
        client.until(frames.GoAwayFrame, last_stream_id=1)
        assert client.goaways() == [(0, MAX, 0), (0, 1, 0)]
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        order(handler, "finish 21")
        client.until_end()
        assert client.of(frames.HeadersFrame, 1)[0].headers[":status"] == "200"
        assert client.body(1) == b"lastcall\nlastcall\nlas"
        assert client.ended(1)
        assert handler.readlines() == ["finished 21\n"]
        client.sock.close()
        assert server.exit() == 0
        assert [line.split()[0] for line in server.log] == ["listening", "draining:", "stopped"]
        life = [line.split(" ", 2)[2] for line in server.life.readlines()]
        assert life == ["startup\n", "shutdown begun\n", "shutdown ended\n"]


@pytest.mark.parametrize("tls", [False, True])
def test_http1_in_flight_is_served_says_close_and_closes(tls, pems):
    with running(tls=pems if tls else None) as server, server.connect("http/1.1") as sock:
        h1_request(sock)
        h1_request(sock, "/hold/two")  # pipelined: comes after the response that says close
        handler = server.gate.entered()
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        order(handler, "send 9")
        order(handler, "finish 9")
        status, headers, body = h1_response(sock)
        assert (status, headers[b"connection"], body) == (200, b"close", b"lastcall\n" * 2)
        assert sock.recv(1) == b""
        sock.close()
        assert server.exit() == 0
        server.gate.listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.gate.accept()  # the second request has not run


def test_connections_with_nothing_in_flight_are_closed_at_once():
    with running() as server:
        silent = server.connect()
        used = server.connect()
        h1_request(used, "/ready")
        assert h1_response(used)[0] == 200
        preface = H2(server.connect())
        preface.until(frames.SettingsFrame, flags={"ACK"})
        busy = H2(server.connect())
        busy.request(1)
        handler = server.gate.entered()
        server.stop()
        assert silent.recv(1) == b""
        assert used.recv(1) == b""
        assert preface.until_end().goaways() == [(0, MAX, 0), (0, 0, 0)]
        order(handler, "finish 0")
        assert busy.until_end().ended(1)
        for sock in (silent, used, preface.sock, busy.sock):
            sock.close()
        assert server.exit() == 0


def test_a_header_that_has_begun_may_be_completed_and_a_late_preface_gets_goaway():
    with running() as server:
        half, late = server.connect(), server.connect()
        half.sendall(b"GET /ready HT")
        late.sendall(PREFACE[:10])
        with httpx.Client() as client:  # when this is answered, the bytes above have been read
            assert client.get(server.url + "/ready").status_code == 200
        server.stop()
        half.sendall(b"TP/1.1\r\nHost: it\r\n\r\n")
        assert h1_response(half)[0] == 200
        late.sendall(PREFACE[10:] + frames.SettingsFrame(0).serialize())
        client = H2.__new__(H2)
        client.sock, client.data, client.seen, client.answers_ping = late, b"", [], True
        client.until_end()
        assert isinstance(client.seen[0], frames.SettingsFrame)
        assert client.goaways() == [(0, MAX, 0), (0, 0, 0)]
        half.close(), late.close()
        assert server.exit() == 0


def test_streams_between_the_goaways_are_served_and_later_ones_are_not():
    with running() as server:
        client = H2(server.connect())
        client.answers_ping = False
        client.request(1)
        first = server.gate.entered()
        server.stop()
        client.until(frames.GoAwayFrame, last_stream_id=MAX)
        client.request(3, "/ready")
        ping = client.until(frames.PingFrame)
        client.send(frames.PingFrame(0, ping.opaque_data, flags=["ACK"]))
        client.until(frames.GoAwayFrame, last_stream_id=3)
        client.request(5, "/ready", "POST", ended=False)
        client.send(frames.DataFrame(5, b"x" * 16000, flags=["END_STREAM"]))
        assert client.until(frames.WindowUpdateFrame).stream_id == 0
        order(first, "finish 9")
        client.until_end()
        assert client.ended(1)
        assert client.ended(3)
        assert not client.of(frames.HeadersFrame, 5)
        client.sock.close()
        assert server.exit() == 0


@pytest.mark.parametrize("name", ["", "cut-response-ends-stream"])
def test_the_drain_timeout_cuts_what_is_left(name):
    with running(*(["--fault", name] if name else []), drain_s=0.3) as server:
        client, sock = H2(server.connect()), server.connect()
        client.request(1)
        order(server.gate.entered(), "send 9")
        client.until(frames.DataFrame)
        h1_request(sock)
        handler = server.gate.entered()
        order(handler, "send 9")
        assert handler.readline() == "sent 9\n"
        server.stop()
        client.until_end()
        assert client.ended(1) == bool(name)
        assert [frame.error_code for frame in client.of(frames.RstStreamFrame, 1)] == ([] if name else [CANCEL])
        if name:
            assert h1_response(sock)[2] == b"lastcall\n"
        else:
            with pytest.raises(h11.RemoteProtocolError):
                h1_response(sock)
        assert handler.readlines() in ([], ["disconnected\n"])
        client.sock.close(), sock.close()
        assert server.exit() == 0
        assert any("by force" in line for line in server.log)


def test_25_streams_in_flight_are_all_served(pems):
    ids = range(1, 51, 2)
    with running(tls=pems) as server:
        client = H2(server.connect())
        for stream_id in ids:
            client.request(stream_id)
        handlers = [server.gate.entered() for _ in ids]
        server.stop()
        client.until(frames.GoAwayFrame, last_stream_id=49)
        for handler in handlers:
            order(handler, "finish 900")
        client.until_end()
        assert all(client.ended(stream_id) and client.body(stream_id) == b"lastcall\n" * 100 for stream_id in ids)


def test_a_second_signal_ends_at_once():
    with running(drain_s=600) as server:
        client = H2(server.connect())
        client.request(1)
        server.gate.entered()
        server.stop()
        server.process.send_signal(signal.SIGTERM)
        assert not client.until_end().ended(1)
        assert server.exit() == 0


def test_a_connection_in_the_backlog_is_served():
    with running() as server:
        server.pause()  # so that both arrive before the server handles the signal
        sock = server.connect()
        h1_request(sock, "/ready")
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        status, headers, _ = h1_response(sock)
        assert (status, headers[b"connection"]) == (200, b"close")
        sock.close()
        assert server.exit() == 0


def test_flow_control_is_respected_both_ways():
    with running() as server:
        client = H2(server.connect())
        client.request(1, method="POST", ended=False)
        handler = server.gate.entered()
        order(handler, "read")
        window = {0: 65535, 1: 65535}
        for _ in range(20):
            while min(window.values()) < 16000:
                update = client.until(frames.WindowUpdateFrame)
                window[update.stream_id] += update.window_increment
            client.send(frames.DataFrame(1, b"x" * 16000))
            window = {key: value - 16000 for key, value in window.items()}
        server.stop()
        client.send(frames.DataFrame(1, b"", flags=["END_STREAM"]))
        assert handler.readline() == "read 320000\n"
        order(handler, "finish 200000")
        while len(client.body(1)) < 200000:
            length = len(client.until(frames.DataFrame).data)
            if length:
                for stream_id in (0, 1):
                    client.send(frames.WindowUpdateFrame(stream_id, window_increment=length))
        client.until_end()
        assert client.body(1) == (b"lastcall\n" * 22223)[:200000]
        client.sock.close()
        assert server.exit() == 0


def test_http1_bodies_expectations_and_pipelining():
    with running() as server, server.connect() as sock:
        h1_request(sock, method="POST", extra="Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n")
        handler = server.gate.entered()
        order(handler, "read")
        assert sock.recv(65536).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n")
        assert handler.readline() == "read 5\n"
        order(handler, "finish 9")
        assert h1_response(sock)[2] == b"lastcall\n"
        h1_request(sock)
        h1_request(sock, "/nowhere")
        order(server.gate.entered(), "finish 0")
        responses = h1_responses(sock)
        assert next(responses)[::2] == (200, b"")
        assert next(responses)[0] == 404


def test_a_slow_reader_gets_all_of_a_big_response():
    with running() as server, server.connect() as sock:
        h1_request(sock)
        handler = server.gate.entered()
        order(handler, "finish 9000000")
        server.stop()
        status, _, body = h1_response(sock)
        assert (status, body) == (200, b"lastcall\n" * 1000000)
        assert sock.recv(1) == b""
        sock.close()
        assert server.exit() == 0


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("nghttp")), reason="curl and nghttp are not installed")
@pytest.mark.parametrize("command", ["curl -sk --http2", "curl -sk --http1.1", "nghttp"])
def test_other_clients_are_served(command, pems):
    with running(tls=pems) as server:
        program = subprocess.Popen([*command.split(), server.url + "/hold/one"], stdout=subprocess.PIPE)
        handler = server.gate.entered()
        server.stop()
        order(handler, "finish 18")
        assert program.communicate(timeout=LONG_S)[0].endswith(b"lastcall\nlastcall\n")
        assert program.returncode == 0
        assert server.exit() == 0


# --- faults and variants -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option", [*(("--fault", name) for name in FAULTS), *(("--variant", name) for name in VARIANTS)]
)
def test_every_fault_and_variant_starts_and_answers(option):
    with running(*option) as server:
        with server.connect() as sock:
            h1_request(sock, "/ready")
            assert h1_response(sock)[2] == b"ready\n"
        client = H2(server.connect())
        client.request(1, "/ready")
        while not client.ended(1):  # by DATA, padded or not, or by trailers
            assert client.read() is not None
        assert client.body(1) == b"ready\n"
        client.sock.close()


def deviating(name, **options):
    return running("--fault" if name in FAULTS else "--variant", name, **options)


def drained_http2(server):
    """Play a drain with one stream in flight; return the client, with all its frames, and the exit status."""
    client = H2(server.connect())
    client.request(1)
    handler = server.gate.entered()
    server.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(OSError):  # a process that ends at once may also reset its connections
        while (frame := client.read()) is not None and not isinstance(frame, frames.GoAwayFrame):
            pass
    with contextlib.suppress(OSError):  # the handler may have gone already, before its client sees the end
        order(handler, "finish 9")
    with contextlib.suppress(OSError):
        client.until_end()
    client.sock.close()
    return client, server.exit()


@pytest.mark.parametrize(
    ("name", "goaways"),
    [
        ("no-goaway", []),
        ("goaway-late", [(0, 1, 0)]),
        ("goaway-with-error", [(0, MAX, INTERNAL_ERROR), (0, 1, INTERNAL_ERROR)]),
        ("last-stream-id-too-low", [(0, MAX, 0), (0, 0, 0)]),
        ("last-stream-id-increases", [(0, 1, 0), (0, 3, 0)]),
        ("single-goaway", [(0, 1, 0)]),
    ],
)
def test_goaways_of_faults_and_variants(name, goaways):
    with deviating(name) as server:
        client = H2(server.connect())
        client.request(1)
        handler = server.gate.entered()
        server.stop()
        if len(goaways) == 2:
            client.until(frames.GoAwayFrame, last_stream_id=goaways[1][1])
        order(handler, "finish 9")
        assert client.until_end().goaways() == goaways
        assert client.body(1) == b"lastcall\n"
        client.sock.close()
        assert server.exit() == 0


def test_goaway_on_a_stream():
    with running("--fault", "goaway-on-stream") as server, server.connect() as sock:
        sock.sendall(PREFACE + frames.SettingsFrame(0).serialize())
        assert sock.recv(9)
        server.stop()
        received = b"".join(iter(lambda: sock.recv(65536), b""))
        assert b"\x00\x00\x08\x07\x00\x00\x00\x00\x01\x7f\xff\xff\xff" in received


@pytest.mark.parametrize(
    ("name", "answer", "body", "resets", "status"),
    [
        ("truncates-body", "200", b"", [], 0),
        ("corrupts-body", "200", b"lastcall\xf5", [], 0),
        ("cancels-handlers", "500", b"", [], 0),
        ("answers-503-in-flight", "503", b"", [], 0),
        ("refuses-processed-stream", "", b"", [REFUSED_STREAM], 0),
        ("cuts-streams-at-signal", "", b"", [CANCEL], 0),
        ("wrong-exit-status", "200", b"lastcall\n", [], 3),
        ("prints-traceback", "200", b"lastcall\n", [], 0),
        ("leaves-orphan", "200", b"lastcall\n", [], 0),
        ("exits-at-once", "", b"", [], 0),
        ("killed", "", b"", [], -signal.SIGKILL),
        ("exits-by-signal", "200", b"lastcall\n", [], -signal.SIGTERM),
        ("chatty", "200", b"lastcall\n", [], 0),
    ],
)
def test_what_becomes_of_a_stream_in_flight(name, answer, body, resets, status):
    with deviating(name) as server:
        client, exited = drained_http2(server)
        assert [frame.headers[":status"] for frame in client.of(frames.HeadersFrame, 1)] == ([answer] if answer else [])
        assert client.body(1) == body
        assert client.ended(1) == bool(answer)
        assert [frame.error_code for frame in client.of(frames.RstStreamFrame, 1)] == resets
        assert exited == status
        assert any("Traceback" in line for line in server.log) == (name == "prints-traceback")


def in_flight_and_draining(server):
    client = H2(server.connect())
    client.request(1, method="POST", ended=False)
    handler = server.gate.entered()
    server.stop()
    client.until(frames.GoAwayFrame)
    return client, handler


@pytest.mark.parametrize(
    ("name", "answers", "resets"),
    [
        ("single-goaway", [], []),
        ("raced-stream-refused", [], [REFUSED_STREAM]),
        ("processes-above-last-stream-id", ["200"], []),
    ],
)
def test_a_raced_stream(name, answers, resets):
    with deviating(name) as server:
        client, handler = in_flight_and_draining(server)
        client.request(3, "/ready")
        client.send(frames.DataFrame(1, b"", flags=["END_STREAM"]))
        order(handler, "read")
        assert handler.readline() == "read 0\n"
        order(handler, "finish 9")
        client.until_end()
        assert client.body(1) == b"lastcall\n"
        assert [frame.headers[":status"] for frame in client.of(frames.HeadersFrame, 3)] == answers
        assert [frame.error_code for frame in client.of(frames.RstStreamFrame, 3)] == resets


def test_a_raced_stream_that_resets_the_connection():
    with deviating("raced-stream-resets-connection") as server:
        client, _ = in_flight_and_draining(server)
        client.request(3, "/ready")
        client.until_end()
        assert client.goaways()[-1] == (0, 1, 1)
        assert not client.of(frames.HeadersFrame, 1)


@pytest.mark.parametrize("name", ["single-goaway", "flow-control-leak"])
def test_what_discarded_data_takes_from_the_window(name):
    with deviating(name) as server:
        client, _ = in_flight_and_draining(server)
        client.request(3, method="POST", ended=False)
        client.send(frames.DataFrame(3, b"x" * 16000, flags=["END_STREAM"]))
        client.send(frames.PingFrame(0, b"answered"))
        client.until(frames.PingFrame, opaque_data=b"answered")
        given_back = sum(frame.window_increment for frame in client.of(frames.WindowUpdateFrame, 0))
        assert given_back == (0 if name == "flow-control-leak" else 16000)


@pytest.mark.parametrize(("name", "code"), [("single-goaway", 0), ("hpack-desync", 1)])
def test_header_compression_after_a_discarded_stream(name, code):
    with deviating(name) as server:
        client, handler = in_flight_and_draining(server)
        client.request(3, extra=[("x-sent-by-the-discarded-stream", "1")])
        trailers = client.encoder.encode([("x-sent-by-the-discarded-stream", "1")])
        client.send(frames.HeadersFrame(1, trailers, flags=["END_HEADERS", "END_STREAM"]))
        if not code:
            order(handler, "finish 9")
        client.until_end()
        assert client.goaways()[-1][2] == code


def test_a_header_block_that_cannot_be_decoded_is_a_connection_error():
    with running() as server:
        client = H2(server.connect())
        client.send(frames.HeadersFrame(1, b"\xff\xff\xff\x00", flags=["END_HEADERS", "END_STREAM"]))
        assert client.until_end().goaways() == [(0, 0, 9)]


@pytest.mark.parametrize("name", ["ping-unanswered-in-drain", "settings-unacked-in-drain"])
def test_what_a_draining_connection_owes(name):
    with deviating(name) as server:
        client = H2(server.connect())
        client.request(1)
        handler = server.gate.entered()
        client.until(frames.SettingsFrame, flags={"ACK"})
        server.stop()
        client.seen.clear()
        client.send(frames.PingFrame(0, b"owed????"))
        client.send(frames.SettingsFrame(0))
        client.request(3, "/ready")
        order(handler, "finish 9")
        client.until_end()
        acks = {type(frame) for frame in client.seen if frame.stream_id == 0 and "ACK" in frame.flags}
        missing = frames.PingFrame if name.startswith("ping") else frames.SettingsFrame
        assert acks == {frames.PingFrame, frames.SettingsFrame} - {missing}


@pytest.mark.parametrize("name", ["", "no-close-notify", "resets-instead-of-fin"])
def test_how_a_connection_ends(name, pems):
    tls = None if name == "resets-instead-of-fin" else pems  # Python's ssl reports a reset in different ways
    with deviating(name, tls=tls) if name else running(tls=tls) as server:
        sock = server.connect("http/1.1")
        h1_request(sock)
        handler = server.gate.entered()
        server.stop()
        order(handler, "finish 9")
        assert h1_response(sock)[2] == b"lastcall\n"
        if not name:
            assert sock.recv(1) == b""
        else:
            with pytest.raises(ssl.SSLEOFError if name == "no-close-notify" else ConnectionResetError):
                sock.recv(1)


def test_http1_that_does_not_say_close():
    with deviating("no-connection-close-header") as server:
        sock = server.connect()
        h1_request(sock)
        handler = server.gate.entered()
        server.stop()
        order(handler, "finish 9")
        assert b"connection" not in h1_response(sock)[1]
        assert sock.recv(1) == b""


@pytest.mark.parametrize(
    ("name", "stays_open"),
    [
        ("close-header-not-obeyed", {"busy"}),
        ("busy-connection-kept", {"busy"}),
        ("idle-connections-kept", {"idle"}),
        ("silent-connection-kept", {"silent"}),
    ],
)
def test_connections_that_are_kept(name, stays_open):
    with deviating(name, drain_s=600) as server:
        socks = {"silent": server.connect(), "idle": server.connect(), "busy": server.connect()}
        h1_request(socks["idle"], "/ready")
        assert h1_response(socks["idle"])[0] == 200
        h1_request(socks["busy"])
        handler = server.gate.entered()
        server.stop()
        order(handler, "finish 9")
        assert h1_response(socks["busy"])[2] == b"lastcall\n"
        for kind in socks.keys() - stays_open:
            assert socks[kind].recv(1) == b""
            socks[kind].close()
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.exit() == 0


def test_new_connections_in_the_drain():
    for name in ("new-connection-reset", "new-connection-503", "lame-duck"):
        with deviating(name) as server:
            busy = server.connect()
            h1_request(busy)
            handler = server.gate.entered()
            server.stop()
            if name == "new-connection-reset":
                # The reset may come before connect() has returned, or after it.
                with pytest.raises(ConnectionResetError), server.connect() as sock:
                    sock.recv(1)
            else:
                sock = server.connect()
                h1_request(sock, "/ready")
                assert h1_response(sock)[0] == (503 if name == "new-connection-503" else 200)
                sock.close()
            order(handler, "finish 9")
            assert h1_response(busy)[2] == b"lastcall\n"
            busy.close()
            assert server.exit() == 0


def test_the_port_that_an_orphan_keeps():
    with deviating("keeps-port") as server:
        server.stop()
        assert server.exit() == 0
        with server.connect():  # the kernel still answers
            pass


def test_an_aged_connection_is_closed_without_goaway():
    async def frame_types(age_s):
        model = FAULTS["aged-connection-closed"]
        server = model.server(ServerOptions(port=0), application, model)
        serving = asyncio.ensure_future(server.serve())
        while server.listener is None:  # noqa: ASYNC110 - a server has no event for it
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(*server.listener.getsockname())
        writer.write(PREFACE + frames.SettingsFrame(0).serialize())
        received = await reader.readexactly(9)
        next(iter(server.connections)).opened_s -= age_s
        server.on_signal()
        received += await reader.read()
        writer.close()
        assert await serving == 0
        return [frame_type(frame) for frame in frames_in(received)]

    assert GOAWAY in asyncio.run(frame_types(4.0))
    assert GOAWAY not in asyncio.run(frame_types(6.0))


def test_unknown_names_are_refused_in_one_line():
    for option in ("--fault", "--variant"):
        command = [sys.executable, "-m", "lastcall.servers.reference", "--port", "0", option, "no-such"]
        refusal = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert refusal.returncode == 2
        assert refusal.stderr.count("\n") == 1
        assert "no-such" in refusal.stderr
        assert ("killed" if option == "--fault" else "chatty") in refusal.stderr


def test_the_adapters():
    launch = Launch(Protocol.H2, 4433, Path("c.pem"), Path("k.pem"), 2.5, Path("d"))
    mutant = next(server for server in MUTANTS if server.name == "reference+no-goaway")
    line = " ".join(mutant.command(launch))
    assert "--port 4433 --drain-timeout 2.5 --cert c.pem --key k.pem --fault no-goaway" in line
    assert all(server.mutant and server.version() for server in (*MUTANTS, *VARIANT_SERVERS))
    assert not REFERENCE.mutant
    assert {server.exit_statuses for server in VARIANT_SERVERS} == {(0,), (-15,)}
