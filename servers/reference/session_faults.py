"""Faults of one connection over either version of HTTP, of HTTP/1.1, and of responses. The registry is faults.py."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import h11

from lastcall.servers.reference.application import Exchange
from lastcall.servers.reference.connection import Connection
from lastcall.servers.reference.http1 import Http1
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.session import Session

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Headers

# --- how a connection is closed ----------------------------------------------------------------------------------


class ResetsInsteadOfFin(Connection):
    """Closes with RST, like a server that closes a socket with input unread."""

    def close(self) -> None:
        """Reset the connection; the client may still read the bytes that it has received."""
        if not self.closing:
            self.reset()


class NoCloseNotify(Connection):
    """Ends TLS without close_notify: the client cannot distinguish the end from a cut."""

    def end_tls(self) -> None:
        """Do nothing."""


# --- connections that are kept for too long ----------------------------------------------------------------------


class SilentConnectionKept(Connection):
    """Waits, in the drain, for the first byte of an unused connection."""

    def close_silent(self) -> None:
        """Do nothing."""


class LateHandshakeIgnored(SilentConnectionKept):
    """Keeps silent connections open in the drain, and does not answer a request that arrives on them."""

    def data_received(self, data: bytes) -> None:
        """Process the bytes, unless they are the first ones and arrive in the drain."""
        if not self.draining or self.session is not None:
            super().data_received(data)


class UnusedKept(Session):
    """Waits, in the drain, for the first request."""

    def close_unused(self) -> None:
        """Do nothing."""


class UnusedHttp1Kept(UnusedKept, Http1):
    """HTTP/1.1 that waits for a first request."""


class UnusedHttp2Kept(UnusedKept, Http2):
    """HTTP/2 that waits for a first request."""


class IdleKept(Session):
    """Keeps idle connections open through the drain."""

    def close_idle(self) -> None:
        """Do nothing."""


class IdleHttp1Kept(IdleKept, Http1):
    """HTTP/1.1 that keeps idle connections."""


class IdleHttp2Kept(IdleKept, Http2):
    """HTTP/2 that keeps idle connections."""


class BusyKept(Session):
    """Keeps a connection after its last response until the client closes it."""

    def close_finished(self) -> None:
        """Do nothing."""


class BusyHttp1Kept(BusyKept, Http1):
    """HTTP/1.1 that keeps a connection open after its last response, though that response says close."""


class BusyHttp2Kept(BusyKept, Http2):
    """HTTP/2 that keeps a connection open after its last stream, though it has sent GOAWAY."""


# --- responses that are cut or changed -----------------------------------------------------------------------------


class CutsAtSignal(Session):
    """Cuts every response at the signal, as if the drain timeout were zero."""

    def begin_drain(self) -> None:
        """Drain, and cut every response."""
        super().begin_drain()
        for exchange in self.in_flight():
            self.cut(exchange)


class CutsHttp1AtSignal(CutsAtSignal, Http1):
    """HTTP/1.1 whose connections are closed at the signal."""


class CutsHttp2AtSignal(CutsAtSignal, Http2):
    """HTTP/2 whose streams are reset at the signal."""


class CutHttp1EndsBody(Http1):
    """Ends a cut response with the last chunk: the client cannot see that something is missing."""

    def cut(self, exchange: Exchange) -> None:
        """End the body, and close the connection."""
        if exchange.response_begun:
            with contextlib.suppress(h11.LocalProtocolError):  # a content-length reveals the cut anyway
                self.send_end(exchange)
        self.connection.close()
        exchange.end_response()


class CutHttp2EndsStream(Http2):
    """Ends a cut response with END_STREAM: the client cannot see that something is missing."""

    def cut(self, exchange: Exchange) -> None:
        """End the stream as if the response were whole."""
        if exchange.response_begun:
            self.send_end(exchange)
            exchange.lose_client()
            exchange.end_response()
        else:
            super().cut(exchange)


class TruncatesBody(Exchange):
    """Loses the last piece of a body in the drain, and ends the response as if it were whole."""

    def send_head(self, status: int, headers: Headers) -> None:
        """Send the head, in the drain without content-length, which would reveal the loss."""
        kept = [(name, value) for name, value in headers if name != b"content-length" or not self.session.draining]
        super().send_head(status, kept)

    async def send_body(self, data: bytes, *, last: bool) -> None:
        """Send the piece, but lose the last one in the drain."""
        await super().send_body(b"" if last and self.session.draining else data, last=last)


class CancelsHandlerAfterResponse(Exchange):
    """Cancels a handler in the drain as soon as its response is sent: its remaining work is not done."""

    async def send_body(self, data: bytes, *, last: bool) -> None:
        """Send the piece, and cancel the handler after the last one."""
        await super().send_body(data, last=last)
        if last and self.session.draining:
            raise asyncio.CancelledError


class CorruptsBody(Exchange):
    """Changes the last byte of a body in the drain, like a buffer that is reused too early."""

    async def send_body(self, data: bytes, *, last: bool) -> None:
        """Send the piece, in the drain with its last byte changed."""
        if last and data and self.session.draining:
            data = data[:-1] + bytes([data[-1] ^ 0xFF])
        await super().send_body(data, last=last)


# --- HTTP/1.1 ------------------------------------------------------------------------------------------------------


class NoConnectionCloseHeader(Http1):
    """Closes after the last response, though it does not say close."""

    def connection_header(self) -> Headers:
        """Return no field."""
        return []
