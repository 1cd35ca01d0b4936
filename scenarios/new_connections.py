"""The first moments after the signal: the balancer has not heard of it yet, and clients still come.

Orchestrators send the signal and take the server out of the balancer at the same time, so for a while new clients come to a
server that is told to stop. Some servers can be told to wait for that; what the others do is recorded.
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
    question="New clients come one after another, before the signal and after it. Until when are they served, and what then?",
    protocols=BOTH,
    launch=LaunchPlan(Duration(6, 30)),
    timeline=steps(
        Connect("held"),
        Request("held"),
        Await(HandlerEntered("held")),
        BeginLoop("new", fresh=True, held_s=0),
        Await(HandlerFinished()),
        Shutdown(),
        Elapse(Duration(1.2, 10), "a balancer has not yet heard of the shutdown"),
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
    question="The server is told to go on accepting for a while after the signal. Are those who come then served?",
    protocols=BOTH,
    launch=LaunchPlan(Duration(5, 30), lame_duck=Duration(1, 10)),
    timeline=steps(
        Connect("held"),
        Request("held"),
        Await(HandlerEntered("held")),
        BeginLoop("new", fresh=True, held_s=0),
        Await(HandlerFinished()),
        Shutdown(),
        Elapse(Duration(0.4, 4), "clients go on coming, and so does who asks whether it is ready"),
        Connect("ready"),
        Request("ready", target=READY),
        Await(ResponseEnded("ready"), within="new_connection_s"),
        Elapse(Duration(1, 8), "the time is over, and the drain begins"),
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
