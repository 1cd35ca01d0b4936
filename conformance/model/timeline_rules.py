"""The rules that a timeline has to keep, checked when its scenario is made and not when it is played.

A fact that can never come would be awaited until its limit: before the shutdown that is "setup failed", after the shutdown
it would look like the server's silence. So every name that a step or a fact uses has to be made by an earlier step, and
what a handler is awaited to do has to be ordered first.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING

from lastcall.conformance.model import client_events, server_events
from lastcall.conformance.model.client_steps import (
    BeginHead,
    BreakSilence,
    Close,
    Connect,
    FinishHead,
    OpenWebSocket,
    PauseReading,
    Request,
    ResumeReading,
    SendBody,
    SendTrailers,
)
from lastcall.conformance.model.limits import Limits
from lastcall.conformance.model.timeline import (
    Await,
    BeginLoad,
    BeginLoop,
    BeginStreams,
    EndLoops,
    FindWorkers,
    HoldHook,
    ReadBody,
    ReleaseHandler,
    ReleaseHook,
    SendChunk,
    Signal,
    SignalWorker,
    StartSuccessor,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.step import Step
    from lastcall.conformance.model.timeline import Timeline

WORKER_ROLES = ("pause", "resume", "kill")
"""The roles that :class:`~lastcall.conformance.model.timeline.SignalWorker` documents."""
ROLES = ("again", "force", "hard", "reload", "pause", "resume")
"""The roles that :class:`~lastcall.conformance.model.timeline.Signal` documents."""
LIMITS = frozenset(item.name for item in dataclasses.fields(Limits)) | {""}

_OF_WEBSOCKETS = (
    client_events.WebSocketOpened,
    client_events.WebSocketRefused,
    client_events.MessageReceived,
    client_events.MessageCut,
    client_events.CloseReceived,
)
_OF_HANDLERS = (
    server_events.HandlerEntered,
    server_events.HandlerReported,
    server_events.HandlerFinished,
    server_events.HandlerFailed,
    server_events.HandlerCancelled,
)
_OF_LOADS = (client_events.LoadSent, client_events.LoadAnswered, client_events.LoadFailed)
_OF_SUCCESSORS = (server_events.SuccessorStarted, server_events.SuccessorReady, server_events.SuccessorFailed)

_OF_THE_HARNESS = (
    server_events.AwaitExpired,
    server_events.HandlerOrdered,
    server_events.HarnessFailed,
    server_events.LagMeasured,
    server_events.PlayEnded,
    server_events.ServerKilled,
    server_events.ServerStarted,
    server_events.SetupFailed,
    server_events.SignalSent,
    server_events.StepBegun,
)
"""What the player records of itself, which no step has to wait for."""

_AFTER: dict[type[Step], tuple[type[Step], ...]] = {
    ReleaseHook: (HoldHook,),
    EndLoops: (BeginLoop, BeginLoad, BeginStreams),
    SignalWorker: (FindWorkers,),
}
"""Steps that need an earlier step of one of these classes."""

_ONLY_AFTER: tuple[tuple[tuple[type[Event], ...], type[Step], str], ...] = (
    (_OF_LOADS, BeginLoad, "no load has begun"),
    (_OF_SUCCESSORS, StartSuccessor, "no successor has been started"),
    ((server_events.ConnectionAccepted,), FindWorkers, "no earlier FindWorkers() looks for it"),
    ((client_events.StreamsEnded,), BeginStreams, "no earlier BeginStreams() has begun any"),
)
"""Facts that need an earlier step of a kind, and what is wrong without it."""


def fault_of(timeline: Timeline) -> str:
    """Return what is wrong with a timeline in one line that names the step; empty if nothing is."""
    before: list[Step] = []
    for step in timeline:
        if fault := _fault(step, _Before(before)):
            return f"{step}: {fault}"
        before.append(step)
    return ""


class _Before:
    """The steps before one step, and the names that they have made."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.connections = {step.connection: step for step in steps if isinstance(step, Connect)}
        self.requests = {step.name: step for step in steps if isinstance(step, (Request, OpenWebSocket))}
        self.loops = [step.name for step in steps if isinstance(step, (BeginLoop, BeginLoad, BeginStreams))]

    def any(self, *kinds: type[Step]) -> bool:
        return any(isinstance(step, kinds) for step in self.steps)

    def of(self, kind: type[Step], **values: object) -> bool:
        alike = (step for step in self.steps if isinstance(step, kind))
        return any(all(getattr(step, name) == value for name, value in values.items()) for step in alike)

    def in_a_loop(self, request: str) -> bool:
        return any(request.startswith(f"{name}-") for name in self.loops)

    def unknown_connection(self, name: str) -> str:
        if name in self.connections or any(name.startswith(f"{loop}/") for loop in self.loops):
            return ""
        return f"no earlier step opens a connection {name!r}{_meant(name, self.connections)}"

    def unknown_request(self, name: str) -> str:
        if name in self.requests or self.in_a_loop(name):
            return ""
        return f"no earlier step sends a request {name!r}{_meant(name, self.requests)}"

    def not_held(self, name: str) -> str:
        request = self.requests.get(name)
        if isinstance(request, Request) and not request.path.startswith("/hold/"):
            return f"the request {name!r} goes to {request.path}, whose handler is not held"
        return ""


