"""Hypercorn over TLS: bytes that one client sends after its last response end the requests of all the others.

    pip install hypercorn==0.18.0          (and openssl on the path, for a certificate)
    python hypercorn-late-bytes-over-tls-lose-other-requests.py

Two clients have a request in its handler when SIGTERM comes. The first one gets its response, which does not say
"connection: close", and sends its next request; then the handler of the second one goes on. Expected: the second client
gets its 200. The same is played first with a client that sends nothing more, where it does.
Prints times in seconds from the signal; exits 1 if the second client's request was lost, 0 if not, 2 if the case without
late bytes fails too.
"""

# ruff: noqa: ANN001, ANN201, D103, INP001, PLR2004, PTH123, T201

import contextlib
import os
import pathlib
import signal
import socket
import ssl
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
    name = scope["path"][1:]
    pathlib.Path("entered-" + name).touch()
    while name != "ready" and not pathlib.Path("release-" + name).exists():
        await asyncio.sleep(0.02)
    headers = [(b"content-length", b"6")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"whole\\n"})
"""
CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"


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


def connect(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = socket.create_connection(("127.0.0.1", port), 20)
    return context.wrap_socket(connection, suppress_ragged_eofs=False)


def ask(connection, name):
    connection.sendall(f"GET /{name} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())


def answer(connection):
    """Return everything up to the end of a response of six bytes, or of the connection."""
    received = b""
    try:
        while not received.endswith(b"whole\n") and (piece := connection.recv(65536)):
            received += piece
    except OSError as error:
        return f"{received!r}, then {error!r}"
    return repr(received)


def is_ready(port):
    try:
        with connect(port) as connection:
            ask(connection, "ready")
            return "200" in answer(connection)
    except OSError:
        return False


def play(folder, late_bytes):
    (folder / "app.py").write_text(APPLICATION)
    subprocess.run(CERTIFICATE.split(), cwd=folder, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = f"--bind 127.0.0.1:{port} --certfile cert.pem --keyfile key.pem --graceful-timeout 10".split()
    with open(folder / "log", "w") as log:
        command = [sys.executable, "-m", "hypercorn", *options, "app:application"]
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: is_ready(port), "the server")
        idle, first, second = connect(port), connect(port), connect(port)
        ask(idle, "ready")
        answer(idle)
        ask(first, "first")
        ask(second, "second")
        until(lambda: len(list(folder.glob("entered-*"))) == 3, "both handlers")
        server.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        idle.recv(1)  # it is closed when the worker has heard of the shutdown
        idle.close()
        (folder / "release-first").touch()
        print(f"  +{time.monotonic() - begin:.2f} s: the first client got {answer(first)}")
        if late_bytes:
            ask(first, "next")
        time.sleep(0.5)
        (folder / "release-second").touch()
        got = answer(second)
        print(f"  +{time.monotonic() - begin:.2f} s: the second client got {got}")
        first.close()
        second.close()
        try:
            print(f"  the server exited with {server.wait(5)}")
        except subprocess.TimeoutExpired:
            print("  the server had not exited 5 s later")
        errors = [line for line in (folder / "log").read_text().splitlines() if line.startswith("ssl.SSLError")]
        print(f"  its log has {len(errors)} ssl.SSLError{': ' + errors[0] if errors else ''}")
        return "200" in got and "whole" in got
    finally:
        end(server)


def main():
    served = []
    for late_bytes in (False, True):
        print("the first client sends its next request:" if late_bytes else "the first client sends nothing more:")
        with tempfile.TemporaryDirectory() as name:
            served.append(play(pathlib.Path(name), late_bytes))
    print("expected: a 200 for the second client in both cases")
    if not served[0]:
        sys.exit(2)
    print("not seen" if served[1] else "seen: the second client's request was lost")
    sys.exit(not served[1])


main()
