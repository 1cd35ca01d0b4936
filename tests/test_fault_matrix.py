"""Every check is seen to break on a faulty server, and to hold on a correct one; every fault is seen by a check.

All plays of this module run at once in one house, so that it takes about as long as its longest play.
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
from tests.fault_matrix import MATRIX, NOT_YET_ASKED

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
    """Where a variant may make a difference: over its protocols, and only there where what it changes is at work."""
    plays = plays_of(f"reference~{name}", [protocol_named(each) for each in model.over])
    if model.websocket is not MODEL.websocket:
        return [play for play in plays if play.scenario.needs & {Feature.WEBSOCKET, Feature.WEBSOCKET_H2}]
    if model.server is not MODEL.server:
        return plays
    # What several processes do, or one after another, is the server's affair, whatever its connections look like.
    return [play for play in plays if play.scenario.launch.workers == 1 and play.scenario.needs_signal != "reload"]


FAULTY = [case(f"reference+{row.fault}", row.scenario, row.protocol) for row in MATRIX]
BENIGN = [play for name, model in VARIANTS.items() for play in plays_of_variant(name, model)]
CORRECT = plays_of("reference", tuple(PROTOCOLS.values()))
CONTROLS = [dataclasses.replace(play, control=True) for play in plays_of("reference", CLEARTEXT)]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Play everything once; give the verdicts by the bill's name, and the traces of the controls."""
    cases = [*FAULTY, *BENIGN, *CORRECT, *CONTROLS]
    with Environment() as environment:
        traces = play_all(environment, cases, tmp_path_factory.mktemp("traces"))
    played = dict(zip((each.name for each in cases), zip(cases, traces, strict=True), strict=True))
    return {name: (trace, judge(each.scenario, trace, DEFAULT)) for name, (each, trace) in played.items()}


def undecided(trace, found):
    """The checks that could not tell because the machine was too busy for a limit; none on a machine that is not."""
    lagged = any(event.worst_ns > DEFAULT.lag_s * 1e9 for event in trace.of(LagMeasured))
    return {each.check for each in found if lagged and each.answer is Answer.CANNOT_TELL}


def broken(verdicts, *levels):
    return {verdict.check for verdict in verdicts if verdict.answer is Answer.BROKEN and verdict.level in levels}


def test_the_reference_server_has_at_least_twenty_faults():
    assert len(FAULTS) >= 20


def test_there_are_at_least_twenty_benign_variants():
    assert len(VARIANTS) >= 20
    assert {name for name, model in VARIANTS.items() if model.over} == set(VARIANTS)


def test_every_fault_is_in_the_matrix():
    assert {row.fault for row in MATRIX} | NOT_YET_ASKED == set(FAULTS)
    assert not {row.fault for row in MATRIX} & NOT_YET_ASKED


def test_every_check_that_can_break_is_in_the_matrix():
    can_break = {
        check.id
        for scenario in FOUND.scenarios.values()
        for check in scenario.checks
        # What is asked in timed mode alone breaks in tests/test_timed.py: the reference server is always witnessed.
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
"""The faults that are nothing but a late exit."""


def test_no_other_fault_is_seen_by_its_late_exit_alone():
    assert {row.fault for row in MATRIX} - {row.fault for row in MATRIX if set(row.breaks) - LATE_EXIT} == LATE_EXITS


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row.fault}-{row.scenario}-{row.protocol}")
def test_a_fault_breaks_what_it_should_and_blames_for_nothing_else(verdicts, row):
    trace, found = verdicts[f"{row.scenario}[reference+{row.fault}-{row.protocol}]"]
    seen = broken(found, *BLAMING, Level.SHOULD) | undecided(trace, found)
    assert set(row.breaks) <= seen, [f"{each.check}: {each.answer}: {each.because}" for each in found]
    assert broken(found, *BLAMING) <= set(row.breaks)


@pytest.mark.parametrize("name", [play.name for play in CORRECT])
def test_every_check_holds_on_the_reference_server(verdicts, name):
    trace, found = verdicts[name]
    assert found
    fallen = [each for each in found if each.answer not in (Answer.KEPT, Answer.OBSERVED)]
    assert [each for each in fallen if each.check not in undecided(trace, found)] == []


@pytest.mark.parametrize("name", [play.name for play in BENIGN])
def test_no_must_or_promise_breaks_on_a_benign_variant(verdicts, name):
    _trace, found = verdicts[name]
    assert found
    assert [f"{each.check}: {each.because}" for each in found if each.check in broken(found, *BLAMING)] == []
    assert not {Answer.SETUP_FAILED, Answer.HARNESS_ERROR} & {each.answer for each in found}


@pytest.mark.parametrize("play", CONTROLS, ids=lambda play: play.name)
def test_every_timeline_succeeds_without_its_shutdown(verdicts, play):
    trace, _found = verdicts[play.name]
    assert trace.complete
    assert why_control_fails(trace) == ""


def without_witness(trace):
    """The same play as timed mode would have recorded it: nobody inside the server says anything."""
    told = tuple(event for event in trace.events if not type(event).__name__.startswith("Handler"))
    return dataclasses.replace(trace, play=dataclasses.replace(trace.play, slow_s=1.0), events=told)


@pytest.mark.parametrize("name", [play.name for play in (*FAULTY, *CORRECT)])
def test_what_is_told_without_a_witness_contradicts_nothing_that_one_saw(verdicts, name):
    trace, found = verdicts[name]
    scenario = FOUND.scenarios[trace.play.scenario]
    seen = {each.check: each.answer for each in found}
    told = judge(scenario, without_witness(trace), DEFAULT)
    opposite = {Answer.KEPT: Answer.BROKEN, Answer.BROKEN: Answer.KEPT}
    assert [each for each in told if each.answer in opposite and seen.get(each.check) is opposite[each.answer]] == []
