"""What a drain costs, how promptly it delivers, and in which order it announces itself, on literal traces."""

import pytest

from lastcall.conformance.checks import delivery, goaway_order, resource_use
from lastcall.conformance.model.client_events import (
    BodyReceived,
)
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerOrdered,
    HandlerReported,
    ListenerClosed,
    OutputDropped,
    OutputWritten,
    ProcessorTimeRead,
)
from tests.ends import fin_received
from tests.traces import LAG, SIGNAL, answered, at, exits, goaway, held, judged, opened, released

ONCE = delivery.requests_are_processed_once
BACK = delivery.responses_are_not_held_back
PIECES = delivery.pieces_are_passed_on_in_the_drain
SPIN = resource_use.drain_does_not_spin
FLOOD = resource_use.log_is_not_flooded
SEQUENCE = goaway_order.sequence_of_goaways
ORDER = goaway_order.listener_and_goaway
CHECKS = (ONCE, BACK, PIECES, SPIN, FLOOD, SEQUENCE, ORDER)
BUSY = (*opened(), *held(), SIGNAL)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *opened(), *held(), *answered(), exits(2), says="not sent its shutdown signal")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_handler_that_is_held_and_nothing_else_is_no_evidence(check):
    judged(check, "cannot tell", *BUSY)


# --- one handler for each request ---


def test_a_request_that_one_handler_had():
    judged(ONCE, "kept", *BUSY, *released(), *answered(), rests_on=["HandlerEntered"])


@pytest.mark.parametrize("seconds", [-0.5, 0.5])
def test_a_request_that_two_handlers_had(seconds):
    again = at(seconds, HandlerEntered("r", "GET", "/hold/r"))
    judged(ONCE, "broken", *BUSY, again, says="2 handlers", rests_on=["HandlerEntered", "HandlerEntered"])


def test_a_request_that_was_lost_had_its_handler_and_proves_nothing():
    judged(ONCE, "cannot tell", *BUSY, *released(), at(1.2, fin_received("a")))


# --- responses ---


def test_a_response_that_comes_with_its_handlers_end():
    judgement = judged(BACK, "kept", *BUSY, *released(), *answered(), rests_on=["HandlerFinished", "ResponseEnded"])
    assert judgement.measured[0].limit_s == 1.0


def test_a_response_that_is_held_back():
    judged(BACK, "broken", *BUSY, *released(), *answered(seconds=2.2), says="1.19 s after its handler")
    judged(BACK, "cannot tell", *BUSY, *released(), *answered(seconds=2.2), LAG)


def test_what_only_the_close_delimits_comes_with_the_close():
    judged(BACK, "cannot tell", *BUSY, *released(), *answered(seconds=2.2, framing="close"))


# --- pieces ---


def piece(seconds, length=9):
    return at(seconds, HandlerOrdered("r", f"send {length}")), at(seconds, HandlerReported("r", f"sent {length}"))


def body(seconds, length=9):
    return at(seconds, BodyReceived("r", length))


def test_pieces_that_are_passed_on():
    events = (*opened(), *held(), *piece(-0.5), body(-0.4), SIGNAL, *piece(0.5), body(0.6, 4), body(0.7, 5))
    judgement = judged(PIECES, "kept", *events, says=r"0\.20 s", rests_on=["HandlerReported", "BodyReceived"])
    assert len(judgement.measured) == 1


def test_pieces_that_come_late_or_not_at_all():
    judged(PIECES, "broken", *BUSY, *piece(0.5), body(1.6), says="was passed on in 1.10 s")
    judged(PIECES, "broken", *BUSY, *piece(0.5), at(1.6, fin_received("a")), says="not passed on in 1.10 s")
    judged(PIECES, "cannot tell", *BUSY, *piece(0.5), body(1.6), LAG)


def test_a_piece_whose_connection_ended_soon_or_of_before_the_signal_proves_nothing():
    judged(PIECES, "cannot tell", *BUSY, *piece(0.5), at(1.4, fin_received("a")))
    judged(PIECES, "cannot tell", *opened(), *held(), *piece(-0.5), SIGNAL, body(1.6))


# --- processor time ---


def processor(seconds, used_s, pids=(7,)):
    return at(seconds, ProcessorTimeRead(pids, tuple(int(used_s * 1e9) for _ in pids)))


def test_a_server_that_waits():
    readings = processor(0.5, 1.0), processor(3, 1.02)
    judgement = judged(SPIN, "kept", *BUSY, *readings, *released(seconds=3.1), rests_on=["ProcessorTimeRead"] * 2)
    assert judgement.because.startswith("0.02 s")


def test_a_server_that_spins_in_any_of_its_processes():
    judged(SPIN, "broken", *BUSY, processor(0.5, 1.0), processor(3, 3.0), says="2.00 s of processor time in 2.50 s")
    two = processor(0.5, 1.0, (7, 8)), processor(3, 1.4, (7, 8, 9))
    judged(SPIN, "broken", *BUSY, *two, says="0.80 s")


