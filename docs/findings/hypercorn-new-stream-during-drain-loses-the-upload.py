"""Hypercorn over HTTP/2: a POST opened after SIGTERM, about which no GOAWAY was sent, ends the upload that is in flight.

    pip install hypercorn==0.18.0
    python hypercorn-new-stream-during-drain-loses-the-upload.py

Stream 1 is an upload in its handler, half sent, when SIGTERM comes. A second later the client, to whom no GOAWAY has been
sent, opens stream 3 with a body, in one write; then it sends the rest of stream 1. Expected: stream 3 is refused or
served, and stream 1 gets its 200. The same is played first without stream 3, where it does.
Prints times in seconds from the signal; exits 1 if stream 1 was lost, 0 if not, 2 if it is lost without stream 3 too.
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
    pathlib.Path("entered").touch()
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
    await send({"type": "http.response.body", "body": b"whole\\n"})
"""
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, END_STREAM, END_HEADERS = 0, 1, 3, 4, 7, 1, 4
NAMES = {DATA: "DATA", HEADERS: "HEADERS", RST_STREAM: "RST_STREAM", SETTINGS: "SETTINGS", GOAWAY: "GOAWAY"}
# HPACK by the static table: :method POST, :scheme http, :path /, :authority localhost
POST = b"\x83\x86\x84\x41\x09localhost"


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


def follow(connection, begin):
    """Return whether stream 1 ends with a status of 200, which is one byte by HPACK's static table."""
    status = b""
    for kind, flags, stream, payload in frames(connection):
        shown = f": {payload.hex()}" if kind in (GOAWAY, RST_STREAM) else f": {len(payload)} bytes"
        print(f"  +{time.monotonic() - begin:.2f} s: {NAMES.get(kind, kind)} stream {stream} flags {flags}{shown}")
        if stream == 1 and kind == HEADERS:
            status = payload[:1]
        if stream == 1 and kind in (DATA, HEADERS) and flags & END_STREAM:
            return status == b"\x88"
    return False


def play(folder, with_stream_3):
    (folder / "app.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "10"]
    with open(folder / "log", "w") as log:
        command += ["app:application"]
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: "Running on" in (folder / "log").read_text(), "the server")
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0))
            connection.sendall(frame(HEADERS, END_HEADERS, 1, POST) + frame(DATA, 0, 1, b"half"))
            until((folder / "entered").exists, "the handler")
            server.send_signal(signal.SIGTERM)
            begin = time.monotonic()
            time.sleep(1)
            if with_stream_3:
                connection.sendall(frame(HEADERS, END_HEADERS, 3, POST) + frame(DATA, END_STREAM, 3, b"late"))
                time.sleep(0.2)
            with contextlib.suppress(ConnectionError):
                connection.sendall(frame(DATA, END_STREAM, 1, b"half"))
            served = follow(connection, begin)
        try:
            print(f"  the server exited with {server.wait(15)}")
        except subprocess.TimeoutExpired:
            print("  the server had not exited 15 s later")
        errors = [line for line in (folder / "log").read_text().splitlines() if "Error" in line]
        print(f"  its log has {errors}")
        return served
    finally:
        end(server)


def main():
    served = []
    for with_stream_3 in (False, True):
        print("with stream 3:" if with_stream_3 else "without stream 3:")
        with tempfile.TemporaryDirectory() as name:
            served.append(play(pathlib.Path(name), with_stream_3))
    if not served[0]:
        sys.exit(2)
    print("not seen" if served[1] else "seen: stream 1 was lost because of stream 3")
    sys.exit(not served[1])


main()
