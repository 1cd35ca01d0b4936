"""A stream is opened after the signal: in a race with the GOAWAY, or after the server named its last stream.

A client may do what it cannot have known to be late. The server either serves the stream, or says truthfully that it
has not processed it; and the request in flight beside it does not suffer.
"""

from __future__ import annotations

from lastcall.conformance.checks import goaway
from lastcall.conformance.model.client_events import GoawayReceived, ResponseEnded, StreamsEnded
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import HandlerEntered, ServerExited
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    BeginStreams,
    Elapse,
    EndLoops,
    ReleaseHandler,
    Shutdown,
)
from lastcall.scenarios.usual import ENDING, GOAWAY, HTTP2, IN_FLIGHT

RACED_STREAM = Scenario(
    id="raced-stream",
    question="Streams are opened from the moment of the signal until the server names its last one. What becomes of them?",
    protocols=HTTP2,
    launch=LaunchPlan(Duration(7, 21)),
    timeline=steps(
        Connect("a"),
        Request("a", "in-flight"),
        Await(HandlerEntered("in-flight")),
        Shutdown(),
        # One stream is no race: on which side of the GOAWAY it falls would depend on how busy the machine is.
        BeginStreams("a", "raced"),
        Await(GoawayReceived("a"), within="goaway_s"),
        # Between two GOAWAYs a server lets a second or two pass, as it does before it closes an idle connection.
        Await(StreamsEnded("a"), within="idle_close_s"),
        Elapse(Duration(0.5, 5), "the raced streams meet their fate"),
        EndLoops(),
        Request("a", "late"),
        Elapse(Duration(0.3, 5), "the late stream meets its fate"),
        ReleaseHandler("late"),
        ReleaseHandler("in-flight"),
        Await(ResponseEnded("in-flight")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        *GOAWAY,
        goaway.streams_above_last_stream_id_are_not_processed,
        goaway.raced_streams_meet_a_clear_fate,
        *ENDING,
    ),
)

LATE_STREAM = Scenario(
    id="late-stream",
    question=(
        "A stream is opened half a second after the first GOAWAY. Is what the server said about its last stream still"
        " true?"
    ),
    protocols=HTTP2,
    launch=LaunchPlan(Duration(5, 20)),
    timeline=steps(
        Connect("a"),
        Request("a", "in-flight"),
        Await(HandlerEntered("in-flight")),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        Elapse(Duration(0.5, 5), "a round trip has passed, and the server may have named its last stream"),
        Request("a", "late"),
        Elapse(Duration(0.5, 5), "the late stream meets its fate"),
        ReleaseHandler("late"),
        ReleaseHandler("in-flight"),
        Await(ResponseEnded("in-flight")),
        Await(ServerExited()),
    ),
    checks=(
        *IN_FLIGHT,
        *GOAWAY,
        goaway.streams_above_last_stream_id_are_not_processed,
        goaway.raced_streams_meet_a_clear_fate,
        *ENDING,
    ),
)
