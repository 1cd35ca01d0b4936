"""Clients that run by themselves beside the timeline: loops of our own client, and the load of an ordinary client."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from lastcall.conformance.model import client_steps, timeline
from lastcall.conformance.model.client_events import GoawayReceived, ResponseEnded, StreamReset, StreamsEnded

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from lastcall.conformance.harness.client.clients import Clients
    from lastcall.conformance.harness.client.load import Load
    from lastcall.conformance.harness.gate.gate import Gate
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.timeline import BackgroundStep

PAUSE_S = 0.01
"""The pause between a request and the next one of the same client."""
FAILED_PAUSE_S = 0.05
"""The pause after a request that failed or could not be sent: a client that is refused does not retry without a break."""


class Background:
    """All clients of a play that run by themselves."""

    def __init__(self, recorder: Recorder, clients: Clients, gate: Gate, limits: Limits, load: Load) -> None:
        self._recorder = recorder
        self._clients = clients
        self._gate = gate
        self._limits = limits
        self._load = load
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def execute(self, step: BackgroundStep) -> None:
        """Start a client, or let all of them finish."""
        match step:
            case timeline.BeginLoop():
                self._begin(self._loop(step))
            case timeline.BeginStreams():
                self._begin(self._streams(step))
            case timeline.BeginLoad():
                for number in range(1, step.clients + 1):
                    self._begin(self._load.client(step, number, self._over))
            case timeline.EndLoops():
                await self.end()

    async def end(self) -> None:
        """Return when every client has finished its current request; raises a client's error, which is the harness's own."""
        self._over.set()
        tasks, self._tasks = self._tasks, []
        await asyncio.gather(*tasks)

    async def cancel(self) -> None:
        """Cancel every client: the play is over."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, client: Coroutine[Any, Any, None]) -> None:
        self._over.clear()
        self._tasks.append(asyncio.create_task(client))

    async def _loop(self, step: timeline.BeginLoop) -> None:
        connection, number, connections = "", 0, 0
        while not self._over.is_set():
            number += 1
            if not connection:
                connections += 1
                connection = f"{step.name}/{connections}"
                if not await self._clients.execute(client_steps.Connect(connection)):
                    connection = ""
            served = bool(connection) and await self._ask(connection, f"{step.name}-{number}", step.held_s)
            if connection and (step.fresh or not served or self._is_draining(connection)):
                await self._clients.execute(client_steps.Close(connection))
                connection = ""
            await rest(self._over, PAUSE_S if served else FAILED_PAUSE_S)
            # A GOAWAY may arrive in the pause. A well-behaved client sends nothing more on such a connection.
            if connection and self._is_draining(connection):
                await self._clients.execute(client_steps.Close(connection))
                connection = ""

    async def _streams(self, step: timeline.BeginStreams) -> None:
        waiting: list[str] = []
        sent = 0
        while not self._over.is_set() and not self._takes_no_more(step.connection):
            waiting = [request for request in waiting if not self._is_over(request)]
            if len(waiting) < step.at_once:
                sent += 1
                request = f"{step.name}-{sent}"
                waiting.append(request)
                # Its handler is released whether the client still waits for it or not: nothing holds the server's drain.
                asyncio.get_running_loop().call_later(step.held_s, self._gate.order, request, "finish 9")
                await self._clients.execute(client_steps.Request(step.connection, request, step.target))
            await rest(self._over, step.every_s)
        self._recorder.did(StreamsEnded(step.connection, step.name, sent, by_server=not self._over.is_set()))
        # Until the last of them is released: what is still held when the loops have ended, somebody else holds.
        await asyncio.sleep(step.held_s)

    def _takes_no_more(self, connection: str) -> bool:
        """Return whether the server takes no further request on a connection, and has said so or ended it."""
        opened = self._clients.connection(connection)
        goaways = [goaway for goaway in self._recorder.of(GoawayReceived) if goaway.connection == connection]
        # The first of two GOAWAYs announces the second: until that one comes, streams may be opened.
        announced = bool(goaways) and all(goaway.excludes_nothing for goaway in goaways)
        return opened.over or (opened.wire.draining and not announced)

    def _is_over(self, request: str) -> bool:
        return self._recorder.has(ResponseEnded(request)) or self._recorder.has(StreamReset(request))

    async def _ask(self, connection: str, request: str, held_s: float) -> bool:
        """Send one request, wait until it or its connection is over or the limit has passed; return whether it was served."""
        ended = ResponseEnded(request)

        def decided() -> bool:
            return self._is_over(request) or self._clients.impossible(ended)

        # The handler is released even if the client no longer waits: a held handler would prolong the server's drain.
        asyncio.get_running_loop().call_later(held_s, self._gate.order, request, "finish 9")
        await self._clients.execute(client_steps.Request(connection, request))
        await self._recorder.wait(decided, self._limits.new_connection_s + held_s)
        return self._recorder.has(ended)

    def _is_draining(self, connection: str) -> bool:
        opened = self._clients.connection(connection)
        return opened.over or opened.wire.draining


async def rest(over: asyncio.Event, pause_s: float) -> None:
    """Wait for a pause, which ends early when ``over`` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(pause_s):
            await over.wait()
