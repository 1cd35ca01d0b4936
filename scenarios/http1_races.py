"""HTTP/1.1 requests that meet the shutdown: not yet in their handlers, or sent when the server has begun to close.

HTTP/1.1 has no GOAWAY. A client that sends a request on a connection that is being closed cannot know what became of
it, unless the server has said ``Connection: close`` before. So the server must not process a request that it will not
answer.
"""

from __future__ import annotations

from lastcall.conformance.checks import closing, http1, http1_phases
from lastcall.conformance.model.client_events import ResponseEnded, ResponseStarted
from lastcall.conformance.model.client_steps import (
    READY,
    BeginHead,
    ClosePolicy,
    Connect,
    FinishHead,
    Request,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    ListenerClosed,
    ServerExited,
)
from lastcall.conformance.model.step import Duration, Step
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReleaseHandler,
    Shutdown,
)
from lastcall.scenarios.usual import CLOSING, ENDING, HTTP1, IN_FLIGHT, SAYS_CLOSE

AT_REST = Elapse(Duration(0.2, 2), "the connections are accepted and have come to rest")

HTTP1_SECOND_REQUEST_AFTER_CLOSE = Scenario(
    id="http1-second-request-after-close",
    question=(
        "A client sends another request after its last response. Does the server leave it alone, and serve the other"
        " client's request?"
    ),
    protocols=HTTP1,
    launch=LaunchPlan(Duration(3, 10)),
    timeline=steps(
        Connect("a", ClosePolicy.RUDE),
        Request("a", "first"),
        Connect("beside"),
        Request("beside"),
        Await(HandlerEntered("first")),
        Await(HandlerEntered("beside")),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        ReleaseHandler("first"),
        Await(ResponseStarted("first")),
        Request("a", "second"),
        ReleaseHandler("second"),
        Await(ResponseEnded("second"), within="after_response_close_s"),
        Elapse(Duration(0.2, 1), "the server has dealt with the second request"),
        ReleaseHandler("beside"),
        Await(ResponseEnded("beside")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *SAYS_CLOSE, *CLOSING, *ENDING),
)


def _used(connection: str) -> list[Step]:
    return [
        Connect(connection),
        Request(connection, f"{connection}-0", READY),
        Await(ResponseEnded(f"{connection}-0")),
    ]


def _released_request(connection: str, request: str) -> list[Step]:
    return [Request(connection, request), ReleaseHandler(request)]


RACED_AFTER_S = (0.0, 0.003, 0.006, 0.011, 0.019, 0.031, 0.048, 0.083, 0.13, 0.21, 0.33)
"""How long after the one before it each request is sent, each on an idle connection of its own, which can race only once:
close together at first, and up to the second that servers take before they close what is idle."""

_RACERS = [f"idle-{number}" for number, _after_s in enumerate(RACED_AFTER_S, 1)]


def _race(after_s: float, connection: str) -> list[Step]:
    waited = [Elapse(Duration(after_s, after_s), "the server is about to close idle connections")] if after_s else []
    return [*waited, *_released_request(connection, f"raced-{connection}")]


HTTP1_IDLE_RACE = Scenario(
    id="http1-idle-race",
    question="Clients send requests on idle connections from the signal on, until they close. What becomes of them?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(3, 10)),
    timeline=steps(
        [step for name in _RACERS for step in _used(name)],
        AT_REST,
        Shutdown(),
        [step for after_s, name in zip(RACED_AFTER_S, _RACERS, strict=True) for step in _race(after_s, name)],
        [Await(ResponseEnded(f"raced-{name}")) for name in _RACERS],
        Await(ServerExited()),
    ),
    checks=(
        http1_phases.overtaken_requests_are_answered_or_untouched,
        closing.connections_end_without_reset,
        closing.close_notify_precedes_fin,
        *ENDING,
    ),
)

HTTP1_HALF_HEAD = Scenario(
    id="http1-half-head",
    question="Half of a request's head has arrived when the shutdown comes. Is the request served, or clearly not processed?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(3, 10)),
    timeline=steps(
        Connect("fresh"),
        _used("used"),
        BeginHead("fresh", "first-request"),
        BeginHead("used", "second-request"),
        AT_REST,
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        Elapse(Duration(0.3, 3), "the rest of the head is on its way"),
        ReleaseHandler("first-request"),
        ReleaseHandler("second-request"),
        FinishHead("first-request"),
        FinishHead("second-request"),
        Await(ResponseEnded("first-request")),
        Await(ResponseEnded("second-request")),
        Await(ServerExited()),
    ),
    checks=(
        http1_phases.overtaken_requests_are_answered_or_untouched,
        http1_phases.last_responses_say_close,
        http1.close_option_is_obeyed,
        closing.connections_end_without_reset,
        closing.close_notify_precedes_fin,
        *ENDING,
    ),
)

HTTP1_PIPELINED = Scenario(
    id="http1-pipelined",
    question="Two requests are pipelined, and the first is in its handler when the shutdown comes. What becomes of the second?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(3, 10)),
    timeline=steps(
        Connect("a"),
        Request("a", "first"),
        Request("a", "second"),
        Await(HandlerEntered("first")),
        AT_REST,
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        ReleaseHandler("second"),
        ReleaseHandler("first"),
        Await(ResponseEnded("first")),
        Await(ResponseEnded("second")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        http1_phases.overtaken_requests_are_answered_or_untouched,
        http1_phases.last_responses_say_close,
        http1.close_option_is_obeyed,
        closing.connections_end_without_reset,
        closing.close_notify_precedes_fin,
        *ENDING,
    ),
)

BEFORE = ("before-1", "before-2")
AFTER = ("after-1", "after-2", "after-3")

HTTP1_BUSY_KEEP_ALIVE = Scenario(
    id="http1-busy-keep-alive",
    question=(
        "A client sends request after request on one connection across the shutdown. Does the server say close, and"
        " lose none?"
    ),
    protocols=HTTP1,
    launch=LaunchPlan(Duration(3, 10)),
    timeline=steps(
        Connect("a"),
        [step for name in BEFORE for step in (Request("a", name), ReleaseHandler(name), Await(ResponseEnded(name)))],
        Request("a", "across"),
        Await(HandlerEntered("across")),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        ReleaseHandler("across"),
        Await(ResponseEnded("across")),
        [
            step
            for name in AFTER
            for step in (
                Elapse(Duration(0.1, 0.5), "the client has another request"),
                Request("a", name),
                ReleaseHandler(name),
                Await(ResponseEnded(name), within="after_response_close_s"),
            )
        ],
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *SAYS_CLOSE, http1_phases.last_responses_say_close, *CLOSING, *ENDING),
)
