"""Checks of the process's end on literal traces: what each answers, and at which edge."""

import pytest

from lastcall.conformance.checks import ending as checks
from lastcall.conformance.model.client_events import (
    RequestSent,
    StreamReset,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    OrphansFound,
    OutputDropped,
    OutputWritten,
    PortChecked,
    ServerExited,
    ServerKilled,
)
from tests.ends import abandoned, fin_received, fin_sent, reset_received
from tests.traces import LAG, SIGNAL, answered, at, exits, held, judged, opened, released

BUSY = (*opened(), *held(), SIGNAL)
SERVED = (*BUSY, *released(), *answered(seconds=2))
FREE = at(9, PortChecked(free=True))
EXITED = ["SignalSent", "ServerExited"]
ALL = (
    checks.server_exits_in_time,
    checks.server_exits_once_drained,
    checks.exit_status_is_documented,
    checks.server_prints_no_stack_trace,
    checks.server_leaves_no_process_behind,
    checks.port_is_free_after_exit,
    checks.drain_timeout_is_granted_in_full,
    checks.drain_timeout_ends_the_server,
    checks.exit_status_after_a_forced_end,
    checks.drain_when_nothing_is_configured,
)


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *opened(), *held(), exits(1), FREE, says="not sent its shutdown signal")


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_a_server_that_had_died_before_the_signal_was_not_shut_down(check):
    judged(check, "cannot tell", *opened(), *held(), exits(-0.1), SIGNAL, FREE, says="while it ran")


def killed(seconds):
    return at(seconds, ServerKilled("it had not exited by itself")), at(seconds + 0.01, ServerExited(-9))


@pytest.mark.parametrize("check", ALL[1:6] + ALL[8:9], ids=lambda check: check.id)
def test_what_the_harness_killed_did_not_exit(check):
    judged(check, "cannot tell", *SERVED, *killed(8), FREE, says="did not exit by itself")


# --- server_exits_in_time ---

IN_TIME = checks.server_exits_in_time


def test_in_time_to_the_limit_and_not_beyond():
    judged(IN_TIME, "kept", *SERVED, exits(7.0), says="7.00 s", rests_on=EXITED)
    judgement = judged(IN_TIME, "broken", *SERVED, exits(7.01), says="7.01 s .* 7.00 s were allowed", rests_on=EXITED)
    assert judgement.measured[0].limit_s == 7.0
    judged(IN_TIME, "cannot tell", *SERVED, exits(7.01), LAG, says="its clock")


def test_a_last_response_after_the_drain_timeout_moves_the_limit():
    judged(IN_TIME, "kept", *BUSY, *answered(seconds=5), exits(8.0))


def test_without_a_drain_timeout_the_last_response_counts():
    judged(IN_TIME, "kept", *SERVED, exits(5.0), drain_s=None)
    judged(IN_TIME, "broken", *SERVED, exits(5.01), drain_s=None)


def test_without_a_drain_timeout_a_held_handler_may_be_waited_for():
    judged(IN_TIME, "cannot tell", *BUSY, *killed(9), drain_s=None, says="held to the end")


def test_a_server_that_had_to_be_killed():
    judged(
        IN_TIME, "broken", *SERVED, *killed(7.0), says="had not exited 7.0 s", rests_on=["SignalSent", "ServerKilled"]
    )
    judged(IN_TIME, "cannot tell", *SERVED, *killed(7.0), LAG, says="its clock")
    judged(IN_TIME, "broken", *SERVED, *killed(6.95))
    judged(IN_TIME, "cannot tell", *SERVED, *killed(6.85), says="before the limit")


def test_a_span_that_reaches_into_the_limit_favours_the_server():
    judged(IN_TIME, "kept", *SERVED, at(7.3, ServerExited(0), width_s=0.4))


@pytest.mark.parametrize("check", [IN_TIME, checks.server_exits_once_drained], ids=lambda check: check.id)
def test_a_crash_is_no_end_of_its_own(check):
    judged(check, "cannot tell", *SERVED, exits(2.1, -11), says="Signal 11", rests_on=["ServerExited"])
    judged(check, "kept", *SERVED, exits(2.1, -15), exit_statuses=(0, -15))
    judged(check, "kept", *SERVED, exits(2.1, 1))
    judged(check, "kept", *SERVED, exits(2.1, 0), exit_statuses=(-15,))


# --- server_exits_once_drained ---

ONCE = checks.server_exits_once_drained


def test_once_drained_to_the_limit_and_not_beyond():
    judged(ONCE, "kept", *SERVED, exits(5.0), says="3.00 s", rests_on=["ResponseEnded", "ServerExited"])
    judged(ONCE, "broken", *SERVED, exits(5.01), says="3.01 s")
    judged(ONCE, "cannot tell", *SERVED, exits(5.01), LAG)


def test_the_last_response_may_be_a_raced_streams():
    raced = (at(0.1, RequestSent("raced", "a", stream_id=3)), at(0.2, HandlerEntered("raced")))
    judged(ONCE, "kept", *SERVED, *raced, *answered("raced", 3.9), exits(6.5))
    judged(ONCE, "cannot tell", *SERVED, *raced, exits(6.5), says="never was drained")
    judged(ONCE, "kept", *SERVED, *raced, at(3.9, StreamReset("raced", 8)), exits(6.5))


