"""A case: how long its play is expected to take, which decides the order in which plays begin."""

import pytest

from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.trace import Trace
from lastcall.registry import find

FOUND = find()


def expected_s(scenario, protocol=Protocol.H2C, pace=Pace.FAST):
    return Case(FOUND.scenarios[scenario], FOUND.servers["reference"], protocol, pace, DEFAULT).expected_s


def test_elapsed_time_and_a_whole_drain_are_expected():
    assert expected_s("one-request") == pytest.approx(7.1)
    assert expected_s("deadline-first") == pytest.approx(5.5 + 0.6 + 3.0)
    assert expected_s("default-drain", Protocol.H2) > 10, "the reference's own ten seconds"
    assert expected_s("one-request", pace=Pace.ISSUE) > 2 * expected_s("one-request")


def test_a_rude_client_and_a_lame_duck_are_expected_to_take_time():
    assert expected_s("h2-idle-rude") > expected_s("h2-idle-polite")
    assert expected_s("lame-duck-newcomers") > FOUND.scenarios["lame-duck-newcomers"].launch.lame_duck.fast_s


def test_longest_plays_begin_first(tmp_path, monkeypatch):
    begun = []

    async def play(_environment, case, _path):
        begun.append(case.scenario.id)
        return Trace(case.scenario.id, ())

    monkeypatch.setattr("lastcall.conformance.harness.scheduler.play", play)
    names = ["h2-zero-streams", "one-request", "h2-idle-rude", "deadline-first"]
    cases = [
        Case(FOUND.scenarios[name], FOUND.servers["reference"], Protocol.H2C, Pace.FAST, DEFAULT) for name in names
    ]
    with Environment() as environment:
        traces = play_all(environment, cases, tmp_path)
    assert begun == ["deadline-first", "one-request", "h2-idle-rude", "h2-zero-streams"]
    assert [trace.play for trace in traces] == names, "and the traces come back in the order of the cases"
