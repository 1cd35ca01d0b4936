"""Node's https server.close() ends idle TLS connections by a bare FIN, without the close_notify alert.

    npm install --prefix /tmp/node node@26
    python node-closes-tls-without-close-notify.py /tmp/node/node_modules/.bin/node
    python node-closes-tls-without-close-notify.py /tmp/node/node_modules/.bin/node control

A client makes one request over TLS and leaves the connection open; SIGTERM has the program call server.close(). Exit
status 1: FIN came without close_notify. 0: close_notify came first. ``control`` ends the idle connections by
socket.end() before. Needs the command openssl, for a certificate of this run.
"""

# ruff: noqa: INP001, T201

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

PROGRAM = """
const fs = require("node:fs");
const https = require("node:https");
const [mode, folder] = process.argv.slice(1);
const read = (name) => fs.readFileSync(`${folder}/${name}`);
const sockets = new Set();
const server = https.createServer({ cert: read("cert.pem"), key: read("key.pem") }, (_, response) => response.end("ok"));
server.keepAliveTimeout = 60_000;
server.on("secureConnection", (socket) => sockets.add(socket));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.once("SIGTERM", () => {
  if (mode === "control") sockets.forEach((socket) => socket.end());
  setTimeout(() => server.close(), mode === "control" ? 500 : 0);
});
"""


def certificate(folder: str) -> None:
    """Make a self-signed certificate with openssl."""
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=localhost", "-days", "2", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run([*made, *named], check=True, capture_output=True)


def connect(port: int) -> ssl.SSLSocket:
    """Connect over TLS, so that an end without close_notify raises SSLEOFError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", port), timeout=15)
    return context.wrap_socket(plain, suppress_ragged_eofs=False)


def how_it_ends(client: ssl.SSLSocket) -> tuple[int, str]:
    """Read to the end; return the exit status and what was seen."""
    try:
        while client.recv(65536):
            pass
    except ssl.SSLEOFError:
        return 1, "FIN without close_notify"
    except OSError as error:
        return 2, f"neither: {error!r}"
    return 0, "close_notify"


def play(node: str, mode: str, folder: str) -> int:
    """Run the experiment once, and return the exit status."""
    certificate(folder)
    server = subprocess.Popen([node, "-e", PROGRAM, mode or "close", folder], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        with connect(int(server.stdout.readline())) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            response = b""
            while not response.endswith(b"ok") and (piece := client.recv(65536)):
                response += piece
            begun = time.monotonic()
            server.send_signal(signal.SIGTERM)
            status, seen = how_it_ends(client)
        print(f"answered: {response[:15]!r}; then SIGTERM")
        print("expected: close_notify, then FIN")
        print(f"happened: {seen}, {time.monotonic() - begun:.3f} s after the signal")
        return status  # noqa: TRY300 (reads as it runs)
    except Exception as error:  # noqa: BLE001 (whatever went wrong: no answer)
        print(repr(error))
        return 2
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    words = [*sys.argv[1:], "", ""]
    with tempfile.TemporaryDirectory() as made:
        sys.exit(play(words[0] or "node", words[1], made))
