"""The application has a shutdown hook of its own (ASGI lifespan), and its handlers listen for disconnects.

The hook closes what the handlers use, so the server calls it after the last handler, and the process waits for it. A
coming shutdown is no disconnect: the client is still there.
"""

from __future__ import annotations

from lastcall.conformance.checks import lifespan
from lastcall.conformance.model.client_events import ResponseEnded
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server import Feature
from lastcall.conformance.model.server_events import (
    ApplicationReported,
    HandlerEntered,
    ListenerClosed,
    ServerExited,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    HoldHook,
    ReleaseHandler,
    ReleaseHook,
    Shutdown,
)
from lastcall.scenarios.usual import ENDING, FORCED_END, IN_FLIGHT, UNVISITED

BOTH = (Protocol.H1, Protocol.H2)
LIFESPAN = frozenset({Feature.LIFESPAN})

LIFESPAN_ORDER = Scenario(
    id="lifespan-order",
    question=(
        "A handler still runs when the shutdown comes. Does the server call the application's shutdown hook only after"
        " it?"
    ),
    protocols=BOTH,
    launch=LaunchPlan(Duration(5, 20)),
    needs=LIFESPAN,
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        Shutdown(),
        Elapse(Duration(1, 5), "the handler goes on working, and needs what the hook will close"),
        ReleaseHandler("a"),
        Await(ResponseEnded("a")),
        Await(ApplicationReported(report="shutdown ended")),
        Await(ServerExited()),
    ),
    checks=(
        lifespan.shutdown_hook_follows_the_last_handler,
        lifespan.server_waits_for_the_shutdown_hook,
        *IN_FLIGHT,
        *ENDING,
    ),
)

LIFESPAN_SLOW_HOOK = Scenario(
    id="lifespan-slow-hook",
    question="The application's shutdown hook takes a second. Does the process wait for it?",
    protocols=(Protocol.H1,),
    launch=LaunchPlan(Duration(6, 20)),
    needs=LIFESPAN,
    timeline=steps(
        HoldHook(),
        Shutdown(),
        Await(ApplicationReported(report="shutdown begun")),
        Elapse(Duration(1, 1), "the hook saves what must not be lost"),
        ReleaseHook(),
        Await(ApplicationReported(report="shutdown ended"), within="goaway_s"),
        Await(ServerExited()),
    ),
    checks=(lifespan.server_waits_for_the_shutdown_hook, *UNVISITED),
)

LIFESPAN_AFTER_EXPIRY = Scenario(
    id="lifespan-after-expiry",
    question="A handler is still held when the drain timeout is over. Is the application's shutdown hook called all the same?",
    protocols=BOTH,
    launch=LaunchPlan(Duration(2, 10)),
    needs_drain=True,
    needs=LIFESPAN,
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        Shutdown(),
        Await(ServerExited()),
    ),
    checks=(
        lifespan.shutdown_hook_after_a_forced_end,
        *FORCED_END,
    ),
)

DISCONNECT_NEWS = Scenario(
    id="disconnect-news",
    question="A handler in flight listens for a disconnect. Does the shutdown report one, though the client still waits?",
    protocols=BOTH,
    launch=LaunchPlan(Duration(5, 20)),
    needs=LIFESPAN,
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        Elapse(Duration(0.7, 5), "the handler works on, and listens"),
        ReleaseHandler("a"),
        Await(ResponseEnded("a")),
        Await(ServerExited()),
    ),
    checks=(lifespan.handlers_hear_of_no_false_disconnect, *IN_FLIGHT, *ENDING),
)
