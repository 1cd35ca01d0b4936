"""From traces to verdicts: missing evidence, blocking, the control."""

import dataclasses

import pytest

from lastcall.conformance.judging.judge import judge, needs_control, why_control_fails
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import (
    ConnectionOpened,
    LoadFailed,
    ProtocolViolated,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
)
from lastcall.conformance.model.event import UnknownEvent
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import PROTOCOLS, Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerOrdered,
    HarnessFailed,
    PlayEnded,
    ServerExited,
    ServerKilled,
    SetupFailed,
    SignalSent,
    StepBegun,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import Shutdown
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.verdict import (
    Answer,
    Impact,
    Level,
    Measured,
    Verdict,
    broken,
    cannot_tell,
    kept,
    observed,
)

PLAY = Play("one", "mine", "h2", "fast")
SIGNAL = SignalSent("SIGTERM", "shutdown", begin_ns=5, end_ns=6)
COMPLETE = Trace(PLAY, (SIGNAL, PlayEnded(begin_ns=9, end_ns=9)))


@check(clauses.CLEAN_EXIT, level=Level.PROMISE, impact=Impact.MANNERS)
def always_kept(trace, _limits):
    """It is kept."""
    return kept("Kept.", *trace.of(SignalSent), measured=(Measured("time", 1.0, 2.0),))


@check(clauses.IN_FLIGHT, level=Level.MUST, impact=Impact.MANNERS)
def always_broken(trace, _limits):
    """It is broken."""
    return broken("Broken.", trace.events[1], *trace.of(SignalSent), trace.events[1])


@check(clauses.GOAWAY_ALWAYS, level=Level.SHOULD, impact=Impact.MANNERS, blocked_by=(always_broken,))
def after_the_broken(_trace, _limits):
    """It would be kept."""
    return kept("Kept.")


@check(clauses.GOAWAY_ALWAYS, level=Level.MUST, impact=Impact.MANNERS, blocked_by=(after_the_broken,))
def after_the_blocked(_trace, _limits):
    """It would be broken."""
    return broken("Broken as well.")


@check(clauses.GOAWAY_ALWAYS, level=Level.SHOULD, impact=Impact.MANNERS, blocked_by=(always_kept,))
def after_the_kept(_trace, _limits):
    """Nothing blocks it."""
    return cannot_tell("Who knows.")


@check(clauses.GOAWAY_ALWAYS, level=Level.MUST, impact=Impact.MANNERS)
def crashes(_trace, _limits):
    """It is a faulty check."""
    raise ZeroDivisionError("nought")


@check(clauses.GOAWAY_ALWAYS, level=Level.OBSERVE, impact=Impact.MANNERS)
def seen(_trace, _limits):
    """It is seen."""
    return observed("Seen.")


def at_level(level, rule):
    return dataclasses.replace(rule, level=level)


def asking(*checks):
    return Scenario("one", "Is it?", tuple(PROTOCOLS.values()), LaunchPlan(Duration(1, 1)), steps(Shutdown()), checks)


def answers(checks, trace=COMPLETE, control=None):
    return {verdict.check: verdict.answer for verdict in judge(asking(*checks), trace, DEFAULT, control)}


def test_verdict_keeps_what_the_check_found_and_the_lines_it_rests_on():
    assert judge(asking(always_kept, at_level(Level.SHOULD, always_broken)), COMPLETE, DEFAULT) == [
        Verdict(
            "always_kept",
            Level.PROMISE,
            "clean-exit",
            Answer.KEPT,
            "Kept.",
            (2,),
            (Measured("time", 1.0, 2.0),),
            Impact.MANNERS,
        ),
        Verdict("always_broken", Level.SHOULD, "in-flight", Answer.BROKEN, "Broken.", (2, 3), (), Impact.MANNERS),
    ]


def test_an_event_that_a_later_lastcall_added_changes_no_answer_and_no_line():
    added = UnknownEvent("TeaServed", begin_ns=7, end_ns=7)
    verdicts = judge(asking(always_kept), COMPLETE, DEFAULT)
    assert judge(asking(always_kept), Trace(PLAY, (SIGNAL, added, *COMPLETE.events[1:])), DEFAULT) == verdicts
    (moved,) = judge(asking(always_kept), Trace(PLAY, (added, *COMPLETE.events)), DEFAULT)
    assert moved.evidence == (verdicts[0].evidence[0] + 1,)


