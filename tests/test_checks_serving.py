"""Checks of requests in flight on literal traces: what each answers, and at which edge."""

import hashlib

import pytest

from lastcall.conformance.checks import serving as checks
from lastcall.conformance.model.client_events import (
    ResponseEnded,
    ResponseStarted,
    StreamReset,
    TlsEstablished,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerFinished,
    HandlerOrdered,
    ServerExited,
    ServerKilled,
)
from tests.ends import abandoned, close_notify_received, fin_received, fin_sent, reset_received
from tests.traces import BODY, LAG, SIGNAL, answered, at, exits, goaway, held, judged, opened, ready, released

BUSY = (*opened(), *held(), SIGNAL)
ORDERED = at(1.0, HandlerOrdered("r", "finish 9"))
FINISHED = at(1.01, HandlerFinished("r", 9))
SERVED = (ORDERED, FINISHED, *answered())
OWING = (checks.in_flight_requests_are_served, checks.in_flight_handlers_are_not_cancelled)
ALL = (*OWING, checks.responses_are_whole, checks.cut_responses_look_cut)


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *opened(), *held(), *SERVED, says="not sent its shutdown signal")


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_a_signal_to_a_dead_server_is_no_shutdown(check):
    judged(check, "cannot tell", *opened(), *held(), exits(-0.5, -11), SIGNAL, *SERVED, says="while it ran")


# --- who is owed a response ---


@pytest.mark.parametrize("check", OWING, ids=lambda check: check.id)
@pytest.mark.parametrize(
    "events",
    [
        (*opened(), *ready(), SIGNAL),
        (*opened(), *held(seconds=0.1), SIGNAL, *SERVED),
        (*opened(), held()[0], at(0.005, HandlerEntered("r"), width_s=0.01), SIGNAL, *SERVED),
        (*BUSY, at(1, fin_received("a"))),
        (*BUSY, at(3.75, HandlerOrdered("r", "finish 9")), at(4, fin_received("a"))),
        (*opened(), *held(), at(-0.5, fin_received("a")), SIGNAL, ORDERED),
        (*opened(), *held(), at(-0.5, HandlerCancelled("r")), SIGNAL, ORDERED),
        (*opened(), *held(), at(-0.5, StreamReset("r", 8)), SIGNAL, ORDERED),
        (*BUSY, at(0.5, fin_sent("a")), at(0.6, fin_received("a")), at(0.6, HandlerCancelled("r")), ORDERED),
    ],
    ids=[
        "none held",
        "entered after the signal",
        "entered while it was sent",
        "never released",
        "released as the drain timeout ended",
        "connection lost before",
        "handler lost before",
        "stream lost before",
        "client left",
    ],
)
def test_no_client_is_owed_a_response(check, events):
    judged(check, "cannot tell", *events)


def test_released_just_in_time_is_owed():
    events = (*BUSY, at(3.74, HandlerOrdered("r", "finish 9")), at(4, fin_received("a")))
    judged(checks.in_flight_requests_are_served, "broken", *events)


def test_without_a_drain_timeout_it_is_owed_whenever_it_is_released():
    events = (*BUSY, at(99, HandlerOrdered("r", "finish 9")), at(99.1, fin_received("a")))
    judged(checks.in_flight_requests_are_served, "broken", *events, drain_s=None)


# --- in_flight_requests_are_served ---


def test_served():
    judged(checks.in_flight_requests_are_served, "kept", *BUSY, *SERVED, says="1 of 1", rests_on=["ResponseEnded"])


def test_served_to_a_polite_client_that_then_closed():
    events = (*BUSY, *SERVED, at(1.03, fin_sent("a")), at(1.04, fin_received("a")))
    judged(checks.in_flight_requests_are_served, "kept", *events)


def test_the_connection_closed_at_once():
    # What Go's Server.Shutdown did to a connection older than five seconds.
    events = (*BUSY, at(0.001, fin_received("a"), width_s=0.001), ORDERED)
    kinds = ["SignalSent", "HandlerEntered", "HandlerOrdered", "ConnectionEnded"]
    says = r"1 of 1 .*Fin\) before its response, 0.00 s"
    judged(checks.in_flight_requests_are_served, "broken", *events, says=says, rests_on=kinds)


