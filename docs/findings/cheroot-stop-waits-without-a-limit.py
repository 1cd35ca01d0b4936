"""Cheroot: stop() waits for a handler without a limit, whatever shutdown_timeout is.

    pip install cheroot==11.1.2
    python cheroot-stop-waits-without-a-limit.py

A request is in its handler, which goes on 8 s after SIGINT; shutdown_timeout is 1 s. Expected: the process ends soon after
that second. The same is played with a handler that goes on after half a second first, where it does.
Prints times in seconds from the signal; exits 1 if the process was there until the handler was done, 0 if not, 2 if it
was late in the first case too.
"""

# ruff: noqa: ANN001, ANN201, D103, INP001, PLR2004, PTH123, T201

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
import pathlib, sys, time
from cheroot.wsgi import Server

def application(environ, start_response):
    pathlib.Path("entered").touch()
    while not pathlib.Path("release").exists():
        time.sleep(0.02)
    start_response("200 OK", [("content-length", "5")])
    return [b"whole"]

Server(("127.0.0.1", int(sys.argv[1])), application, shutdown_timeout=1).safe_start()
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


def play(folder, release_s):
    """Return whether the process had ended within 4 s of the signal, or of the handler's end."""
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
            server.send_signal(signal.SIGINT)
            time.sleep(release_s)
            ended_before = server.poll() is not None
            (folder / "release").touch()
            status = server.wait(20)
            ended_s = time.monotonic() - begin
        seen = "before" if ended_before else "after"
        print(f"handler done at +{release_s} s: the server exited with {status} {seen} that, seen at +{ended_s:.2f} s")
        return ended_before or ended_s < 4
    finally:
        end(server)


def main():
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under "command &"; the server would inherit that
        signal.signal(signal.SIGINT, signal.default_int_handler)
    in_time = []
    for release_s in (0.5, 8):
        with tempfile.TemporaryDirectory() as name:
            in_time.append(play(pathlib.Path(name), release_s))
    print("expected: the process ends soon after shutdown_timeout, 1 s")
    if not in_time[0]:
        sys.exit(2)
    print("not seen" if in_time[1] else "seen: it was there until the handler was done, 8 s")
    sys.exit(not in_time[1])


main()
