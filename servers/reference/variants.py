"""Servers that differ from the model and are as conformant: a check that breaks on one of them demands too much.

The registry is at the end: a name, the difference in one line, and the classes that make it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from h2.errors import ErrorCodes

from lastcall.servers.reference import wire_variants as wire
from lastcall.servers.reference.connection import Connection
from lastcall.servers.reference.http1 import Http1
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.model import Model
from lastcall.servers.reference.server import ReferenceServer
from lastcall.servers.reference.session import Session
from lastcall.servers.reference.websocket import GOING_AWAY, WebSocket

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from lastcall.servers.reference.application import Exchange
    from lastcall.servers.reference.host import SessionHost

HTTP1, HTTP2 = ("h1",), ("h2c",)
LATE_S = 1.0
SERVICE_RESTART = 1012
SERVICE_UNAVAILABLE = 503


class SingleGoaway(Http2):
    """Sends one GOAWAY, which names the last stream at the signal; later streams are not processed."""

    def announce_drain(self) -> None:
        """Send the final GOAWAY at once."""
        self.settle_last_stream_id()


class RacedStreamRefused(SingleGoaway):
    """Resets a stream above the last one with REFUSED_STREAM, where the model is silent."""

    def discard(self, stream_id: int) -> None:
        """Reset the stream."""
        self.h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
        self.flush()


class IdleClosedLate(Session):
    """Closes idle connections a second after the signal."""

    def close_idle(self) -> None:
        """Close later."""
        self.connection.call_later(LATE_S, self.close_unless_busy)

    def close_unless_busy(self) -> None:
        """Close, unless a request has arrived meanwhile: its response then ends the connection."""
        if not self.in_flight():
            self.close()


class IdleHttp1ClosedLate(IdleClosedLate, Http1):
    """HTTP/1.1 that closes idle connections late."""


class IdleHttp2ClosedLate(IdleClosedLate, Http2):
    """HTTP/2 that closes idle connections late."""


class ConnectionClosedLate(Session):
    """Closes a connection a second after its last response, so that the client can be first, as Go does."""

    def close_finished(self) -> None:
        """Close later."""
        self.connection.call_later(LATE_S, self.close)


class Http1ClosedLate(ConnectionClosedLate, Http1):
    """HTTP/1.1 that closes connections late."""


class Http2ClosedLate(ConnectionClosedLate, Http2):
    """HTTP/2 that closes connections late."""


class DrainsInTwoSteps(ReferenceServer):
    """Goes on accepting and serving until the connections from before the signal are closed; then drains the rest."""

    async def drain(self) -> None:
        """Drain in two steps, within one drain timeout."""
        self.announce()
        old = set(self.connections)
        self.begin_drain(old)
        await self.wait_until_gone(old)
        await super().drain()

    async def wait_until_gone(self, connections: set[Connection]) -> None:
        """Wait until these connections are closed, the time is over, or a second signal comes."""
        try:
            async with asyncio.timeout(self.time_left_s()):
                while connections & self.connections and not self.forced:
                    await self.news()
        except TimeoutError:
            pass


class RefusingHttp1(Http1):
    """Answers every request with 503, and closes."""

    def run(self, exchange: Exchange) -> None:
        """Answer without the application."""
        self.draining = True
        exchange.fail(SERVICE_UNAVAILABLE)


class RefusingHttp2(Http2):
    """Processes no stream, and says so by GOAWAY."""

    def start(self) -> None:
        """Send SETTINGS, and a GOAWAY that names no stream."""
        super().start()
        self.settle_last_stream_id()

    def announce_drain(self) -> None:
        """Do nothing: GOAWAY has been sent."""

    def discard(self, stream_id: int) -> None:
        """Refuse a stream, and close."""
        self.h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
        self.flush()
        self.close()


class RefusingConnection(Connection):
    """A new connection during the drain, whose requests are refused."""

    def choose_protocol(self) -> Callable[[SessionHost], Session] | None:
        """Return the refusing session of the client's protocol."""
        protocol = super().choose_protocol()
        if protocol is None:
            return None
        return RefusingHttp2 if protocol is self.server.model.http2 else RefusingHttp1


class NewConnection503(DrainsInTwoSteps):
    """Keeps the port open in the drain, and refuses new connections; a worker leaves them to the other workers."""

    async def drain(self) -> None:
        """Drain as a worker, or as a single process."""
        if self.options.inherited >= 0:
            await ReferenceServer.drain(self)
        else:
            await super().drain()

    def welcome(self, sock: socket.socket) -> None:
        """Serve a new connection, or in the drain refuse its requests."""
        if self.draining:
            self.adopt(RefusingConnection(self, sock))
        else:
            super().welcome(sock)


class WebSocketRestart(WebSocket):
    """Sends a Close that says that the service restarts."""

    def send_close(self, code: int) -> None:
        """Send 1012 instead of 1001."""
        super().send_close(SERVICE_RESTART if code == GOING_AWAY else code)


