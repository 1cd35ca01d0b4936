"""The clients of one play: its connections, by their names in the timeline."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.connection import ClientConnection
from lastcall.conformance.model import client_steps
from lastcall.conformance.model.client_events import (
    CLIENT,
    CLOSE_NOTIFY,
    CloseReceived,
    ConnectionEnded,
    GoawayReceived,
    StreamsEnded,
)
from lastcall.conformance.model.server_events import (
    ApplicationReported,
    HandlerEntered,
    HandlerFinished,
    HandlerReported,
    ListenerClosed,
    ServerExited,
)
from lastcall.conformance.wire.client import Outgoing

if TYPE_CHECKING:
    from lastcall.conformance.harness.client.transport import Endpoint
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.client_steps import ClientStep
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.wire.client import WireClient
    from lastcall.conformance.wire.h2 import H2Client

_OF_HANDLERS = (HandlerEntered, HandlerFinished, HandlerReported)
_OF_THE_SERVER = (ServerExited, ListenerClosed)


class TimelineError(Exception):
    """A timeline uses a connection or a request that it has not made; the message names it."""


class Clients:
    """All clients of a play."""

    def __init__(self, recorder: Recorder, endpoint: Endpoint, limits: Limits) -> None:
        self._recorder = recorder
        self._endpoint = endpoint
        self._limits = limits
        self._connections: dict[str, ClientConnection] = {}
        self._connection_of: dict[str, str] = {}

    def use_drain_limits(self) -> None:
        """Use the limits of the drain from now on: a new connection has to be decided within ``new_connection_s``."""
        self._limits = replace(self._limits, connect_s=self._limits.new_connection_s)

    async def execute(self, step: ClientStep) -> bool:  # noqa: C901 - one line a step
        """Execute a client's step; return False only for a connection that could not be opened."""
        match step:
            case client_steps.Connect():
                opened = self._connections[step.connection] = ClientConnection(step, self._recorder, self._endpoint)
                return await opened.connect(self._limits)
            case client_steps.BreakSilence():
                return await self.connection(step.connection).speak(self._limits)
            case client_steps.Request():
                self._connection_of[step.name] = step.connection
                self.connection(step.connection).tell(partial(_send_request, step))
            case client_steps.PauseReading():
                self.connection(step.connection).pause()
            case client_steps.ResumeReading():
                self.connection(step.connection).resume()
            case client_steps.OpenWebSocket():
                self._connection_of[step.name] = step.connection
                self.connection(step.connection).open_websocket(step)
            case client_steps.Close():
                self.connection(step.connection).close()
            case client_steps.SendBody():
                self._of(step.request).tell(lambda wire: wire.send_body(step.request, step.body, end=step.end))
            case client_steps.FinishHead():
                self._of(step.request).tell(lambda wire: wire.finish_head(step.request))
            case client_steps.SendRaw():
                self.connection(step.connection).tell(lambda wire: wire.send_raw(step.data, step.what))
            case _:
                self._tell_http2(step)
        return True

    def _tell_http2(self, step: ClientStep) -> None:
        match step:
            case client_steps.SendTrailers():
                self._of(step.request).tell_http2(lambda wire: wire.send_trailers(step.request, step.trailers))
            case client_steps.Ping():
                self.connection(step.connection).tell_http2(lambda wire: wire.send_ping())
            case client_steps.SendSettings():
                self.connection(step.connection).tell_http2(lambda wire: wire.send_settings())
            case client_steps.SendPriority():
                self._of(step.request).tell_http2(lambda wire: wire.send_priority(step.request))
            case client_steps.ResetRequest():
                self._of(step.request).tell_http2(lambda wire: wire.send_reset(step.request))
            case client_steps.Grant():
                self._of(step.request).tell_http2(lambda wire: wire.grant(step.request, step.increment))
            case client_steps.Replenish():
                self.connection(step.connection).tell_http2(_replenish)
            case _:
                raise TimelineError(f"no client can do {step}")

    def _of(self, request: str) -> ClientConnection:
        """Return the connection on which a request was sent."""
        if request not in self._connection_of:
            raise TimelineError(f"no request {request!r} has been sent")
        return self.connection(self._connection_of[request])

    def connection(self, name: str) -> ClientConnection:
        """Return the connection of that name; raises :class:`TimelineError` where none has been opened."""
        if name not in self._connections:
            raise TimelineError(f"no connection {name!r} has been opened")
        return self._connections[name]

    def impossible(self, fact: Event) -> bool:
        """Return whether a fact can no longer come, because its connection or its process is over.

        A step that waits ends at once then, so a lost request costs no time. When in doubt the answer is False: the step
        only waits until its limit, while a wrong True would skip a fact that was still to come.
        """
        # The end of a connection is what makes streams end, so it does not make their end impossible.
        if isinstance(fact, (*_OF_THE_SERVER, StreamsEnded)):
            return False
        # A handler may go on without its client's connection, but not without its process.
        if isinstance(fact, _OF_HANDLERS):
            return bool(self._recorder.trace.of(ServerExited))
        name: str = getattr(fact, "connection", "") or self._connection_of.get(getattr(fact, "request", ""), "")
        if name not in self._connections:
            return False
        # close_notify is part of the byte stream; each other end by the server can still come after the last byte.
        if isinstance(fact, ConnectionEnded) and fact.by != CLIENT and fact.how != CLOSE_NOTIFY:
            return self._connections[name].silent_for_good
        return self._connections[name].over

    @property
    def all_over(self) -> bool:
        """Whether the server has ended every connection."""
        return all(connection.over for connection in self._connections.values())

    def abandon(self) -> list[str]:
        """Close everything, and return the names of the connections that the server had not ended."""
        return [name for name, connection in self._connections.items() if connection.abandon()]


def _send_request(step: client_steps.Request, wire: WireClient) -> None:
    outgoing = Outgoing(step.name, step.method, step.path, step.headers, step.body, whole=step.whole)
    if isinstance(step, client_steps.BeginHead):
        wire.begin_head(outgoing)
    else:
        wire.send_request(outgoing)


def _replenish(wire: H2Client) -> None:
    wire.replenish = True
    wire.replenish_now()


SHUTDOWN_FACTS = (
    GoawayReceived,
    ServerExited,
    ListenerClosed,
    ConnectionEnded,
    ApplicationReported,
    CloseReceived,
    StreamsEnded,
)
"""Facts that only a shutdown causes: a control does not wait for them."""