def test_the_lost_one_of_two_is_named():
    events = (*opened(), *held("x"), *held("y", stream_id=3), SIGNAL, *released("x"), *released("y"), *answered("x"))
    lost = at(1.2, StreamReset("y", 8, "CANCEL"))
    says = r"1 of 2 .*'y' got RST_STREAM \(CANCEL\)"
    judged(checks.in_flight_requests_are_served, "broken", *events, lost, says=says)


def test_cut_in_the_middle_of_the_response():
    events = (*BUSY, at(0.5, ResponseStarted("r", 200)), ORDERED, at(1.1, reset_received("a")))
    judged(checks.in_flight_requests_are_served, "broken", *events, says="after part of its response, 1.10 s")


def test_an_error_status_is_not_its_response():
    judged(checks.in_flight_requests_are_served, "broken", *BUSY, ORDERED, *answered(status=503), says="got status 503")


def test_a_response_that_never_came_hangs_on_the_harness_clock():
    waiting = (*BUSY, ORDERED, at(8, abandoned("a")))
    judged(checks.in_flight_requests_are_served, "broken", *waiting, says="while the play lasted")
    judged(checks.in_flight_requests_are_served, "cannot tell", *waiting, LAG)


def test_a_lost_response_does_not():
    judged(checks.in_flight_requests_are_served, "broken", *BUSY, ORDERED, at(1.1, fin_received("a")), LAG)


CLOSED = answered(framing="close")


@pytest.mark.parametrize(
    ("answer", "events"),
    [
        ("kept", (ORDERED, FINISHED, *CLOSED, at(1.02, fin_received("a")))),
        ("broken", (ORDERED, at(1.01, HandlerCancelled("r")), *CLOSED, at(1.02, fin_received("a")))),
        ("broken", (ORDERED, FINISHED, *CLOSED, at(1.02, reset_received("a")))),
        ("broken", (at(-2.9, TlsEstablished("a")), ORDERED, FINISHED, *CLOSED, at(1.02, fin_received("a")))),
        ("kept", (at(-2.9, TlsEstablished("a")), ORDERED, FINISHED, *CLOSED, at(1.02, close_notify_received("a")))),
    ],
    ids=["whole", "handler cut", "reset", "truncated", "close_notify"],
)
def test_a_response_that_the_connections_end_delimits(answer, events):
    judged(checks.in_flight_requests_are_served, answer, *BUSY, *events, protocol="h1")


# --- in_flight_handlers_are_not_cancelled ---


def test_a_handler_that_came_to_its_end():
    kinds = ["HandlerFinished"]
    judged(checks.in_flight_handlers_are_not_cancelled, "kept", *BUSY, *SERVED, says="'r' came", rests_on=kinds)


@pytest.mark.parametrize("cut", [HandlerCancelled("r"), HandlerFailed("r", "broken pipe")])
def test_a_handler_that_was_cut(cut):
    kinds = ["SignalSent", "HandlerEntered", type(cut).__name__]
    judged(
        checks.in_flight_handlers_are_not_cancelled, "broken", *BUSY, at(0.1, cut), ORDERED, says="'r'", rests_on=kinds
    )


def test_the_cut_one_of_two_handlers_is_named():
    events = (
        *opened(),
        *held("x"),
        *held("y", stream_id=3),
        SIGNAL,
        *released("x"),
        at(1, HandlerOrdered("y", "finish 9")),
    )
    cut = at(1, HandlerCancelled("y"))
    judged(checks.in_flight_handlers_are_not_cancelled, "broken", *events, cut, says="handlers of 'y' did")


def test_what_the_harness_killed_was_not_cancelled_by_the_server():
    events = (
        *BUSY,
        ORDERED,
        at(8, ServerKilled("time was up")),
        at(8.01, HandlerCancelled("r")),
        at(8.01, ServerExited(-9)),
    )
    kinds = ["SignalSent", "HandlerEntered"]
    judged(checks.in_flight_handlers_are_not_cancelled, "broken", *events, rests_on=kinds)
    judged(checks.in_flight_handlers_are_not_cancelled, "cannot tell", *events, LAG)


# --- responses_are_whole ---


