"""Faults of a server with several workers: in its stop, and in its reload. The registry is faults.py."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct

from lastcall.servers.reference.server import Server
from lastcall.servers.reference.supervisor import Supervisor

OUTAGE_S = 1.0


class LeavesWorkersBehind(Supervisor):
    """Passes the signal on and exits, as if its workers could look after themselves."""

    def on_signal(self, number: int) -> None:
        """Exit at once."""
        super().on_signal(number)
        os._exit(0)


class TellsOneWorker(Supervisor):
    """Drains one worker and ends the others, like a process that passes the word on to its last child alone."""

    def on_signal(self, number: int) -> None:
        """Tell one, kill the rest."""
        others = list(self.workers)[1:]
        super().on_signal(number)
        self.tell(others, signal.SIGKILL)

    def leave(self) -> int:
        """Say that all is well."""
        return 0


class SiblingsKilled(Supervisor):
    """Takes the end of one worker for a reason to end them all."""

    def ended_in_the_drain(self, pid: int, status: int) -> None:
        """Kill the others if this one failed."""
        super().ended_in_the_drain(pid, status)
        if status:
            self.tell(list(self.workers), signal.SIGKILL)


class ReloadKillsWorkers(Supervisor):
    """Replaces workers by killing them."""

    async def reload(self) -> None:
        """Kill the old ones when the new ones are there."""
        old = list(self.workers)
        await self.start_workers()
        self.retired |= set(old)
        self.tell(old, signal.SIGKILL)


class ReloadEndsServer(Supervisor):
    """Knows no reload: what asks for one drains the server and ends it."""

    def on_reload(self) -> None:
        """Stop."""
        self.on_signal(signal.SIGTERM)


class ReloadReopensPort(Supervisor):
    """Closes the port for a reload, and opens it anew when the old workers do not accept any more."""

    async def reload(self) -> None:
        """Leave a while without a listener."""
        old = list(self.workers)
        self.close_listener()
        self.retire(old)
        await asyncio.sleep(OUTAGE_S)
        self.listen()
        await self.start_workers()


class ReloadResetsNewcomers(Supervisor):
    """Accepts, between the old workers and the new ones, and has nobody to serve whom it accepted."""

    async def reload(self) -> None:
        """Reset who comes in between, as soon as they say something."""
        self.retire(list(self.workers))
        if self.listener is not None:
            self.listener.setblocking(False)
            async with asyncio.TaskGroup() as newcomers:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(OUTAGE_S):
                        while True:
                            newcomer, _address = await self.loop.sock_accept(self.listener)
                            newcomers.create_task(self.reset(newcomer))
        await self.start_workers()

    async def reset(self, newcomer: socket.socket) -> None:
        """Reset a connection on its first bytes, or when it has sent none for as long as nobody serves."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(OUTAGE_S):
                await self.loop.sock_recv(newcomer, 1)
        newcomer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        newcomer.close()


class LameDuckIgnored(Server):
    """Drains at the signal, whatever time before it was asked for."""

    async def lame_duck(self) -> None:
        """Lose no time."""
