"""uWSGI: a graceful stop cuts a response that is being written.

    pip install pyuwsgi==2.0.30.post1
    python uwsgi-signal-cuts-a-response-being-written.py            # the graceful stop
    python uwsgi-signal-cuts-a-response-being-written.py reload     # the graceful reload, SIGHUP
    python uwsgi-signal-cuts-a-response-being-written.py control    # no signal

A client reads more slowly than the application writes, so that the worker waits until the socket takes more. Then comes the
signal. Expected: the client gets all 4000000 bytes. Prints what it got; exits 1 if the response was cut, 0 if not.
"""

# ruff: noqa: D103, INP001, PTH123, T201

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

LENGTH = 4_000_000
APPLICATION = f"""
def application(environ, start_response):
    body = b"x" * {LENGTH} if environ["PATH_INFO"] == "/large" else b"ready"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def ask(port, path):  # noqa: ANN001, ANN201
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
    return connection


def read(connection):  # noqa: ANN001, ANN201
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received.partition(b"\r\n\r\n")[2]


def wait_until_ready(port):  # noqa: ANN001, ANN201
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        with contextlib.suppress(OSError):
            if read(ask(port, "/ready")) == b"ready":
                return
        time.sleep(0.05)
    print("uWSGI did not serve within 30 s")
    sys.exit(2)


def main(how):  # noqa: ANN001, ANN201
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        (folder / "app.py").write_text(APPLICATION)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", "--master", "--module", "app:application"]
        command += ["--http-socket", f"127.0.0.1:{port}", "--socket-timeout", "60"]
        # What the master FIFO's "q" does, bound to a signal: https://uwsgi-docs.readthedocs.io/en/latest/Hooks.html
        command += ["--hook-master-start", "unix_signal:15 gracefully_kill_them_all"]
        with open(folder / "log", "w") as log:
            server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until_ready(port)
            connection = ask(port, "/large")
            time.sleep(1)  # the kernel's buffers are full, and the worker waits
            if how != "control":
                server.send_signal(signal.SIGHUP if how == "reload" else signal.SIGTERM)
            time.sleep(1)
            received = read(connection)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        said = [line for line in (folder / "log").read_text().splitlines() if "error" in line or "poll()" in line]
    print("uWSGI printed:", *said or ["nothing of it"], sep="\n    ")
    print(f"expected: {LENGTH} bytes of the response; the client got {len(received)}")
    cut = len(received) < LENGTH
    print("seen: the response was cut" if cut else "not seen")
    sys.exit(cut)


main(sys.argv[1] if len(sys.argv) > 1 else "stop")
