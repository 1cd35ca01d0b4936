"""Checks of several workers on literal traces: what each answers, and at which edge."""

import pytest

from lastcall.conformance.checks import workers as checks
from lastcall.conformance.model.server_events import (
    ConnectionAccepted,
    HandlerCancelled,
    HandlerOrdered,
    ServerStarted,
    WorkerSignalled,
)
from tests.ends import fin_received
from tests.traces import SIGNAL, answered, at, exits, held, judged, opened, released

FIRST_PROCESS, ONE, TWO = 100, 101, 102
STARTED = at(-4, ServerStarted(FIRST_PROCESS, ("server",)))


def accepted(connection, *pids):
    return at(-0.5, ConnectionAccepted(connection, pids))


HELD = (STARTED, *opened("a"), *opened("b"), *held("r", "a"), *held("s", "b"))
BUSY = (*HELD, accepted("a", ONE), accepted("b", TWO), SIGNAL)
LOST = at(0.5, WorkerSignalled("a", ONE, "SIGKILL"))
BOTH_SERVED = (*released("r"), *released("s"), *answered("r"), *answered("s"))
CHECKS = (
    checks.every_worker_serves_what_it_holds,
    checks.siblings_of_a_lost_worker_serve_what_they_hold,
    checks.first_process_outlives_its_workers,
    checks.requests_by_worker,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *BUSY[:-1], LOST, *BOTH_SERVED)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_known_processes_nothing_is_judged(check):
    judged(check, "cannot tell", *HELD, SIGNAL, *BOTH_SERVED, exits(1.5))


# --- every_worker_serves_what_it_holds ---


def test_two_workers_that_serve():
    kinds = ["SignalSent", "ConnectionAccepted", "ConnectionAccepted"]
    judged(
        checks.every_worker_serves_what_it_holds, "kept", *BUSY, *BOTH_SERVED, says="2 workers.*1, 1", rests_on=kinds
    )


def test_one_worker_that_loses_what_it_holds():
    cut = (at(0.1, HandlerCancelled("s")), at(0.1, fin_received("b")), at(1, HandlerOrdered("s", "finish 9")))
    events = (*BUSY, *released("r"), *answered("r"), *cut)
    judged(checks.every_worker_serves_what_it_holds, "broken", *events, says="Worker 102 lost 1 of the 1 .* 's'")


def test_one_worker_alone_tells_nothing_of_several():
    events = (*HELD, accepted("a", ONE), accepted("b", ONE), SIGNAL, *BOTH_SERVED)
    judged(checks.every_worker_serves_what_it_holds, "cannot tell", *events, says="more than one process")


def test_a_connection_that_was_not_accepted_belongs_to_no_worker():
    events = (*HELD, accepted("a", ONE), SIGNAL, *BOTH_SERVED)
    judged(checks.every_worker_serves_what_it_holds, "cannot tell", *events)


# --- siblings_of_a_lost_worker_serve_what_they_hold ---


def test_a_sibling_that_serves():
    gone = (at(0.5, HandlerCancelled("r")), at(0.5, fin_received("a")))
    events = (*BUSY, LOST, *gone, *released("s"), *answered("s"))
    judged(
        checks.siblings_of_a_lost_worker_serve_what_they_hold,
        "kept",
        *events,
        says="'s'",
        rests_on=["WorkerSignalled"],
    )


def test_a_sibling_that_is_lost_too():
    gone = [at(0.6, HandlerCancelled(name)) for name in ("r", "s")]
    events = (*BUSY, LOST, *gone, at(1, HandlerOrdered("s", "finish 9")))
    judged(checks.siblings_of_a_lost_worker_serve_what_they_hold, "broken", *events, says="Worker 102 lost 1 of the 1")


def test_without_a_loss_or_a_sibling_it_cannot_tell():
    judged(checks.siblings_of_a_lost_worker_serve_what_they_hold, "cannot tell", *BUSY, *BOTH_SERVED, says="was lost")
    alone = (*HELD, accepted("a", ONE), accepted("b", ONE), SIGNAL, LOST, *BOTH_SERVED)
    judged(checks.siblings_of_a_lost_worker_serve_what_they_hold, "cannot tell", *alone, says="No other worker")


def test_where_all_is_lost_at_the_signal_no_worker_is_left_to_lose():
    gone = [at(0.1, HandlerCancelled(name)) for name in ("r", "s")]
    events = (*BUSY, *gone, *[at(1, HandlerOrdered(name, "finish 9")) for name in ("r", "s")])
    judged(checks.siblings_of_a_lost_worker_serve_what_they_hold, "broken", *events, says="'r', 's' .* before any")


def test_what_was_released_before_the_loss_tells_nothing():
    events = (*BUSY, *released("s", 0.2), *answered("s", 0.3), LOST)
    judged(checks.siblings_of_a_lost_worker_serve_what_they_hold, "cannot tell", *events, says="before the worker")


# --- first_process_outlives_its_workers ---


def test_the_first_process_goes_last():
    kinds = ["ConnectionAccepted", "ServerExited"]
    judged(checks.first_process_outlives_its_workers, "kept", *BUSY, *BOTH_SERVED, exits(1.5), rests_on=kinds)


def test_the_first_process_goes_first():
    judged(checks.first_process_outlives_its_workers, "broken", *BUSY, exits(0.1), *BOTH_SERVED, says="'r', 's'")


def test_a_response_that_arrives_after_the_exit_may_have_been_under_way():
    events = (*BUSY, *released("r", 1), *released("s", 1), exits(1.1), *answered("r", 1.2), *answered("s", 1.2))
    judged(checks.first_process_outlives_its_workers, "kept", *events)


def test_a_process_that_serves_by_itself_has_no_workers():
    events = (*HELD, accepted("a", FIRST_PROCESS), accepted("b", FIRST_PROCESS), SIGNAL, *BOTH_SERVED, exits(1.5))
    judged(checks.first_process_outlives_its_workers, "cannot tell", *events, says="another process than the first")


def test_without_an_exit_or_an_answer_the_order_is_unknown():
    judged(checks.first_process_outlives_its_workers, "cannot tell", *BUSY, *BOTH_SERVED)
    judged(checks.first_process_outlives_its_workers, "cannot tell", *BUSY, exits(0.1))


def test_shares_are_observed():
    judged(checks.requests_by_worker, "observed", *BUSY, *BOTH_SERVED, says="2 processes held 1, 1")
