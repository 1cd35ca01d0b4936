"""The gated application of docs/gate.md for twisted.web: the resource class `lastcall.servers.apps.twisted_application.Gated`.

twisted.web reads a request's body to its end before it asks a resource, so no handler starts before that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

if TYPE_CHECKING:
    from twisted.python.failure import Failure

PATTERN = b"lastcall\n"


class Gated(Resource):
    """The routes of docs/gate.md."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def render(self, request: Any) -> bytes | int:
        """Answer at once, or hold the request for the gate."""
        request.setHeader(b"content-type", b"text/plain")
        name = request.path.removeprefix(b"/hold/")
        if name != request.path and name and b"/" not in name:
            host, _, port = os.environ["LASTCALL_GATE"].rpartition(":")
            held = _HeldRequest(request, name.decode())
            gate = TCP4ClientEndpoint(reactor, host, int(port))
            connectProtocol(gate, held).addErrback(held.fail)  # type: ignore[no-untyped-call]
            return NOT_DONE_YET
        if request.path == b"/ready":
            return b"ready\n"
        request.setResponseCode(404)
        return b"not found\n"


class _HeldRequest(LineOnlyReceiver):
    """One held request, and its connection to the gate."""

    delimiter = b"\n"
    transport: Any = None

    def __init__(self, request: Any, name: str) -> None:
        self.request, self.name = request, name
        self.sent = -1  # no head yet
        self.over = False
        request.notifyFinish().addErrback(self.disconnected)

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        self.report(f"entered {self.name} {self.request.method.decode()} {self.request.uri.decode('latin-1')}")

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        verb, _, number = line.decode().partition(" ")
        if verb == "read":
            self.request.content.seek(0, os.SEEK_END)
            self.report(f"read {self.request.content.tell()}")
        else:
            self.send(int(number), last=verb == "finish")

    def send(self, length: int, *, last: bool) -> None:
        """Send the next bytes of the body; the first write, even an empty one, sends the head."""
        if self.over:
            return
        if self.sent < 0:
            self.sent = 0
            if last:
                self.request.setHeader(b"content-length", b"%d" % length)
        begin = self.sent % len(PATTERN)
        self.request.write((PATTERN * (length // len(PATTERN) + 2))[begin : begin + length])
        self.sent += length
        if last:
            self.over = True
            self.request.finish()
            self.report(f"finished {self.sent}")
            self.transport.loseConnection()
        else:
            self.report(f"sent {length}")

    def report(self, line: str) -> None:
        if self.transport:
            self.transport.write(line.encode("ascii", "replace") + b"\n")

    def disconnected(self, _why: Failure) -> None:
        self.over = True
        self.report("disconnected")
        if self.transport:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        self.fail(reason)

    def fail(self, _why: Failure) -> None:
        """Answer with status 500 if nothing was sent; otherwise abort the connection or the stream."""
        if self.over:
            return
        self.over = True
        if self.sent < 0:
            self.request.setResponseCode(500)
            self.request.finish()
        else:
            # The channel is an HTTP/2 stream, which can be aborted itself, or an HTTP/1.1 connection.
            channel = self.request.channel
            (channel if hasattr(channel, "abortConnection") else channel.transport).abortConnection()
