"""Hypercorn with two workers: SIGTERM ends the worker that drains as soon as the idle one is done.

    pip install hypercorn==0.18.0
    python hypercorn-second-worker-is-terminated.py

One request is in its handler, in one of two workers. SIGTERM goes to the parent, the handler goes on a second later,
within the graceful_timeout of 10 s. Expected: a 200. The same is played with one worker first, where it is one.
Prints times in seconds from the signal; exits 1 if the request was lost with two workers, 0 if not, 2 if the case with
one worker fails too.
"""

# ruff: noqa: ANN001, ANN201, D103, INP001, PTH123, T201

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

APPLICATION = """
import asyncio, pathlib

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    if scope["path"] != "/ready":
        pathlib.Path("entered").touch()
        while not pathlib.Path("release").exists():
            await asyncio.sleep(0.02)
    headers = [(b"content-length", b"6")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"whole\\n"})
"""


def end(server):
    """Kill the server with its workers, so that no process is left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def until(fact, what):
    limit = time.monotonic() + 20
    while not fact():
        if time.monotonic() > limit:
            print(f"waited 20 s for {what}")
            sys.exit(2)
        time.sleep(0.02)


def get(port, path):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(20)
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    return connection


def answer(connection):
    """Return everything up to the end of a response of six bytes, or of the connection."""
    received = b""
    try:
        while not received.endswith(b"whole\n") and (piece := connection.recv(65536)):
            received += piece
    except OSError as error:
        return f"{received!r}, then {error!r}"
    return repr(received) if received else "nothing, and the connection ended"


def is_ready(port):
    try:
        return "200" in answer(get(port, "/ready"))
    except OSError:
        return False


def play(workers):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "app.py").write_text(APPLICATION)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = ["--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--graceful-timeout", "10"]
        with open(folder / "log", "w") as log:
            command = [sys.executable, "-m", "hypercorn", *options, "app:application"]
            server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            until(lambda: is_ready(port), "the server")
            until(lambda: (folder / "log").read_text().count("Running on") == workers, "all workers")
            connection = get(port, "/held")
            until((folder / "entered").exists, "the handler")
            server.send_signal(signal.SIGTERM)
            begin = time.monotonic()
            time.sleep(1)
            (folder / "release").touch()
            got = answer(connection)
            print(f"{workers} worker(s): +{time.monotonic() - begin:.2f} s: {got}")
            status = server.wait(20)
            print(f"{workers} worker(s): +{time.monotonic() - begin:.2f} s: the parent exited with {status}")
            return "200" in got
        finally:
            end(server)


def main():
    print("expected: HTTP/1.1 200 and 'whole' a second after SIGTERM")
    if not play(1):
        sys.exit(2)
    served = play(2)
    print("not seen" if served else "seen: with two workers the request in flight was lost")
    sys.exit(not served)


main()