def test_a_handler_that_was_lost_before_the_signal_is_not_waited_for():
    lost = (*held("old", stream_id=3, seconds=-2), at(-0.5, HandlerCancelled("old")))
    judged(ONCE, "kept", *SERVED, *lost, exits(2.1))
    judged(IN_TIME, "kept", *SERVED, *lost, exits(2.1), drain_s=None)
    judged(ONCE, "cannot tell", *SERVED, *held("old", stream_id=3), at(0.5, HandlerCancelled("old")), exits(2.1))


def test_a_late_refusal_is_no_reason_to_wait():
    raced = (at(0.1, RequestSent("raced", "a", stream_id=3)), at(6, StreamReset("raced", 7)))
    judged(ONCE, "broken", *SERVED, *raced, exits(6.1), says="4.10 s after the last response")


def test_an_idle_server_ends_without_sitting_its_drain_timeout_out():
    idle = checks.idle_server_exits_promptly
    judged(idle, "cannot tell", exits(3.0), says="not sent its shutdown")
    judged(idle, "kept", SIGNAL, exits(3.0), says="3.00 s", rests_on=["SignalSent", "ServerExited"])
    judged(idle, "broken", SIGNAL, exits(3.01), says="3.01 s")
    judged(idle, "cannot tell", SIGNAL, exits(3.01), LAG)
    judged(idle, "cannot tell", *opened("a"), SIGNAL, exits(3.01), says="was not idle")


def test_a_server_that_never_was_drained():
    judged(ONCE, "cannot tell", *BUSY, exits(4.2), says="never was drained")


# --- exit_status_is_documented ---


def test_the_documented_statuses():
    judged(checks.exit_status_is_documented, "kept", SIGNAL, exits(1, -15), exit_statuses=(0, -15))
    judged(
        checks.exit_status_is_documented,
        "broken",
        SIGNAL,
        exits(1, 1),
        says="status 1; documented is 0",
        rests_on=EXITED,
    )
    judged(checks.exit_status_is_documented, "broken", SIGNAL, exits(1, -9), exit_statuses=(0, -15), says="0 or -15")


# --- server_prints_no_stack_trace ---

QUIET = checks.server_prints_no_stack_trace


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "panic: send on closed channel",
        "thread 'main' panicked at src/main.rs:1:1",
    ],
)
def test_a_stack_trace_after_the_signal(line):
    printed = OutputWritten("stderr", f"  {line}")
    judged(QUIET, "broken", SIGNAL, at(0.1, printed), exits(1), says="after the signal", rests_on=["OutputWritten"])
    judged(QUIET, "broken", SIGNAL, at(0.001, printed, width_s=0.002), exits(1))
    judged(QUIET, "broken", SIGNAL, at(0, printed), exits(1))
    judged(QUIET, "kept", at(-0.1, printed), SIGNAL, exits(1))


def test_output_that_was_not_kept_may_have_held_one():
    judged(QUIET, "kept", SIGNAL, at(0.1, OutputWritten("stderr", "bye")), exits(1))
    judged(QUIET, "cannot tell", SIGNAL, exits(1), at(1, OutputDropped("stderr", 10)), rests_on=["OutputDropped"])


# --- server_leaves_no_process_behind, port_is_free_after_exit ---


def test_nothing_left_behind():
    judged(checks.server_leaves_no_process_behind, "kept", SIGNAL, exits(1), FREE)
    left = at(1.5, OrphansFound((7, 8), ("worker a", "worker b")))
    judgement = judged(
        checks.server_leaves_no_process_behind, "broken", SIGNAL, exits(1), left, FREE, says="worker a, worker b"
    )
    assert judgement.events == (left,)
    judged(checks.server_leaves_no_process_behind, "cannot tell", SIGNAL, exits(1))


def test_the_port():
    judged(checks.port_is_free_after_exit, "kept", SIGNAL, exits(1), FREE, rests_on=["PortChecked"])
    judged(checks.port_is_free_after_exit, "broken", SIGNAL, exits(1), at(2, PortChecked(free=False)))
    judged(checks.port_is_free_after_exit, "cannot tell", SIGNAL, exits(1), at(2, PortChecked()))
    judged(checks.port_is_free_after_exit, "cannot tell", SIGNAL, exits(1))


# --- drain_timeout_is_granted_in_full ---

GRANTED = checks.drain_timeout_is_granted_in_full
CUTS = (HandlerCancelled("r"), HandlerFailed("r", "gone"), fin_received("a"), reset_received("a"), StreamReset("r", 8))


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: type(cut).__name__)
def test_granted_but_for_a_coarse_tick(cut):
    kinds = ["SignalSent", type(cut).__name__]
    judged(GRANTED, "kept", *BUSY, at(3.75, cut), says="their 4 s", rests_on=kinds)
    judged(GRANTED, "broken", *BUSY, at(3.74, cut), says="'r' was cut after 3.74 s of 4 s", rests_on=kinds)


