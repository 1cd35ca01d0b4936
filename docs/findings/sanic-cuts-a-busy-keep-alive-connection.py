"""Sanic: a client that keeps using its connection gets no notice of the shutdown, and its last request is cut.

    pip install sanic==25.12.1
    python sanic-cuts-a-busy-keep-alive-connection.py

A client sends one short request (0.4 s) after the other on one connection. SIGTERM comes; GRACEFUL_SHUTDOWN_TIMEOUT is
3 s. Expected: within that time a response says "connection: close", or the connection ends between two requests.
Prints times in seconds from the signal; exits 1 if a request that was in its handler was cut though each takes 0.4 s,
0 if not.
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
import asyncio
from sanic import Sanic, text

application = Sanic("application")

@application.get("/<name>")
async def short(request, name):
    with open("entered", "a") as entered:
        entered.write(name + "\\n")
    await asyncio.sleep(0.4)
    return text("whole")
"""


def end(server):
    """Kill the server with its workers, so that no process is left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def until(fact, what):
    limit = time.monotonic() + 30
    while not fact():
        if time.monotonic() > limit:
            print(f"waited 30 s for {what}")
            sys.exit(2)
        time.sleep(0.02)


def ask(connection, name):
    """The response, or what there was of it at the connection's end."""
    received = b""
    try:
        connection.sendall(f"GET /{name} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        while not received.endswith(b"whole") and (piece := connection.recv(65536)):
            received += piece
    except OSError as error:
        print(f"  {error!r}")
    return received


def is_served(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            return ask(connection, "ready").endswith(b"whole")
    except OSError:
        return False


def loop(connection, begin):
    """The name of the request that got no whole response; None when a response said that it is the last one."""
    for number in range(40):
        name = f"request-{number}"
        received = ask(connection, name)
        said_close = b"connection: close" in received.lower()
        shown = "whole" if received.endswith(b"whole") else repr(received)
        print(f"+{time.monotonic() - begin:.2f} s: {name}: {shown}{', connection: close' if said_close else ''}")
        if not received.endswith(b"whole"):
            return name
        if said_close:
            return None
    return None


def main():
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        (folder / "app.py").write_text(APPLICATION)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "sanic", "app:application", "--host", "127.0.0.1", "--port", str(port)]
        environment = {**os.environ, "SANIC_GRACEFUL_SHUTDOWN_TIMEOUT": "3"}
        with open(folder / "log", "w") as log:
            server = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            until(lambda: is_served(port), "the server")
            time.sleep(1)  # Sanic's main process takes some time more until it expects a signal
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                ask(connection, "before")
                server.send_signal(signal.SIGTERM)
                lost = loop(connection, time.monotonic())
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(20)
            entered = (folder / "entered").read_text().split()
        finally:
            end(server)
    print("expected: connection: close on a response, or an end between two requests")
    print(f"seen: {lost} was in its handler and was cut" if lost in entered else "not seen")
    sys.exit(lost in entered)


main()
