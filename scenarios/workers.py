"""A server with two worker processes: each drains what it has accepted, and the process that gets the signal exits last."""

from __future__ import annotations

from lastcall.conformance.checks import ending, serving, workers
from lastcall.conformance.model.client_events import ResponseEnded
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server import Feature
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    ListenerClosed,
    ServerExited,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    FindWorkers,
    ReleaseHandler,
    Shutdown,
    SignalWorker,
)
from lastcall.scenarios.usual import ENDING

BOTH = (Protocol.H1, Protocol.H2)
OTHERS = [f"client-{number}" for number in range(1, 9)]
EVERYBODY = ["first", *OTHERS]

# While the worker that holds the first connection is stopped, the other one accepts the new connections: so two are at work.
# Where each worker has a queue of its own (SO_REUSEPORT), the first one finds its share when it goes on.
ON_BOTH_WORKERS = steps(
    Connect("first"),
    Request("first"),
    Await(HandlerEntered("first")),
    FindWorkers(),
    SignalWorker("first", "pause"),
    [step for name in OTHERS for step in (Connect(name), Request(name))],
    Await(HandlerEntered(OTHERS[0]), within="new_connection_s", optional=True),
    SignalWorker("first", "resume"),
    [Await(HandlerEntered(name)) for name in EVERYBODY],
    FindWorkers(),
)

HARMED_BY_THE_LOSS = (ending.exit_status_is_documented, ending.server_prints_no_stack_trace)
"""A server that has lost a worker may say so, and need not call its end a success."""

WORKERS_DRAIN = Scenario(
    id="workers-drain",
    question=(
        "Two worker processes have requests in their handlers at the shutdown. Does each serve its own, and does the"
        " first process exit last?"
    ),
    protocols=BOTH,
    launch=LaunchPlan(Duration(6, 30), workers=2),
    needs=frozenset({Feature.WORKERS}),
    timeline=steps(
        *ON_BOTH_WORKERS,
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        Elapse(Duration(0.4, 5), "the handlers go on working"),
        ReleaseHandler("first"),
        Await(ResponseEnded("first")),
        Elapse(Duration(0.8, 5), "the worker that has served its one request exits, and the other one is not done"),
        [ReleaseHandler(name) for name in OTHERS],
        [Await(ResponseEnded(name)) for name in OTHERS],
        Await(ServerExited()),
    ),
    checks=(
        workers.every_worker_serves_what_it_holds,
        workers.first_process_outlives_its_workers,
        workers.requests_by_worker,
        serving.responses_are_whole,
        *ENDING,
    ),
)

WORKER_LOST = Scenario(
    id="worker-lost-during-drain",
    question=(
        "A worker process is killed during the drain. Do the others still serve their requests, and does the server"
        " exit in time?"
    ),
    protocols=BOTH,
    launch=LaunchPlan(Duration(6, 30), workers=2),
    needs=frozenset({Feature.WORKERS}),
    timeline=steps(
        *ON_BOTH_WORKERS,
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        Elapse(Duration(0.3, 2), "the drain is under way"),
        SignalWorker("first", "kill"),
        Elapse(Duration(0.5, 2), "the loss has its effect, if it has one"),
        [ReleaseHandler(name) for name in EVERYBODY],
        [Await(ResponseEnded(name)) for name in EVERYBODY],
        Await(ServerExited()),
    ),
    checks=(
        workers.siblings_of_a_lost_worker_serve_what_they_hold,
        workers.first_process_outlives_its_workers,
        workers.requests_by_worker,
        *(check for check in ENDING if check not in (ending.server_exits_once_drained, *HARMED_BY_THE_LOSS)),
        ending.exit_status_after_a_forced_end,
    ),
)
