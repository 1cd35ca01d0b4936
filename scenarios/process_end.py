"""The process between its supervisor and its successor: without work, with much work, and with a successor beside it."""

from __future__ import annotations

from lastcall.conformance.checks import ending, http1_phases, process
from lastcall.conformance.model.client_events import ResponseEnded
from lastcall.conformance.model.client_steps import (
    READY,
    Connect,
    Request,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    ListenerClosed,
    ServerExited,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReleaseHandler,
    Shutdown,
    Signal,
    StartSuccessor,
)
from lastcall.scenarios.usual import (
    CLOSING,
    ENDING,
    GOAWAY,
    HTTP1,
    HTTP2,
    IN_FLIGHT,
    SAYS_CLOSE,
    UNVISITED,
    beside_a_successor,
)

BOTH = (Protocol.H1, Protocol.H2)

IDLE_EXIT = Scenario(
    id="idle-exit",
    question="No connection is open when the shutdown comes. Does the process exit soon, whatever its drain timeout?",
    protocols=BOTH,
    launch=LaunchPlan(Duration(6, 30)),
    timeline=steps(
        Elapse(Duration(0.3, 3), "the server has come to rest after its boot"),
        Shutdown(),
        Await(ServerExited()),
    ),
    checks=(
        ending.idle_server_exits_promptly,
        *(check for check in UNVISITED if check is not ending.server_exits_once_drained),
    ),
)

SUCCESSOR = Scenario(
    id="successor-during-drain",
    question="A successor starts on the same port while a request is still in flight. Do both servers serve?",
    protocols=BOTH,
    launch=LaunchPlan(Duration(8, 30)),
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        StartSuccessor(),
        Elapse(Duration(0.3, 5), "both run side by side"),
        ReleaseHandler("a"),
        Await(ResponseEnded("a")),
        Await(ServerExited()),
    ),
    checks=(process.successor_serves_during_the_drain, *IN_FLIGHT, *beside_a_successor(ENDING)),
)

CROWD = [f"client-{number}" for number in range(1, 41)]

MANY_AT_ONCE = steps(
    [step for name in CROWD for step in (Connect(name), Request(name))],
    [Await(HandlerEntered(name)) for name in CROWD],
    Shutdown(),
    Elapse(Duration(0.7, 10), "the handlers go on working"),
    [ReleaseHandler(name) for name in CROWD],
    [Await(ResponseEnded(name)) for name in CROWD],
    Await(ServerExited()),
)

MANY_CONNECTIONS = Scenario(
    id="many-connections",
    question="Forty clients each have a request in its handler, on a connection of their own. Is every one of them served?",
    protocols=HTTP2,
    launch=LaunchPlan(Duration(6, 40)),
    timeline=MANY_AT_ONCE,
    checks=(*IN_FLIGHT, *GOAWAY, *CLOSING, *ENDING),
)

HTTP1_MANY_CONNECTIONS = Scenario(
    id="http1-many-connections",
    question="Forty clients each have a request in its handler, on a connection of their own. Is every one of them served?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(6, 40)),
    timeline=MANY_AT_ONCE,
    checks=(*IN_FLIGHT, *SAYS_CLOSE, *CLOSING, *ENDING),
)

PAUSED_SERVER = Scenario(
    id="paused-server",
    question=(
        "Requests and then the shutdown signal arrive while the server is stopped (SIGSTOP). What becomes of them when"
        " it goes on?"
    ),
    protocols=(Protocol.H1,),
    launch=LaunchPlan(Duration(4, 20)),
    timeline=steps(
        Connect("known"),
        Request("known", "first", READY),
        Await(ResponseEnded("first")),
        Elapse(Duration(0.2, 2), "the connection has come to rest"),
        Signal("pause"),
        Connect("waiting"),
        Request("waiting", "in-the-backlog"),
        Request("known", "unread"),
        Shutdown(),
        Signal("resume"),
        Elapse(Duration(0.7, 5), "the server reads what has come, or closes on it"),
        ReleaseHandler("in-the-backlog"),
        ReleaseHandler("unread"),
        Await(ResponseEnded("in-the-backlog")),
        Await(ResponseEnded("unread")),
        Await(ServerExited()),
    ),
    checks=(http1_phases.overtaken_requests_are_answered_or_untouched, *ENDING),
)
