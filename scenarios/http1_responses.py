"""HTTP/1.1 responses that take time: to a slow client, to one that goes on sending, and without any end."""

from __future__ import annotations

from lastcall.conformance.checks import closing, delivery, http1_phases, serving
from lastcall.conformance.model.client_events import ResponseEnded, ResponseStarted
from lastcall.conformance.model.client_steps import (
    READY,
    ClosePolicy,
    Connect,
    PauseReading,
    Request,
    ResumeReading,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    ListenerClosed,
    ServerExited,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReleaseHandler,
    SendChunk,
    Shutdown,
)
from lastcall.scenarios.usual import CLOSING, ENDING, FORCED_END, HTTP1, IN_FLIGHT, SAYS_CLOSE, SPEAKS

SMALL_BUFFER = 16 * 1024
LARGE = 4_000_000

HTTP1_SLOW_READER = Scenario(
    id="http1-slow-reader",
    question="A client has read nothing of a response of 4 MB when the shutdown comes. Does it get every byte?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(5, 20)),
    timeline=steps(
        Connect("a", receive_buffer=SMALL_BUFFER),
        Request("a", "large"),
        Await(HandlerEntered("large")),
        PauseReading("a"),
        ReleaseHandler("large", LARGE),
        Elapse(Duration(0.3, 3), "all buffers between the handler and the client are full"),
        Shutdown(),
        Elapse(Duration(0.5, 5), "the client is slow"),
        ResumeReading("a"),
        Await(ResponseEnded("large")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *CLOSING, *ENDING),
)

LATE = (
    http1_phases.responses_survive_what_is_sent_late,
    serving.in_flight_handlers_are_not_cancelled,
    *ENDING,
)

HTTP1_LATE_BYTES = Scenario(
    id="http1-late-bytes",
    question="A client sends more requests before its last response is written. Can it read that response to the end?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(4, 10)),
    timeline=steps(
        Connect("a", receive_buffer=SMALL_BUFFER),
        Request("a", "answered"),
        Await(HandlerEntered("answered")),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        PauseReading("a"),
        [Request("a", f"late-{number}", READY) for number in (1, 2, 3)],
        ReleaseHandler("answered", 200_000),
        Elapse(Duration(0.3, 2), "the response is written, and the client has not read it"),
        ResumeReading("a"),
        Await(ResponseEnded("answered")),
        Await(ServerExited()),
    ),
    checks=LATE,
)

HTTP1_BYTES_AFTER_RESPONSE = Scenario(
    id="http1-bytes-after-response",
    question=(
        "A client sends more requests when its last response is written but not yet read. Can it read that response to"
        " the end?"
    ),
    protocols=HTTP1,
    launch=LaunchPlan(Duration(4, 10)),
    timeline=steps(
        Connect("a", receive_buffer=SMALL_BUFFER),
        Request("a", "answered"),
        Await(HandlerEntered("answered")),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        PauseReading("a"),
        ReleaseHandler("answered", 200_000),
        Elapse(Duration(0.2, 1), "the response is written, and the client has not read it"),
        Request("a", "late-1", READY),
        Elapse(Duration(0.1, 1), "the client goes on"),
        Request("a", "late-2", READY),
        Elapse(Duration(0.1, 1), "the kernel's answer has arrived"),
        ResumeReading("a"),
        Await(ResponseEnded("answered")),
        Await(ServerExited()),
    ),
    checks=LATE,
)

HTTP1_ENDLESS = Scenario(
    id="http1-endless",
    question="A response has no end: its handler sends chunk after chunk. Does the drain timeout end it, so that it looks cut?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(2, 10)),
    needs_drain=True,
    timeline=steps(
        Connect("a"),
        Request("a", "endless"),
        Await(HandlerEntered("endless")),
        SendChunk("endless"),
        Await(ResponseStarted("endless")),
        Shutdown(),
        [
            step
            for _ in range(3)
            for step in (Elapse(Duration(0.3, 2), "the stream has another piece"), SendChunk("endless"))
        ],
        Await(ServerExited()),
    ),
    checks=(
        *FORCED_END,
        *SPEAKS,
        delivery.pieces_are_passed_on_in_the_drain,
    ),
)

HTTP1_RUDE = Scenario(
    id="http1-rude",
    question="The clients never close their side of the connection. Does the server exit in time all the same?",
    protocols=HTTP1,
    launch=LaunchPlan(Duration(5, 20)),
    timeline=steps(
        Connect("a", ClosePolicy.RUDE),
        Request("a", "held"),
        Connect("idle", ClosePolicy.RUDE),
        Request("idle", "request-i", READY),
        Await(HandlerEntered("held")),
        Await(ResponseEnded("request-i")),
        Elapse(Duration(0.2, 2), "the connections have come to rest"),
        Shutdown(),
        Await(ListenerClosed(), within="goaway_s"),
        ReleaseHandler("held"),
        Await(ResponseEnded("held")),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *SAYS_CLOSE, closing.idle_connections_close_promptly, *CLOSING, *ENDING),
)