def _meant(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; is {near[0]!r} meant?" if near else ""


def _fault(step: Step, before: _Before) -> str:
    match step:
        case Connect():
            twice = step.connection in before.connections
            return f"the connection {step.connection!r} is opened twice" if twice else ""
        case Request() | OpenWebSocket():
            return _fault_of_request(step, before)
        case Await():
            unknown = f"there is no limit {step.within!r}{_meant(step.within, LIMITS)}"
            return unknown if step.within not in LIMITS else _fault_of_fact(step.fact, before)
        case Signal() | SignalWorker() if fault := _fault_of_role(step):
            return fault
        case StartSuccessor() if before.any(StartSuccessor):
            return "a successor is started already"
    return _fault_of_names(step, before) or _fault_of_order(step, before)


def _fault_of_role(step: Signal | SignalWorker) -> str:
    roles = ROLES if isinstance(step, Signal) else WORKER_ROLES
    known = f"there is no role {step.role!r}{_meant(step.role, roles)}; known are {', '.join(roles)}"
    return "" if step.role in roles else known


def _fault_of_request(step: Request | OpenWebSocket, before: _Before) -> str:
    if step.name in before.requests:
        return f"events know a request by its name, and {step.name!r} is used twice"
    if before.of(Close, connection=step.connection):
        return f"the client has closed the connection {step.connection!r} before"
    return before.unknown_connection(step.connection)


def _fault_of_names(step: Step, before: _Before) -> str:
    """Return what is wrong with the connection or the request that a step is about."""
    names = {item.name for item in dataclasses.fields(step)}
    if "connection" in names and (fault := before.unknown_connection(getattr(step, "connection"))):  # noqa: B009 - not every step has one
        return fault
    return before.unknown_request(getattr(step, "request")) if "request" in names else ""  # noqa: B009


def _fault_of_order(step: Step, before: _Before) -> str:
    """Return which earlier step is missing for this one to make sense."""
    for kind, needed in _AFTER.items():
        if isinstance(step, kind) and not before.any(*needed):
            return f"it needs {' or '.join(f'{earlier.__name__}()' for earlier in needed)} before it"
    if isinstance(step, (ReadBody, SendChunk, ReleaseHandler)):
        released = before.of(ReleaseHandler, request=step.request)
        return f"the handler of {step.request!r} is released already" if released else before.not_held(step.request)
    return _fault_of_client(step, before)


def _fault_of_client(step: Step, before: _Before) -> str:
    """Return why a client cannot do a step that continues an earlier one; empty if it can."""
    match step:
        case FinishHead() if not before.of(BeginHead, name=step.request):
            return f"the head of {step.request!r} was sent whole: BeginHead() sends a half"
        case SendBody() | SendTrailers() if not _is_unfinished(step.request, before):
            return f"the request {step.request!r} was sent whole: Request(whole=False) leaves it open"
        case ResumeReading() if not before.of(PauseReading, connection=step.connection):
            return f"the connection {step.connection!r} was not paused"
        case BreakSilence() if not before.connections[step.connection].silent:
            return f"the connection {step.connection!r} was not opened silently"
    return ""


def _is_unfinished(name: str, before: _Before) -> bool:
    request = before.requests.get(name)
    return isinstance(request, Request) and not request.whole


def _fault_of_fact(fact: Event, before: _Before) -> str:
    """Return why a fact can never come; empty if it can."""
    connection, request = getattr(fact, "connection", ""), getattr(fact, "request", "")
    if connection and (fault := before.unknown_connection(connection)):
        return fault
    if isinstance(fact, _OF_THE_HARNESS):
        return f"{type(fact).__name__} is the harness's own, and nothing to wait for"
    for kinds, needed, fault in _ONLY_AFTER:
        if isinstance(fact, kinds) and not before.any(needed):
            return fault
    if isinstance(fact, _OF_LOADS):
        return _fault_of_load(request, before)
    if not request:
        return _fault_of_nameless(fact, before)
    return before.unknown_request(request) or _fault_of_request_fact(fact, request, before)


def _fault_of_load(request: str, before: _Before) -> str:
    loads = [step.name for step in before.steps if isinstance(step, BeginLoad)]
    if request and not any(request.startswith(f"{name}-") for name in loads):
        return f"no earlier load sends a request {request!r}; its requests are called {loads[0]}-1 and so on"
    return ""


def _fault_of_nameless(fact: Event, before: _Before) -> str:
    """Return why no request and no connection can be meant by a fact that names none; empty if one can."""
    names = {item.name for item in dataclasses.fields(fact)}
    if "request" in names and not before.any(Request, OpenWebSocket, BeginLoop, BeginLoad, BeginStreams):
        return "no earlier step sends a request"
    if "connection" in names and not before.any(Connect, BeginLoop):
        return "no earlier step opens a connection"
    return ""


def _fault_of_request_fact(fact: Event, request: str, before: _Before) -> str:
    if isinstance(fact, _OF_WEBSOCKETS) and not isinstance(before.requests.get(request), OpenWebSocket):
        return f"{request!r} is no WebSocket"
    if before.in_a_loop(request):
        return ""
    if isinstance(fact, _OF_HANDLERS) and (fault := before.not_held(request)):
        return fault
    if isinstance(fact, server_events.HandlerFinished) and not before.of(ReleaseHandler, request=request):
        return f"no earlier ReleaseHandler() releases the handler of {request!r}"
    return _fault_of_report(fact, before) if isinstance(fact, server_events.HandlerReported) else ""


def _fault_of_report(fact: server_events.HandlerReported, before: _Before) -> str:
    verb, _, length = fact.report.partition(" ")
    if verb == "read" and not before.of(ReadBody, request=fact.request):
        return f"no earlier ReadBody() orders the handler of {fact.request!r} to read"
    if verb == "sent" and not before.of(SendChunk, request=fact.request, length=int(length or 0)):
        return f"no earlier SendChunk() orders the handler of {fact.request!r} to send {length} bytes"
    return ""
