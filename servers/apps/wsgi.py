"""The gated application of docs/gate.md for WSGI servers: `lastcall.servers.apps.wsgi:application`.

WSGI cannot inform an application that its client has gone, so `disconnected` is never reported: a server can only
close the response's iterable. Nor can an application make the server send a head alone: after `send 0` it may keep the
head until the first piece that is not empty (PEP 3333, "The start_response() Callable").
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

PATTERN = b"lastcall\n"
PIECE = 64 * 1024


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer the routes of docs/gate.md."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    name = path.removeprefix("/hold/")
    if path != name and name and "/" not in name:
        return HeldResponse(environ, start_response, name)
    if (method, path) == ("GET", "/ready"):
        status, body = "200 OK", b"ready\n"
    else:
        status, body = "404 Not Found", b"not found\n"
    start_response(status, [("content-type", "text/plain"), ("content-length", str(len(body)))])
    return [body]


class HeldResponse:
    """A response by the gate's orders; the server iterates over it, and then closes it."""

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse, name: str) -> None:
        self._environ = environ
        self._start_response = start_response
        self._started = False
        self._sent = 0
        host, _, port = os.environ["LASTCALL_GATE"].rpartition(":")
        self._gate = socket.create_connection((host, int(port)))
        query = environ.get("QUERY_STRING", "")
        target = environ["PATH_INFO"] + (f"?{query}" if query else "")
        self._report(f"entered {name} {environ['REQUEST_METHOD']} {target}")

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces of the body; the server has taken a piece when it requests the next one."""
        try:
            yield from self._execute_orders()
        except Exception as error:
            self._report(f"failed {type(error).__name__} {' '.join(str(error).split())}")
            raise

    def close(self) -> None:
        """Close the gate's connection. The server always calls it, so an aborted handler ends without a last line."""
        self._gate.close()

    def _execute_orders(self) -> Iterator[bytes]:
        for order in self._gate.makefile():
            verb, _, number = order.strip().partition(" ")
            if verb == "read":
                self._report(f"read {self._read()}")
                continue
            if verb not in ("send", "finish"):
                raise ValueError(f"unknown order: {order!r}")
            length = int(number)
            self._start(length if verb == "finish" else None)
            yield from self._pieces(length)
            if verb == "finish":
                self._report(f"finished {self._sent}")
                return
            self._report(f"sent {length}")
        raise EOFError("the gate closed without a finish")

    def _start(self, length: int | None) -> None:
        if not self._started:
            self._started = True
            sized = [] if length is None else [("content-length", str(length))]
            self._start_response("200 OK", [("content-type", "text/plain"), *sized])

    def _pieces(self, length: int) -> Iterator[bytes]:
        if not length:
            yield b""
        end = self._sent + length
        while self._sent < end:
            begin = self._sent % len(PATTERN)
            size = min(end - self._sent, PIECE)
            yield (PATTERN * (size // len(PATTERN) + 2))[begin : begin + size]
            self._sent += size

    def _read(self) -> int:
        # A server without wsgi.input_terminated may block on a read beyond the body, so a known length limits the reading.
        stream, length = self._environ["wsgi.input"], self._environ.get("CONTENT_LENGTH")
        left = int(length) if length else (1 << 62) * bool(self._environ.get("wsgi.input_terminated"))
        total = 0
        while total < left and (piece := stream.read(min(PIECE, left - total))):
            total += len(piece)
        return total

    def _report(self, line: str) -> None:
        self._gate.sendall(f"{line}\n".encode("ascii", "replace"))
