"""The server reloads while clients come and go, and is stopped only later.

A reload is a shutdown of the old workers inside a server that goes on. It is played on servers that document a signal
for it; a server that can have several workers has two.
"""

from __future__ import annotations

from lastcall.conformance.checks import reload
from lastcall.conformance.model.client_events import ResponseEnded
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
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
    FindWorkers,
    ReleaseHandler,
    Shutdown,
    Signal,
)
from lastcall.scenarios.usual import ENDING, HTTP1, HTTP2

RELOAD_UNDER_LOAD = Scenario(
    id="reload-under-load",
    question=(
        "The server reloads while clients connect, stay connected and wait for responses. Is no request lost, and does"
        " the server go on?"
    ),
    protocols=(*HTTP1, *HTTP2),
    launch=LaunchPlan(Duration(5, 20), workers=2),
    needs_signal="reload",
    timeline=steps(
        Connect("held"),
        Request("held"),
        Await(HandlerEntered("held")),
        BeginLoop("kept"),
        BeginLoop("fresh", fresh=True),
        Await(HandlerFinished()),
        Elapse(Duration(0.3, 3), "requests come on an old connection and on new ones"),
        FindWorkers(),
        Signal("reload"),
        Elapse(Duration(3, 10), "new workers start and serve, while an old one has still something to do"),
        ReleaseHandler("held"),
        Await(ResponseEnded("held")),
        Elapse(Duration(0.7, 3), "requests go on coming"),
        FindWorkers(),
        EndLoops(),
        Shutdown(),
        Await(ServerExited()),
    ),
    checks=(
        reload.requests_in_flight_survive_a_reload,
        reload.no_request_is_lost_in_a_reload,
        reload.server_goes_on_after_a_reload,
        reload.new_connections_are_accepted_throughout_a_reload,
        reload.effect_of_a_reload,
        *ENDING,
    ),
)
