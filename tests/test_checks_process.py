"""Checks of further signals and successors on literal traces: what each answers, and at which edge."""

import pytest

from lastcall.conformance.checks import process as checks
from lastcall.conformance.model.client_events import (
    StreamReset,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerOrdered,
    ListenerClosed,
    ServerKilled,
    SignalSent,
    SuccessorFailed,
    SuccessorReady,
    SuccessorStarted,
)
from tests.ends import abandoned, fin_received, fin_sent
from tests.traces import LAG, SIGNAL, answered, at, exits, held, judged, opened, released

AGAIN = at(0.5, SignalSent("SIGTERM", "again"))
FORCE = at(0.5, SignalSent("SIGINT", "force"))
BUSY = (*opened(), *held(), SIGNAL)
CHECKS = (
    checks.first_signal_alone_cuts_nothing,
    checks.second_signal_makes_no_false_success,
    checks.effect_of_a_second_signal,
    checks.forcing_signal_ends_the_server,
    checks.successor_serves_during_the_drain,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    further = (AGAIN, FORCE, at(0.6, ListenerClosed()), at(0.7, SuccessorStarted()), at(0.8, SuccessorReady()))
    judged(check, "cannot tell", *opened(), *held(), *further)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_with_the_shutdown_alone_nothing_is_judged(check):
    judged(check, "cannot tell", *BUSY, *released(), *answered(), exits(1.5))


# --- first_signal_alone_cuts_nothing ---


@pytest.mark.parametrize("further", [AGAIN, FORCE], ids=["again", "force"])
def test_requests_that_stand_until_the_second_signal(further):
    events = (*BUSY, further, at(0.6, fin_received("a")), exits(0.7))
    judged(
        checks.first_signal_alone_cuts_nothing, "kept", *events, says="'r' stood", rests_on=["SignalSent", "SignalSent"]
    )


@pytest.mark.parametrize(
    "cut",
    [
        at(0.1, fin_received("a")),
        at(0.1, HandlerCancelled("r")),
        at(0.1, StreamReset("r", 8)),
        answered(seconds=0.1)[1],
    ],
)
def test_requests_that_the_first_signal_cuts(cut):
    kinds = ["SignalSent", type(cut).__name__]
    says = r"'r' was cut 0\.10 s after"
    for further in ((), (AGAIN,)):
        judged(checks.first_signal_alone_cuts_nothing, "broken", *BUSY, cut, *further, says=says, rests_on=kinds)


def test_a_cut_that_the_drain_timeout_explains_is_no_early_one():
    events = (*BUSY, at(0.8, fin_received("a")), at(0.9, SignalSent("SIGTERM", "again")))
    judged(checks.first_signal_alone_cuts_nothing, "kept", *events, drain_s=1.0)
    judged(checks.first_signal_alone_cuts_nothing, "broken", *events, drain_s=1.2)
    judged(checks.first_signal_alone_cuts_nothing, "broken", *events, drain_s=None)


def test_a_client_that_goes_first_is_not_cut():
    events = (*BUSY, at(0.1, fin_sent("a")), at(0.2, fin_received("a")), AGAIN)
    judged(checks.first_signal_alone_cuts_nothing, "cannot tell", *events, says="No request was in its handler")


# --- second_signal_makes_no_false_success ---


def test_a_drain_that_goes_on_makes_no_false_success():
    kinds = ["SignalSent", "ResponseEnded"]
    judgement = (*BUSY, AGAIN, *released(), *answered())
    judged(checks.second_signal_makes_no_false_success, "kept", *judgement, says="'r' was served", rests_on=kinds)


@pytest.mark.parametrize("end", [at(0.6, fin_received("a")), at(0.6, StreamReset("r", 8))])
def test_a_response_that_is_cut_visibly_is_no_false_success(end):
    cut = (at(0.55, HandlerCancelled("r")), end, at(1, HandlerOrdered("r", "finish 9")))
    kinds = ["SignalSent", type(end).__name__]
    judgement = (*BUSY, AGAIN, *cut)
    judged(checks.second_signal_makes_no_false_success, "kept", *judgement, says="'r' was (cut|lost)", rests_on=kinds)


def test_an_error_status_is_no_false_success():
    judgement = (*BUSY, AGAIN, at(0.55, HandlerCancelled("r")), *answered(seconds=0.6, status=500))
    judged(checks.second_signal_makes_no_false_success, "kept", *judgement, says="answered with 500")


@pytest.mark.parametrize("order", [(), (at(1, HandlerOrdered("r", "finish 9")),)])
def test_a_whole_200_of_a_handler_that_was_cut_is_one(order):
    judgement = (*BUSY, AGAIN, at(0.55, HandlerCancelled("r")), *answered(seconds=0.6), *order)
    judged(
        checks.second_signal_makes_no_false_success,
        "broken",
        *judgement,
        says=r"'r' ended as a whole one \(end_stream\)",
    )


def test_a_response_that_ends_after_the_order_to_finish_is_given_the_benefit():
    judgement = (*BUSY, AGAIN, at(0.6, HandlerOrdered("r", "finish 9")), *answered(seconds=0.7))
    judged(checks.second_signal_makes_no_false_success, "kept", *judgement)


def test_what_was_over_before_the_second_signal_is_not_its_doing():
    judgement = (*BUSY, *released(seconds=0.2), *answered(seconds=0.3), AGAIN)
    judged(checks.second_signal_makes_no_false_success, "cannot tell", *judgement, says="No request was in flight")


def test_a_request_that_never_ended_tells_nothing():
    judgement = (*BUSY, AGAIN, at(6, abandoned("a")))
    judged(checks.second_signal_makes_no_false_success, "cannot tell", *judgement, says="'r' had not ended")


def test_a_second_signal_to_a_server_that_had_exited_is_none():
    judgement = (*BUSY, at(0.2, fin_received("a")), exits(0.3), AGAIN)
    judged(checks.second_signal_makes_no_false_success, "cannot tell", *judgement, says="while the server ran")


# --- effect_of_a_second_signal ---


def test_the_effects_of_a_second_signal():
    went_on = (*BUSY, AGAIN, *released(), *answered(), exits(1.5))
    says = r"It went on draining \('r' was served\), and exited with status 0 1.00 s after"
    judged(checks.effect_of_a_second_signal, "observed", *went_on, says=says, rests_on=["SignalSent", "ServerExited"])
    forced = (*BUSY, AGAIN, at(0.6, fin_received("a")), exits(0.7, 1))
    says = r"It did not go on draining \('r' was cut\), and exited with status 1 0.20 s after"
    judged(checks.effect_of_a_second_signal, "observed", *forced, says=says)
    stays = (*BUSY, AGAIN, at(0.6, fin_received("a")), at(7, ServerKilled("time")), exits(7, -9))
    judged(checks.effect_of_a_second_signal, "observed", *stays, says="did not exit by itself")


# --- forcing_signal_ends_the_server ---


def test_an_exit_soon_after_the_forcing_signal():
    judgement = judged(checks.forcing_signal_ends_the_server, "kept", *BUSY, FORCE, exits(0.6, -2), drain_s=10.0)
    assert [(time.value_s, time.limit_s) for time in judgement.measured] == [(0.1, 2.5)]


def test_an_exit_long_after_the_forcing_signal():
    events = (*BUSY, FORCE, exits(3.1))
    judged(checks.forcing_signal_ends_the_server, "broken", *events, drain_s=10.0, says="2.60 s after")
    judged(checks.forcing_signal_ends_the_server, "kept", *BUSY, FORCE, exits(3), drain_s=10.0)
    judged(checks.forcing_signal_ends_the_server, "cannot tell", *events, LAG, drain_s=10.0, says="proves nothing")


def test_no_exit_after_the_forcing_signal():
    killed = (at(3.1, ServerKilled("time")), exits(3.2, -9))
    judged(checks.forcing_signal_ends_the_server, "broken", *BUSY, FORCE, *killed, drain_s=10.0, says="had not exited")
    early = (at(1, ServerKilled("time")), exits(1.1, -9))
    judged(checks.forcing_signal_ends_the_server, "cannot tell", *BUSY, FORCE, *early, drain_s=10.0)


def test_an_exit_that_the_drain_timeout_explains_too():
    judged(checks.forcing_signal_ends_the_server, "cannot tell", *BUSY, FORCE, exits(1), drain_s=1.0, says="need not")
    judged(checks.forcing_signal_ends_the_server, "kept", *BUSY, FORCE, exits(1), drain_s=None)


def test_with_nothing_held_an_exit_proves_nothing():
    events = (*BUSY, at(0.2, HandlerOrdered("r", "finish 9")), FORCE, exits(0.6))
    judged(checks.forcing_signal_ends_the_server, "cannot tell", *events, drain_s=10.0, says="No handler was held")


# --- successor_serves_during_the_drain ---

CLOSED, STARTED, READY = at(0.1, ListenerClosed()), at(0.2, SuccessorStarted()), at(0.6, SuccessorReady())


def test_a_successor_serves():
    kinds = ["ListenerClosed", "SuccessorReady"]
    events = (*BUSY, CLOSED, STARTED, READY, exits(2))
    judged(checks.successor_serves_during_the_drain, "kept", *events, says="0.40 s after its start", rests_on=kinds)


def test_a_successor_cannot_listen():
    failed = at(0.6, SuccessorFailed("the server ended before it was ready, with status 1"))
    events = (*BUSY, CLOSED, STARTED, failed, exits(2))
    judged(checks.successor_serves_during_the_drain, "broken", *events, says="ended before it was ready")
    judged(checks.successor_serves_during_the_drain, "cannot tell", *events, LAG)


@pytest.mark.parametrize("became", [READY, at(0.6, SuccessorFailed("taken"))])
def test_where_the_server_goes_on_listening_no_successor_is_expected(became):
    for closed in ((), (at(1, ListenerClosed()),)):
        events = (*BUSY, STARTED, became, *closed, exits(2))
        judged(checks.successor_serves_during_the_drain, "cannot tell", *events, says="still listened")


def test_after_the_exit_a_successor_proves_nothing_of_the_drain():
    judged(checks.successor_serves_during_the_drain, "cannot tell", *BUSY, CLOSED, exits(0.15), STARTED, READY)
    judged(checks.successor_serves_during_the_drain, "cannot tell", *BUSY, CLOSED, STARTED, exits(0.3), READY)


def test_a_successor_of_which_nothing_was_heard():
    judged(checks.successor_serves_during_the_drain, "cannot tell", *BUSY, CLOSED, STARTED, says="is not known")