class WebSocketClosedLate(WebSocket):
    """Closes WebSockets a second after the signal."""

    def begin_drain(self) -> None:
        """Begin the drain later."""
        self.connection.call_later(LATE_S, super().begin_drain)


class ExitsBySignal(ReferenceServer):
    """Ends by the signal that stopped it, as shells expect, after everything is done."""

    async def leave(self) -> int:
        """Send the signal to this process again, after removing its handler."""
        self.loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        return await super().leave()


class CloseWithoutLinger(Connection):
    """Closes both sides at once, when the kernel has taken all bytes."""

    def linger(self) -> None:
        """Do not wait for the client."""
        self.end()


class NoDrainLog(ReferenceServer):
    """Logs nothing about the drain."""

    def log(self, line: str) -> None:
        """Write the line, unless the drain has begun."""
        if not self.draining:
            super().log(line)


class Chatty(ReferenceServer):
    """Logs a lot."""

    def log(self, line: str) -> None:
        """Write many lines that contain the words that a hasty search for errors finds."""
        super().log(f"INFO  {line}")
        for number in range(50):
            super().log(f"DEBUG {number}: no error, no exception, nothing failed; {len(self.connections)} connections")


VARIANTS: dict[str, Model] = {
    "single-goaway": Model(
        "one GOAWAY, with the exact last stream id; later streams are ignored", http2=SingleGoaway, over=HTTP2
    ),
    "raced-stream-refused": Model(
        "as single-goaway; later streams get REFUSED_STREAM", http2=RacedStreamRefused, over=HTTP2
    ),
    "idle-closed-late": Model(
        "idle connections are closed 1.0 s after the signal", http1=IdleHttp1ClosedLate, http2=IdleHttp2ClosedLate
    ),
    "connection-closed-late": Model(
        "a connection is closed 1.0 s after its last response", http1=Http1ClosedLate, http2=Http2ClosedLate
    ),
    "lame-duck": Model("new connections are served until the old ones are done", server=DrainsInTwoSteps),
    "new-connection-503": Model("new connections get 503, or GOAWAY and REFUSED_STREAM", server=NewConnection503),
    "websocket-close-1012": Model("WebSockets are closed with 1012, Service Restart", websocket=WebSocketRestart),
    "websocket-close-late": Model("WebSockets are closed 1.0 s after the signal", websocket=WebSocketClosedLate),
    "exits-by-signal": Model("the process ends by SIGTERM itself", server=ExitsBySignal, over=HTTP1),
    "close-without-linger": Model("both sides are closed at once after the last byte", connection=CloseWithoutLinger),
    "no-drain-log": Model("nothing is logged about the drain", server=NoDrainLog, over=HTTP1),
    "chatty": Model("much is logged, with words like error in the lines", server=Chatty, over=HTTP1),
    "goaway-thrice": Model("the final GOAWAY is repeated twice", http2=wire.GoawayThrice, over=HTTP2),
    "final-goaway-at-the-end": Model(
        "streams are processed until the last has ended, and only then GOAWAY names the last one",
        http2=wire.FinalGoawayAtTheEnd,
        over=HTTP2,
    ),
    "goaway-debug-data": Model("GOAWAY says why, in its debug data", http2=wire.GoawayDebugData, over=HTTP2),
    "settings-in-drain": Model(
        "SETTINGS that allow no more streams come with GOAWAY", http2=wire.SettingsInDrain, over=HTTP2
    ),
    "padded-data": Model("DATA is padded", http2=wire.PaddedData, over=HTTP2),
    "small-data": Model("bodies are sent in frames of 700 bytes at most", http2=wire.SmallData, over=HTTP2),
    "continued-headers": Model(
        "header blocks are split into HEADERS and CONTINUATION", http2=wire.ContinuedHeaders, over=HTTP2
    ),
    "no-dynamic-table": Model("header compression uses no dynamic table", http2=wire.NoDynamicTable, over=HTTP2),
    "trailers": Model("trailers end each response, not DATA", http2=wire.Trailers, over=HTTP2),
    "early-hints": Model("103 comes before each response", http1=wire.EarlyHintsHttp1, http2=wire.EarlyHintsHttp2),
    "chunked-always": Model("every body is chunked", http1=wire.ChunkedAlways, over=HTTP1),
    "close-delimited": Model(
        "in the drain the end of the connection ends the body", http1=wire.CloseDelimited, over=HTTP1
    ),
    "close-in-a-list": Model("close is one of two options, in capitals", http1=wire.CloseInAList, over=HTTP1),
    "websocket-close-reason": Model("a Close has a reason, in UTF-8", websocket=wire.WebSocketReason),
    "fin-after-close-notify": Model(
        "FIN comes 0.5 s after close_notify, unless the client's comes first",
        connection=wire.FinAfterCloseNotify,
        over=("h2",),
    ),
}
"""The variants by name: each is the model with a few other classes."""
