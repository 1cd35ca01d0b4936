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

from lastcall.servers.reference.server import Options, Server

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Application
    from lastcall.servers.reference.connection import Connection
    from lastcall.servers.reference.model import Model

INTERNAL_SERVER_ERROR, SERVICE_UNAVAILABLE = 500, 503
WRONG_STATUS = 3
ORPHAN = "import time; time.sleep(60)"


class IgnoresSignal(Server):
    """Goes on serving as if nothing had been sent."""

    def on_signal(self) -> None:
        """Do nothing."""


class ExitsAtOnce(Server):
    """Exits in the middle of everything, and says that all is well."""

    def on_signal(self) -> None:
        """Exit."""
        os._exit(0)


class Killed(Server):
    """Does what a crash, or an impatient supervisor, does."""

    def on_signal(self) -> None:
        """End without a chance to do anything."""
        os.kill(os.getpid(), signal.SIGKILL)


class HangsAfterDrain(Server):
    """Closes everything and never exits, like a server with a thread that nobody stops."""

    async def leave(self) -> int:
        """Wait for what never comes."""
        await asyncio.Event().wait()
        return 0


class WrongExitStatus(Server):
    """Exits with a failure after a drain that went well."""

    async def leave(self) -> int:
        """Fail."""
        return WRONG_STATUS


class PrintsTraceback(Server):
    """Meets an error on its way out and shows it, though the status says that all went well."""

    async def leave(self) -> int:
        """Print a traceback."""
        try:
            self.stop_what_never_was()
        except AttributeError:
            traceback.print_exc()
        return 0

    def stop_what_never_was(self) -> None:
        """Raise what a clumsy shutdown raises."""
        getattr(self, "monitor").stop()  # noqa: B009 - the attribute does not exist, and a type checker would say so


def start_orphan(*inherited: int) -> None:
    """Start a process that nobody ends; it ends by itself after a minute."""
    null = subprocess.DEVNULL
    command = [sys.executable, "-I", "-S", "-c", ORPHAN]
    subprocess.Popen(command, stdin=null, stdout=null, stderr=null, pass_fds=inherited)


class LeavesOrphan(Server):
    """Exits without ending a process that it has started."""

    async def leave(self) -> int:
        """Leave a process behind."""
        start_orphan()
        return 0


class KeepsPort(Server):
    """Lets a process inherit the listening socket, so that closing it does not close it."""

    def close_listener(self) -> None:
        """Close our copy."""
        if self.listener is not None:
            start_orphan(self.listener.fileno())
        super().close_listener()


class AnswersInFlight(Server):
    """Ends the handlers at the signal and answers for them."""

    status = SERVICE_UNAVAILABLE

    def begin_drain(self, connections: set[Connection]) -> None:
        """Drain requests that have just been answered."""
        in_flight = [exchange for each in connections if each.session for exchange in each.session.in_flight()]
        super().begin_drain(connections)
        for exchange in in_flight:
            exchange.fail(self.status)
        for task in tuple(self.handlers):
            task.cancel()


class CancelsHandlers(AnswersInFlight):
    """Cancels the handlers, which its own error handling then answers as if they had crashed."""

    status = INTERNAL_SERVER_ERROR


class DrainTimeoutIgnored(Server):
    """Waits for handlers for ever."""

    def drain_timeout_s(self) -> float | None:
        """Give none."""
        return None


class DrainTimeoutShort(Server):
    """Takes a quarter of the time that was asked for."""

    def drain_timeout_s(self) -> float | None:
        """Give too little."""
        return self.options.drain_timeout_s / 4


class DrainTimeoutTwice(Server):
    """Takes twice the time that was asked for, like a server that waits for it in two places."""

    def drain_timeout_s(self) -> float | None:
        """Give too much."""
        return self.options.drain_timeout_s * 2


class ListenerKept(Server):
    """Leaves the listener open in the drain."""

    def close_listener(self) -> None:
        """Do nothing."""


class NewConnectionReset(ListenerKept):
    """Accepts new connections during the drain only to reset them."""

    def welcome(self, sock: socket.socket) -> None:
        """Reset."""
        if self.draining:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        else:
            super().welcome(sock)


class NewConnectionBlackHole(ListenerKept):
    """Accepts new connections during the drain and never looks at them."""

    def __init__(self, options: Options, application: Application, model: Model) -> None:
        super().__init__(options, application, model)
        self.held: list[socket.socket] = []

    def welcome(self, sock: socket.socket) -> None:
        """Hold on to it."""
        if self.draining:
            self.held.append(sock)
        else:
            super().welcome(sock)
