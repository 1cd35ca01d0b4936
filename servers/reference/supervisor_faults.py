"""Faults of a server with several workers: in its stop, its reload and its lame duck. The registry is faults.py."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct

from lastcall.servers.reference.server import ReferenceServer
from lastcall.servers.reference.supervisor import Supervisor

OUTAGE_S = 1.0


class LeavesWorkersBehind(Supervisor):
    """Passes the signal on and exits before its workers have ended."""

    def on_signal(self, number: int) -> None:
        """Exit at once."""
        super().on_signal(number)
        os._exit(0)


class SignalsOneWorker(Supervisor):
    """Drains one worker and kills the others, like a process that passes the signal on to only one child."""

    def on_signal(self, number: int) -> None:
        """Signal one worker, and kill the others."""
        others = list(self.workers)[1:]
        super().on_signal(number)
        self.send_signal(others, signal.SIGKILL)

    def leave(self) -> int:
        """Return 0."""
        return 0


class SiblingsKilled(Supervisor):
    """Kills all workers when one of them fails."""

    def ended_in_the_drain(self, pid: int, status: int) -> None:
        """Kill the other workers if this one failed."""
        super().ended_in_the_drain(pid, status)
        if status:
            self.send_signal(list(self.workers), signal.SIGKILL)


class ReloadKillsWorkers(Supervisor):
    """Replaces workers by killing them."""

    async def reload(self) -> None:
        """Start new workers, and kill the old ones."""
        old = list(self.workers)
        await self.start_workers()
        self.retired |= set(old)
        self.send_signal(old, signal.SIGKILL)


class ReloadEndsServer(Supervisor):
    """Has no reload: SIGHUP drains the server and ends it."""

    def on_reload(self) -> None:
        """Begin the shutdown."""
        self.on_signal(signal.SIGTERM)


class ReloadReopensPort(Supervisor):
    """Closes the port for a reload, and opens it again when the old workers have stopped accepting."""

    async def reload(self) -> None:
        """Reload with a gap in which no socket listens."""
        old = list(self.workers)
        self.close_listener()
        self.retire(old)
        await asyncio.sleep(OUTAGE_S)
        self.listen()
        await self.start_workers()


class ReloadResetsNewConnections(Supervisor):
    """Accepts connections between the old workers and the new ones, though no worker can serve them."""

    async def reload(self) -> None:
        """Reload, and reset the connections of the gap on their first bytes."""
        self.retire(list(self.workers))
        if self.listener is not None:
            self.listener.setblocking(False)
            async with asyncio.TaskGroup() as resets:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(OUTAGE_S):
                        while True:
                            new_connection, _address = await self.loop.sock_accept(self.listener)
                            resets.create_task(self.reset(new_connection))
        await self.start_workers()

    async def reset(self, new_connection: socket.socket) -> None:
        """Reset a connection on its first bytes, or at the end of the gap if it has sent none."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(OUTAGE_S):
                await self.loop.sock_recv(new_connection, 1)
        new_connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        new_connection.close()


class LameDuckIgnored(ReferenceServer):
    """Drains at the signal, without the lame-duck period."""

    async def lame_duck(self) -> None:
        """Return at once."""