def test_judging_again_gives_the_same():
    scenario = asking(always_kept, always_broken, after_the_broken, seen)
    assert judge(scenario, COMPLETE, DEFAULT) == judge(scenario, COMPLETE, DEFAULT)


def test_chain_behind_a_broken_check_is_blocked_and_names_what_broke():
    chain = (at_level(Level.PROMISE, always_broken), after_the_broken, after_the_blocked)
    verdicts = judge(asking(*chain), COMPLETE, DEFAULT)
    assert [verdict.answer for verdict in verdicts] == [Answer.BROKEN, Answer.BLOCKED, Answer.BLOCKED]
    assert "always_broken" in verdicts[1].because
    assert "always_broken" in verdicts[2].because


def test_chain_is_blocked_through_a_check_that_is_not_listed_and_in_any_order():
    given = answers([after_the_blocked, at_level(Level.PROMISE, always_broken)])
    assert given == {"after_the_blocked": Answer.BLOCKED, "always_broken": Answer.BROKEN}


def test_check_is_not_blocked_by_one_that_was_kept_or_is_not_listed():
    assert answers([after_the_kept, always_kept])["after_the_kept"] is Answer.CANNOT_TELL
    assert answers([after_the_broken])["after_the_broken"] is Answer.KEPT


def test_a_decisive_check_that_is_broken_is_not_blocked():
    decisive = dataclasses.replace(after_the_blocked, decisive=True)
    assert answers([at_level(Level.PROMISE, always_broken), decisive])["after_the_blocked"] is Answer.BROKEN
    not_seen = dataclasses.replace(after_the_broken, decisive=True)
    assert answers([at_level(Level.PROMISE, always_broken), not_seen])["after_the_broken"] is Answer.BLOCKED


def test_crash_of_a_check_is_a_harness_error_and_does_not_touch_the_others():
    verdicts = judge(asking(crashes, always_kept), COMPLETE, DEFAULT)
    assert [verdict.answer for verdict in verdicts] == [Answer.HARNESS_ERROR, Answer.KEPT]
    assert "ZeroDivisionError: nought" in verdicts[0].because
    assert not needs_control(verdicts)


EVERY = (always_kept, always_broken, at_level(Level.SHOULD, crashes), seen)


@pytest.mark.parametrize(
    ("events", "answer", "because"),
    [
        ((SetupFailed("it did not start"),), Answer.SETUP_FAILED, "it did not start"),
        ((SIGNAL, HarnessFailed("we fell over")), Answer.HARNESS_ERROR, "we fell over"),
        ((SetupFailed("it"), HarnessFailed("we"), PlayEnded()), Answer.HARNESS_ERROR, "we"),
        ((SIGNAL,), Answer.CANNOT_TELL, "cut short"),
        ((), Answer.CANNOT_TELL, "cut short"),
        ((PlayEnded(), SIGNAL), Answer.CANNOT_TELL, "cut short"),
    ],
)
def test_play_that_did_not_reach_its_end_is_judged_by_no_check(events, answer, because):
    verdicts = judge(asking(*EVERY), Trace(PLAY, events), DEFAULT)
    assert {verdict.answer for verdict in verdicts} == {answer}
    assert all(because in verdict.because for verdict in verdicts)
    assert not needs_control(verdicts)


def test_check_is_judged_only_over_its_protocols():
    only_http1 = dataclasses.replace(always_broken, over=(Protocol.H1,))
    assert answers([always_kept, only_http1]) == {"always_kept": Answer.KEPT}


@pytest.mark.parametrize(
    ("level", "called_for"), [(Level.MUST, True), (Level.PROMISE, True), (Level.SHOULD, False), (Level.OBSERVE, False)]
)
def test_control_is_needed_where_a_server_would_be_blamed(level, called_for):
    assert needs_control(judge(asking(at_level(level, always_broken)), COMPLETE, DEFAULT)) is called_for
    assert not needs_control(judge(asking(at_level(level, always_kept)), COMPLETE, DEFAULT))


KILLED = ServerKilled("the control is over", begin_ns=80, end_ns=81)
OVER = (KILLED, ServerExited(-9, begin_ns=82, end_ns=83), PlayEnded(begin_ns=90, end_ns=90))
CONNECTED = ConnectionOpened("a", 1, begin_ns=1, end_ns=1)
SENT = RequestSent("r", "a", "GET", "/hold/r", 1, begin_ns=2, end_ns=2)
ENTERED = HandlerEntered("r", begin_ns=3, end_ns=3)
RELEASED = HandlerOrdered("r", "finish 9", begin_ns=10, end_ns=10)
STARTED = ResponseStarted("r", 200, begin_ns=11, end_ns=11)
ENDED = ResponseEnded("r", 9, begin_ns=12, end_ns=12)
WELL = Trace(PLAY, (CONNECTED, SENT, ENTERED, RELEASED, STARTED, ENDED, *OVER))


