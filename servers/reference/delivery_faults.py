"""Faults of how responses are put on the wire in the drain, and of what the drain costs. The registry is faults.py."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import h11
from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame, RstStreamFrame

from lastcall.servers.reference.application import Exchange
from lastcall.servers.reference.http1 import Http1
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.server import Server
from lastcall.servers.reference.websocket import WebSocket

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Application, Headers, Message
    from lastcall.servers.reference.connection import Connection

HELD_BACK_S = 1.8
HEAD_START_S = 0.05
FLOOD_LINES = 10_000
ONE_BYTE_MESSAGE = b"\x82\x01x"

# --- HTTP/2 --------------------------------------------------------------------------------------------------------


class ConnectionFieldInHttp2(Http2):
    """Says in HTTP/2 what is for HTTP/1.1 to say."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Add the field, which h2 would leave out or refuse."""
        if self.draining:
            self.h2.config.normalize_outbound_headers = self.h2.config.validate_outbound_headers = False
        super().send_head(exchange, status, headers)

    def fields(self, headers: Headers) -> Headers:
        """Give all fields, and one more in the drain."""
        return [*headers, (b"connection", b"close")] if self.draining else super().fields(headers)


class FramesAfterEnd(Http2):
    """Sends one more frame on a stream that it has ended, as a loop does that looks at the wrong flag."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """Send an empty DATA, and go on as usual."""
        if self.draining:
            self.connection.write(DataFrame(exchange.stream_id).serialize())
        super().exchange_ended(exchange)


class FinishedStreamsReset(Http2):
    """Cleans up behind a response with RST_STREAM, as if it had not been whole."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """Reset, and go on as usual."""
        if self.draining:
            self.connection.write(RstStreamFrame(exchange.stream_id, error_code=ErrorCodes.CANCEL).serialize())
        super().exchange_ended(exchange)


# --- HTTP/1.1 and WebSockets ---------------------------------------------------------------------------------------


class TwoFramings(Http1):
    """Sends chunks in the drain, and leaves the length in the head."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Let h11 make a chunked head, and put the length into it."""
        length = dict(headers).get(b"content-length")
        if length is None or not self.draining:
            super().send_head(exchange, status, headers)
            return
        kept = [*((name, value) for name, value in headers if name != b"content-length"), *self.connection_header()]
        head = self.h11.send(h11.Response(status_code=status, headers=kept)) or b""
        self.connection.write(head.removesuffix(b"\r\n") + b"Content-Length: " + length + b"\r\n\r\n")


class KeepAliveBesideClose(Http1):
    """Says close, and offers five seconds more in the same head."""

    def connection_header(self) -> Headers:
        """Say both."""
        told = super().connection_header()
        return [*told, (b"keep-alive", b"timeout=5")] if told else told


class DataAfterClose(WebSocket):
    """Sends what was waiting behind its Close."""

    def send_close(self, code: int) -> None:
        """Send the Close, and a message."""
        super().send_close(code)
        self.connection.write(ONE_BYTE_MESSAGE)


# --- responses that wait, and handlers that run twice --------------------------------------------------------------


class ResponseHeldBack(Exchange):
    """Sends the end of a response long after its handler has given it, in the drain."""

    held: asyncio.Task[None] | None = None

    async def send_body(self, data: bytes, *, last: bool) -> None:
        """Take the end, and send it later."""
        if last and self.session.draining:
            self.held = asyncio.ensure_future(self._send_later(data))
        else:
            await super().send_body(data, last=last)

    async def _send_later(self, data: bytes) -> None:
        await asyncio.sleep(HELD_BACK_S)
        await super().send_body(data, last=True)

    def fail(self, status: int) -> None:
        """Do nothing to a response that is only late."""
        if self.held is None:
            super().fail(status)


class PiecesHeldBack(Exchange):
    """Collects the pieces of a response in the drain, to send them with its end."""

    collected = b""

    async def send_body(self, data: bytes, *, last: bool) -> None:
        """Collect, and send all at the end."""
        if self.session.draining and not last:
            self.collected += data
        else:
            await super().send_body(self.collected + data, last=last)
            self.collected = b""


class ProcessesTwice(Exchange):
    """Gives a request to two handlers and takes the answer of one."""

    async def run(self, application: Application) -> None:
        """Let the other one begin first."""
        other = asyncio.ensure_future(self._run_other(application))
        await asyncio.sleep(HEAD_START_S)
        try:
            await super().run(application)
        finally:
            other.cancel()

    async def _run_other(self, application: Application) -> None:
        async def receive() -> Message:
            await asyncio.Event().wait()
            return {}

        async def send(_message: Any) -> None:
            pass

        await application(self._scope(), receive, send)


# --- what the drain costs ------------------------------------------------------------------------------------------


class BusyDrain(Server):
    """Looks again and again whether all is done."""

    def begin_drain(self, connections: set[Connection]) -> None:
        """Begin to look."""
        super().begin_drain(connections)
        self.look()

    def look(self) -> None:
        """Look, and once more as soon as possible."""
        if not self.quiet():
            self.loop.call_soon(self.look)


class FloodsLog(Server):
    """Says in the drain the same thing ten thousand times."""

    def announce(self) -> None:
        """Say it."""
        super().announce()
        for _ in range(FLOOD_LINES):
            self.log("accept failed: the listening socket is closed")
