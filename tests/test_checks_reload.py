"""Checks of a reload on literal traces; their times are told from the shutdown, which comes last."""

import dataclasses

import pytest

from lastcall.conformance.checks import reload as checks
from lastcall.conformance.model.client_events import (
    ConnectionFailed,
    ConnectionOpened,
    GoawayReceived,
    RequestSent,
)
from lastcall.conformance.model.server_events import (
    ConnectionAccepted,
    HandlerCancelled,
    SignalSent,
)
from tests.ends import fin_received, fin_sent, reset_received
from tests.traces import LAG, SIGNAL, answered, at, exits, held, judged, opened, released

RELOAD = at(-3, SignalSent("SIGHUP", "reload"))
BEFORE = (*opened("kept", -5), *held("kept-1", "kept", 1, -4), *released("kept-1", -3.6), *answered("kept-1", -3.5))
IN_FLIGHT = (*opened("held", -5), *held("held", "held", 1, -4))
SERVED = (*released("held", -1), *answered("held", -0.9))
AFTER = (
    *opened("fresh", -2),
    *held("fresh-1", "fresh", 1, -1.9),
    *released("fresh-1", -1.7),
    *answered("fresh-1", -1.6),
)
GOOD = (*BEFORE, *IN_FLIGHT, RELOAD, *AFTER, *SERVED, SIGNAL, exits(0.5))
CHECKS = (
    checks.requests_in_flight_survive_a_reload,
    checks.no_request_is_lost_in_a_reload,
    checks.new_connections_are_accepted_throughout_a_reload,
    checks.server_goes_on_after_a_reload,
    checks.effect_of_a_reload,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_reload_nothing_is_judged(check):
    judged(check, "cannot tell", *(event for event in GOOD if event is not RELOAD))
    judged(check, "cannot tell", *BEFORE, exits(-3.2), RELOAD, *AFTER)


@pytest.mark.parametrize("check", CHECKS[:4], ids=lambda check: check.id)
def test_a_reload_without_a_loss(check):
    judged(check, "kept", *GOOD)


@pytest.mark.parametrize("check", CHECKS[:4], ids=lambda check: check.id)
def test_a_reload_of_which_nothing_more_is_known(check):
    judged(check, "cannot tell", RELOAD, SIGNAL)


# --- requests_in_flight_survive_a_reload ---


def test_a_request_in_flight_that_the_reload_cuts():
    cut = (at(-2.9, HandlerCancelled("held")), at(-2.9, fin_received("held")), *released("held", -1)[:1])
    events = (*BEFORE, *IN_FLIGHT, RELOAD, *AFTER, *cut, SIGNAL)
    judged(checks.requests_in_flight_survive_a_reload, "broken", *events, says="'held' was in its handler")


def test_a_request_in_flight_that_gets_another_status():
    events = (*IN_FLIGHT, RELOAD, *released("held", -1), *answered("held", -0.9, status=503), SIGNAL)
    judged(checks.requests_in_flight_survive_a_reload, "broken", *events)


def test_a_handler_released_before_the_reload_proves_nothing():
    events = (*opened("held", -5), *held("held", "held", 1, -4), *released("held", -3.2), *answered("held", -2.9))
    judged(checks.requests_in_flight_survive_a_reload, "cannot tell", *events, RELOAD, SIGNAL)


# --- no_request_is_lost_in_a_reload ---


def sent(request, connection, seconds=-1.9):
    return at(seconds, RequestSent(request, connection, "GET", f"/hold/{request}", 1))


def dropped(number, end, seconds):
    name = f"fresh/{number}"
    return (*opened(name, seconds), sent(f"fresh-{number}", name, seconds + 0.1), at(seconds + 0.2, end(name)))


@pytest.mark.parametrize("end", [reset_received, fin_received])
def test_a_client_that_is_dropped_once_tries_again_and_one_that_is_dropped_twice_is_lost(end):
    once, again = dropped(7, end, -2.6), dropped(8, end, -2.3)
    judged(checks.no_request_is_lost_in_a_reload, "kept", *BEFORE, RELOAD, *once, *AFTER, SIGNAL)
    twice = (*BEFORE, RELOAD, *once, *again, *AFTER, SIGNAL)
    judged(checks.no_request_is_lost_in_a_reload, "broken", *twice, says="dropped: 'fresh-8'")


def test_two_clients_that_are_dropped_once_each_are_served_when_they_try_again():
    others = (*opened("other/1", -2.6), sent("other-1", "other/1", -2.55), at(-2.5, fin_received("other/1")))
    once = (*BEFORE, RELOAD, *others, *dropped(7, fin_received, -2.5), *AFTER, SIGNAL)
    judged(checks.no_request_is_lost_in_a_reload, "kept", *once)


def test_a_request_that_crosses_the_close_of_an_idle_connection_can_be_sent_again():
    crossed = (sent("kept-2", "kept", -2.8), at(-2.79, fin_received("kept")))
    judged(checks.no_request_is_lost_in_a_reload, "kept", *BEFORE, RELOAD, *crossed, *AFTER, SIGNAL)


def test_a_request_that_had_entered_is_no_such_case():
    entered = (*held("kept-2", "kept", 3, -2.9), at(-2.7, HandlerCancelled("kept-2")), at(-2.7, fin_received("kept")))
    judged(checks.no_request_is_lost_in_a_reload, "broken", *BEFORE, RELOAD, *entered, *AFTER, SIGNAL, says="'kept-2'")


def test_a_stream_that_was_refused_is_not_lost():
    refusal = at(-1.8, GoawayReceived("fresh", 0, 0, 0))
    events = (
        *BEFORE,
        RELOAD,
        *opened("fresh", -2),
        sent("fresh-1", "fresh"),
        refusal,
        at(-1.7, fin_received("fresh")),
        SIGNAL,
    )
    judged(checks.no_request_is_lost_in_a_reload, "kept", *events)


def test_a_request_that_waits_for_the_old_workers_is_lost_to_who_sent_it():
    given_up = (*opened("fresh", -2.9), sent("fresh-1", "fresh", -2.8), at(-0.5, fin_sent("fresh")))
    late = (*given_up[:-1], *answered("fresh-1", -0.5))
    for waited in (given_up, late):
        events = (*BEFORE, RELOAD, *waited, SIGNAL)
        says = "1 requests had no answer for 2 s, the longest for 2.30 s"
        judged(checks.no_request_is_lost_in_a_reload, "broken", *events, says=says)
        judged(checks.no_request_is_lost_in_a_reload, "cannot tell", *events, LAG)


def test_another_status_is_a_loss():
    refused = (*opened("fresh", -2), sent("fresh-1", "fresh"), *answered("fresh-1", -1.8, status=503))
    judged(checks.no_request_is_lost_in_a_reload, "broken", *BEFORE, RELOAD, *refused, SIGNAL, says="answered with 503")


def test_what_is_lost_after_the_shutdown_is_no_affair_of_the_reload():
    late = (*opened("late", 0.1), sent("late-1", "late", 0.2), at(0.3, fin_received("late")))
    judged(checks.no_request_is_lost_in_a_reload, "kept", *GOOD, *late)


# --- new_connections_are_accepted_throughout_a_reload ---


def test_connections_that_are_refused_in_between():
    refused = [at(seconds, ConnectionFailed(f"fresh/{seconds}", "refused")) for seconds in (-2.9, -2.4)]
    judgement = judged(
        checks.new_connections_are_accepted_throughout_a_reload,
        "broken",
        *BEFORE,
        RELOAD,
        *refused,
        *AFTER,
        SIGNAL,
        says=r"2 connections failed \(refused\), over 0.50 s",
    )
    assert [time.value_s for time in judgement.measured] == [0.5]


def test_a_connection_that_came_to_nothing_in_time_hangs_on_the_clock():
    late = at(-2.4, ConnectionFailed("fresh", "timed out"))
    judged(checks.new_connections_are_accepted_throughout_a_reload, "broken", RELOAD, late, SIGNAL)
    judged(checks.new_connections_are_accepted_throughout_a_reload, "cannot tell", RELOAD, late, SIGNAL, LAG)


def test_connections_refused_after_the_shutdown_do_not_count():
    refused = at(0.1, ConnectionFailed("late", "refused"))
    judged(checks.new_connections_are_accepted_throughout_a_reload, "kept", *GOOD, refused)


# --- server_goes_on_after_a_reload ---


@pytest.mark.parametrize("shutdown", [(), (SIGNAL,)])
def test_a_server_that_the_reload_ends(shutdown):
    events = (*BEFORE, RELOAD, exits(-2.5), *shutdown)
    judged(checks.server_goes_on_after_a_reload, "broken", *events, says="exited with status 0")


# --- effect_of_a_reload ---


def test_the_effect_of_a_reload_is_observed():
    before, after = at(-3.2, ConnectionAccepted("held", (7,))), at(-1.5, ConnectionAccepted("fresh", (9,)))
    refused = at(-2.5, ConnectionFailed("x", "refused"))
    events = (*BEFORE, *IN_FLIGHT, before, RELOAD, refused, *AFTER, after, *SERVED, SIGNAL)
    says = "1 other processes serve; 1 connections were refused; 0 .* answered within 0.30 s"
    judged(checks.effect_of_a_reload, "observed", *events, says=says)
    same = (*BEFORE, before, RELOAD, at(-2, ConnectionOpened("y", 1)), SIGNAL)
    judged(checks.effect_of_a_reload, "observed", *same, says="The same processes serve.* nobody who came was answered")


def test_a_client_that_is_refused_twice_knows_that_it_may_try_again():
    goaways = [(at(seconds + 0.15, GoawayReceived(f"fresh/{number}", 0))) for number, seconds in ((7, -2.6), (8, -2.3))]
    refused = (*dropped(7, fin_received, -2.6), *dropped(8, fin_received, -2.3), *goaways)
    streams = [
        dataclasses.replace(event, stream_id=1) if isinstance(event, RequestSent) else event for event in refused
    ]
    judged(checks.no_request_is_lost_in_a_reload, "kept", *BEFORE, RELOAD, *streams, *AFTER, SIGNAL)