def test_a_short_look_or_one_at_others_or_at_a_handler_that_was_released_proves_nothing():
    judged(SPIN, "cannot tell", *BUSY, processor(0.5, 1), processor(2.4, 3), says="long enough")
    judged(SPIN, "cannot tell", *BUSY, processor(0.5, 1), processor(3, 3, (8,)))
    judged(SPIN, "cannot tell", *BUSY, processor(0.5, 1), *released(seconds=1), processor(3, 3))
    judged(SPIN, "cannot tell", *BUSY, processor(-1, 1), processor(3, 3))


def threads(seconds, *accounts):
    """What each of a process's threads has run and waited for by then, in seconds; in all it is what the process used."""
    ran, waited = zip(*accounts, strict=True)
    used_s = sum(ran)
    nanoseconds = [tuple(int(each * 1e9) for each in column) for column in (ran, waited)]
    reading = ProcessorTimeRead((7,), (int(used_s * 1e9),), tuple(range(7, 7 + len(accounts))), *nanoseconds)
    return at(seconds, reading)


def test_a_server_that_spins_on_a_busy_machine_wanted_more_than_it_got():
    found = judged(SPIN, "broken", *BUSY, threads(0.5, (1, 0)), threads(3, (1.1, 2.4)), says="0.10 s of processor time")
    assert "it would have been 2.50 s" in found.because
    beside = threads(0.5, (1, 0), (2, 0)), threads(3, (1.01, 0), (2.1, 2.3))
    judged(SPIN, "broken", *BUSY, *beside, says="it would have been 1.26 s")


def test_a_server_that_sleeps_and_waits_for_a_processor_each_time_it_wakes_up_does_not_spin():
    found = judged(SPIN, "kept", *BUSY, threads(0.5, (1, 0)), threads(3, (1.01, 1.6)))
    assert found.because.startswith("0.01 s")
    many = threads(0.5, *[(1, 0)] * 4), threads(3, *[(1.01, 1.6)] * 4)
    judged(SPIN, "kept", *BUSY, *many)


def test_threads_that_came_or_went_meanwhile_are_in_the_time_of_the_process_alone():
    judged(SPIN, "kept", *BUSY, threads(0.5, (1, 0), (0, 0)), threads(3, (1.1, 0.2)))
    judged(
        SPIN, "broken", *BUSY, threads(0.5, (1, 0)), threads(3, (1, 0), (0.9, 1)), says="0.90 s of processor time in"
    )


# --- the log ---


def line(seconds, length):
    return at(seconds, OutputWritten("stderr", "x" * length))


def test_a_drain_that_says_little():
    judged(FLOOD, "kept", *BUSY, line(0.1, 99), exits(1), says="100 bytes")


def test_a_drain_that_floods_the_log():
    lines = [line(0.1, 2000) for _ in range(140)]
    judged(FLOOD, "broken", *BUSY, *lines, exits(1), says="280140 bytes")
    judged(FLOOD, "broken", *BUSY, line(0.1, 99), exits(1), at(1.1, OutputDropped("stderr", 300_000)))


def test_who_writes_much_all_the_time_is_not_blamed_for_the_drain():
    before = [line(-2, 2000) for _ in range(9)]
    judged(FLOOD, "cannot tell", *opened(), *before, SIGNAL, exits(1), at(1.1, OutputDropped("stdout", 300_000)))


# --- announcements ---


def test_goaways_are_listed_in_their_order():
    goaways = goaway(0.1, 2**31 - 1), goaway(0.6, 1)
    judged(SEQUENCE, "observed", *BUSY, *goaways, says=r"^2 GOAWAY: 2\^31-1, then 1 \(on 1\)\.$")
    both = *goaways, *opened("b"), goaway(0.1, 3, "b", error_code=2)
    judged(SEQUENCE, "observed", *both, SIGNAL, says="1 GOAWAY: 3 with code 2")


def test_a_goaway_of_before_the_signal_is_another_matter():
    judged(SEQUENCE, "cannot tell", *opened(), goaway(-1, 1), SIGNAL)
    judged(ORDER, "cannot tell", *opened(), goaway(-1, 1), SIGNAL, at(0.1, ListenerClosed()))


def test_which_comes_first():
    judged(ORDER, "observed", *BUSY, goaway(0.1, 1), at(0.5, ListenerClosed()), says="listened for 0.40 s")
    judged(ORDER, "observed", *BUSY, goaway(0.6, 1), at(0.5, ListenerClosed()), says="0.10 s after it had ceased")
    judged(ORDER, "observed", *BUSY, goaway(0.5, 1), at(0.5, ListenerClosed()), says="at the same time")
    judged(ORDER, "cannot tell", *BUSY, goaway(0.5, 1))
