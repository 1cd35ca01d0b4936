"""Faults of the process's life: further signals, a successor's port, the application's hooks. The registry is faults.py."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from lastcall.servers.reference.application import Lifespan
from lastcall.servers.reference.http1 import Http1
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.server import ReferenceServer
from lastcall.servers.reference.session import Session

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Application, Exchange
    from lastcall.servers.reference.model import Model
    from lastcall.servers.reference.server import ServerOptions

IMPATIENCE_S = 0.1


class SitsOutDrainTimeout(ReferenceServer):
    """Waits for the whole drain timeout, even when nothing is in flight."""

    async def drain(self) -> None:
        """Drain, and wait for the rest of the timeout."""
        await super().drain()
        await asyncio.sleep(self.time_left_s() or 0)


class FurtherSignalsIgnored(ReferenceServer):
    """Ignores further signals, though it documents that they force the end."""

    def on_signal(self) -> None:
        """Handle only the first signal."""
        if not self.draining:
            super().on_signal()


class PortKeptInDrain(ReferenceServer):
    """Stops listening but keeps the port, so that no successor can listen on it."""

    def __init__(self, options: ServerOptions, application: Application, model: Model) -> None:
        super().__init__(options, application, model)
        self.kept: socket.socket | None = None

    def close_listener(self) -> None:
        """Shut the socket down without closing it, and stop sharing its port."""
        if self.listener is not None:
            self.kept = self.listener.dup()
            self.kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        super().close_listener()
        if self.kept is not None:
            self.kept.shutdown(socket.SHUT_RDWR)


class LateHandlersCut(ReferenceServer):
    """Starts a handler for a request that arrived before the signal, and then cuts its response."""

    def run(self, exchange: Exchange) -> None:
        """Start the handler, and in the drain cut its response."""
        super().run(exchange)
        if self.draining:
            self.loop.call_soon(exchange.session.cut, exchange)


class OwnLifespan(ReferenceServer):
    """Has its own order of drain and lifespan shutdown; subclasses define it."""

    async def serve(self) -> int:
        """Serve until a signal, and end."""
        lifespan = Lifespan(self.application)
        await lifespan.startup()
        self.listen()
        await self._signalled.wait()
        await self.end(lifespan)
        return await self.leave()

    async def end(self, lifespan: Lifespan) -> None:
        """Drain and shut the application down."""
        raise NotImplementedError


class HookBeforeDrain(OwnLifespan):
    """Shuts the application down before the requests in flight are served."""

    async def end(self, lifespan: Lifespan) -> None:
        """Shut the application down first, and then drain."""
        await lifespan.shutdown()
        await self.drain()


class HookNotAwaited(OwnLifespan):
    """Allows the application only a tenth of a second for its shutdown."""

    async def end(self, lifespan: Lifespan) -> None:
        """Drain, and wait for the application's shutdown for too short a time."""
        await self.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IMPATIENCE_S):
                await lifespan.shutdown()


class FalseDisconnect(Session):
    """Reports a disconnect to every handler at the signal."""

    def begin_drain(self) -> None:
        """Drain, and report a disconnect to every handler."""
        super().begin_drain()
        for exchange in self.in_flight():
            exchange.lose_client()


class FalseDisconnectHttp1(FalseDisconnect, Http1):
    """HTTP/1.1 that reports false disconnects."""


class FalseDisconnectHttp2(FalseDisconnect, Http2):
    """HTTP/2 that reports false disconnects."""
