"""HTTP/1.1 requests whose bodies have not arrived, in part or whole, when the shutdown comes.

Their handlers already run. So they are in flight like any other request, and the server reads on in the drain.
"""

from __future__ import annotations

from lastcall.conformance.checks import http1_phases
from lastcall.conformance.model.client_events import InformationalReceived, ResponseEnded
from lastcall.conformance.model.client_steps import (
    Connect,
    Request,
    SendBody,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerReported,
    ListenerClosed,
    ServerExited,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReadBody,
    ReleaseHandler,
    Shutdown,
)
from lastcall.scenarios.usual import CLOSING, ENDING, HTTP1, IN_FLIGHT, SAYS_CLOSE


def _entered(request: str) -> Await:
    """Wait for a handler, but not for ever: some servers collect the whole body before they call the application."""
    return Await(HandlerEntered(request), within="new_connection_s", optional=True)


HALF = b"lastcall\n" * 2000

HTTP1_HALF_BODY = Scenario(
    id="http1-half-body",
    question=(
        "Half of a request's body has arrived when the shutdown comes. Does the handler get the rest, and the client"
        " its response?"
    ),
    protocols=HTTP1,
    launch=LaunchPlan(Duration(3, 10)),
    timeline=steps(
        Connect("announced"),
        Request("announced", method="POST", headers=(("content-length", str(2 * len(HALF))),), body=HALF, whole=False),
        Connect("chunked"),
        Request("chunked", method="POST", body=HALF, whole=False),
        _entered("announced"),
        _entered("chunked"),
        ReadBody("announced"),
        ReadBody("chunked"),
        Elapse(Duration(0.2, 2), "the handlers have read what has come, and wait for more"),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        Elapse(Duration(0.3, 3), "the rest is on its way"),
        SendBody("announced", HALF),
        SendBody("chunked", HALF),
        ReleaseHandler("announced"),
        ReleaseHandler("chunked"),
        Await(ResponseEnded("announced")),
        Await(ResponseEnded("chunked")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        http1_phases.uploads_reach_their_handlers_whole,
        *SAYS_CLOSE,
        *CLOSING,
        *ENDING,
    ),
)

BODY = b"lastcall\n"
EXPECTING = (("content-length", str(len(BODY))), ("expect", "100-continue"))

HTTP1_EXPECT_CONTINUE = Scenario(
    id="http1-expect-continue",
    question=(
        "Clients wait for 100 (Continue) before they send their bodies. Does the server send it during the drain too,"
        " and serve them?"
    ),
    protocols=HTTP1,
    launch=LaunchPlan(Duration(4, 10)),
    timeline=steps(
        Connect("early"),
        Request("early", method="POST", headers=EXPECTING, whole=False),
        Connect("late"),
        Request("late", method="POST", headers=EXPECTING, whole=False),
        _entered("early"),
        _entered("late"),
        ReadBody("early"),
        Await(InformationalReceived("early", 100), within="new_connection_s", optional=True),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        Elapse(Duration(0.5, 2), "the drain is under way when the second handler asks for its body"),
        ReadBody("late"),
        Await(InformationalReceived("late", 100), within="new_connection_s"),
        SendBody("early", BODY),
        SendBody("late", BODY),
        # The handlers are released only now, so that a response cannot seem to have come before its body.
        Await(HandlerReported("early", f"read {len(BODY)}"), within="acknowledgement_s"),
        Await(HandlerReported("late", f"read {len(BODY)}"), within="acknowledgement_s"),
        ReleaseHandler("early"),
        ReleaseHandler("late"),
        Await(ResponseEnded("early")),
        Await(ResponseEnded("late")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        http1_phases.expectations_are_answered,
        http1_phases.uploads_reach_their_handlers_whole,
        *SAYS_CLOSE,
        *CLOSING,
        *ENDING,
    ),
)
