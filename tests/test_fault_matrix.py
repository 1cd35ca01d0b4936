"""Every check breaks on a faulty server and holds on a correct one; some check breaks on every fault.

All plays of this module run at once in one environment, so that the module takes about as long as its longest play.
"""

import dataclasses

import pytest

from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.judging.judge import judge, why_control_fails
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import PROTOCOLS, Protocol, protocol_named
from lastcall.conformance.model.server import Feature
from lastcall.conformance.model.server_events import LagMeasured
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.verdict import Answer, Level
from lastcall.registry import find
from lastcall.servers.reference.faults import FAULTS
from lastcall.servers.reference.model import MODEL
from lastcall.servers.reference.variants import VARIANTS
from tests.fault_matrix import MATRIX, NOT_YET_PLAYED

FOUND = find()
BLAMING = (Level.MUST, Level.PROMISE)
CLEARTEXT = (Protocol.H1, Protocol.H2C)


def case(server, scenario, protocol):
    return Case(FOUND.scenarios[scenario], FOUND.servers[server], protocol, Pace.FAST, DEFAULT)


def plays_of(server, protocols):
    return [
        case(server, scenario.id, protocol)
        for scenario in FOUND.scenarios.values()
        for protocol in scenario.protocols
        if protocol in protocols
    ]


def plays_of_variant(name, model):
    """Return the plays in which a variant can differ from the model: over its protocols, where its changed part works."""
    plays = plays_of(f"reference~{name}", [protocol_named(protocol) for protocol in model.over])
    if model.websocket is not MODEL.websocket:
        return [play for play in plays if play.scenario.needs & {Feature.WEBSOCKET, Feature.WEBSOCKET_H2}]
    if model.server is not MODEL.server:
        return plays
    # Workers and reloads depend on the server class alone, not on the classes of its connections.
    return [play for play in plays if play.scenario.launch.workers == 1 and play.scenario.needs_signal != "reload"]


FAULTY = [case(f"reference+{row.fault}", row.scenario, row.protocol) for row in MATRIX]
BENIGN = [play for name, model in VARIANTS.items() for play in plays_of_variant(name, model)]
CORRECT = plays_of("reference", tuple(PROTOCOLS.values()))
CONTROLS = [dataclasses.replace(play, control=True) for play in plays_of("reference", CLEARTEXT)]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Play every case once; return its trace and verdicts by the case's name."""
    cases = [*FAULTY, *BENIGN, *CORRECT, *CONTROLS]
    with Environment() as environment:
        traces = play_all(environment, cases, tmp_path_factory.mktemp("traces"))
    played = zip(cases, traces, strict=True)
    return {case.name: (trace, judge(case.scenario, trace, DEFAULT)) for case, trace in played}


def undecided(trace, verdicts):
    """Return the checks that could not tell because the machine was too busy for a limit; none on an idle machine."""
    lagged = any(event.worst_ns > DEFAULT.lag_s * 1e9 for event in trace.of(LagMeasured))
    return {verdict.check for verdict in verdicts if lagged and verdict.answer is Answer.CANNOT_TELL}


def broken(verdicts, *levels):
    return {verdict.check for verdict in verdicts if verdict.answer is Answer.BROKEN and verdict.level in levels}


def test_the_reference_server_has_at_least_twenty_faults():
    assert len(FAULTS) >= 20


def test_there_are_at_least_twenty_benign_variants():
    assert len(VARIANTS) >= 20
    assert {name for name, model in VARIANTS.items() if model.over} == set(VARIANTS)


def test_every_fault_is_in_the_matrix():
    assert {row.fault for row in MATRIX} | NOT_YET_PLAYED == set(FAULTS)
    assert not {row.fault for row in MATRIX} & NOT_YET_PLAYED


def test_every_check_that_can_break_is_in_the_matrix():
    can_break = {
        check.id
        for scenario in FOUND.scenarios.values()
        for check in scenario.checks
        # The checks of timed mode alone break in tests/test_timed.py: the reference server always reports to the gate.
        if check.level is not Level.OBSERVE and not check.only_timed
    }
    assert {check for row in MATRIX for check in row.breaks} == can_break


LATE_EXIT = {"server_exits_in_time", "server_exits_once_drained", "idle_server_exits_promptly"}
LATE_EXITS = {
    "hangs-after-drain",
    "sits-out-drain-timeout",
    "waits-for-client-to-close",
    "websocket-waits-for-rude-peer",
}
"""The faults whose only effect is a late exit."""


def test_no_other_fault_breaks_only_by_a_late_exit():
    assert {row.fault for row in MATRIX} - {row.fault for row in MATRIX if set(row.breaks) - LATE_EXIT} == LATE_EXITS


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row.fault}-{row.scenario}-{row.protocol}")
def test_a_fault_breaks_what_it_should_and_blames_for_nothing_else(verdicts, row):
    trace, judged = verdicts[f"{row.scenario}[reference+{row.fault}-{row.protocol}]"]
    seen = broken(judged, *BLAMING, Level.SHOULD) | undecided(trace, judged)
    assert set(row.breaks) <= seen, [f"{verdict.check}: {verdict.answer}: {verdict.because}" for verdict in judged]
    assert broken(judged, *BLAMING) <= set(row.breaks)


@pytest.mark.parametrize("name", [play.name for play in CORRECT])
def test_every_check_holds_on_the_reference_server(verdicts, name):
    trace, judged = verdicts[name]
    assert judged
    fallen = [verdict for verdict in judged if verdict.answer not in (Answer.KEPT, Answer.OBSERVED)]
    assert [verdict for verdict in fallen if verdict.check not in undecided(trace, judged)] == []


@pytest.mark.parametrize("name", [play.name for play in BENIGN])
def test_no_must_or_promise_breaks_on_a_benign_variant(verdicts, name):
    _trace, judged = verdicts[name]
    assert judged
    blaming = [verdict for verdict in judged if verdict.check in broken(judged, *BLAMING)]
    assert [f"{verdict.check}: {verdict.because}" for verdict in blaming] == []
    assert not {Answer.SETUP_FAILED, Answer.HARNESS_ERROR} & {verdict.answer for verdict in judged}


@pytest.mark.parametrize("play", CONTROLS, ids=lambda play: play.name)
def test_every_timeline_succeeds_without_its_shutdown(verdicts, play):
    trace, _judged = verdicts[play.name]
    assert trace.complete
    assert why_control_fails(trace) == ""


def without_gate(trace):
    """Return the trace as timed mode would have recorded the play: without the handlers' reports to the gate."""
    events = tuple(event for event in trace.events if not type(event).__name__.startswith("Handler"))
    return dataclasses.replace(trace, play=dataclasses.replace(trace.play, slow_s=1.0), events=events)


@pytest.mark.parametrize("name", [play.name for play in (*FAULTY, *CORRECT)])
def test_verdicts_without_the_gate_contradict_none_with_it(verdicts, name):
    trace, with_gate = verdicts[name]
    scenario = FOUND.scenarios[trace.play.scenario]
    seen = {verdict.check: verdict.answer for verdict in with_gate}
    opposite = {Answer.KEPT: Answer.BROKEN, Answer.BROKEN: Answer.KEPT}
    decided = [verdict for verdict in judge(scenario, without_gate(trace), DEFAULT) if verdict.answer in opposite]
    assert [verdict for verdict in decided if seen.get(verdict.check) is opposite[verdict.answer]] == []
