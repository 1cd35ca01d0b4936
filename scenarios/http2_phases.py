"""The shutdown comes in another phase of a connection or a request: before, in, and after its head and body.

A request in its handler is the plain case. Here the handshake, the head, the body or the response is only half done.
"""

from __future__ import annotations

from lastcall.conformance.checks import closing, delivery, goaway, handshakes, http2, serving
from lastcall.conformance.model.client_events import (
    FIN,
    SERVER,
    BodyReceived,
    ConnectionEnded,
    FrameReceived,
    GoawayReceived,
    RequestEnded,
    ResponseEnded,
)
from lastcall.conformance.model.client_steps import (
    READY,
    BeginHead,
    BreakSilence,
    Connect,
    FinishHead,
    Grant,
    Request,
    SendBody,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerReported,
    ServerExited,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReadBody,
    ReleaseHandler,
    SendChunk,
    Shutdown,
)
from lastcall.scenarios.usual import CLOSING, ENDING, FORCED_END, GOAWAY, HTTP2, IN_FLIGHT, SPEAKS, announced

DRAIN = Duration(4, 20)

ZERO_STREAMS = Scenario(
    id="h2-zero-streams",
    question=(
        "The client has sent only its preface and SETTINGS. Does the connection get GOAWAY, and does the server close"
        " it soon?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=steps(
        Connect("a"),
        Await(FrameReceived("a", frame="SETTINGS", flags=("ACK",))),
        Shutdown(),
        Await(ConnectionEnded("a", SERVER, FIN), within="idle_close_s"),
        Await(ServerExited()),
    ),
    checks=(
        closing.unused_connections_close_promptly,
        closing.connections_end_without_reset,
        closing.close_notify_precedes_fin,
        goaway.goaway_precedes_close,
        goaway.goaway_says_no_error,
        goaway.goaway_is_on_stream_zero,
        goaway.goaway_comes_in_two_phases,
        *(check for check in ENDING if check is not serving.requests_by_fate),
    ),
)

HANDSHAKE_LATE = Scenario(
    id="h2-handshake-late",
    question="A silent connection begins its handshake during the drain. Is it closed, does it get GOAWAY, or is it served?",
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=steps(
        Connect("busy"),
        Request("busy"),
        Await(HandlerEntered("busy")),
        Connect("late", silent=True),
        Elapse(Duration(0.3, 1), "the silent connection is accepted"),
        Shutdown(),
        Await(GoawayReceived("busy"), within="goaway_s"),
        BreakSilence("late"),
        Request("late", "late", READY),
        Await(ResponseEnded("late"), within="new_connection_s"),
        ReleaseHandler("busy"),
        Await(ResponseEnded("busy")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, handshakes.late_handshakes_meet_a_clear_fate, *GOAWAY, *CLOSING, *ENDING),
)

HALF_HEAD = Scenario(
    id="h2-half-head",
    question="Half of a request's head is sent before the shutdown, the rest after GOAWAY. Does the request meet a clear fate?",
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=steps(
        Connect("a"),
        Request("a", "in-flight"),
        Await(HandlerEntered("in-flight")),
        BeginHead("a", "half"),
        Elapse(Duration(0.2, 1), "the first half arrives"),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        FinishHead("half"),
        ReleaseHandler("half"),
        Elapse(Duration(0.3, 5), "the request meets its fate"),
        ReleaseHandler("in-flight"),
        Await(ResponseEnded("in-flight")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *GOAWAY, goaway.raced_streams_meet_a_clear_fate, *CLOSING, *ENDING),
)

UPLOAD = Scenario(
    id="h2-upload",
    question=(
        "A request's body, larger than the usual window, is on its way when the shutdown comes. Does the handler read"
        " all of it?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(Duration(6, 20)),
    timeline=steps(
        Connect("a"),
        Request("a", "upload", method="POST", headers=announced(300_000), body=bytes(20_000), whole=False),
        # Some servers collect the whole body before they call the application.
        Await(HandlerEntered("upload"), within="new_connection_s", optional=True),
        ReadBody("upload"),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        SendBody("upload", bytes(80_000), end=False),
        Elapse(Duration(0.7, 5), "the body goes on after the last GOAWAY, too"),
        SendBody("upload", bytes(200_000)),
        Await(RequestEnded("upload"), within="acknowledgement_s"),
        Await(HandlerReported("upload", "read 300000"), within="acknowledgement_s"),
        ReleaseHandler("upload"),
        Await(ResponseEnded("upload")),
        Await(ServerExited()),
    ),
    checks=(http2.uploads_in_flight_are_read_whole, *IN_FLIGHT, *GOAWAY, *CLOSING, *ENDING),
)

FLOW_BLOCKED = Scenario(
    id="h2-flow-blocked",
    question="A response waits for the client's window when the shutdown comes. Is it sent whole once the window opens?",
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=steps(
        Connect("a", window=1000, replenish=False),
        Request("a", "blocked"),
        Await(HandlerEntered("blocked")),
        ReleaseHandler("blocked", 40_000),
        Await(BodyReceived("blocked")),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        Elapse(Duration(1, 5), "the window stays shut for a while"),
        Grant("blocked", 65_535),
        Await(ResponseEnded("blocked")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *GOAWAY, *CLOSING, *ENDING),
)

RESPONSE_HALF_SENT = Scenario(
    id="h2-response-half-sent",
    question="A response is half sent when the shutdown comes. Does the client get the rest?",
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=steps(
        Connect("a"),
        Request("a", "half-sent"),
        Await(HandlerEntered("half-sent")),
        SendChunk("half-sent", 20_000),
        Await(BodyReceived("half-sent")),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        SendChunk("half-sent", 20_000),
        Elapse(Duration(0.7, 5), "the rest is sent in pieces, some after the last GOAWAY"),
        ReleaseHandler("half-sent", 20_000),
        Await(ResponseEnded("half-sent")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *GOAWAY, *CLOSING, *ENDING),
)

ENDLESS = Scenario(
    id="h2-endless",
    question="A response has no end: its handler sends piece after piece. Does the drain timeout end it, so that it looks cut?",
    protocols=HTTP2,
    launch=LaunchPlan(Duration(2, 10)),
    needs_drain=True,
    timeline=steps(
        Connect("a"),
        Request("a", "endless"),
        Await(HandlerEntered("endless")),
        SendChunk("endless"),
        Await(BodyReceived("endless")),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        [SendChunk("endless"), Elapse(Duration(0.4, 2), "the stream goes on")],
        [SendChunk("endless"), Elapse(Duration(0.4, 2), "the stream goes on")],
        SendChunk("endless"),
        Await(ServerExited()),
    ),
    checks=(
        *FORCED_END,
        *SPEAKS,
        delivery.pieces_are_passed_on_in_the_drain,
        goaway.goaway_is_sent,
        goaway.goaway_precedes_close,
        goaway.goaway_is_on_stream_zero,
        goaway.last_stream_id_covers_processed_streams,
    ),
)
