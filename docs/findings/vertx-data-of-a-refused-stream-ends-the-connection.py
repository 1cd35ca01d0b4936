"""Vert.x ends the connection when DATA comes for a stream that it has refused, and an upload in flight is lost.

    python vertx-data-of-a-refused-stream-ends-the-connection.py [FOLDER OF JARS]
    python vertx-data-of-a-refused-stream-ends-the-connection.py [FOLDER OF JARS] control

Needs java 17 or later, and mvn unless a folder with Vert.x is named. server.shutdown() sends GOAWAY with the last stream
that it knows. A stream that crossed that GOAWAY is refused, rightly; then its DATA, which the client had sent as well,
arrives. Exit status 1: the upload on the earlier stream is lost. 0: it was answered. 2: no answer. ``control``: the late
stream is a GET, without DATA.
"""

# ruff: noqa: INP001, PLR2004, T201

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA, RST_STREAM, PING, GOAWAY = 0, 3, 6, 7
NAMES = {0: "DATA", 1: "HEADERS", 3: "RST_STREAM", 4: "SETTINGS", 6: "PING", 7: "GOAWAY", 8: "WINDOW_UPDATE"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
POM = """<project><modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><dependencies><dependency>
    <groupId>io.vertx</groupId><artifactId>vertx-core</artifactId><version>5.2.3</version>
</dependency></dependencies></project>"""
PROGRAM = """
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import java.util.concurrent.TimeUnit;

public final class Main {
    public static void main(String[] words) throws Exception {
        Vertx vertx = Vertx.vertx();
        HttpServer server = vertx.createHttpServer().requestHandler(request -> {
            System.out.println("entered");
            request.body().onSuccess(body -> request.response().end(body.length() + " bytes"));
        });
        Runtime.getRuntime().addShutdownHook(new Thread(
            () -> server.shutdown(10, TimeUnit.SECONDS).toCompletionStage().toCompletableFuture().join()));
        server.listen(0, "127.0.0.1").toCompletionStage().toCompletableFuture().get();
        System.out.println(server.actualPort());
    }
}
"""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return one HTTP/2 frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def request(stream: int, path: bytes, *, post: bool = False) -> bytes:
    """Return HEADERS of a GET, which ends its stream, or of a POST, which does not; static and literal fields only."""
    method, flags = (b"\x83", 4) if post else (b"\x82", 5)
    return frame(1, flags, stream, method + b"\x86\x04" + bytes([len(path)]) + path + b"\x01\x09localhost")


def read(client: socket.socket, begun: float, until: float, last: int = -1) -> list[tuple[int, int, int, bytes]]:
    """Print every frame up to the first of type ``last``, for ``until`` seconds, or to the end; return all of them."""
    rest, seen = b"", []
    while (left := begun + until - time.monotonic()) > 0 and last not in {kind for kind, *_ in seen}:
        client.settimeout(left)
        try:
            piece = client.recv(65536)
        except OSError as error:
            piece = b""
            if isinstance(error, TimeoutError):
                break
        if not piece:
            print(f"  {time.monotonic() - begun:5.2f} the connection ended")
            break
        rest += piece
        while len(rest) >= 9 and len(rest) >= (size := 9 + int.from_bytes(rest[:3], "big")):
            kind, flags, stream, payload = rest[3], rest[4], int.from_bytes(rest[5:9], "big"), rest[9:size]
            more = f"{payload[:4].hex()} {payload[4:8].hex()} {payload[8:]!r}" if kind in {RST_STREAM, GOAWAY} else ""
            print(f"  {time.monotonic() - begun:5.2f} {NAMES.get(kind, kind)} stream {stream} flags {flags} {more}")
            seen.append((kind, flags, stream, payload))
            if kind == PING and not flags & 1:
                client.sendall(frame(PING, 1, 0, payload))
            rest = rest[size:]
    return seen


def play(server: subprocess.Popen[str]) -> int:
    """Run the experiment once, and return the exit status."""
    assert server.stdout
    with socket.create_connection(("127.0.0.1", int(server.stdout.readline()))) as client:
        client.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0) + request(1, b"/upload", post=True))
        client.sendall(frame(DATA, 0, 1, bytes(100)))
        if server.stdout.readline() != "entered\n":
            return 2
        begun = time.monotonic()
        server.send_signal(signal.SIGTERM)
        print("SIGTERM while stream 1 uploads:")
        if GOAWAY not in {kind for kind, *_ in read(client, begun, 5.0, last=GOAWAY)}:
            return 2
        if "control" in sys.argv:
            client.sendall(request(3, b"/late"))
        else:
            client.sendall(request(3, b"/late", post=True) + frame(DATA, 0, 3, bytes(100)))
        print(f"  {time.monotonic() - begun:5.2f} (stream 3 arrives, which crossed the GOAWAY)")
        seen = read(client, begun, 1.5)
        with contextlib.suppress(OSError):
            client.sendall(frame(DATA, 1, 1, bytes(100)))
            print(f"  {time.monotonic() - begun:5.2f} (sent the rest of stream 1)")
            seen += read(client, begun, 4.0)
    served = any(kind == DATA and flags & 1 and stream == 1 for kind, flags, stream, _ in seen)
    print(f"expected: stream 1 is answered\nhappened: stream 1 was {'answered' if served else 'not answered'}")
    return 0 if served else 1


def jars(folder: str) -> str:
    """Return the folder of jars: the one that is named, or one that Maven fills."""
    if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir():
        return sys.argv[1]
    Path(folder, "pom.xml").write_text(POM, encoding="ascii")
    subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"], cwd=folder, check=True)
    return f"{folder}/lib"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        Path(made, "Main.java").write_text(PROGRAM, encoding="ascii")
        command = ["java", "-cp", f"{jars(made)}/*", f"{made}/Main.java", *sys.argv[1:]]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            status = play(server)
        except Exception as error:  # noqa: BLE001 (whatever went wrong: no answer)
            print(repr(error))
            status = 2
        finally:
            server.kill()
            server.wait()
    sys.exit(status)
