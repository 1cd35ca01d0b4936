"""A case: its names in node ids and anchors, and how long its play is expected to take.

The expected time decides the order in which plays begin.
"""

import pytest

from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.model.case import Case, CaseId
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.trace import Trace
from lastcall.registry import find

FOUND = find()


@pytest.mark.parametrize(
    ("server", "protocol"),
    [("reference", "h2"), ("go-nethttp", "h1-tls"), ("go-nethttp-h1", "h2"), ("u", "unix-http1")],
)
def test_a_case_is_read_from_a_node_id_of_pytest(server, protocol):
    case = CaseId(server, protocol, "one-request")
    protocols = ["h1", "h2", "h1-tls", "http1", "unix-http1"]
    assert CaseId.of_node(f"scenarios/founding.py::one-request::goaway_is_sent{case.parameters}", protocols) == case
    assert CaseId.parse(str(case), protocols) == case
    assert case.slug == f"{server}-{protocol}-one-request"


@pytest.mark.parametrize("nodeid", ["tests/test_it.py::test_it", "tests/test_it.py::test_it[a-b]", "test_it[h2]", ""])
def test_a_node_id_of_another_item_is_no_case(nodeid):
    with pytest.raises(ValueError, match=r"is no case, such as one-request\[hypercorn-h2\]"):
        CaseId.of_node(nodeid, ["h1", "h2"])


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
