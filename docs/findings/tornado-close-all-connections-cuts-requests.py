"""Tornado: close_all_connections() closes the connections of requests in flight before it waits for them.

    pip install tornado==6.6.1
    python tornado-close-all-connections-cuts-requests.py

The program does on SIGTERM what the documentation of close_all_connections() calls the typical usage: stop(), then await
close_all_connections(). A request is in its handler, which goes on half a second after the signal. Expected: its 200,
since the connections are waited for "to finish". The same is played without the signal first.
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
import asyncio, pathlib, signal, sys
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

class Held(RequestHandler):
    async def get(self):
        pathlib.Path("entered").touch()
        while not pathlib.Path("release").exists():
            await asyncio.sleep(0.02)
        self.write("whole")

async def main():
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = HTTPServer(Application([("/held", Held)]))
    server.listen(int(sys.argv[1]), "127.0.0.1")
    await stopped.wait()
    server.stop()
    await server.close_all_connections()

asyncio.run(main())
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
        while not received.endswith(b"whole") and (piece := connection.recv(65536)):
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
            connection.sendall(b"GET /held HTTP/1.1\r\nhost: localhost\r\n\r\n")
            until((folder / "entered").exists, "the handler")
            begin = time.monotonic()
            if with_signal:
                server.send_signal(signal.SIGTERM)
                until(lambda: not listens(port), "the listener to close")
            time.sleep(0.5)
            (folder / "release").touch()
            got = answer(connection)
            print(f"  +{time.monotonic() - begin:.2f} s: {got}")
        if with_signal:
            status = server.wait(20)
            print(f"  +{time.monotonic() - begin:.2f} s: the server exited with {status}")
        return "200 OK" in got and "whole" in got
    finally:
        end(server)


def main():
    served = []
    for with_signal in (False, True):
        print("with SIGTERM:" if with_signal else "without a signal:")
        with tempfile.TemporaryDirectory() as name:
            served.append(play(pathlib.Path(name), with_signal))
    print("expected: a 200 in both cases")
    if not served[0]:
        sys.exit(2)
    print("not seen" if served[1] else "seen: the request in flight was lost")
    sys.exit(not served[1])


main()
