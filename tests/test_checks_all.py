"""What holds for every check that any scenario asks: its text, its level, and that no evidence is never kept."""

import dataclasses
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastcall.conformance.judging.judge import judge
from lastcall.conformance.model.client_events import (
    ConnectionFailed,
    ConnectionOpened,
    ResponseStarted,
)
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerOrdered,
    ListenerClosed,
    PlayEnded,
    PortChecked,
)
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.trace_file import EVENTS, load
from lastcall.conformance.model.verdict import Answer, Impact, Level
from lastcall.registry import find
from tests.ends import abandoned, fin_received, reset_received
from tests.support import dump
from tests.traces import SIGNAL, at, exits, held, opened, ready, trace

SCENARIOS = tuple(find().scenarios.values())
CHECKS = tuple({check.id: check for scenario in SCENARIOS for check in scenario.checks}.values())
PLAYS = tuple((scenario, protocol) for scenario in SCENARIOS for protocol in scenario.protocols)
each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
each_play = pytest.mark.parametrize(
    ("scenario", "protocol"), PLAYS, ids=[f"{scenario.id}-{protocol}" for scenario, protocol in PLAYS]
)

KEYWORDS = {
    Level.MUST: {"MUST", "MUST NOT"},
    Level.PROMISE: {""},
    Level.SHOULD: {"SHOULD", "SHOULD NOT", ""},
}
"""What the clause of a check may say in the source, for the level at which the check is asked."""


# --- texts and levels ---


@each_check
def test_the_first_line_of_its_docstring_is_a_sentence(check):
    first, _, _rest = (check.judge.__doc__ or "").strip().partition("\n")
    assert first.endswith(".")
    assert first[0].isupper()
    assert len(first.split()) >= 5


@each_check
def test_its_clause_can_be_looked_up(check):
    assert check.clause.link.startswith("https://")
    assert check.clause.rule.endswith(".")
    assert check.clause.source


@each_check
def test_what_it_takes_for_granted_goes_round_in_no_circle(check):
    def below(check, seen=()):
        assert check.id not in seen
        for other in check.blocked_by:
            below(other, (*seen, check.id))

    below(check)


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if check.level is not Level.OBSERVE], ids=lambda check: check.id
)
def test_its_level_is_that_of_its_clause(check):
    assert check.clause.keyword in KEYWORDS[check.level]


def test_each_check_is_one_value_with_a_name_of_its_own():
    values = {id(check): check.id for scenario in SCENARIOS for check in scenario.checks}
    assert len(values) == len(set(values.values()))


def test_every_impact_is_that_of_some_rule_that_can_be_broken():
    assert {check.impact for check in CHECKS if check.level is not Level.OBSERVE} == set(Impact)


# --- no evidence is never kept ---


def answers(scenario, stored):
    return {verdict.check: verdict.answer for verdict in judge(scenario, stored, DEFAULT)}


@each_play
@pytest.mark.parametrize("events", [(), (SIGNAL,)], ids=["nothing", "only a signal"])
def test_nothing_is_kept_where_nothing_happened(scenario, protocol, events):
    given_answers = answers(scenario, trace(*events, protocol=str(protocol)))
    assert set(given_answers.values()) == {Answer.CANNOT_TELL}


@each_play
def test_nothing_is_kept_in_a_trace_that_was_cut_short(scenario, protocol):
    whole = trace(*killed_at_the_signal(fin_received), protocol=str(protocol))
    assert set(answers(scenario, Trace(whole.play, whole.events[:-1])).values()) == {Answer.CANNOT_TELL}


def killed_at_the_signal(ending):
    """A server that SIGKILL ends at the signal: its kernel closes everything, at once and in whatever way."""
    names = ("a", "busy", "idle", "preface", "b")
    events = [event for name in names for event in opened(name)]
    events += [*held("x", "a", 1), *held("y", "a", 3), *held("z", "busy", 1), *held("half", "b", 1)]
    events += [*ready("r0", "idle", 1), at(-0.5, ResponseStarted("half", 200)), at(-3, ConnectionOpened("silent"))]
    events += [SIGNAL, *(at(0.001, HandlerCancelled(name)) for name in ("x", "y", "z", "half")), exits(0.001, -9)]
    events += [at(0.002, ending(name)) for name in (*names, "silent")]
    return (
        *events,
        at(0.01, ListenerClosed()),
        at(0.5, ConnectionFailed("new", "refused")),
        at(1, PortChecked(free=True)),
    )


KEPT_BY_A_KILLED_SERVER = {
    "server_leaves_no_process_behind": "nothing was left: that is what SIGKILL does to a single process",
    "port_is_free_after_exit": "it is free",
    "new_connections_meet_a_clear_fate": "connection refused is clear",
    "cut_responses_look_cut": "a cut in the middle looks like one; that it came too early is another promise",
}
"""The only musts and promises that are truly kept by a server that was killed, and why."""


