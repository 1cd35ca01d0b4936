"""Gunicorn's sync and gthread workers end TLS connections without close_notify, at a shutdown and otherwise.

    pip install gunicorn==27.0.1           (and openssl on the path, for a certificate)
    python gunicorn-threads-end-tls-without-close-notify.py [sync|gthread|asgi]

A request over TLS is in its handler when SIGTERM comes; it is answered, and the connection ends. Expected: the alert
close_notify before TCP's end, so that OpenSSL calls it an orderly end. Happens: "unexpected EOF".
Exits 1 if the alert was missing, 0 if it came, 2 if there was no response. The default is gthread.
"""

# ruff: noqa: ANN001, ANN201, D103, INP001, PTH123, T201

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

HOLD = """
import asyncio, pathlib, time

def application(environ, start_response):
    pathlib.Path("entered").touch()
    while environ["PATH_INFO"] != "/ready" and not pathlib.Path("release").exists():
        time.sleep(0.02)
    start_response("200 OK", [("content-length", "6")])
    return [b"whole\\n"]

async def asynchronous(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    pathlib.Path("entered").touch()
    while scope["path"] != "/ready" and not pathlib.Path("release").exists():
        await asyncio.sleep(0.02)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
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


def listens(port):
    try:
        connect(port).close()
    except OSError:
        return False
    return True


def ending(connection):
    """Return the response, and how the connection ended after it."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except OSError as error:
        return received, repr(error)
    return received, "close_notify"


def play(folder, worker):
    (folder / "app.py").write_text(HOLD)
    subprocess.run(CERTIFICATE.split(), cwd=folder, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{port}"]
    command += ["--certfile", "cert.pem", "--keyfile", "key.pem", "--worker-class", worker]
    with open(folder / "log", "w") as log:
        command += ["app:asynchronous" if worker == "asgi" else "app:application"]
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: listens(port), "the server")
        with connect(port) as connection:
            connection.sendall(b"GET /held HTTP/1.1\r\nhost: localhost\r\n\r\n")
            until((folder / "entered").exists, "the handler")
            server.send_signal(signal.SIGTERM)
            begin = time.monotonic()
            time.sleep(0.5)
            (folder / "release").touch()
            received, end_of_it = ending(connection)
            print(f"+{time.monotonic() - begin:.2f} s: {received!r}, then {end_of_it}")
        print(f"the server exited with {server.wait(40)}")
        return received.endswith(b"whole\n"), end_of_it == "close_notify"
    finally:
        end(server)


def main():
    with tempfile.TemporaryDirectory() as name:
        served, orderly = play(pathlib.Path(name), (sys.argv[1:] or ["gthread"])[0])
    if not served:
        sys.exit(2)
    print("expected: close_notify; " + ("not seen" if orderly else "seen: the connection ended without it"))
    sys.exit(not orderly)


main()
