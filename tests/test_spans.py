"""Every event lies inside its span: what the recorder says is held against a second clock, and against the kernel's capture.

The second clock is a process of its own (``span_peer.py``): it notes the moment before and after each of its acts. An
act happened between these two, so a span that does not reach into that time is wrong. Three circumstances: nothing else
to do; a loop that computes for most of the time, so that its looks are far apart; and a machine all of whose processors
are busy.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from lastcall.conformance.harness.client import arrival
from lastcall.conformance.harness.client.certificates import make_certificates
from lastcall.conformance.harness.client.connection import ClientConnection
from lastcall.conformance.harness.client.stream import READS_A_TURN
from lastcall.conformance.harness.client.transport import Endpoint
from lastcall.conformance.harness.process.process_sessions import ProcessSessions
from lastcall.conformance.harness.process.server_process import ServerProcess
from lastcall.conformance.model.client_events import BodyReceived, ConnectionOpened, ResponseEnded
from lastcall.conformance.model.client_steps import ClosePolicy, Connect
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server_events import OutputWritten, ServerExited
from lastcall.conformance.wire.client import Outgoing
from tests.ends import close_notify_received, fin_received, fin_sent, kind_of, reset_received
from tests.support import keep_busy, perform

PEER = Path(__file__).with_name("span_peer.py")
ROUNDS = 25
LATE_NS = 1_000_000
"""By how much the kernel may hand a segment over after the sender's call has returned: that is work put off."""
CLOSE_WAIT = 8
"""The state in which the kernel has a connection whose peer has sent FIN, as TCP_INFO tells it."""

ACTS = {
    ConnectionOpened: "accept",
    ResponseEnded: "data",
    fin_received: "fin",
    reset_received: "reset",
    close_notify_received: "close_notify",
}
CONDUCTS = {
    Protocol.H1: ("/fin", "/fin-later", "/reset", "/reset-later"),
    Protocol.H1_TLS: ("/close-notify", "/close-notify-later", "/fin", "/reset-later"),
}


@contextlib.contextmanager
def peer(certificates=None):
    """Start a peer; yield its port, and a list to which its notes come in the end."""
    files = (str(certificates.cert), str(certificates.key)) if certificates else ("", "")
    argv = [sys.executable, "-I", "-S", str(PEER), *files]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        noted = []
        yield int(process.stdout.readline()), noted
        process.stdin.close()
        noted.append({int(port): acts for port, acts in json.loads(process.stdout.readline()).items()})


@contextlib.contextmanager
def every_processor_busy():
    programs = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for busy in programs:
            busy.kill()
            busy.wait()


async def _computing():
    """Keep the loop from looking for most of the time."""
    while True:
        keep_busy(0.015)
        await asyncio.sleep(0.002)


async def _meet(recorder, endpoint, number, target):
    opened = ClientConnection(Connect(f"c{number}", ClosePolicy.RUDE), recorder, endpoint)
    assert await opened.connect(DEFAULT)
    opened.tell(lambda wire: wire.send_request(Outgoing(f"r{number}", target=target)))
    assert await recorder.wait(lambda: opened.silent_for_good, 20)
    opened.abandon()


def meetings(protocol, certificates, load, rounds=ROUNDS):
    """Meet the peer again and again; give for each event its act, its span, and the act's two moments."""
    with contextlib.ExitStack() as stack:
        port, noted = stack.enter_context(peer(certificates))
        began = []

        async def work(recorder):
            began.append(recorder.begin_ns)
            beside = asyncio.ensure_future(_computing()) if load == "loop" else None
            endpoint = Endpoint(protocol, port, certificates=certificates)
            for number, target in enumerate(CONDUCTS[protocol] * rounds):
                await _meet(recorder, endpoint, number, target)
            if beside is not None:
                beside.cancel()

        if load == "machine":
            stack.enter_context(every_processor_busy())
        events = perform(work)
    return list(_compared(events, began[0], noted[0]))


def _compared(events, began_ns, noted):
    ports = {event.connection: event.local_port for event in events if isinstance(event, ConnectionOpened)}
    for event in events:
        act = ACTS.get(kind_of(event))
        if act is not None:
            connection = getattr(event, "connection", "") or event.request.replace("r", "c")
            before_ns, after_ns = next(
                (before_ns, after_ns) for name, before_ns, after_ns in noted[ports[connection]] if name == act
            )
            yield act, event.begin_ns + began_ns, event.end_ns + began_ns, before_ns, after_ns


def outside(compared):
    """Return of each comparison the act and by how much its span misses it, in nanoseconds; none where it does not."""
    missed = [
        (act, max(begin_ns - after_ns, before_ns - end_ns)) for act, begin_ns, end_ns, before_ns, after_ns in compared
    ]
    return [(act, by_ns) for act, by_ns in missed if by_ns > LATE_NS]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("load", ["idle", "loop", "machine"])
@pytest.mark.parametrize("protocol", CONDUCTS, ids=str)
def test_every_event_of_a_connection_is_inside_its_span(certificates, protocol, load):
    compared = meetings(protocol, certificates if protocol.tls else None, load)
    assert len(compared) >= 3 * len(CONDUCTS[protocol]) * ROUNDS
    assert outside(compared) == []


