"""A stored trace holds its timeline as data: it can be played again, on the same server or on another."""

import dataclasses
import json

import pytest

from lastcall.conformance.model.case import Case
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import ScenarioError
from lastcall.conformance.model.scenario_file import STEPS, scenario_as_json, scenario_from_json
from lastcall.conformance.model.server_events import ListenerClosed, SetupFailed
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.timeline import Await, Shutdown
from lastcall.conformance.model.trace import Trace
from lastcall.conformance.model.trace_file import load
from lastcall.conformance.model.verdict import Answer
from lastcall.registry import find
from lastcall.replay import ReplayError, replay
from lastcall.run import TRACES, Run
from tests.support import ONE_HELD, dump
from tests.test_trace import PLAY

FOUND = find()
CHECKS = {check.id: check for scenario in FOUND.scenarios.values() for check in scenario.checks}


@pytest.mark.parametrize("name", FOUND.scenarios)
def test_a_scenario_is_the_same_when_it_comes_back_from_its_data(name):
    scenario = FOUND.scenarios[name]
    stored = json.loads(json.dumps(scenario_as_json(scenario)))
    back, unknown = scenario_from_json(name, stored, scenario.protocols[0], CHECKS)
    assert unknown == []
    assert dataclasses.replace(back, protocols=scenario.protocols) == scenario


def test_every_kind_of_step_can_be_read_back():
    used = {type(step).__name__ for scenario in FOUND.scenarios.values() for step in scenario.timeline}
    assert used <= set(STEPS)
    assert len(used) > 25


def test_a_recipe_that_cannot_be_read_is_refused_in_one_line():
    stored = scenario_as_json(ONE_HELD)
    wrong = stored | {"timeline": [{"step": "Teleport", "connection": "a"}, *stored["timeline"]]}
    with pytest.raises(ScenarioError, match=r"scenario one-held: what the trace holds of it cannot be read.*Teleport"):
        scenario_from_json("one-held", wrong, Protocol.H1, CHECKS)
    forgotten = stored | {"checks": [*stored["checks"], "server_sings"]}
    back, unknown = scenario_from_json("one-held", forgotten, Protocol.H1, CHECKS)
    assert unknown == ["server_sings"]
    assert back.timeline == ONE_HELD.timeline


RELEASED_IN_THE_DRAIN = dataclasses.replace(
    ONE_HELD,
    timeline=tuple(
        after
        for step in ONE_HELD.timeline
        # The signal and the release take two ways: only the closed listener shows that the signal came first.
        for after in ((step, Await(ListenerClosed())) if isinstance(step, Shutdown) else (step,))
    ),
)


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    """The trace of an unknown scenario, played on a server that loses the request."""
    folder = tmp_path_factory.mktemp("lost")
    server = FOUND.servers["reference+cancels-handlers"]
    with Run(folder) as run:
        run.perform([Case(RELEASED_IN_THE_DRAIN, server, Protocol.H1, Pace.FAST, DEFAULT)])
    assert ONE_HELD.id not in FOUND.scenarios
    return folder / TRACES / server.name / "h1" / "one-held.jsonl"


def test_the_timeline_of_a_scenario_that_is_gone_is_played_again(lost, tmp_path):
    again = replay(lost, tmp_path)
    assert load(again.stored_at).play.recipe == load(lost).play.recipe
    assert again.blames
    assert any("in_flight_requests_are_served: is broken again" in line for line in again.lines())
    assert again.unknown_checks == []


def test_it_is_played_on_another_server_too(lost, tmp_path):
    better = replay(lost, tmp_path, server="reference")
    assert not better.blames
    assert any(line.startswith("in_flight_requests_are_served: was broken, is kept") for line in better.lines())
    assert list(better.lines())[-1] == f"trace: {tmp_path / TRACES / 'reference' / 'h1' / 'one-held.jsonl'}"


def test_a_trace_that_cannot_be_played_again_is_refused_in_one_line(lost, tmp_path):
    head, *rest = lost.read_text(encoding="utf-8").splitlines(keepends=True)
    for change, message in [
        ({"recipe": {}}, "recorded before timelines were kept as data; play its scenario again by pytest --server"),
        ({"control": True}, "this is a control"),
        ({"protocol": "h9"}, "h9"),
        ({"pace": "leisurely"}, "leisurely"),
        ({"limits": {"goaway_s": "soon"}}, "the limit 'goaway_s' is 'soon', and no number"),
        ({"server": "somebody-s"}, "'somebody-s' is no server of lastcall; name the file that describes it"),
        ({"recipe": {**json.loads(head)["play"]["recipe"], "launch": {"drain": 5}}}, "its drain is 5, and no duration"),
        ({"recipe": {**json.loads(head)["play"]["recipe"], "launch": {"tide": 5}}}, "tide"),
    ]:
        play = {"play": json.loads(head)["play"] | change}
        path = tmp_path / "changed.jsonl"
        path.write_text(json.dumps(play) + "\n" + "".join(rest), encoding="utf-8")
        with pytest.raises(ReplayError, match=message):
            replay(path, tmp_path)
    assert PLAY.recipe == {}


def test_the_stored_control_excuses_as_the_new_one_does(lost, tmp_path):
    copy = tmp_path / "one-held.jsonl"
    copy.write_bytes(lost.read_bytes())
    failed = Trace(dataclasses.replace(load(lost).play, control=True), (SetupFailed("no such page"),))
    dump(failed, tmp_path / "one-held.control.jsonl")
    again = replay(copy, tmp_path / "new")
    before = {verdict.check: verdict for verdict in again.before}["in_flight_requests_are_served"]
    assert before.answer is Answer.SETUP_FAILED
    assert "no such page" in before.because
