"""Checks of the application's hooks and of what its handlers hear, on literal traces."""

import pytest

from lastcall.conformance.checks import lifespan as checks
from lastcall.conformance.model.server_events import (
    ApplicationReported,
    HandlerCancelled,
    HandlerOrdered,
    HandlerReported,
    ServerKilled,
)
from tests.ends import fin_received, fin_sent
from tests.traces import SIGNAL, answered, at, exits, held, judged, opened, released

BUSY = (*opened(), *held(), SIGNAL)
SERVED = (*released(), *answered())


def hook(seconds, report, pid=7):
    return at(seconds, ApplicationReported(pid, report))


STARTUP = hook(-5, "startup")
HOOK = (hook(1.5, "shutdown begun"), hook(1.6, "shutdown ended"))
CHECKS = (
    checks.shutdown_hook_follows_the_last_handler,
    checks.server_waits_for_the_shutdown_hook,
    checks.shutdown_hook_after_a_forced_end,
    checks.handlers_hear_of_no_false_disconnect,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", STARTUP, *opened(), *held(), *SERVED, *HOOK, says="not sent its shutdown signal")


# --- shutdown_hook_follows_the_last_handler ---


def test_a_hook_after_the_handler():
    kinds = ["HandlerFinished", "ApplicationReported"]
    judged(checks.shutdown_hook_follows_the_last_handler, "kept", *BUSY, *SERVED, *HOOK, says="'r'", rests_on=kinds)


def test_a_hook_while_a_handler_is_still_held():
    events = (*BUSY, hook(0.1, "shutdown begun"), hook(0.2, "shutdown ended"), *SERVED)
    kinds = ["SignalSent", "ApplicationReported", "HandlerOrdered"]
    judged(checks.shutdown_hook_follows_the_last_handler, "broken", *events, says="'r' still ran", rests_on=kinds)


def test_a_hook_that_may_have_begun_after_the_handlers_release_is_given_the_benefit():
    begun = at(1.2, ApplicationReported(7, "shutdown begun"), width_s=0.3)
    judged(checks.shutdown_hook_follows_the_last_handler, "kept", *BUSY, *SERVED, begun)


@pytest.mark.parametrize(
    "events",
    [
        SERVED,
        HOOK,
        (hook(0.1, "shutdown begun"), at(0.05, HandlerCancelled("r")), at(1, HandlerOrdered("r", "finish 9"))),
    ],
)
def test_without_a_hook_or_a_finished_handler_there_is_no_order(events):
    judged(checks.shutdown_hook_follows_the_last_handler, "cannot tell", *BUSY, *events)


# --- server_waits_for_the_shutdown_hook ---


def test_the_exit_waits_for_the_hook():
    judgement = judged(
        checks.server_waits_for_the_shutdown_hook, "kept", STARTUP, SIGNAL, *HOOK, exits(2), says="0.10 s"
    )
    assert [time.what for time in judgement.measured] == ["shutdown hook"]


def test_every_process_has_a_hook_of_its_own():
    other = (hook(-5, "startup", 8), hook(1.5, "shutdown begun", 8))
    events = (STARTUP, *other, SIGNAL, *HOOK)
    judged(checks.server_waits_for_the_shutdown_hook, "broken", *events, exits(2), says="before the shutdown hook")
    judged(checks.server_waits_for_the_shutdown_hook, "kept", *events, hook(1.9, "shutdown ended", 8), exits(2))


def test_an_exit_without_the_hook_or_in_the_middle_of_it():
    judged(checks.server_waits_for_the_shutdown_hook, "broken", STARTUP, SIGNAL, exits(2), says="never called")
    judged(checks.server_waits_for_the_shutdown_hook, "broken", STARTUP, SIGNAL, HOOK[0], exits(1.55), says="before")
    judged(checks.server_waits_for_the_shutdown_hook, "broken", STARTUP, SIGNAL, HOOK[0], exits(1.55), HOOK[1])


def test_an_end_of_the_hook_that_overlaps_the_exit_is_given_the_benefit():
    ended = at(2.1, ApplicationReported(7, "shutdown ended"), width_s=0.2)
    judged(checks.server_waits_for_the_shutdown_hook, "kept", STARTUP, SIGNAL, HOOK[0], exits(2), ended)


def test_without_hooks_or_an_exit_it_cannot_tell():
    judged(
        checks.server_waits_for_the_shutdown_hook, "cannot tell", SIGNAL, exits(2), says="has not reported its startup"
    )
    killed = (at(5, ServerKilled("time")), exits(5, -9))
    judged(checks.server_waits_for_the_shutdown_hook, "cannot tell", STARTUP, SIGNAL, *killed, says="did not exit")


# --- shutdown_hook_after_a_forced_end ---


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ((), "was not called"),
        (
            (at(4, HandlerCancelled("r")), hook(4.1, "shutdown begun")),
            r"Called 4.10 s .* when the handlers of 'r' had ended",
        ),
        ((hook(4, "shutdown begun"), at(4.2, HandlerCancelled("r"))), r"while 'r' still ran \(for 0.20 s more\)"),
        ((hook(4, "shutdown begun"),), r"while 'r' still ran \(to the end\)"),
    ],
)
def test_the_hook_after_a_forced_end(events, says):
    judged(checks.shutdown_hook_after_a_forced_end, "observed", STARTUP, *BUSY, *events, exits(5), says=says)


def test_without_a_forced_end_or_a_hook_there_is_nothing_to_see():
    judged(checks.shutdown_hook_after_a_forced_end, "cannot tell", STARTUP, *BUSY, *SERVED, *HOOK)
    judged(checks.shutdown_hook_after_a_forced_end, "cannot tell", *BUSY, exits(5))


# --- handlers_hear_of_no_false_disconnect ---

NEWS = HandlerReported("r", "disconnected")


def test_a_handler_that_hears_of_no_disconnect():
    judged(
        checks.handlers_hear_of_no_false_disconnect, "kept", *BUSY, *SERVED, says="'r'", rests_on=["HandlerFinished"]
    )


def test_a_handler_that_hears_of_a_disconnect_while_its_client_waits():
    for events in (SERVED, (at(1, HandlerOrdered("r", "finish 9")), at(2, fin_received("a")))):
        kinds = ["SignalSent", "HandlerReported"]
        recorded = (*BUSY, at(0.1, NEWS), *events)
        judged(checks.handlers_hear_of_no_false_disconnect, "broken", *recorded, says="'r' was told", rests_on=kinds)


def test_true_news_and_old_news_are_no_false_ones():
    judged(checks.handlers_hear_of_no_false_disconnect, "kept", *BUSY, *SERVED, at(1.1, NEWS))
    judged(checks.handlers_hear_of_no_false_disconnect, "kept", *opened(), *held(), at(-0.5, NEWS), SIGNAL, *SERVED)
    left = (at(0.1, fin_sent("a")), at(0.2, NEWS), *SERVED)
    judged(checks.handlers_hear_of_no_false_disconnect, "kept", *BUSY, *left)


def test_a_handler_that_never_ended_proves_nothing():
    cut = (at(1, HandlerOrdered("r", "finish 9")), at(1, HandlerCancelled("r")), at(1, fin_received("a")))
    judged(checks.handlers_hear_of_no_false_disconnect, "cannot tell", *BUSY, *cut, says="came to its end")
    judged(checks.handlers_hear_of_no_false_disconnect, "cannot tell", *BUSY, exits(4), says="was released in time")
