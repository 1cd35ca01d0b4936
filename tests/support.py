"""Programs that stand for servers in these tests, as real processes, and the harness around them."""

import asyncio
import dataclasses
import sys
import time

from lastcall.conformance.harness.loop_clock import LoopClock, loop_factory
from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.model.client_events import ResponseEnded
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server import Drain, Server
from lastcall.conformance.model.server_events import HandlerEntered, ServerExited
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReleaseHandler,
    Shutdown,
)
from lastcall.conformance.model.trace import Play
from lastcall.conformance.model.trace_file import event_line, play_line
from lastcall.scenarios.usual import ENDING, HTTP1, IN_FLIGHT

QUICK = dataclasses.replace(DEFAULT, boot_s=1.0, connect_s=0.5, before_shutdown_s=2.0)
"""Limits for servers that are known to fail."""
PATIENT = dataclasses.replace(QUICK, boot_s=20.0)
"""Limits for servers that work."""

ONE_HELD = Scenario(
    id="one-held",
    question="Is one request in its handler served?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(3, 3)),
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        Shutdown(),
        ReleaseHandler("a"),
        Await(ResponseEnded("a")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *ENDING),
)

HELD_FOR_LONG = dataclasses.replace(
    ONE_HELD,
    id="held-for-long",
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        Elapse(Duration(60, 60), "somebody ends the run meanwhile"),
        Shutdown(),
    ),
)

GATED = r"""
import os, signal, socket, sys, threading
port, fault = int(sys.argv[1]), sys.argv[2]
alone, idle = threading.Lock(), set()

def head(status, field):
    return f"HTTP/1.1 {status} X\r\ncontent-type: text/plain\r\nconnection: close\r\n{field}\r\n\r\n".encode()

def plain(status, body):
    return head(status, f"content-length: {len(body)}") + body

def pattern(offset, length):
    return (b"lastcall\n" * (length // 9 + 2))[offset % 9 :][:length]

def entered():
    if address := os.environ.get("NOTIFIED"):
        host, _, number = address.rpartition(":")
        notified = socket.create_connection((host, int(number)))
        notified.sendall(f"{os.getpid()} {port}\n".encode())
        notified.detach()

def chunks(stream):
    while size := int(stream.readline(), 16):
        yield stream.read(size)
        stream.readline()

def hold(client, stream, method, target, length):
    host, _, number = os.environ["LASTCALL_GATE"].rpartition(":")
    gate = socket.create_connection((host, int(number)))
    path, sent, started, kept = target.partition("?")[0], 0, False, b""
    def report(line):
        gate.sendall(f"{line}\n".encode())
    with gate, gate.makefile() as orders:
        report(f"entered {path.rpartition('/')[2]} {method} {path if fault == 'target' else target}")
        entered()
        for order in orders:
            verb, _, number = order.strip().partition(" ")
            if verb == "read":
                if fault == "dies":
                    os._exit(7)
                body = b"".join(chunks(stream)) if length is None else stream.read(length)
                report(f"read {len(body) + (fault == 'miscounts')}")
                continue
            size = int(number) or int(fault == "something")
            piece = pattern(0 if fault == "restarts" else sent, size)
            sent += size
            if verb == "finish" and not started and fault != "chunked":
                client.sendall(head(200, f"content-length: {size}") + piece)
                report(f"finished {sent}")
                return
            if not started:
                client.sendall(head(200, "transfer-encoding: chunked"))
                started = True
            kept += b"%x\r\n%s\r\n" % (size, piece) if size else b""
            if fault != "buffers" or verb == "finish":
                client.sendall(kept)
                kept = b""
            if verb == "finish":
                client.sendall(b"0\r\n\r\n")
                report(f"finished {sent}")
                return
            report(f"sent {size}")
    if fault == "stays":
        client.sendall(b"0\r\n\r\n" if started else plain(200, b""))

def serve(client):
    with client, client.makefile("rb") as stream:
        idle.add(client)
        line = stream.readline().split()
        idle.discard(client)
        if len(line) != 3:
            return
        method, target = line[0].decode(), line[1].decode()
        fields = dict(line.lower().split(b": ") for line in iter(stream.readline, b"\r\n") if line)
        if target.startswith("/hold/"):
            length = None if b"transfer-encoding" in fields else int(fields.get(b"content-length", 0))
            if fault == "one-by-one":
                with alone:
                    hold(client, stream, method, target, length)
            else:
                hold(client, stream, method, target, length)
        elif target == "/ready":
            client.sendall(plain(200, b"ready" if fault == "ready" else b"ready\n"))
        else:
            client.sendall(plain(200 if fault == "routes" else 404, b"?\n"))

class Stop(Exception): pass

def stop(*_):
    raise Stop

def main():
    signal.signal(signal.SIGTERM, stop)
    listener = socket.create_server(("127.0.0.1", port), backlog=50)
    try:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=[client]).start()
    except Stop:
        listener.close()
        for client in list(idle):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    if fault == "crashes":
        os._exit(9)
    if fault in ("leaves-child", "leaves-daemon"):
        import subprocess
        subprocess.Popen(
            [sys.executable, "-c", "import signal; signal.pause()"], start_new_session=fault == "leaves-daemon"
        )
main()
"""
"""A graceful HTTP/1.1 server with the application of docs/gate.md, or with one fault in it."""


PLAY = Play("some-question", "mine", "h1", "fast")


def perform(work, path=None):
    """Run a coroutine function with a recorder, in a loop with a clock; return the recorder's events, or its result."""
    clock = LoopClock()
    with asyncio.Runner(loop_factory=loop_factory(clock)) as runner:
        recorder = Recorder(PLAY, clock, path)
        result = runner.run(_within(30, work(recorder)))
        recorder.close()
    return recorder.events if result is None else result


def keep_busy(seconds):
    """Compute for a while, as a starved harness does: nothing else runs in this thread."""
    until_ns = time.monotonic_ns() + int(seconds * 1e9)
    while time.monotonic_ns() < until_ns:
        pass


def program(folder, name, text, /, *arguments, **fields):
    """Write a Python program and return the adapter that starts it with its port and these arguments."""
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    values = {
        "name": name,
        "speaks": frozenset({Protocol.H1}),
        "command": lambda launch: [sys.executable, str(path), str(launch.port), *arguments],
        "version": lambda: "1",
        "install": (),
        "documentation": "",
        "drain": Drain("none", ""),
    }
    return Server(**values | fields)


def gated(folder, fault="none", **fields):
    """Return a gated server with a fault."""
    return program(folder, f"gated-{fault}", GATED, fault, **fields)


async def _within(seconds, work):
    async with asyncio.timeout(seconds):
        return await work


def dump(trace, path):
    """Write a trace to a file, as a recorder does while it records, and return it."""
    lines = [play_line(trace.play), *(event_line(event) for event in trace.events)]
    path.write_text("".join(lines), encoding="utf-8")
    return trace
