"""The founding questions in HTTP/1.1: it has no GOAWAY, but ``Connection: close`` and the end of the connection."""

from __future__ import annotations

from lastcall.conformance.checks import closing, delivery, resource_use
from lastcall.conformance.model.client_events import ResponseEnded, ResponseStarted
from lastcall.conformance.model.client_steps import (
    READY,
    Connect,
    Request,
)
from lastcall.conformance.model.launch import LaunchPlan
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
    ReadProcessorTime,
    ReleaseHandler,
    SendChunk,
    Shutdown,
)
from lastcall.scenarios.usual import CLOSING, ENDING, FORCED_END, HTTP1, IN_FLIGHT, SAYS_CLOSE, SPEAKS

AGE = Elapse(Duration(5.5, 10), "the connection grows as old as in the HTTP/2 timeline")
MID_HANDLER = Elapse(Duration(0.6, 10), "request 1 is in the middle of its handler")

HTTP1_ONE_REQUEST = Scenario(
    id="http1-one-request",
    question="One request is in its handler on an old connection when the shutdown comes. Does it get its response?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(5, 20)),
    timeline=steps(
        Connect("a"),
        Request("a", "request-0", READY),
        Await(ResponseEnded("request-0")),
        AGE,
        Request("a", "request-1"),
        Await(HandlerEntered("request-1")),
        MID_HANDLER,
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        Elapse(Duration(0.2, 1), "the first work of the drain is done"),
        ReadProcessorTime(),
        Elapse(Duration(2.5, 9), "the handler goes on working after the shutdown"),
        ReadProcessorTime(),
        ReleaseHandler("request-1"),
        Await(ResponseEnded("request-1")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        delivery.responses_are_not_held_back,
        resource_use.drain_does_not_spin,
        *SAYS_CLOSE,
        *CLOSING,
        *ENDING,
    ),
)

HTTP1_IDLE_AND_NEW = Scenario(
    id="http1-idle-and-new",
    question="One connection is busy, one idle, one is silent, and a new one comes during the drain. What becomes of each?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(9, 25)),
    timeline=steps(
        Connect("busy"),
        Request("busy"),
        Await(HandlerEntered("busy")),
        Connect("idle"),
        Request("idle", "request-i", READY),
        Await(ResponseEnded("request-i")),
        Connect("silent", silent=True),
        Elapse(Duration(0.3, 3), "the connections are accepted and have come to rest"),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        Elapse(Duration(0.5, 2), "the drain is under way when a new client comes"),
        Connect("new"),
        Request("new", "request-n", READY),
        Await(ResponseEnded("request-n"), within="new_connection_s"),
        ReleaseHandler("busy"),
        Await(ResponseEnded("busy")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        *SAYS_CLOSE,
        closing.idle_connections_close_promptly,
        closing.silent_connections_close_promptly,
        closing.new_connections_meet_a_clear_fate,
        closing.fate_of_new_connections,
        *CLOSING,
        *ENDING,
    ),
)

HTTP1_DEADLINE_FIRST = Scenario(
    id="http1-deadline-first",
    question=(
        "The drain timeout is over while two handlers still run. Does the server force the end, and does a cut response"
        " look cut?"
    ),
    protocols=HTTP1,
    launch=LaunchPlan(Duration(3, 10)),
    needs_drain=True,
    timeline=steps(
        Connect("a"),
        Request("a", "held"),
        Connect("b"),
        Request("b", "half-sent"),
        Await(HandlerEntered("held")),
        Await(HandlerEntered("half-sent")),
        SendChunk("half-sent"),
        Await(ResponseStarted("half-sent")),
        Elapse(Duration(0.6, 5), "the requests are in the middle of their handlers"),
        Shutdown(),
        Await(ServerExited()),
    ),
    checks=(*FORCED_END, *SPEAKS),
)
