"""A small HTTP/1.1 server that stops gracefully, with an application that obeys docs/gate.md: an example to copy.

python gated_server.py PORT
"""

import contextlib
import http.server
import os
import signal
import socket
import sys
import threading

PATTERN = b"lastcall\n"


def pattern(begin, length):
    """Return ``length`` bytes of the body, from byte ``begin`` on."""
    return (PATTERN * (length // len(PATTERN) + 2))[begin % len(PATTERN) :][:length]


class Handler(http.server.BaseHTTPRequestHandler):
    """The three routes of the gate's protocol that every application has."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/ready":
            self.answer(200, b"ready\n")
        elif self.path.startswith("/hold/"):
            self.hold()
        else:
            self.answer(404, b"not found\n")

    do_POST = do_PUT = do_GET

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_response(self, code, message=None):
        super().send_response(code, message)
        if self.server.stopping:  # RFC 9112 section 9.6: a server that will close the connection says so
            self.send_header("connection", "close")

    def hold(self):
        """Report to the gate, and do what it says until it says finish."""
        host, _, port = os.environ["LASTCALL_GATE"].rpartition(":")
        path = self.path.partition("?")[0]
        sent, chunked = 0, False
        with socket.create_connection((host, int(port))) as gate, gate.makefile() as orders:
            gate.sendall(f"entered {path.rpartition('/')[2]} {self.command} {self.path}\n".encode())
            for order in orders:
                verb, _, number = order.strip().partition(" ")
                if verb == "read":
                    gate.sendall(f"read {self.read_body()}\n".encode())
                    continue
                piece = pattern(sent, int(number))
                sent += len(piece)
                if verb == "finish" and not chunked:
                    self.answer(200, piece)
                else:
                    chunked = chunked or self.begin_chunks()
                    self.send_chunks(piece, last=verb == "finish")
                if verb == "finish":
                    gate.sendall(f"finished {sent}\n".encode())
                    return
                gate.sendall(f"sent {len(piece)}\n".encode())
        self.close_connection = True  # the gate has gone: give up, with no whole response

    def read_body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return len(self.rfile.read(int(self.headers.get("content-length", 0))))
        length = 0
        while size := int(self.rfile.readline(), 16):
            length += len(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return length

    def begin_chunks(self):
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        return True

    def send_chunks(self, piece, *, last):
        self.wfile.write((b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b"") + (b"0\r\n\r\n" if last else b""))

    def handle_one_request(self):
        with self.server.between_requests(self.connection):
            waiting = self.connection.recv(1, socket.MSG_PEEK)
        if not waiting or self.server.stopping:
            self.close_connection = True
        else:
            super().handle_one_request()
            self.close_connection = self.close_connection or self.server.stopping

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Waits at its end for the requests that are in their handlers; idle connections are closed at once."""

    daemon_threads = False
    request_queue_size = 100

    def __init__(self, *words):
        super().__init__(*words)
        self.stopping = False
        self._idle = set()

    def between_requests(self, connection):
        """Note that a connection is idle while it waits for a request."""
        server = self

        class Between:
            def __enter__(self):
                server._idle.add(connection)
                if server.stopping:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RD)

            def __exit__(self, *_error):
                server._idle.discard(connection)

        return Between()

    def stop(self, *_signal):
        self.stopping = True
        threading.Thread(target=self.shutdown).start()
        for connection in list(self._idle):
            # Its client may have ended it in this moment; the others must be closed all the same.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    signal.signal(signal.SIGTERM, server.stop)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
