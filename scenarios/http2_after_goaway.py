"""After GOAWAY an HTTP/2 connection still has its duties: windows, compression and PINGs belong to it, not to streams.

The server still counts and decompresses what it does not process; otherwise the streams in flight suffer.
"""

from __future__ import annotations

from lastcall.conformance.checks import http2
from lastcall.conformance.model.client_events import (
    BodyReceived,
    FrameReceived,
    GoawayReceived,
    RequestEnded,
    ResponseEnded,
)
from lastcall.conformance.model.client_steps import (
    Connect,
    Ping,
    Replenish,
    Request,
    SendBody,
    SendPriority,
    SendSettings,
    SendTrailers,
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
from lastcall.scenarios.usual import CLOSING, ENDING, GOAWAY, HTTP2, IN_FLIGHT, announced

DRAIN = Duration(6, 20)
LAST_STREAM_NAMED = Elapse(Duration(0.7, 5), "a round trip has passed, and the server may have named its last stream")
DISCARDED = Elapse(Duration(0.2, 2), "the late stream meets its fate")

NOISE_AFTER_GOAWAY = Scenario(
    id="h2-noise-after-goaway",
    question="The client sends PING, SETTINGS, PRIORITY and WINDOW_UPDATE after GOAWAY. Does the server treat them as before?",
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=steps(
        Connect("a", replenish=False),
        Request("a", "in-flight"),
        Await(HandlerEntered("in-flight")),
        SendChunk("in-flight", 20_000),
        Await(BodyReceived("in-flight")),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        SendSettings("a"),
        SendPriority("in-flight"),
        Replenish("a"),
        Ping("a"),
        Await(FrameReceived("a", "PING", flags=("ACK",)), within="acknowledgement_s"),
        LAST_STREAM_NAMED,
        SendSettings("a"),
        Ping("a"),
        Elapse(Duration(0.3, 2), "the answers come"),
        ReleaseHandler("in-flight", 60_000),
        Await(ResponseEnded("in-flight")),
        Await(ServerExited()),
    ),
    checks=(
        http2.pings_are_answered_in_the_drain,
        http2.settings_are_acknowledged_in_the_drain,
        *IN_FLIGHT,
        *GOAWAY,
        *CLOSING,
        *ENDING,
    ),
)

UPLOAD_BESIDE_DISCARDED_DATA = Scenario(
    id="h2-upload-raced-data",
    question=(
        "The body of a stream opened after GOAWAY, which no handler reads, uses up the connection's window. Does the"
        " upload in flight go on?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=steps(
        Connect("a"),
        Request("a", "upload", method="POST", headers=announced(210_000), body=bytes(10_000), whole=False),
        # Some servers collect the whole body before they call the application.
        Await(HandlerEntered("upload"), within="new_connection_s", optional=True),
        ReadBody("upload"),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        LAST_STREAM_NAMED,
        Request("a", "late", method="POST", headers=announced(1_200_000), body=bytes(1_200_000)),
        ReadBody("late"),
        ReleaseHandler("late"),
        DISCARDED,
        SendBody("upload", bytes(200_000)),
        Await(RequestEnded("upload"), within="acknowledgement_s"),
        Await(HandlerReported("upload", "read 210000"), within="acknowledgement_s"),
        ReleaseHandler("upload"),
        Await(ResponseEnded("upload")),
        Await(ServerExited()),
    ),
    checks=(
        http2.data_of_discarded_streams_is_given_back,
        http2.uploads_in_flight_are_read_whole,
        *IN_FLIGHT,
        *GOAWAY,
        *CLOSING,
        *ENDING,
    ),
)

NOTES = tuple((f"x-note-{number}", f"of the late stream, {number}") for number in range(1, 5))
BEFORE = ("x-note", "of the upload")

TRAILERS_AFTER_DISCARDED_HEAD = Scenario(
    id="h2-trailers-after-raced-head",
    question=(
        "The head of a stream opened after GOAWAY, which no handler gets, fills the HPACK table. Does the server still"
        " understand the upload's trailers?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(DRAIN),
    timeline=steps(
        Connect("a"),
        Request("a", "upload", method="POST", headers=(*announced(10_000), BEFORE), body=bytes(10_000), whole=False),
        # Some servers collect the whole body before they call the application.
        Await(HandlerEntered("upload"), within="new_connection_s", optional=True),
        ReadBody("upload"),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        LAST_STREAM_NAMED,
        Request("a", "late", headers=NOTES),
        ReleaseHandler("late"),
        DISCARDED,
        SendTrailers("upload", (BEFORE, *NOTES)),
        Await(HandlerReported("upload", "read 10000"), within="acknowledgement_s"),
        ReleaseHandler("upload"),
        Await(ResponseEnded("upload")),
        Await(ServerExited()),
    ),
    checks=(
        http2.fields_of_discarded_streams_are_decompressed,
        http2.uploads_in_flight_are_read_whole,
        *IN_FLIGHT,
        *GOAWAY,
        *CLOSING,
        *ENDING,
    ),
)