# --- what the loop did not look for ---


async def _turns(seconds):
    """Let the loop look again and again for a while."""
    until_ns = time.monotonic_ns() + int(seconds * 1e9)
    while time.monotonic_ns() < until_ns:  # noqa: ASYNC110 - its turns are what is wanted
        await asyncio.sleep(0)


def alone(target, conduct):
    """Meet the peer once, in another way; give what :func:`meetings` gives."""
    with peer() as (port, noted):
        began = []

        async def work(recorder):
            began.append(recorder.begin_ns)
            opened = ClientConnection(Connect("c0", ClosePolicy.RUDE), recorder, Endpoint(Protocol.H1, port))
            assert await opened.connect(DEFAULT)
            opened.tell(lambda wire: wire.send_request(Outgoing("r0", target=target)))
            await conduct(opened, recorder)
            assert await recorder.wait(lambda: opened.silent_for_good, 20)
            opened.abandon()

        events = perform(work)
    return list(_compared(events, began[0], noted[0]))


def test_what_comes_after_a_pause_is_no_older_than_its_end():
    resumed = []

    async def conduct(opened, _recorder):
        opened.pause()
        await _turns(0.002)
        opened.resume()
        resumed.append(time.monotonic_ns())
        opened.pause()
        opened.resume()

    compared = alone("/fin-later", conduct)
    assert outside(compared) == []
    later = [
        begin_ns for act, begin_ns, _end_ns, before_ns, _after_ns in compared if before_ns > resumed[0] + 10 * LATE_NS
    ]
    assert all(begin_ns > resumed[0] for begin_ns in later)


def test_what_one_turn_did_not_read_is_as_old_as_what_it_did():
    ours, theirs = socket.socketpair()
    size = 3 * READS_A_TURN * 65536

    async def work(recorder):
        with socket.create_server(("127.0.0.1", 0)) as listener, ours, theirs:
            opened = ClientConnection(
                Connect("c", ClosePolicy.RUDE, receive_buffer=size),
                recorder,
                Endpoint(Protocol.H1, listener.getsockname()[1]),
            )
            assert await opened.connect(DEFAULT)
            server, _address = listener.accept()
            with server:
                opened.tell(lambda wire: wire.send_request(Outgoing("r", target="/large")))
                opened.pause()
                head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
                written = asyncio.create_task(asyncio.to_thread(server.sendall, head + bytes(size)))
                await _turns(0.02)
                opened.resume()
                resumed_ns = time.monotonic_ns() - recorder.begin_ns
                assert await recorder.wait(lambda: recorder.has(ResponseEnded("r")), 20)
                await written
            opened.abandon()
            # What the first turn of reading left was there before the client read on, as was what it read.
            pieces = recorder.trace.of(BodyReceived)
            assert sum(piece.length for piece in pieces) == size
            assert len([piece for piece in pieces if piece.begin_ns < resumed_ns]) > READS_A_TURN

    perform(work)


def test_our_own_fin_spans_the_call_that_sends_it():
    with peer() as (port, _noted):

        async def work(recorder):
            opened = ClientConnection(Connect("c0", ClosePolicy.RUDE), recorder, Endpoint(Protocol.H1, port))
            assert await opened.connect(DEFAULT)
            before_ns = time.monotonic_ns() - recorder.begin_ns
            opened.close()
            after_ns = time.monotonic_ns() - recorder.begin_ns
            opened.abandon()
            (sent,) = recorder.trace.all(fin_sent())
            assert before_ns <= sent.begin_ns < sent.end_ns <= after_ns

        perform(work)


def test_time_between_the_readings_of_two_clocks_makes_no_arrival_earlier(monkeypatch):
    def slow_wall_clock():
        keep_busy(0.01)
        return time.time_ns()

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        server, _address = listener.accept()
        with server:
            arrival.enable(client)
            before_ns = time.monotonic_ns()
            server.sendall(b"x")
            clocks = SimpleNamespace(time_ns=slow_wall_clock, monotonic_ns=time.monotonic_ns)
            monkeypatch.setattr(arrival, "time", clocks)
            data, at_ns = arrival.receive(client)
    assert data == b"x"
    assert at_ns >= before_ns


# --- processes ---

PRINTING = """
import os, sys, time
def act(name, call):
    before_ns = time.monotonic_ns()
    call()
    notes.write(f"{name} {before_ns} {time.monotonic_ns()}\\n")
with open(sys.argv[2], "w") as notes:
    for number in range(40):
        act(f"line-{number}", lambda: os.write(1, f"line-{number}\\n".encode()))
        if number % 4 == 3:
            time.sleep(0.003)
    act("half-a-line", lambda: os.write(1, b"half-a-line"))
    time.sleep(0.03)
    notes.write(f"exit {time.monotonic_ns()}\\n")
    notes.flush()
    os._exit(0)
"""


