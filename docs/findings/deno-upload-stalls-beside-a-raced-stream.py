"""Deno does not give back DATA that comes after its last GOAWAY, so an upload in flight stalls.

    npm install --prefix /tmp/deno deno@2
    python deno-upload-stalls-beside-a-raced-stream.py /tmp/deno/node_modules/.bin/deno [control]

An upload is in its handler when SIGTERM has the program call server.shutdown(); DATA of a stream that the server ignores
fills the connection's window. Exit status 1: the window stays shut, and the upload cannot go on. 0: the upload was
answered. 2: no answer. ``control`` does the same without the ignored stream.
"""

# ruff: noqa: INP001, PLR2004, T201

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

DATA, RST_STREAM, PING, GOAWAY = 0, 3, 6, 7
NAMES = {0: "DATA", 1: "HEADERS", 3: "RST_STREAM", 4: "SETTINGS", 6: "PING", 7: "GOAWAY", 8: "WINDOW_UPDATE"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
UPLOAD = 200_000
PROGRAM = """
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: (at) => console.log(at.port) }, async (request) => {
  let length = 0;
  for await (const piece of request.body) {
    if (!length) console.log("entered"); length += piece.length;
  }
  return new Response(`${length}`);
});
Deno.addSignalListener("SIGTERM", () => server.shutdown());
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


class Window:
    """How much may still be sent, by the server's SETTINGS and WINDOW_UPDATE frames."""

    def __init__(self) -> None:
        self.connection, self.initial, self.streams = 65535, 65535, dict[int, int]()

    def heed(self, frames: list[tuple[int, int, int, bytes]]) -> None:
        """Apply SETTINGS_INITIAL_WINDOW_SIZE and WINDOW_UPDATE."""
        for kind, flags, stream, payload in frames:
            if kind == 4 and not flags & 1:
                pairs = [payload[at : at + 6] for at in range(0, len(payload), 6)]
                self.initial = next((int.from_bytes(pair[2:], "big") for pair in pairs if pair[1] == 4), self.initial)
            if (kind, stream) == (8, 0):
                self.connection += int.from_bytes(payload, "big")
            elif kind == 8:
                self.streams[stream] = self.streams.get(stream, self.initial) + int.from_bytes(payload, "big")

    def spend(self, client: socket.socket, stream: int, most: int) -> int:
        """Send as much as the windows allow, ``most`` bytes at most, and return how many."""
        allowed = length = min(most, self.connection, self.streams.get(stream, self.initial))
        while length > 0:
            client.sendall(frame(DATA, 0, stream, bytes(min(length, 16384))))
            length -= min(length, 16384)
        self.connection -= allowed
        self.streams[stream] = self.streams.get(stream, self.initial) - allowed
        return allowed


def upload_goes_on(client: socket.socket, window: Window, begun: float) -> bool:
    """Send the rest of stream 1 as the windows allow, for at most 8 s; return whether its response ended."""
    left, until = UPLOAD, 2.5
    while until < 10:
        left -= window.spend(client, 1, left)
        if left == 0:
            client.sendall(frame(DATA, 1, 1))
            left = -1
        frames = read(client, begun, until := until + 0.5)
        window.heed(frames)
        if any(kind == DATA and flags & 1 and stream == 1 for kind, flags, stream, _ in frames):
            return True
    print(f"        {left} bytes of the upload are left; the connection's window is {window.connection}")
    return False


def play(deno: str, late: bool) -> int:
    """Run the experiment once, and return the exit status."""
    window, server = Window(), subprocess.Popen([deno, "eval", "--quiet", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        with socket.create_connection(("127.0.0.1", int(server.stdout.readline()))) as client:
            client.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0) + request(1, b"/upload", post=True))
            window.heed(read(client, time.monotonic(), 0.5))
            window.spend(client, 1, 10_000)
            if server.stdout.readline() != "entered\n":
                return 2
            begun = time.monotonic()
            server.send_signal(signal.SIGTERM)
            print("SIGTERM while stream 1 uploads:")
            window.heed(read(client, begun, 2.0))
            if late:
                client.sendall(request(3, b"/ignored", post=True))
                print(f"  {time.monotonic() - begun:5.2f} (sent {window.spend(client, 3, 2**31)} bytes of stream 3)")
                window.heed(read(client, begun, 2.5))
            served = upload_goes_on(client, window, begun)
    except Exception as error:  # noqa: BLE001 (whatever went wrong: no answer)
        print(repr(error))
        return 2
    finally:
        server.kill()
        server.wait()
    print(f"expected: stream 1 is answered\nhappened: stream 1 was {'answered' if served else 'not answered'}")
    return 0 if served else 1


if __name__ == "__main__":
    sys.exit(play(sys.argv[1] if len(sys.argv) > 1 else "deno", "control" not in sys.argv))