def test_the_handlers_own_bytes():
    judged(checks.responses_are_whole, "kept", *BUSY, *SERVED, says="1 bodies", rests_on=["ResponseEnded"])


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (ResponseEnded("r", 8, hashlib.sha256(b"lastcall").hexdigest(), "end_stream"), "got 8 of the 9 bytes"),
        (ResponseEnded("r", 9, hashlib.sha256(b"lastcall!").hexdigest(), "end_stream"), "other bytes"),
    ],
)
def test_other_bytes_than_the_handlers(ended, says):
    events = (*BUSY, ORDERED, FINISHED, at(1.02, ResponseStarted("r", 200)), at(1.02, ended))
    kinds = ["HandlerFinished", "ResponseEnded"]
    judged(checks.responses_are_whole, "broken", *events, says=says, rests_on=kinds)


def test_an_unfinished_handler_or_a_lost_response_has_nothing_to_compare():
    judged(checks.responses_are_whole, "cannot tell", *BUSY, ORDERED, *answered())
    judged(checks.responses_are_whole, "cannot tell", *BUSY, ORDERED, FINISHED, at(1.1, fin_received("a")))


# --- cut_responses_look_cut ---

HALF = at(-0.5, ResponseStarted("r", 200))
CUT = at(4, HandlerCancelled("r"))


@pytest.mark.parametrize(
    "end", [fin_received("a"), reset_received("a"), close_notify_received("a"), StreamReset("r", 8)]
)
def test_a_cut_response_that_looks_cut(end):
    judged(checks.cut_responses_look_cut, "kept", *BUSY, HALF, CUT, at(4, end), says="'r' ended visibly")


def test_a_cut_response_that_says_what_it_is():
    judged(checks.cut_responses_look_cut, "kept", *BUSY, CUT, *answered(seconds=4, status=504))


@pytest.mark.parametrize("framing", ["end_stream", "chunked", "content-length", "close"])
def test_a_cut_response_that_ends_like_a_whole_one(framing):
    events = (*BUSY, HALF, CUT, at(4, ResponseEnded("r", framing=framing, **BODY)), at(4, fin_received("a")))
    judged(checks.cut_responses_look_cut, "broken", *events, says=framing)


def test_a_reset_shows_that_a_response_without_length_was_cut():
    events = (*BUSY, HALF, CUT, at(4, reset_received("a")), at(4, ResponseEnded("r", framing="close", **BODY)))
    judged(checks.cut_responses_look_cut, "kept", *events, protocol="h1")


def test_so_does_a_truncated_tls_stream():
    tls = at(-2.9, TlsEstablished("a"))
    events = (tls, *BUSY, HALF, CUT, at(4, fin_received("a")), at(4, ResponseEnded("r", framing="close", **BODY)))
    judged(checks.cut_responses_look_cut, "kept", *events, protocol="h1-tls")


def test_a_response_that_never_ended_looks_like_nothing_yet():
    judged(checks.cut_responses_look_cut, "cannot tell", *BUSY, HALF, at(8, abandoned("a")), says="'r'")
    judged(checks.cut_responses_look_cut, "cannot tell", *BUSY, *SERVED, says="No handler")


def test_a_released_or_finished_handler_was_not_held_to_the_end():
    for event in (ORDERED, at(-0.5, HandlerFinished("r", 9))):
        judged(checks.cut_responses_look_cut, "cannot tell", *BUSY, event, at(4, fin_received("a")), says="No handler")
        judged(checks.held_handlers_at_the_end, "cannot tell", *BUSY, event, exits(4))


# --- what is only recorded ---


def test_fates_are_counted():
    events = (
        *opened(),
        *ready(),
        *held("x", stream_id=3),
        *held("y", stream_id=5),
        SIGNAL,
        *released("x"),
        *answered("x"),
    )
    judged(checks.requests_by_fate, "observed", *events, goaway(0.1, 5), says="2 served, 1 cut")
    judged(checks.requests_by_fate, "cannot tell", *opened())


def test_held_handlers_at_the_end():
    end = exits(4.2)
    judged(
        checks.held_handlers_at_the_end,
        "observed",
        *BUSY,
        CUT,
        end,
        says="1 of 1",
        rests_on=["ServerExited", "HandlerCancelled"],
    )
    judged(checks.held_handlers_at_the_end, "observed", *BUSY, at(4.2, HandlerCancelled("r")), end, says="0 of 1")
    judged(checks.held_handlers_at_the_end, "cannot tell", *BUSY, *SERVED, end)