def test_granted_is_measured_in_the_servers_favour():
    judged(GRANTED, "kept", *BUSY, at(3.8, fin_received("a"), width_s=0.5))


def test_the_cut_one_of_two_is_named_even_if_the_other_never_ended():
    events = (*opened("a"), *opened("b"), *held("x", "a"), *held("y", "b"), SIGNAL, at(0.5, fin_received("b")))
    judged(GRANTED, "broken", *events, says="'y' was cut after 0.50 s")
    judged(GRANTED, "cannot tell", *events[:-1], at(4, fin_received("b")), says="'x' had not ended")


def test_no_handler_was_held_beyond_the_drain_timeout():
    judged(GRANTED, "cannot tell", *SERVED, says="No handler")
    judged(GRANTED, "cannot tell", *BUSY, at(1, fin_received("a")), drain_s=None)
    judged(GRANTED, "cannot tell", *BUSY, at(0.5, fin_sent("a")), at(0.6, fin_received("a")))


def test_a_server_that_documents_no_limit_cuts_nothing_when_nothing_is_configured():
    alone = {"drain_s": None, "default_drain": True, "drain_documented": "https://example.org/drain"}
    cut = at(5, fin_received("a"))
    kinds = ["SignalSent", "ConnectionEnded"]
    judged(GRANTED, "broken", *BUSY, cut, **alone, says="cut after 5.00 s; documented is", rests_on=kinds)
    judged(GRANTED, "cannot tell", *BUSY, *killed(12), **alone | {"drain_documented": ""}, says="No handler was held")
    judged(GRANTED, "cannot tell", *BUSY, *killed(12), **alone, says="nobody can wait for ever")


ALONE = checks.drain_when_nothing_is_configured


def test_what_only_the_harness_cut_was_not_cut_by_the_server():
    ours = (at(12, abandoned("a")), *killed(12.001), at(12.005, HandlerCancelled("r")))
    alone = {"drain_s": None, "default_drain": True, "drain_documented": "https://example.org/drain"}
    judged(GRANTED, "cannot tell", *BUSY, *ours, **alone)
    judged(ALONE, "observed", *BUSY, *ours, **alone, says="cut no request and was still there")


def test_the_default_drain_is_observed_beside_the_documented_one():
    cut, end = at(3, fin_received("a")), exits(3.5)
    judgement = judged(ALONE, "observed", *BUSY, cut, end, drain_s=3, default_drain=True, says="documented are 3 s")
    assert "cut the first request after 3.00 s and exited after 3.50 s" in judgement.because
    documented = {"drain_s": None, "default_drain": True, "drain_documented": "https://example.org/drain"}
    judgement = judged(ALONE, "observed", *BUSY, *killed(15), **documented, says="waits for as long as they take")
    assert "cut no request and was still there after 15.00 s" in judgement.because
    judged(ALONE, "observed", *BUSY, *killed(15), drain_s=None, default_drain=True, says="nothing is documented")
    judged(ALONE, "cannot tell", *BUSY, cut, end, drain_s=3, says="had been configured")
    judged(ALONE, "cannot tell", *SERVED, exits(4), drain_s=3, default_drain=True, says="no handler was held")


def test_a_polite_client_that_leaves_because_its_stream_was_cut_does_not_hide_it():
    events = (*BUSY, at(0.5, StreamReset("r", 8)), at(0.51, fin_sent("a")), at(0.52, fin_received("a")))
    judged(GRANTED, "broken", *events, says="'r' was cut after 0.50 s")


def test_what_the_harness_killed_was_not_cut_by_the_server():
    judged(GRANTED, "cannot tell", *BUSY, *killed(7), at(7.1, HandlerCancelled("r")), says="'r' had not ended")


# --- drain_timeout_ends_the_server ---

ENDS = checks.drain_timeout_ends_the_server


def test_the_forced_end_to_its_limits():
    judged(ENDS, "kept", *BUSY, exits(3.75), rests_on=["ServerExited"])
    judged(ENDS, "kept", *BUSY, exits(6.5), says="2.50 s after")
    judged(ENDS, "broken", *BUSY, exits(6.51), says="exited after 6.51 s", rests_on=EXITED)
    judged(ENDS, "cannot tell", *BUSY, exits(6.51), LAG)
    judged(ENDS, "cannot tell", *BUSY, exits(3.74), says="before its drain timeout was over")


def test_no_forced_end():
    judged(ENDS, "broken", *BUSY, *killed(7), says="had not exited")
    judged(ENDS, "cannot tell", *BUSY, *killed(7), LAG)
    judged(ENDS, "cannot tell", *BUSY, *killed(5), says="before the limit")
    judged(ENDS, "cannot tell", *SERVED, exits(4.2), says="No handler")
    judged(ENDS, "cannot tell", *BUSY, exits(4.2), drain_s=None)


def test_the_status_after_a_forced_end_is_recorded():
    judged(
        checks.exit_status_after_a_forced_end,
        "observed",
        *BUSY,
        exits(4.2, 3),
        says="status 3",
        rests_on=["ServerExited"],
    )