@each_play
@pytest.mark.parametrize("ending", [fin_received, reset_received])
def test_a_killed_server_keeps_no_promise_of_serving_or_ending(scenario, protocol, ending):
    orders = () if scenario.needs_drain else tuple(at(1, HandlerOrdered(name, "finish 9")) for name in ("x", "y", "z"))
    stored = trace(*killed_at_the_signal(ending), *orders, protocol=str(protocol))
    verdicts = [verdict for verdict in judge(scenario, stored, DEFAULT) if verdict.level in (Level.MUST, Level.PROMISE)]
    assert {verdict.check for verdict in verdicts if verdict.answer is Answer.KEPT} <= set(KEPT_BY_A_KILLED_SERVER)
    assert any(verdict.answer is Answer.BROKEN for verdict in verdicts)


@each_play
def test_a_server_that_does_nothing_at_all_keeps_no_promise(scenario, protocol):
    names = ("a", "busy", "idle", "preface", "b")
    events = [event for name in names for event in opened(name)]
    events += [*held("x", "a", 1), *held("z", "busy", 1), *held("half", "b", 1), *ready("r0", "idle", 1), SIGNAL]
    stored = trace(*events, *(at(9, abandoned(name)) for name in names), protocol=str(protocol))
    assert Answer.KEPT not in answers(scenario, stored).values()


# --- random traces ---

NAMES = {
    "connection": st.sampled_from(["a", "b"]),
    "request": st.sampled_from(["r", "s", "t"]),
    "purpose": st.sampled_from(["shutdown", "second"]),
    "order": st.sampled_from(["read", "send 9", "finish 9"]),
    "framing": st.sampled_from(["end_stream", "content-length", "close"]),
    "reason": st.sampled_from(["refused", "reset"]),
    "text": st.sampled_from(["bye", "Traceback (most recent call last):"]),
    "headers": st.sampled_from([(), (("connection", "close"),)]),
    "last_stream_id": st.sampled_from([0, 1, 3, 2**31 - 1]),
    "stream_id": st.sampled_from([0, 1, 3]),
    "error_code": st.sampled_from([0, 7, 8]),
    "status": st.sampled_from([200, 503, 0, -9]),
    "length": st.sampled_from([0, 9]),
    "worst_ns": st.sampled_from([0, 10**9]),
}
BY_DEFAULT = {str: st.just(""), int: st.just(0), bool: st.booleans(), tuple: st.just(()), type(None): st.none()}
UNINTERESTING = {"SetupFailed", "HarnessFailed", "PlayEnded"}


def _fields(kind):
    for item in dataclasses.fields(kind):
        if item.name not in ("begin_ns", "end_ns"):
            yield item.name, NAMES.get(item.name, BY_DEFAULT[type(item.default)])


def _stamped(kind):
    made = st.builds(kind, **dict(_fields(kind)))
    return st.builds(at, st.integers(-40, 90).map(lambda tenths: tenths / 10), made, st.sampled_from([0.0, 0.05, 0.5]))


EVENTS_IN_ANY_ORDER = st.lists(
    st.one_of(*(_stamped(kind) for name, kind in EVENTS.items() if name not in UNINTERESTING)), max_size=30
)
TRACES = st.builds(
    lambda events, signal, drain_s, protocol: Trace(
        Play("random", "random", protocol, "fast", drain_s=drain_s), (*events, *signal, PlayEnded())
    ),
    EVENTS_IN_ANY_ORDER,
    st.sampled_from([(), (SIGNAL,)]),
    st.sampled_from([None, 0.0, 4.0]),
    st.sampled_from(["h1", "h1-tls", "h2", "h2c"]),
)


def judgements(stored):
    by_check = {}
    for check in CHECKS:
        judgement = check(stored, DEFAULT)
        by_check[check.id] = (
            judgement.answer,
            judgement.because,
            [stored.line_of(event) for event in judgement.events],
            judgement.measured,
        )
    return by_check


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TRACES)
def test_no_trace_makes_a_check_raise_and_a_stored_one_is_judged_alike(stored):
    first = judgements(stored)
    assert judgements(stored) == first
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.jsonl"
        dump(stored, path)
        assert judgements(load(path)) == first


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TRACES)
def test_no_judgement_observes_a_rule_or_judges_an_observation(stored):
    levels = {check.id: check.level for check in CHECKS}
    allowed = {
        True: {Answer.OBSERVED, Answer.CANNOT_TELL},
        False: {Answer.KEPT, Answer.BROKEN, Answer.CANNOT_TELL},
    }
    for name, (answer, *_rest) in judgements(stored).items():
        assert answer in allowed[levels[name] is Level.OBSERVE], name
