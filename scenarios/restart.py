"""A deployment as an application sees it: ordinary clients (httpx) work while a successor replaces the server.

The result is about the client as much as about the server: the report shows what httpx gives its caller, and how long
no server answered. One check is about the server alone: a request that has reached a handler is answered.
"""

from __future__ import annotations

from lastcall.conformance.checks import load
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import (
    HandlerFinished,
    ListenerClosed,
    ServerExited,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    BeginLoad,
    Elapse,
    EndLoops,
    Shutdown,
    StartSuccessor,
)
from lastcall.scenarios.usual import HTTP1, HTTP2, UNVISITED, beside_a_successor

RESTART_UNDER_LOAD = Scenario(
    id="restart-under-load",
    question="Applications that use httpx send requests while a successor replaces the server. What do they get?",
    protocols=(*HTTP1, *HTTP2),
    launch=LaunchPlan(Duration(5, 20)),
    timeline=steps(
        BeginLoad("load", held_s=0.15),
        Await(HandlerFinished()),
        Elapse(Duration(0.4, 5), "the clients are at work"),
        Shutdown(),
        Await(ListenerClosed()),
        StartSuccessor(),
        Elapse(Duration(0.5, 5), "the clients go on with the successor", beyond_exit=True),
        EndLoops(),
        Await(ServerExited()),
    ),
    checks=(
        load.requests_of_the_load_that_entered_are_answered,
        load.ordinary_client_through_a_restart,
        load.outage_of_a_restart,
        *beside_a_successor(UNVISITED),
    ),
)
