"""The founding timelines: the one that golang/go#39776 played by hand, and its variants, against any server.

A server gets its shutdown signal while an HTTP/2 connection carries requests that are in their handlers. Their clients
are owed the responses. Go's ``Server.Shutdown`` took a connection older than five seconds for one that was never used,
and closed it: so the age of the connection is part of the timeline, and the fast pace does not shorten it.
"""

from __future__ import annotations

from lastcall.conformance.checks import closing, delivery, goaway, resource_use
from lastcall.conformance.model.client_events import (
    FrameReceived,
    GoawayReceived,
    ResponseEnded,
    ResponseStarted,
)
from lastcall.conformance.model.client_steps import (
    READY,
    Connect,
    Request,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import HandlerEntered, ServerExited
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReadProcessorTime,
    ReleaseHandler,
    SendChunk,
    Shutdown,
)
from lastcall.scenarios.usual import CLOSING, ENDING, FORCED_END, GOAWAY, HTTP2, IN_FLIGHT, SPEAKS

AGE = Elapse(Duration(5.5, 10), "the connection grows old: Go's bug needed it to be older than 5 s")
MID_HANDLER = Elapse(Duration(0.6, 10), "request 1 is in the middle of its handler, its connection more than 6 s old")
STILL_WORKING = Elapse(Duration(1, 10), "the handler goes on working after the shutdown")

ONE_REQUEST = Scenario(
    id="one-request",
    question="One request is in its handler on an old connection when the shutdown comes. Does it get its response?",
    protocols=HTTP2,
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
        Await(GoawayReceived("a"), within="goaway_s"),
        STILL_WORKING,
        ReleaseHandler("request-1"),
        Await(ResponseEnded("request-1")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, delivery.responses_are_not_held_back, *GOAWAY, *CLOSING, *ENDING),
)


def _fan_out(number: int, in_words: str, drain: Duration, held: Duration) -> Scenario:
    names = [f"request-{place}" for place in range(1, number + 1)]
    return Scenario(
        id=f"{in_words.lower()}-requests",
        question=f"{in_words} requests are in their handlers on one connection at the shutdown. Does each get its response?",
        protocols=HTTP2,
        launch=LaunchPlan(drain),
        streams_at_once=number,
        timeline=steps(
            Connect("a"),
            [Request("a", name) for name in names],
            [Await(HandlerEntered(name)) for name in names],
            Shutdown(),
            Await(GoawayReceived("a"), within="goaway_s"),
            Elapse(Duration(0.5, 5), "the first work of the drain is done"),
            ReadProcessorTime(),
            Elapse(held, "the handlers go on working, and their connection grows older in the drain"),
            ReadProcessorTime(),
            [ReleaseHandler(name) for name in names],
            [Await(ResponseEnded(name)) for name in names],
            Await(ServerExited()),
        ),
        checks=(
            *IN_FLIGHT,
            delivery.responses_are_not_held_back,
            resource_use.drain_does_not_spin,
            *GOAWAY,
            *CLOSING,
            *ENDING,
        ),
    )


# Longer than the 5 s after which Go took the connection of these requests for one that was never used.
TWENTY_FIVE_REQUESTS = _fan_out(25, "Twenty-five", Duration(10, 90), held=Duration(6, 55))
SIX_REQUESTS = _fan_out(6, "Six", Duration(6, 20), held=Duration(2.5, 10))
"""For servers that handle fewer than twenty-five requests at a time."""

DEADLINE_FIRST = Scenario(
    id="deadline-first",
    question=(
        "The drain timeout is over while two handlers still run. Does the server force the end, and does a cut response"
        " look cut?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(Duration(3, 10)),
    needs_drain=True,
    streams_at_once=2,
    timeline=steps(
        Connect("a"),
        Request("a", "request-0", READY),
        Await(ResponseEnded("request-0")),
        AGE,
        Request("a", "request-1"),
        Request("a", "request-2"),
        Await(HandlerEntered("request-1")),
        Await(HandlerEntered("request-2")),
        SendChunk("request-2"),
        Await(ResponseStarted("request-2")),
        Elapse(Duration(0.6, 10), "the requests are in the middle of their handlers"),
        Shutdown(),
        Await(ServerExited()),
    ),
    checks=(
        *FORCED_END,
        *SPEAKS,
        goaway.goaway_is_sent,
        goaway.goaway_precedes_close,
        goaway.goaway_is_on_stream_zero,
        goaway.last_stream_id_never_increases,
        goaway.last_stream_id_covers_processed_streams,
    ),
)

FRESH_IDLE_AND_NEW = Scenario(
    id="fresh-idle-and-new",
    question=(
        "One connection is busy, one idle, one has sent only its preface, one is silent, and a new one comes during the"
        " drain. What becomes of each?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(Duration(9, 25)),
    timeline=steps(
        Connect("busy"),
        Request("busy", "request-0", READY),
        Await(ResponseEnded("request-0")),
        AGE,
        Connect("idle"),
        Request("idle", "request-i", READY),
        Await(ResponseEnded("request-i")),
        Connect("preface"),
        Await(FrameReceived("preface", frame="SETTINGS", flags=("ACK",))),
        Request("busy", "request-1"),
        Await(HandlerEntered("request-1")),
        MID_HANDLER,
        # Just before the signal: Go closes a silent connection when it is 5 s old, whatever else happens.
        Connect("silent", silent=True),
        Elapse(Duration(0.2, 0.2), "the silent connection is accepted"),
        Shutdown(),
        Await(GoawayReceived("busy"), within="goaway_s"),
        Elapse(Duration(0.5, 2), "the drain is under way when a new client comes"),
        Connect("new"),
        Request("new", "request-n", READY),
        Await(ResponseEnded("request-n"), within="new_connection_s"),
        STILL_WORKING,
        ReleaseHandler("request-1"),
        Await(ResponseEnded("request-1")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        *GOAWAY,
        closing.idle_connections_close_promptly,
        closing.unused_connections_close_promptly,
        closing.silent_connections_close_promptly,
        closing.new_connections_meet_a_clear_fate,
        closing.fate_of_new_connections,
        *CLOSING,
        *ENDING,
    ),
)
