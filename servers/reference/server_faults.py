"""Faults of the whole process: signals, exit, listener, drain timeout, handlers. The registry is faults.py."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

from lastcall.servers.reference.server import ReferenceServer, ServerOptions

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Application
    from lastcall.servers.reference.connection import Connection
    from lastcall.servers.reference.model import Model

INTERNAL_SERVER_ERROR, SERVICE_UNAVAILABLE = 500, 503
WRONG_STATUS = 3
ORPHAN = "import time; time.sleep(60)"


class IgnoresSignal(ReferenceServer):
    """Goes on serving as if no signal had come."""

    def on_signal(self) -> None:
        """Do nothing."""


class ExitsAtOnce(ReferenceServer):
    """Exits at the signal with status 0, with requests in flight."""

    def on_signal(self) -> None:
        """Exit at once."""
        os._exit(0)


class Killed(ReferenceServer):
    """Ends by SIGKILL at the signal, as after a crash or by an impatient supervisor."""

    def on_signal(self) -> None:
        """Kill this process."""
        os.kill(os.getpid(), signal.SIGKILL)


class HangsAfterDrain(ReferenceServer):
    """Closes everything and never exits, like a server with a thread that never ends."""

    async def leave(self) -> int:
        """Wait forever."""
        await asyncio.Event().wait()
        return 0


class WrongExitStatus(ReferenceServer):
    """Exits with a failure after a drain that went well."""

    async def leave(self) -> int:
        """Return a failure."""
        return WRONG_STATUS


class PrintsTraceback(ReferenceServer):
    """Prints the traceback of an error at the end, though its exit status is 0."""

    async def leave(self) -> int:
        """Print a traceback."""
        try:
            self.stop_missing_monitor()
        except AttributeError:
            traceback.print_exc()
        return 0

    def stop_missing_monitor(self) -> None:
        """Raise the AttributeError of a careless shutdown."""
        getattr(self, "monitor").stop()  # noqa: B009 - the attribute does not exist, and a type checker would say so


def start_orphan(*inherited: int) -> None:
    """Start a process that the server does not end; it ends by itself after a minute."""
    null = subprocess.DEVNULL
    command = [sys.executable, "-I", "-S", "-c", ORPHAN]
    subprocess.Popen(command, stdin=null, stdout=null, stderr=null, pass_fds=inherited)


class LeavesOrphan(ReferenceServer):
    """Exits without ending a process that it has started."""

    async def leave(self) -> int:
        """Leave a process behind."""
        start_orphan()
        return 0


class KeepsPort(ReferenceServer):
    """Lets a child process inherit the listening socket, so that the port stays open."""

    def close_listener(self) -> None:
        """Start the child process, and close the server's copy of the socket."""
        if self.listener is not None:
            start_orphan(self.listener.fileno())
        super().close_listener()


class AnswersInFlight(ReferenceServer):
    """Cancels the handlers at the signal and answers their requests itself."""

    status = SERVICE_UNAVAILABLE

    def begin_drain(self, connections: set[Connection]) -> None:
        """Answer the requests in flight, and drain."""
        sessions = [connection.session for connection in connections if connection.session]
        in_flight = [exchange for session in sessions for exchange in session.in_flight()]
        super().begin_drain(connections)
        for exchange in in_flight:
            exchange.fail(self.status)
        for task in tuple(self.handlers):
            task.cancel()


class CancelsHandlers(AnswersInFlight):
    """Cancels the handlers and answers their requests with 500, as if the handlers had crashed."""

    status = INTERNAL_SERVER_ERROR


class DrainTimeoutIgnored(ReferenceServer):
    """Waits for handlers forever."""

    def drain_timeout_s(self) -> float | None:
        """Return no timeout."""
        return None


class DrainTimeoutShort(ReferenceServer):
    """Ends the drain after a quarter of its drain timeout."""

    def drain_timeout_s(self) -> float | None:
        """Return too short a timeout."""
        return self.options.drain_timeout_s / 4


class DrainTimeoutTwice(ReferenceServer):
    """Ends the drain after twice its drain timeout, like a server that waits for the timeout in two places."""

    def drain_timeout_s(self) -> float | None:
        """Return too long a timeout."""
        return self.options.drain_timeout_s * 2


class ListenerKept(ReferenceServer):
    """Leaves the listener open in the drain."""

    def close_listener(self) -> None:
        """Do nothing."""


class NewConnectionReset(ListenerKept):
    """Accepts new connections during the drain and resets them."""

    def welcome(self, sock: socket.socket) -> None:
        """Serve a new connection, or in the drain reset it."""
        if self.draining:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        else:
            super().welcome(sock)


class NewConnectionBlackHole(ListenerKept):
    """Accepts new connections during the drain and never reads from them."""

    def __init__(self, options: ServerOptions, application: Application, model: Model) -> None:
        super().__init__(options, application, model)
        self.held: list[socket.socket] = []

    def welcome(self, sock: socket.socket) -> None:
        """Serve a new connection, or in the drain keep it open without reading."""
        if self.draining:
            self.held.append(sock)
        else:
            super().welcome(sock)
