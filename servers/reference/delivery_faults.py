"""Faults of how the server writes responses in the drain, and of the resources that a drain uses. The registry is faults.py."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import h11
from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame, RstStreamFrame

from lastcall.servers.reference.application import Exchange
from lastcall.servers.reference.http1 import Http1
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.server import ReferenceServer
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
    """Sends the ``connection`` field of HTTP/1.1 in HTTP/2 responses."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send a head with the field, which h2 would otherwise remove or refuse."""
        if self.draining:
            self.h2.config.normalize_outbound_headers = self.h2.config.validate_outbound_headers = False
        super().send_head(exchange, status, headers)

    def fields(self, headers: Headers) -> Headers:
        """Return all fields, and in the drain ``connection: close`` too."""
        return [*headers, (b"connection", b"close")] if self.draining else super().fields(headers)


class FramesAfterEnd(Http2):
    """Sends one more frame on a stream that it has ended, like a loop that checks the wrong flag."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """Send an empty DATA frame, and go on as usual."""
        if self.draining:
            self.connection.write(DataFrame(exchange.stream_id).serialize())
        super().exchange_ended(exchange)


class FinishedStreamsReset(Http2):
    """Sends RST_STREAM after a whole response, as if it were incomplete."""

    def exchange_ended(self, exchange: Exchange) -> None:
        """Reset the stream, and go on as usual."""
        if self.draining:
            self.connection.write(RstStreamFrame(exchange.stream_id, error_code=ErrorCodes.CANCEL).serialize())
        super().exchange_ended(exchange)


# --- HTTP/1.1 and WebSockets ---------------------------------------------------------------------------------------


class TwoFramings(Http1):
    """Sends chunks in the drain, but also a content-length."""

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send a chunked head made by h11, with the length added."""
        length = dict(headers).get(b"content-length")
        if length is None or not self.draining:
            super().send_head(exchange, status, headers)
            return
        kept = [*((name, value) for name, value in headers if name != b"content-length"), *self.connection_header()]
        head = self.h11.send(h11.Response(status_code=status, headers=kept)) or b""
        self.connection.write(head.removesuffix(b"\r\n") + b"Content-Length: " + length + b"\r\n\r\n")


class KeepAliveBesideClose(Http1):
    """Says close, and offers five more seconds of keep-alive in the same head."""

    def connection_header(self) -> Headers:
        """Return both fields."""
        fields = super().connection_header()
        return [*fields, (b"keep-alive", b"timeout=5")] if fields else fields


class DataAfterClose(WebSocket):
    """Sends a message that was waiting after its Close."""

    def send_close(self, code: int) -> None:
        """Send the Close, and a message."""
        super().send_close(code)
        self.connection.write(ONE_BYTE_MESSAGE)


# --- responses that wait, and handlers that run twice --------------------------------------------------------------


class ResponseHeldBack(Exchange):
    """Sends the end of a response, in the drain, long after its handler has returned it."""

    held: asyncio.Task[None] | None = None

    async def send_body(self, data: bytes, *, last: bool) -> None:
        """Keep the last piece, and send it later."""
        if last and self.session.draining:
            self.held = asyncio.ensure_future(self._send_later(data))
        else:
            await super().send_body(data, last=last)

    async def _send_later(self, data: bytes) -> None:
        await asyncio.sleep(HELD_BACK_S)
        await super().send_body(data, last=True)

    def fail(self, status: int) -> None:
        """Do nothing for a response that is only late."""
        if self.held is None:
            super().fail(status)


class PiecesHeldBack(Exchange):
    """Collects the pieces of a response in the drain, and sends them with its end."""

    collected = b""

    async def send_body(self, data: bytes, *, last: bool) -> None:
        """Collect, and send all at the end."""
        if self.session.draining and not last:
            self.collected += data
        else:
            await super().send_body(self.collected + data, last=last)
            self.collected = b""


class ProcessesTwice(Exchange):
    """Starts two handlers for a request and sends the response of one."""

    async def run(self, application: Application) -> None:
        """Start the other handler first."""
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


class BusyDrain(ReferenceServer):
    """Waits for the end of the drain in a busy loop."""

    def begin_drain(self, connections: set[Connection]) -> None:
        """Begin the drain and the busy loop."""
        super().begin_drain(connections)
        self.look()

    def look(self) -> None:
        """Check whether all is done, and check again as soon as possible."""
        if not self.quiet():
            self.loop.call_soon(self.look)


class FloodsLog(ReferenceServer):
    """Logs the same line ten thousand times in the drain."""

    def announce(self) -> None:
        """Log the line."""
        super().announce()
        for _ in range(FLOOD_LINES):
            self.log("accept failed: the listening socket is closed")
