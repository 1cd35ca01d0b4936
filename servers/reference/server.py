"""The server's life: start, listen, and drain before a deadline.

The order of the drain is what a graceful shutdown is made of, and an editor must not change it: close the listener (after
taking what the kernel has accepted already), announce the end on every connection, wait for connections and handlers,
end the rest by force at the deadline, and shut the application down last.
"""

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
"""The line that a worker prints when it accepts connections."""
FORCED_END_S = LINGER_S + 0.5
"""How long, after the drain timeout, connections have to close in order before the server drops them."""


@dataclass(frozen=True)
class ServerOptions:
    """The options of the command line. ``drain_timeout_s`` bounds the drain; ``lame_duck_s`` is the time before the drain.

    ``inherited`` is the file descriptor of a worker's listening socket, which its supervisor has opened; -1 if none is.
    """

    port: int
    host: str = "127.0.0.1"
    cert: str | None = None
    key: str | None = None
    drain_timeout_s: float = 10.0
    lame_duck_s: float = 0.0
    inherited: int = -1


class ReferenceServer:
    """One process that listens on one port, and stops gracefully at a signal."""

    def __init__(self, options: ServerOptions, application: Application, model: Model) -> None:
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
        """Whether a second signal has demanded the end at once."""
        self._signalled = asyncio.Event()
        self._news = asyncio.Event()

    def log(self, line: str) -> None:
        """Write one line to stderr."""
        sys.stderr.write(f"{line}\n")

    async def serve(self) -> int:
        """Serve until a signal, drain, and return the exit status."""
        lifespan = Lifespan(self.application)
        await lifespan.startup()
        self.listen()
        await self._signalled.wait()
        await self.lame_duck()
        await self.drain()
        # ASGI lifespan: the server sends shutdown when it has stopped accepting and has closed every connection
        await lifespan.shutdown()
        self.log("stopped")
        return await self.leave()

    async def leave(self) -> int:
        """Return the exit status, as the last step."""
        return 0

    def on_signal(self) -> None:
        """Begin the shutdown; the second signal ends it by force."""
        if self._signalled.is_set():
            self.forced = True
            self._news.set()
        else:
            self.draining = not self.options.lame_duck_s
            self.drain_begun_s = self.loop.time() + self.options.lame_duck_s
            self._signalled.set()

    # connections

    def listen(self) -> None:
        """Open the port, or take the inherited one, and accept connections on it."""
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
        """Accept every connection that waits in the kernel's backlog."""
        while self.listener is not None:
            try:
                sock, _ = self.listener.accept()
            except OSError:  # the backlog is empty, or the client has already gone
                return
            sock.setblocking(False)
            # asyncio sets TCP_NODELAY only on a socket with a protocol number, which an accepted socket does not have
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.welcome(sock)

    def welcome(self, sock: socket.socket) -> None:
        """Serve a new connection."""
        self.adopt(self.model.connection(self, sock))

    def adopt(self, connection: Connection) -> None:
        """Add a connection to the server's, and start its transport."""
        self.connections.add(connection)
        task = self.loop.create_task(self._connect(connection))
        self.handlers.add(task)
        task.add_done_callback(self._handler_ended)

    async def _connect(self, connection: Connection) -> None:
        await self.loop.connect_accepted_socket(lambda: connection, connection.socket)

    def close_listener(self) -> None:
        """Stop listening: the kernel refuses new connections from now on.

        The connections in the backlog are accepted first: their clients take them for established, and closing the
        listener would reset them.
        """
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
        """Go on as before for a while, so that load balancers can take notice. A second signal ends it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self.drain_begun_s):
                while not self.forced:
                    await self.news()
        self.draining = True

    def drain_timeout_s(self) -> float | None:
        """Return how long the drain may take, in seconds; None for as long as it needs."""
        return self.options.drain_timeout_s

    async def drain(self) -> None:
        """Serve the requests in flight, and nothing else, until all is done, the time is over, or a second signal comes."""
        self.close_listener()
        self.announce()
        self.begin_drain(self.connections)
        await self.wait_until_quiet(self.time_left_s())
        if not self.quiet():
            await self.end_by_force()

    def announce(self) -> None:
        """Write to the log that the drain begins."""
        requests = sum(len(connection.session.in_flight()) for connection in self.connections if connection.session)
        self.log(f"draining: {len(self.connections)} connections, {requests} requests in flight")

    def begin_drain(self, connections: set[Connection]) -> None:
        """Begin the drain of these connections."""
        for connection in tuple(connections):
            connection.begin_drain()

    def time_left_s(self) -> float | None:
        """Return what is left of the drain timeout, in seconds; None if there is none."""
        timeout_s = self.drain_timeout_s()
        return None if timeout_s is None else self.drain_begun_s + timeout_s - self.loop.time()

    def quiet(self) -> bool:
        """Return whether no connection is open and no handler runs."""
        return not self.connections and not self.handlers

    async def wait_until_quiet(self, limit_s: float | None) -> None:
        """Wait until all is done, a second signal comes, or the limit is over."""
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
        """Cancel the handlers and cut their responses so that none looks whole; then drop connections that stay open."""
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
        await asyncio.sleep(0)  # so that asyncio calls connection_lost of each
