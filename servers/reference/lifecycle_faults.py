"""Faults around the process's life: further signals, the port for a successor, the application's hooks. Registry: faults.py."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from lastcall.servers.reference.application import Lifespan
from lastcall.servers.reference.http1 import Http1
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.server import Server
from lastcall.servers.reference.session import Session

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Application, Exchange
    from lastcall.servers.reference.model import Model
    from lastcall.servers.reference.server import Options

IMPATIENCE_S = 0.1


class SitsOutDrainTimeout(Server):
    """Takes its drain timeout for a time to wait, though nothing is in flight."""

    async def drain(self) -> None:
        """Wait for the rest of it."""
        await super().drain()
        await asyncio.sleep(self.time_left_s() or 0)


class FurtherSignalsIgnored(Server):
    """Cannot be hurried: what it documents to force the end does nothing."""

    def on_signal(self) -> None:
        """Take only the first."""
        if not self.draining:
            super().on_signal()


class PortKeptInDrain(Server):
    """Stops listening and still holds the port, so that no successor can have it."""

    def __init__(self, options: Options, application: Application, model: Model) -> None:
        super().__init__(options, application, model)
        self.kept: socket.socket | None = None

    def close_listener(self) -> None:
        """Shut the socket down without closing it, and share its port no more."""
        if self.listener is not None:
            self.kept = self.listener.dup()
            self.kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        super().close_listener()
        if self.kept is not None:
            self.kept.shutdown(socket.SHUT_RDWR)


class LateHandlersCut(Server):
    """Gives a request that had come before the signal to its handler after it, and closes on it."""

    def run(self, exchange: Exchange) -> None:
        """Cut what has only just begun."""
        super().run(exchange)
        if self.draining:
            self.loop.call_soon(exchange.session.cut, exchange)


class OwnLifespan(Server):
    """Calls the application's shutdown in a way of its own."""

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
        """Do it in the wrong order."""
        await lifespan.shutdown()
        await self.drain()


class HookNotAwaited(OwnLifespan):
    """Gives the application a tenth of a second for its shutdown."""

    async def end(self, lifespan: Lifespan) -> None:
        """Lose patience."""
        await self.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IMPATIENCE_S):
                await lifespan.shutdown()


class FalseDisconnect(Session):
    """Tells handlers at the signal that their clients have gone."""

    def begin_drain(self) -> None:
        """Drain, and tell them so."""
        super().begin_drain()
        for exchange in self.in_flight():
            exchange.lose_client()


class FalseDisconnectHttp1(FalseDisconnect, Http1):
    """HTTP/1.1 that tells of disconnects that are none."""


class FalseDisconnectHttp2(FalseDisconnect, Http2):
    """HTTP/2 that tells of disconnects that are none."""
