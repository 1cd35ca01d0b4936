"""aiohttp: the rest of a request body that comes after SIGTERM is dropped, and its handler waits for it in vain.

    pip install aiohttp==3.14.5
    python aiohttp-upload-stops-at-the-signal.py

A POST of ten bytes is in its handler with five of them sent when SIGTERM comes. The client sends the other five 0.3 s
after the listener is closed; shutdown_timeout is 3 s. Expected: a 200. The same is played without the signal first.
Prints times in seconds from the signal; exits 1 if the request was lost, 0 if not, 2 if it fails without the signal too.
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
import pathlib, sys
from aiohttp import web

async def upload(request):
    pathlib.Path("entered").touch()
    body = await request.read()
    return web.Response(text=f"read {len(body)} bytes")

async def ready(request):
    return web.Response(text="ready")

application = web.Application()
application.add_routes([web.post("/upload", upload), web.get("/ready", ready)])
web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), shutdown_timeout=3, print=None)
"""
TIMEOUT_S = 3


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


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionError:
        return False
    return True


def answer(connection):
    """Return everything up to the end of the response, or of the connection."""
    received = b""
    try:
        while not received.endswith(b" bytes") and (piece := connection.recv(65536)):
            received += piece
    except OSError as error:
        return f"{received!r}, then {error!r}"
    return repr(received) if received else "nothing, and the connection ended"


def play(folder, with_signal):
    (folder / "app.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "app.py", str(port)], cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: listens(port), "the server")
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(b"POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n01234")
            until((folder / "entered").exists, "the handler")
            begin = time.monotonic()
            if with_signal:
                server.send_signal(signal.SIGTERM)
                until(lambda: not listens(port), "the listener to close")
            time.sleep(0.3)
            connection.sendall(b"56789")
            print(f"  +{time.monotonic() - begin:.2f} s: the other five bytes are sent")
            got = answer(connection)
            print(f"  +{time.monotonic() - begin:.2f} s: {got}")
        if with_signal:
            status = server.wait(20)
            print(f"  +{time.monotonic() - begin:.2f} s: the server exited with {status}")
        return "read 10 bytes" in got
    finally:
        end(server)


def main():
    served = []
    for with_signal in (False, True):
        print("with SIGTERM:" if with_signal else "without a signal:")
        with tempfile.TemporaryDirectory() as name:
            served.append(play(pathlib.Path(name), with_signal))
    print(f"expected: a 200 in both cases, well within shutdown_timeout ({TIMEOUT_S} s)")
    if not served[0]:
        sys.exit(2)
    print("not seen" if served[1] else "seen: the upload was lost")
    sys.exit(not served[1])


main()
