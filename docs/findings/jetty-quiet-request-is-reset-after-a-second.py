"""Jetty resets an HTTP/2 request in its handler one second after a graceful stop, when its connection is quiet.

    python jetty-quiet-request-is-reset-after-a-second.py [FOLDER OF JARS]
    python jetty-quiet-request-is-reset-after-a-second.py [FOLDER OF JARS] control

Needs java 17 or later, and mvn unless a folder with Jetty is named. The handler takes 3 s; the stop timeout is 10 s, and
there is a GracefulHandler. Exit status 1: the request got no response. 0: it did. 2: no answer. ``control`` sets the
connector's shutdownIdleTimeout to 10 s.
"""

# ruff: noqa: INP001, PLR2004, T201

from __future__ import annotations

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
    <groupId>org.eclipse.jetty.http2</groupId><artifactId>jetty-http2-server</artifactId><version>12.1.14</version>
</dependency></dependencies></project>"""
PROGRAM = """
import java.nio.ByteBuffer;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.server.*;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.Callback;

public final class Main {
    public static void main(String[] words) throws Exception {
        Server server = new Server();
        HttpConfiguration configuration = new HttpConfiguration();
        ServerConnector connector = new ServerConnector(
            server, new HttpConnectionFactory(configuration), new HTTP2CServerConnectionFactory(configuration));
        connector.setHost("127.0.0.1");
        connector.setIdleTimeout(60_000);
        if (words.length > 0 && words[words.length - 1].equals("control")) connector.setShutdownIdleTimeout(10_000);
        server.addConnector(connector);
        server.setStopTimeout(10_000);
        server.setStopAtShutdown(true);
        server.setHandler(new GracefulHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                System.out.println("entered");
                Thread.sleep(3000);
                response.write(true, ByteBuffer.wrap("ok".getBytes()), callback);
                return true;
            }
        }));
        server.start();
        System.out.println(connector.getLocalPort());
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
        client.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0) + request(1, b"/slow"))
        if server.stdout.readline() != "entered\n":
            return 2
        begun = time.monotonic()
        server.send_signal(signal.SIGTERM)
        print("SIGTERM while the handler of stream 1 runs:")
        seen = read(client, begun, 8.0)
    served = any(kind == DATA and flags & 1 and stream == 1 for kind, flags, stream, _ in seen)
    print("expected: stream 1 is answered, 3 s after its handler began")
    print(f"happened: stream 1 was {'answered' if served else 'not answered'}")
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
