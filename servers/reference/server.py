"""The server's life: start, listen, and the drain with its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lastcall.servers.reference.application import Lifespan
from lastcall.servers.reference.connection import LINGER_S
from lastcall.servers.reference.tls import server_context

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lastcall.servers.reference.application import Application, Exchange
    from lastcall.servers.reference.connection import Connection
    from lastcall.servers.reference.model import Model

BACKLOG = 128
READY = "ready"
"""What a worker prints when it accepts connections."""
FORCED_END_S = LINGER_S + 0.5
"""How long, after the drain timeout, connections have for their close in order before they are given up."""


@dataclass(frozen=True)
class Options:
    """What the command line says. ``drain_timeout_s`` bounds the drain, ``lame_duck_s`` is the time before it, in seconds.

    ``inherited`` is the file descriptor of the listening socket of a worker, which its supervisor has opened.
    """

    port: int
    host: str = "127.0.0.1"
    cert: str | None = None
    key: str | None = None
    drain_timeout_s: float = 10.0
    lame_duck_s: float = 0.0
    inherited: int = -1


class Server:
    """One process that listens on one port."""

    def __init__(self, options: Options, application: Application, model: Model) -> None:
        self.options = options
        self.application = application
        self.model = model
        self.loop = asyncio.get_running_loop()
        self.tls_context = server_context(options.cert, options.key) if options.cert and options.key else None
        self.listener: socket.socket | None = None
        self.connections: set[Connection] = set()
        self.handlers: set[asyncio.Task[None]] = set()
        self.draining = False
        self.drain_begun_s = 0.0
        self.forced = False
        """Whether a second signal asks for the end at once."""
        self._signalled = asyncio.Event()
        self._news = asyncio.Event()

    def log(self, line: str) -> None:
        """Write one line to stderr."""
        sys.stderr.write(f"{line}\n")

    async def serve(self) -> int:
        """Serve until a signal, drain, and give the exit status."""
        lifespan = Lifespan(self.application)
        await lifespan.startup()
        self.listen()
        await self._signalled.wait()
        await self.lame_duck()
        await self.drain()
        # ASGI lifespan: shutdown comes when no connection is accepted any more and all that were are closed
        await lifespan.shutdown()
        self.log("stopped")
        return await self.leave()

    async def leave(self) -> int:
        """Give the exit status, when everything is done."""
        return 0

    def on_signal(self) -> None:
        """Begin the drain; end it by force the second time."""
        if self._signalled.is_set():
            self.forced = True
            self._news.set()
        else:
            self.draining = not self.options.lame_duck_s
            self.drain_begun_s = self.loop.time() + self.options.lame_duck_s
            self._signalled.set()

    # connections

    def listen(self) -> None:
        """Open the port, unless it has been inherited, and accept connections on it."""
        if self.options.inherited >= 0:
            self.listener = socket.socket(fileno=self.options.inherited)
        else:
            self.listener = socket.create_server((self.options.host, self.options.port), backlog=BACKLOG)
        self.listener.setblocking(False)
        self.loop.add_reader(self.listener, self.accept_waiting)
        self.log(f"listening on {self.options.host}:{self.listener.getsockname()[1]}")
        if self.options.inherited >= 0:
            print(READY, flush=True)  # noqa: T201 - the supervisor reads it

    def accept_waiting(self) -> None:
        """Accept every connection that the kernel holds for us."""
        while self.listener is not None:
            try:
                sock, _ = self.listener.accept()
            except OSError:  # nobody waits, or somebody has gone again
                return
            sock.setblocking(False)
            # asyncio does so only where the protocol number is set, and an accepted socket has none
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.welcome(sock)

    def welcome(self, sock: socket.socket) -> None:
        """Serve a new connection."""
        self.adopt(self.model.connection(self, sock))

    def adopt(self, connection: Connection) -> None:
        """Make a connection the server's own."""
        self.connections.add(connection)
        task = self.loop.create_task(self._connect(connection))
        self.handlers.add(task)
        task.add_done_callback(self._handler_ended)

    async def _connect(self, connection: Connection) -> None:
        await self.loop.connect_accepted_socket(lambda: connection, connection.socket)

    def close_listener(self) -> None:
        """Accept no more: the kernel refuses new connections from now on. Those that it held already are taken."""
        if self.listener is not None:
            self.accept_waiting()
            self.loop.remove_reader(self.listener)
            self.listener.close()
            self.listener = None

    def connection_lost(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        self._news.set()

    def run(self, exchange: Exchange) -> None:
        """Run the application for one request."""
        self.handle(exchange.run(self.application))

    def handle(self, handler: Coroutine[Any, Any, None]) -> None:
        """Run a handler, which the drain waits for."""
        task = self.loop.create_task(handler)
        self.handlers.add(task)
        task.add_done_callback(self._handler_ended)

    def _handler_ended(self, task: asyncio.Task[None]) -> None:
        self.handlers.discard(task)
        self._news.set()

    # the drain

    async def lame_duck(self) -> None:
        """Go on as before for a while, so that who sends clients here can stop doing so. A second signal ends it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self.drain_begun_s):
                while not self.forced:
                    await self.news()
        self.draining = True

    def drain_timeout_s(self) -> float | None:
        """How long the drain may take, in seconds; None for as long as it needs."""
        return self.options.drain_timeout_s

    async def drain(self) -> None:
        """Serve what is in flight, and nothing else, until it is done, its time is over, or a second signal comes."""
        self.close_listener()
        self.announce()
        self.begin_drain(self.connections)
        await self.wait_until_quiet(self.time_left_s())
        if not self.quiet():
            await self.end_by_force()

    def announce(self) -> None:
        """Say in the log that the drain begins."""
        requests = sum(len(each.session.in_flight()) for each in self.connections if each.session)
        self.log(f"draining: {len(self.connections)} connections, {requests} requests in flight")

    def begin_drain(self, connections: set[Connection]) -> None:
        """Tell connections that this is the end."""
        for connection in tuple(connections):
            connection.begin_drain()

    def time_left_s(self) -> float | None:
        """Give what is left of the drain timeout, in seconds; None if there is none."""
        timeout_s = self.drain_timeout_s()
        return None if timeout_s is None else self.drain_begun_s + timeout_s - self.loop.time()

    def quiet(self) -> bool:
        """Tell whether no connection is open and no handler runs."""
        return not self.connections and not self.handlers

    async def wait_until_quiet(self, limit_s: float | None) -> None:
        """Wait until all is done or a second signal comes, but no longer than the limit."""
        try:
            async with asyncio.timeout(limit_s):
                while not self.quiet() and not self.forced:
                    await self.news()
        except TimeoutError:
            pass

    async def news(self) -> None:
        """Wait until a connection or a handler ends, or a second signal comes."""
        self._news.clear()
        await self._news.wait()

    async def end_by_force(self) -> None:
        """Cancel the handlers and end what is open so that no response looks whole; then give up what stays open."""
        self.log(
            "stopping by force: a second signal" if self.forced else "stopping by force: the drain timeout is over"
        )
        for task in tuple(self.handlers):
            task.cancel()
        for connection in tuple(self.connections):
            connection.expire()
        await self.wait_until_quiet(FORCED_END_S)
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(0)  # so that each is told of its end