def test_control_that_went_well_excuses_nothing():
    assert why_control_fails(WELL) == ""
    assert answers([always_broken], control=WELL) == {"always_broken": Answer.BROKEN}


def test_request_that_the_control_still_held_went_well():
    cancelled = HandlerCancelled("r", begin_ns=82, end_ns=82)
    assert why_control_fails(Trace(PLAY, (CONNECTED, SENT, ENTERED, KILLED, cancelled, *OVER[1:]))) == ""


FAILING = {
    "it never started": (SetupFailed("it never started"),),
    "we fell over": (SENT, HarnessFailed("we fell over"), PlayEnded()),
    "cut short": (CONNECTED, SENT, ENTERED, RELEASED, STARTED, ENDED, KILLED),
    "ended by itself (3)": (CONNECTED, SENT, ENTERED, RELEASED, STARTED, ENDED, ServerExited(3), PlayEnded()),
    "request 'r' was lost": (CONNECTED, SENT, ENTERED, RELEASED, *OVER),
    "request 'r' was ambiguous": (CONNECTED, SENT, *OVER),
    "handler of 'r' was cancelled": (
        CONNECTED,
        SENT,
        ENTERED,
        HandlerCancelled("r", begin_ns=20, end_ns=20),
        *OVER,
    ),
    "the ordinary client got ReadError for 'l'": (CONNECTED, LoadFailed("l", "ReadError"), *OVER),
    "connection 'a' could not be read: noise": (CONNECTED, ProtocolViolated("a", "noise"), *OVER),
}


@pytest.mark.parametrize(("because", "events"), FAILING.items())
def test_control_that_fails_turns_a_broken_must_or_promise_into_setup_failed(because, events):
    control = Trace(PLAY, events)
    assert because in why_control_fails(control)
    for level in (Level.MUST, Level.PROMISE):
        (verdict,) = judge(asking(at_level(level, always_broken)), COMPLETE, DEFAULT, control)
        assert verdict.answer is Answer.SETUP_FAILED
        assert because in verdict.because
        assert verdict.evidence == (2, 3)


def test_control_that_fails_touches_no_other_answer():
    control = Trace(PLAY, FAILING["it never started"])
    checks = (always_kept, at_level(Level.SHOULD, always_broken), at_level(Level.MUST, after_the_kept), seen, crashes)
    assert answers(checks, control=control) == answers(checks)
    blocked = (always_broken, at_level(Level.PROMISE, after_the_broken))
    assert answers(blocked, control=control)["after_the_broken"] is Answer.BLOCKED


@check(clauses.PING_ANSWERED, level=Level.MUST, impact=Impact.MANNERS, holds_without_shutdown=True)
def broken_without_shutdown(trace, _limits):
    """What comes after the signal is broken off."""
    signal = trace.first(SignalSent(purpose="shutdown"))
    late = [event for event in trace.of(ConnectionOpened) if signal and event.begin_ns >= signal.end_ns]
    return broken("Too late.", *late) if late else kept("Nothing came.")


def control_of(*events):
    step = StepBegun(0, "Shutdown()", begin_ns=5, end_ns=5)
    return Trace(PLAY, (step, *events, ServerKilled("over", begin_ns=8, end_ns=8), PlayEnded(begin_ns=9, end_ns=9)))


def test_a_check_that_holds_without_shutdown_is_called_on_the_control_too():
    late = ConnectionOpened("a", begin_ns=7, end_ns=7)
    trace = Trace(PLAY, (SIGNAL, late, PlayEnded(begin_ns=9, end_ns=9)))
    checks = [broken_without_shutdown]
    assert answers(checks, trace, control_of())["broken_without_shutdown"] is Answer.BROKEN
    (verdict,) = judge(asking(*checks), trace, DEFAULT, control_of(late))
    assert verdict.answer is Answer.SETUP_FAILED
    assert "(Too late)" in verdict.because
    another = dataclasses.replace(broken_without_shutdown, holds_without_shutdown=False)
    assert answers([another], trace, control_of(late))["broken_without_shutdown"] is Answer.BROKEN
