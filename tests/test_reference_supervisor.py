"""The reference server's supervisor, as an operator sees it: workers, reload, exit status, and lame duck."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIMIT_S = 20


class Running:
    """A reference server with its log."""

    def __init__(self, process):
        self.process = process
        self.port = 0

    def logged(self, pattern):
        """Read the log up to a line that matches, note the port, and return the match."""
        for line in self.process.stderr:
            if listening := re.search(r"^listening on [\d.]+:(\d+)$", line):
                self.port = int(listening[1])
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"the log has no {pattern}")

    def ready(self):
        with socket.create_connection(("127.0.0.1", self.port), LIMIT_S) as client:
            client.sendall(b"GET /ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            return b"".join(iter(lambda: client.recv(65536), b""))

    def children(self):
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]


@pytest.fixture
def server():
    with contextlib.ExitStack() as started:

        def start(*options, listening):
            command = [sys.executable, "-m", "lastcall.servers.reference", "--port", "0", *options]
            process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
            started.enter_context(process)
            started.callback(_kill, process.pid)
            running = Running(process)
            supervised = "--workers" in options
            for _worker in range(listening):
                running.logged(r"^supervisor: worker \d+ serves$" if supervised else "^listening on")
            return running

        yield start


def _kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def test_workers_serve_on_one_port_and_the_supervisor_ends_with_status_0(server):
    running = server("--workers", "2", listening=2)
    assert len(running.children()) == 2
    assert running.ready().startswith(b"HTTP/1.1 200")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(LIMIT_S) == 0


def test_reload_replaces_the_workers(server):
    running = server("--workers", "2", listening=2)
    old = set(running.children())
    running.process.send_signal(signal.SIGHUP)
    for _worker in old:
        running.logged("^stopped$")
    assert running.ready().startswith(b"HTTP/1.1 200")
    assert len(set(running.children()) - old) == 2
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(LIMIT_S) == 0


def test_lost_worker_is_replaced(server):
    running = server("--workers", "2", listening=2)
    lost, kept = running.children()
    os.kill(lost, signal.SIGKILL)
    assert running.logged(r"worker (\d+) ended with status -9, and is replaced")[1] == str(lost)
    running.logged(r"^supervisor: worker \d+ serves$")
    assert kept in running.children()
    assert lost not in running.children()


def test_worker_lost_in_the_drain_makes_the_exit_status_a_failure(server):
    running = server("--workers", "1", listening=1)
    with socket.create_connection(("127.0.0.1", running.port)) as client:
        client.sendall(b"GET /ready HTTP/1.1\r\n")  # half a head: the drain waits for the rest of it
        (worker,) = running.children()
        running.process.send_signal(signal.SIGTERM)
        running.logged("^draining: 1 connections")
        os.kill(worker, signal.SIGKILL)
        assert running.process.wait(LIMIT_S) == 1


def test_workers_that_cannot_start_end_the_supervisor(server):
    running = server("--workers", "1", "no.such:application", listening=0)
    running.logged("has failed to start")
    assert running.process.wait(LIMIT_S) == 1


def test_lame_duck_serves_until_it_is_over(server):
    running = server("--lame-duck", "0.5", listening=1)
    begun_s = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    assert running.ready().startswith(b"HTTP/1.1 200")
    assert running.process.wait(LIMIT_S) == 0
    assert time.monotonic() - begun_s >= 0.5
