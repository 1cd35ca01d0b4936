"""How the client behaves at the end: it sends GOAWAY, it never closes, or it gives up a request in the middle.

If a server waits for its clients, the rudest of them decides how long its shutdown takes.
"""

from __future__ import annotations

from lastcall.conformance.checks import closing, goaway
from lastcall.conformance.model.client_events import (
    FIN,
    SERVER,
    ConnectionEnded,
    GoawayReceived,
    ResponseEnded,
)
from lastcall.conformance.model.client_steps import (
    READY,
    ClosePolicy,
    Connect,
    Request,
    ResetRequest,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import HandlerEntered, ServerExited
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReleaseHandler,
    Shutdown,
    Timeline,
)
from lastcall.scenarios.usual import CLOSING, ENDING, GOAWAY, HTTP2, IN_FLIGHT

DRAIN = Duration(4, 20)


def busy(close_policy: ClosePolicy) -> Timeline:
    """Return the timeline of a client with one request in its handler."""
    return steps(
        Connect("a", close_policy),
        Request("a"),
        Await(HandlerEntered("a")),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        Elapse(Duration(0.7, 5), "the handler goes on working after the shutdown"),
        ReleaseHandler("a"),
        Await(ResponseEnded("a")),
        Await(ServerExited()),
    )


def idle(close_policy: ClosePolicy) -> Timeline:
    """Return the timeline of a client that waits for nothing."""
    return steps(
        Connect("a", close_policy),
        Request("a", "done", READY),
        Await(ResponseEnded("done")),
        Shutdown(),
        Await(ConnectionEnded("a", SERVER, FIN), within="idle_close_s"),
        Await(ServerExited()),
    )


POLITE_CLIENT = Scenario(
    id="h2-polite-client",
    question="The client sends GOAWAY and closes as soon as it has its response. Does the server end in order?",
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=busy(ClosePolicy.POLITE),
    checks=(
        *IN_FLIGHT,
        # Chance decides who closes first here, so no check is about the server's close.
        *(check for check in GOAWAY if check is not goaway.goaway_precedes_close),
        *ENDING,
    ),
)

RUDE_CLIENT = Scenario(
    id="h2-rude-client",
    question="The client never closes, not even after the server has. Does the server exit in time all the same?",
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=busy(ClosePolicy.RUDE),
    checks=(*IN_FLIGHT, *GOAWAY, *CLOSING, *ENDING),
)

IDLE_POLITE = Scenario(
    id="h2-idle-polite",
    question="An idle client sends GOAWAY and closes as soon as it learns of the shutdown. Does the server end in order?",
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=idle(ClosePolicy.POLITE),
    checks=(
        goaway.goaway_says_no_error,
        goaway.goaway_is_on_stream_zero,
        goaway.goaway_comes_in_two_phases,
        goaway.last_stream_id_covers_processed_streams,
        *ENDING,
    ),
)

IDLE_RUDE = Scenario(
    id="h2-idle-rude",
    question=(
        "An idle client never closes, not even after the server has. Does it get GOAWAY and a close, and does the"
        " server exit in time?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=idle(ClosePolicy.RUDE),
    checks=(
        closing.idle_connections_close_promptly,
        closing.connections_end_without_reset,
        closing.close_notify_precedes_fin,
        goaway.goaway_precedes_close,
        goaway.goaway_says_no_error,
        goaway.goaway_is_on_stream_zero,
        goaway.goaway_comes_in_two_phases,
        goaway.last_stream_id_covers_processed_streams,
        *ENDING,
    ),
)

CLIENT_GIVES_UP = Scenario(
    id="h2-client-gives-up",
    question=(
        "The client gives up one of its two requests during the drain. Is the other one served, and does the drain end"
        " without delay?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    streams_at_once=2,
    timeline=steps(
        Connect("a"),
        Request("a", "wanted"),
        Request("a", "given-up"),
        Await(HandlerEntered("wanted")),
        Await(HandlerEntered("given-up")),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        ResetRequest("given-up"),
        Elapse(Duration(0.3, 5), "the server has read that the request is given up"),
        ReleaseHandler("given-up"),
        Elapse(Duration(0.4, 5), "the other handler goes on working"),
        ReleaseHandler("wanted"),
        Await(ResponseEnded("wanted")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *GOAWAY, *CLOSING, *ENDING),
)
