"""Node's server.close() destroys a connection whose response was ended and is not sent yet.

    npm install --prefix /tmp/node node@26
    python node-close-cuts-an-ended-response.py /tmp/node/node_modules/.bin/node
    python node-close-cuts-an-ended-response.py /tmp/node/node_modules/.bin/node control

A client that reads slowly asks for 4,000,000 bytes; the handler calls response.end(); then SIGTERM has the program call
server.close(). Exit status 1: the client got less. 0: it got all. 2: the run came to no answer. ``control`` closes the
listener alone (net.Server's close), which does not sweep idle connections.
"""

# ruff: noqa: INP001, T201

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

LENGTH = 4_000_000

PROGRAM = """
const http = require("node:http");
const net = require("node:net");
const server = http.createServer((request, response) => {
  response.writeHead(200, { "content-length": %d });
  response.end(Buffer.alloc(%d, "x"), () => console.log("sent"));
  console.log("ended");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.once("SIGTERM", () => {
  if (process.argv[1] === "control") net.Server.prototype.close.call(server);
  else server.close();
  console.log("closing");
});
"""


def receive_all(client: socket.socket) -> tuple[int, str]:
    """Read to the connection's end; return the length of the content and how it ended."""
    head, content = b"", 0
    try:
        while b"\r\n\r\n" not in head:
            if not (piece := client.recv(65536)):
                return 0, "FIN before the response"
            head += piece
        content = len(head.partition(b"\r\n\r\n")[2])
        while content < LENGTH:
            if not (piece := client.recv(65536)):
                return content, "FIN"
            content += len(piece)
    except OSError as error:
        return content, repr(error)
    return content, "whole"


def play(node: str, mode: str) -> int:
    """Run the experiment once, and return the exit status."""
    server = subprocess.Popen([node, "-e", PROGRAM % (LENGTH, LENGTH), mode], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    client = socket.socket()
    try:
        port = int(server.stdout.readline())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        client.settimeout(30)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if server.stdout.readline() != "ended\n":
            print("the handler did not run")
            return 2
        begun = time.monotonic()
        server.send_signal(signal.SIGTERM)
        said = server.stdout.readline()
        print(f"expected: {LENGTH} bytes, then the connection may be closed")
        if said != "closing\n":
            print(f"cannot tell: the response was sent before the signal ({said!r})")
            return 2
        content, end = receive_all(client)
        print(f"happened: {content} bytes, {end}, {time.monotonic() - begun:.2f} s after the signal")
        client.close()
        print(f"node's exit status: {server.wait(30)}, {time.monotonic() - begun:.2f} s after the signal")
        return 0 if content == LENGTH else 1  # noqa: TRY300 (reads as it runs)
    except Exception as error:  # noqa: BLE001 (whatever went wrong: no answer)
        print(repr(error))
        return 2
    finally:
        client.close()
        server.kill()
        server.wait()


if __name__ == "__main__":
    words = [*sys.argv[1:], "", ""]
    sys.exit(play(words[0] or "node", words[1]))
