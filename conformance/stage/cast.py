"""The probes of one play, by the names that the timeline gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.stage.probe import Probe
from conformance.trace import (
    Event,
    FinReceived,
    GoawayReceived,
    HandlerEntered,
    HandlerFinished,
    HandlerReported,
    ListenerClosed,
    ResetReceived,
    ServerExited,
)
from conformance.wire.client import Outgoing

if TYPE_CHECKING:
    import ssl

    from conformance.limits import Limits
    from conformance.server import Protocol
    from conformance.stage.recorder import Recorder
    from conformance.timeline import Connect, Request, SendBody

_OF_HANDLERS = (HandlerEntered, HandlerFinished, HandlerReported)
_OF_THE_SERVER = (ServerExited, ListenerClosed)


class TimelineError(Exception):
    """A timeline speaks of a connection or a request that it has not made; the message names it."""


class Cast:
    """All clients of a play."""

    def __init__(
        self, recorder: Recorder, protocol: Protocol, port: int, limits: Limits, tls: ssl.SSLContext | None
    ) -> None:
        self._recorder = recorder
        self._protocol = protocol
        self._port = port
        self._limits = limits
        self._tls = tls
        self._probes: dict[str, Probe] = {}
        self._connection_of: dict[str, str] = {}

    async def connect(self, step: Connect) -> bool:
        """Open a connection; tells whether it stands."""
        probe = Probe(step.connection, self._recorder, self._protocol, self._port, step.manners)
        self._probes[step.connection] = probe
        return await probe.connect(self._limits, self._tls, silent=step.silent)

    def request(self, step: Request) -> None:
        """Send a request."""
        self._connection_of[step.name] = step.connection
        self.probe(step.connection).send_request(
            Outgoing(step.name, step.method, step.path, step.headers, step.body, whole=step.whole)
        )

    def send_body(self, step: SendBody) -> None:
        """Send more of a request's body."""
        if step.request not in self._connection_of:
            raise TimelineError(f"no request {step.request!r} has been sent")
        self.probe(self._connection_of[step.request]).send_body(step.request, step.body, end=step.end)

    def probe(self, connection: str) -> Probe:
        """Give a connection's probe."""
        if connection not in self._probes:
            raise TimelineError(f"no connection {connection!r} has been opened")
        return self._probes[connection]

    def impossible(self, fact: Event) -> bool:
        """Tell whether a fact can no longer come: its connection is over, or its process."""
        if isinstance(fact, _OF_THE_SERVER):
            return False
        if isinstance(fact, _OF_HANDLERS):
            return bool(self._recorder.trace.of(ServerExited))
        name: str = getattr(fact, "connection", "") or self._connection_of.get(getattr(fact, "request", ""), "")
        if name not in self._probes:
            return False
        if isinstance(fact, (FinReceived, ResetReceived)):
            return self._probes[name].silent_for_good
        return self._probes[name].over

    @property
    def all_over(self) -> bool:
        """Whether the server has ended every connection."""
        return all(probe.over for probe in self._probes.values())

    def abandon(self) -> list[str]:
        """Stop waiting; gives the names of the connections that the server had not ended."""
        return [name for name, probe in self._probes.items() if probe.abandon()]


SHUTDOWN_FACTS = (GoawayReceived, ServerExited, ListenerClosed, FinReceived, ResetReceived)
"""What only a shutdown makes happen: a control does not wait for it."""
