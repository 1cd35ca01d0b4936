"""The first moments after the signal: the load balancer has not heard of it yet, and new connections still come.

Orchestrators send the signal and take the server out of the load balancer at the same time, so for a while new
connections reach a server that has its signal. Some servers can be configured to wait for that (lame duck); for the
others, the report says what they do.
"""

from __future__ import annotations

from lastcall.conformance.checks import lame_duck
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
    HandlerFinished,
    ServerExited,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    BeginLoop,
    Elapse,
    EndLoops,
    ReleaseHandler,
    Shutdown,
)
from lastcall.scenarios.usual import ENDING, IN_FLIGHT

BOTH = (Protocol.H1, Protocol.H2)

NEWCOMERS = Scenario(
    id="newcomers-after-signal",
    question=(
        "New connections come one after another, before and after the signal. How long are they served, and what comes"
        " then?"
    ),
    protocols=BOTH,
    launch=LaunchPlan(Duration(6, 30)),
    timeline=steps(
        Connect("held"),
        Request("held"),
        Await(HandlerEntered("held")),
        BeginLoop("new", fresh=True, held_s=0),
        Await(HandlerFinished()),
        Shutdown(),
        Elapse(Duration(1.2, 10), "a load balancer has not yet heard of the shutdown"),
        EndLoops(),
        ReleaseHandler("held"),
        Await(ResponseEnded("held")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        lame_duck.newcomers_after_the_signal,
        *ENDING,
    ),
)

LAME_DUCK = Scenario(
    id="lame-duck-newcomers",
    question=(
        "The server is configured to go on accepting for a while after the signal (lame duck). Are new connections"
        " served then?"
    ),
    protocols=BOTH,
    launch=LaunchPlan(Duration(5, 30), lame_duck=Duration(1, 10)),
    timeline=steps(
        Connect("held"),
        Request("held"),
        Await(HandlerEntered("held")),
        BeginLoop("new", fresh=True, held_s=0),
        Await(HandlerFinished()),
        Shutdown(),
        Elapse(Duration(0.4, 4), "clients go on coming, and a readiness probe comes too"),
        Connect("ready"),
        Request("ready", target=READY),
        Await(ResponseEnded("ready"), within="new_connection_s"),
        Elapse(Duration(1, 8), "the lame-duck period is over, and the drain begins"),
        EndLoops(),
        ReleaseHandler("held"),
        Await(ResponseEnded("held")),
        Await(ServerExited()),
    ),
    checks=(
        lame_duck.newcomers_are_served_in_the_lame_duck,
        lame_duck.newcomers_after_the_signal,
        lame_duck.readiness_after_the_signal,
        *IN_FLIGHT,
        *ENDING,
    ),
)