async def _lived(recorder, sessions, folder):
    """Let the program live; give the moment at which somebody else saw its end."""
    process = ServerProcess(sessions, recorder, 0)
    process.start([sys.executable, "-I", "-S", "-c", PRINTING, "0", str(folder / "notes")], folder, dict(os.environ))

    def saw_the_end():
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return time.monotonic_ns()

    try:
        ended_ns = await asyncio.to_thread(saw_the_end)
        assert await recorder.wait(lambda: process.exited, 20)
    finally:
        await process.end("the test is over")
    return ended_ns


@pytest.mark.parametrize("load", ["idle", "loop", "machine"])
def test_lines_and_the_exit_of_a_process_are_inside_their_spans(tmp_path, load):
    began = []

    async def work(recorder):
        began.append(recorder.begin_ns)
        beside = asyncio.ensure_future(_computing()) if load == "loop" else None
        with contextlib.closing(ProcessSessions()) as sessions:
            began.append(await _lived(recorder, sessions, tmp_path))
        if beside is not None:
            beside.cancel()

    with every_processor_busy() if load == "machine" else contextlib.nullcontext():
        events = perform(work)
    begin_ns, ended_ns = began
    noted = {
        name: [int(at) for at in moments]
        for name, *moments in map(str.split, (tmp_path / "notes").read_text().splitlines())
    }
    noted["exit"].append(ended_ns)
    acts = {event.text: event for event in events if isinstance(event, OutputWritten)}
    acts["exit"] = next(event for event in events if isinstance(event, ServerExited))
    assert acts.keys() == noted.keys()
    assert (
        outside(
            (name, event.begin_ns + begin_ns, event.end_ns + begin_ns, *noted[name]) for name, event in acts.items()
        )
        == []
    )


# --- the kernel's own capture ---

PACKET = re.compile(r"^(\d+)\.(\d{9}) IP 127\.0\.0\.1\.(\d+) > 127\.0\.0\.1\.(\d+): Flags \[(\S+)\].* length (\d+)")


@contextlib.contextmanager
def capture(port):
    """Capture what goes over a port; yield a list to which the lines come in the end. Skips where nobody may do so."""
    if shutil.which("tcpdump") is None:
        pytest.skip("there is no tcpdump")
    options = ("--immediate-mode", "--time-stamp-precision=nano", "--snapshot-length=128")
    argv = ["tcpdump", "-i", "lo", "-n", "-l", "-tt", *options, f"tcp port {port}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        said = ""
        while "listening on" not in said:
            line = process.stderr.readline()
            said += line
            if not line:
                pytest.skip(f"tcpdump may not capture here: {said.strip()}")
        lines = []
        reader = threading.Thread(target=_read_to_the_last, args=(process.stdout, port, lines), daemon=True)
        reader.start()
        yield lines
        reader.join(20)
        process.kill()


def _read_to_the_last(output, port, lines):
    """Read up to the last packet of the last conduct, which is the peer's RST."""
    resets = sum(target.startswith("/reset") for target in CONDUCTS[Protocol.H1]) * ROUNDS
    while resets and (line := output.readline()):
        lines.append(line)
        resets -= f".{port} > " in line and "Flags [R" in line


def wall_clock_offset_ns():
    """The wall clock's lead over the monotonic one, from the two readings that were closest together."""
    readings = []
    for _ in range(100):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
    return min(readings)[1]


def captured(lines, port, offset_ns):
    """Return the moment of each packet of the peer's that matters, by the client's port and what it is."""
    moments = {}
    for seconds, fraction, source, client, flags, length in (
        match.groups() for match in map(PACKET.match, lines) if match
    ):
        at_ns = int(seconds) * 10**9 + int(fraction) - offset_ns
        if int(source) == port:
            kinds = {"data": int(length) > 0, "fin": "F" in flags, "reset": "R" in flags}
            moments |= {(int(client), kind): at_ns for kind, is_one in kinds.items() if is_one}
    return moments


@pytest.mark.parametrize("load", ["idle", "loop"])
def test_every_segment_that_the_kernel_captured_is_inside_its_span(load):
    began = []
    with peer() as (port, noted), capture(port) as lines:

        async def work(recorder):
            began.append(recorder.begin_ns)
            beside = asyncio.ensure_future(_computing()) if load == "loop" else None
            for number, target in enumerate(CONDUCTS[Protocol.H1] * ROUNDS):
                await _meet(recorder, Endpoint(Protocol.H1, port), number, target)
            if beside is not None:
                beside.cancel()

        events = perform(work)
    moments = captured(lines, port, wall_clock_offset_ns())
    ports = {event.connection: event.local_port for event in events if isinstance(event, ConnectionOpened)}
    compared = []
    for event in events:
        act = ACTS.get(kind_of(event))
        if act in ("data", "fin", "reset"):
            at_ns = moments[ports[getattr(event, "connection", "") or event.request.replace("r", "c")], act]
            compared.append((act, event.begin_ns + began[0], event.end_ns + began[0], at_ns, at_ns))
    assert noted
    assert len(compared) == 2 * ROUNDS * len(CONDUCTS[Protocol.H1])
    assert outside(compared) == []
