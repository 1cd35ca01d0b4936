"""A session with one server, booted as for a play, but without a timeline and without a trace on disk.

The contract kit and the capability probe use it. Both must reach the server by the same code as a play, so that what they
find is also true in a play.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lastcall.conformance.harness.application import open_application
from lastcall.conformance.harness.client.clients import Clients
from lastcall.conformance.harness.process.lifecycle import ServerUnderTest
from lastcall.conformance.harness.process.readiness import NotReadyError
from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.model.client_events import (
    ResponseEnded,
    ResponseStarted,
    StreamReset,
)
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.event import Event
from lastcall.conformance.model.launch import Launch, LaunchOptions
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerFinished,
    HandlerReported,
    HarnessFailed,
    RemoveFailed,
)
from lastcall.conformance.model.trace import Play
from lastcall.conformance.model.words import in_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from lastcall.conformance.harness.client.transport import Endpoint
    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.harness.gate.gate import Gate
    from lastcall.conformance.harness.process.server_process import ServerProcess
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.server import Server

E = TypeVar("E", bound=Event)

DRAIN_S = 5.0
"""The drain timeout to configure; the server is not shut down."""


class ServerSessionError(Exception):
    """The server did not do what was requested; the message says in one line how that showed."""


@dataclass(frozen=True)
class ServerSession:
    """A booted server, and the clients of one article of the contract or of one attempt of the probe."""

    recorder: Recorder
    gate: Gate
    process: ServerProcess
    clients: Clients
    protocol: Protocol
    limits: Limits

    async def ask(
        self, request: str, target: str = "", *, method: str = "GET", body: bytes = b"", on: str = ""
    ) -> None:
        """Send a request, by default to a held handler; ``on`` an earlier request's connection where HTTP/2 allows it."""
        connection = on if on and self.protocol.multiplexes else request
        if connection == request and not await self.clients.execute(Connect(connection)):
            raise ServerSessionError(f"connection {connection!r} could not be opened")
        # RFC 9110 §8.6: a client sends Content-Length if the method defines a meaning for a body, even an empty one.
        headers = (("content-length", str(len(body))),) if body or method == "POST" else ()
        await self.clients.execute(Request(connection, request, target, method, headers, body))

    async def expect(self, fact: E) -> E:
        """Wait for an event that fits and return it; raises :class:`ServerSessionError` if none comes."""
        request = getattr(fact, "request", "")

        def decided() -> bool:
            recorder = self.recorder
            given_up = self.clients.impossible(fact) or recorder.has(StreamReset(request)) or self._broke_protocol()
            return recorder.has(fact) or bool(given_up)

        await self.recorder.wait(decided, self.limits.before_shutdown_s)
        event = self.recorder.trace.first(fact)
        if event is None:
            raise ServerSessionError(
                self._broke_protocol() or f"this never came: {in_words(fact)}; {self._heard(request)}"
            )
        return event

    async def order(self, request: str, *orders: str) -> None:
        """Send orders to a handler, each after the handler has reported the one before as done."""
        await self.expect(HandlerEntered(request))
        for order in orders:
            self.gate.order(request, order)
            verb, _, length = order.partition(" ")
            if verb == "send":
                await self.expect(HandlerReported(request, f"sent {length}"))
            elif verb == "finish":
                await self.expect(HandlerFinished(request))

    async def answer(self, request: str, status: int, body: bytes | None = None) -> ResponseStarted:
        """Wait for a whole response, compare it, and return its head; raises :class:`ServerSessionError` if it differs."""
        started = await self.expect(ResponseStarted(request))
        if started.status != status:
            raise ServerSessionError(f"{request!r} was answered with status {started.status}, not {status}")
        ended = await self.expect(ResponseEnded(request))
        if body is not None and ended.length != len(body):
            raise ServerSessionError(f"the body of {request!r} had {ended.length} bytes, not {len(body)}")
        if body is not None and ended.sha256 != hashlib.sha256(body).hexdigest():
            raise ServerSessionError(f"the body of {request!r} had the right length ({ended.length}) but other bytes")
        return started

    async def over(self, request: str) -> bool:
        """Wait until a request is answered or reset, or its connection is over; return whether that came in time."""
        ended, reset = ResponseEnded(request), StreamReset(request)

        def decided() -> bool:
            return self.recorder.has(ended) or self.recorder.has(reset) or self.clients.impossible(ended)

        return await self.recorder.wait(decided, self.limits.before_shutdown_s)

    def _broke_protocol(self) -> str:
        return next((failed.reason for failed in self.recorder.trace.of(HarnessFailed)), "")

    def _heard(self, request: str) -> str:
        events = [event for event in self.recorder.events if getattr(event, "request", "") == request]
        return f"the last of {request!r} was: {in_words(events[-1])}" if events else f"nothing was heard of {request!r}"


@dataclass(frozen=True)
class BootedServer:
    """A server that is ready, and what a session with it needs."""

    recorder: Recorder
    gate: Gate
    process: ServerProcess
    launch: Launch
    limits: Limits
    endpoint: Endpoint

    @contextlib.contextmanager
    def session(self) -> Iterator[ServerSession]:
        """Yield a session with clients of its own, whose connections are closed afterwards."""
        clients = Clients(self.recorder, self.endpoint, self.limits)
        try:
            yield ServerSession(self.recorder, self.gate, self.process, clients, self.launch.protocol, self.limits)
        finally:
            clients.abandon()


@contextlib.asynccontextmanager
async def boot(
    environment: Environment, server: Server, protocol: Protocol, limits: Limits
) -> AsyncIterator[BootedServer]:
    """Start a server through its adapter, wait until it serves, and end it afterwards; raises :class:`ServerSessionError`."""
    recorder = Recorder(Play("session", server.name, str(protocol), "fast"), environment.clock)
    async with contextlib.AsyncExitStack() as opened:
        gate, launch = await opened.enter_async_context(
            open_application(
                server,
                protocol,
                recorder=recorder,
                certificates=environment.certificates,
                drain_s=DRAIN_S,
                options=LaunchOptions(),
            )
        )
        tested = ServerUnderTest(environment, recorder, server, launch, gate=gate.address, limits=limits)
        opened.push_async_callback(tested.end, "the session is over")
        try:
            async with environment.boot_limiter:
                await tested.start()
        except (OSError, NotReadyError) as error:
            await tested.end("it does not serve")
            also = "".join(f"; {failed.reason}" for failed in recorder.trace.of(RemoveFailed))
            raise ServerSessionError(f"{server.name} over {protocol} cannot be asked: {error}{also}") from error
        yield BootedServer(recorder, gate, tested.process, launch, limits, tested.endpoint)
