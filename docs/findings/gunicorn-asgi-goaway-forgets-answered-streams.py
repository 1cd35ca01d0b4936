"""Gunicorn's ASGI worker over HTTP/2: the GOAWAY of a shutdown names last stream 0 after stream 1 was answered.

    pip install "gunicorn[http2]==27.0.1"
    python gunicorn-asgi-goaway-forgets-answered-streams.py

A POST on stream 1 is answered whole; the connection is idle; SIGTERM. Expected: a GOAWAY whose last stream is 1 or more.
Exits 1 if a GOAWAY names less, 0 if none does. Another server that speaks HTTP/2 by prior knowledge can be put to the
same test by its command line, with {port} for the port, such as
    hypercorn --bind 127.0.0.1:{port} app:application
"""

# ruff: noqa: ANN001, ANN201, D103, INP001, PLR2004, PTH123, T201

import contextlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

APPLICATION = """
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    with open("runs", "a") as runs:
        runs.write(scope["method"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
    await send({"type": "http.response.body", "body": b"whole\\n"})
"""
GUNICORN = "-m gunicorn --no-control-socket --bind 127.0.0.1:{port} --worker-class asgi --http-protocols h2"
GUNICORN += " --http2-cleartext prior-knowledge --graceful-timeout 10 --keep-alive 60 app:application"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, END_STREAM, END_HEADERS = 0, 1, 3, 4, 7, 1, 4
# HPACK by the static table: :method POST, :scheme http, :path /, :authority localhost
POST = b"\x83\x86\x84\x41\x09localhost"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def read_frame(connection):
    """Return type, flags, stream and payload of the next frame; None at the connection's end."""
    received = b""
    while len(received) < 9 or len(received) < 9 + int.from_bytes(received[:3], "big"):
        wanted = 9 - len(received) if len(received) < 9 else 9 + int.from_bytes(received[:3], "big") - len(received)
        try:
            piece = connection.recv(wanted)
        except OSError as error:
            print(f"the connection failed: {error!r}")
            return None
        if not piece:
            return None
        received += piece
    return received[3], received[4], int.from_bytes(received[5:9], "big") & 0x7FFFFFFF, received[9:]


def end(server):
    """Kill the server with its workers, so that no process is left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def connect(port):
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        try:
            return socket.create_connection(("127.0.0.1", port), 20)
        except OSError:
            time.sleep(0.05)
    print("the server did not start")
    sys.exit(2)


def post(connection):
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
    connection.sendall(frame(HEADERS, END_HEADERS | END_STREAM, 1, POST))
    while (received := read_frame(connection)) is not None:
        kind, flags, stream, payload = received
        if kind == SETTINGS and not flags & 1:
            connection.sendall(frame(SETTINGS, 1, 0))
        if stream == 1 and kind == DATA and payload:
            print(f"stream 1 received {payload!r}")
        if stream == 1 and kind in (DATA, HEADERS) and flags & END_STREAM:
            return
        if kind in (RST_STREAM, GOAWAY):
            break
    print("no response before the shutdown")
    sys.exit(2)


def last_streams(connection, begin):
    found = []
    while (received := read_frame(connection)) is not None:
        if received[0] == GOAWAY:
            last, error = struct.unpack(">II", received[3][:8])
            print(f"+{time.monotonic() - begin:.2f} s: GOAWAY last stream {last}, error code {error}")
            found.append(last)
    print(f"+{time.monotonic() - begin:.2f} s: the connection ended")
    return found


def main():
    arguments = sys.argv[1:] or [sys.executable, *GUNICORN.split()]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "app.py").write_text(APPLICATION)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with open(folder / "log", "w") as log:
            command = [argument.format(port=port) for argument in arguments]
            server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            with connect(port) as connection:
                post(connection)
                server.send_signal(signal.SIGTERM)
                found = last_streams(connection, time.monotonic())
            server.wait(20)
            print(f"the application ran {len((folder / 'runs').read_text()) // len('POST')} time(s)")
        finally:
            end(server)
    wrong = any(last < 1 for last in found)
    print("expected: last stream 1 or more in every GOAWAY, since stream 1 reached the application")
    print("seen: the answered request is called not processed" if wrong else "not seen")
    sys.exit(wrong)


main()
