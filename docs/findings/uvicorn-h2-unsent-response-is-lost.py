"""Uvicorn over HTTP/2 (zttp): SIGTERM cuts a response that the application has handed over and flow control holds back.

    pip install uvicorn==0.54.0 zttp==0.0.35
    python uvicorn-h2-unsent-response-is-lost.py

The response has 200000 bytes; the client takes the first 65535, as many as its window allows. SIGTERM comes; half a
second later the client enlarges the window. Expected: the rest of the response, within the 10 s of
--timeout-graceful-shutdown. The same is played without the signal first.
Prints times in seconds from the signal; exits 1 if the response was cut, 0 if not, 2 if it is without the signal too.
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
import pathlib

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"200000")]})
    await send({"type": "http.response.body", "body": b"x" * 200000})
    pathlib.Path("finished").touch()
"""
LENGTH, WINDOW = 200000, 65535
DATA, HEADERS, SETTINGS, GOAWAY, WINDOW_UPDATE, END_STREAM, END_HEADERS = 0, 1, 4, 7, 8, 1, 4
# HPACK by the static table: :method GET, :scheme http, :path /, :authority localhost
GET = b"\x82\x86\x84\x41\x09localhost"


def end(server):
    """Leave nothing of it behind."""
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


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def frames(connection):
    """Yield type, flags, stream and payload of every frame, until the connection ends or nothing comes for 5 s."""
    received = b""
    while True:
        while len(received) >= 9 and len(received) >= (size := 9 + int.from_bytes(received[:3], "big")):
            yield received[3], received[4], int.from_bytes(received[5:9], "big"), received[9:size]
            received = received[size:]
        try:
            piece = connection.recv(65536)
        except OSError as error:
            print(f"  then {error!r}")
            return
        if not piece:
            print("  then the connection ended")
            return
        received += piece


def receive(stream_of_frames, wanted):
    """How many bytes of the body came until there were so many, or the connection ended."""
    length = 0
    for kind, flags, stream, payload in stream_of_frames:
        if kind == GOAWAY:
            print(f"  GOAWAY last stream {int.from_bytes(payload[:4], 'big')}")
        if kind == DATA and stream == 1:
            length += len(payload)
            if length >= wanted or flags & END_STREAM:
                return length
    return length


def play(folder, with_signal):
    (folder / "app.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--http", "zttp", "--http2", "--port", str(port)]
    command += ["--timeout-graceful-shutdown", "10", "app:application"]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: listens(port), "the server")
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0))
            connection.sendall(frame(HEADERS, END_HEADERS | END_STREAM, 1, GET))
            stream_of_frames = frames(connection)
            length = receive(stream_of_frames, WINDOW)
            until((folder / "finished").exists, "the application")
            begin = time.monotonic()
            if with_signal:
                server.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            more = struct.pack(">I", LENGTH)
            with contextlib.suppress(ConnectionError):
                connection.sendall(frame(WINDOW_UPDATE, 0, 0, more) + frame(WINDOW_UPDATE, 0, 1, more))
            length += receive(stream_of_frames, LENGTH - length)
            print(f"  +{time.monotonic() - begin:.2f} s: {length} of {LENGTH} bytes")
        if with_signal:
            print(f"  the server exited with {server.wait(20)}")
        return length == LENGTH
    finally:
        end(server)


def main():
    served = []
    for with_signal in (False, True):
        print("with SIGTERM:" if with_signal else "without a signal:")
        with tempfile.TemporaryDirectory() as name:
            served.append(play(pathlib.Path(name), with_signal))
    if not served[0]:
        sys.exit(2)
    print("not seen" if served[1] else "seen: the rest of the response was lost")
    sys.exit(not served[1])


main()
