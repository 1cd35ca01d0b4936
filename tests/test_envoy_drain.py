"""Envoy's companion: a SIGTERM that comes while it is stopped begins the drain when it goes on."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lastcall.servers.installation import APPLICATIONS

TRIES = 10
"""Without the blocked signal in its second thread, the SIGTERM is lost in about two tries of five."""


@pytest.fixture
def administration(tmp_path):
    """Yield a queue of the commands that Envoy's administration interface receives; no client is ever connected."""
    commands = queue.Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            commands.put(self.path)
            self.answer(b"OK\n")

        def do_GET(self):
            self.answer(b"http.proxy.downstream_cx_active: 0\n")

        def answer(self, body):
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "address").write_text(f"127.0.0.1:{server.server_port}")
        yield commands
        server.shutdown()


def both_threads_wait(pid):
    """Whether the process has its two threads, and both sleep in the kernel."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return [stat.rpartition(")")[2].split()[0] for stat in stats] == ["S", "S"]


def test_a_signal_that_comes_while_it_is_stopped_begins_the_drain(administration, tmp_path):
    drained = [sys.executable, APPLICATIONS / "envoy_drain.py", "5", tmp_path / "address", "proxy"]
    for _try in range(TRIES):
        envoy = ["sh", "-c", "echo up; exec sleep 60"]
        with subprocess.Popen([*drained, *envoy], stdout=subprocess.PIPE, start_new_session=True) as companion:
            try:
                assert companion.stdout.readline() == b"up\n"
                while not both_threads_wait(companion.pid):
                    time.sleep(0)
                for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
                    os.kill(companion.pid, number)
                assert administration.get(timeout=10) == "/drain_listeners?graceful"
                assert administration.get(timeout=10) == "/quitquitquit"
            finally:
                os.killpg(companion.pid, signal.SIGKILL)
