"""Scenarios: one that contradicts itself is refused, and an adapter's declarations decide which servers are played."""

import dataclasses
from collections import Counter

import pytest

from lastcall.conformance.model import clauses, client_steps, timeline
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_steps import (
    Connect,
    OpenWebSocket,
    Request,
    SendBody,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import PROTOCOLS, Protocol
from lastcall.conformance.model.scenario import (
    Scenario,
    ScenarioError,
    steps,
)
from lastcall.conformance.model.server import (
    Drain,
    LameDuck,
    Server,
)
from lastcall.conformance.model.server_events import HandlerEntered
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    ReleaseHandler,
    SendChunk,
    Shutdown,
)
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.verdict import Impact, Level, kept
from lastcall.registry import find

EVERY = list(find().scenarios.values())


@check(clauses.CLEAN_EXIT, level=Level.PROMISE, impact=Impact.MANNERS)
def all_is_well(_trace, _limits):
    """Nothing is asked.

    And nothing is wrong.
    """
    return kept("so it is")


@check(
    clauses.IN_FLIGHT,
    level=Level.MUST,
    impact=Impact.LOSES_REQUESTS,
    blocked_by=(all_is_well,),
    over=(Protocol.H2,),
)
def streams_are_well(_trace, _limits):
    """A stream is well."""
    return kept("so it is")


GOOD = Scenario(
    "good-one",
    "Is it?",
    (Protocol.H1, Protocol.H2),
    LaunchPlan(Duration(1, 2)),
    steps(Shutdown()),
    (all_is_well,),
)
MINE = Server("mine", frozenset({Protocol.H1}), lambda _: [], lambda: "1", (), "")


@pytest.mark.parametrize("slug", ["", "Good", "good one", "good_one", "-good", "good-", "good--one", "good\n", "gö"])
def test_id_is_a_slug(slug):
    with pytest.raises(ScenarioError, match="lower-case words joined by hyphens"):
        dataclasses.replace(GOOD, id=slug)


@pytest.mark.parametrize("timeline", [(), (Connect("a"),), (Shutdown(), Shutdown())])
def test_timeline_has_exactly_one_shutdown(timeline):
    with pytest.raises(ScenarioError, match=r"good-one: its timeline needs exactly one Shutdown\(\)"):
        dataclasses.replace(GOOD, timeline=timeline)


@pytest.mark.parametrize("again", [Request("b", "a"), OpenWebSocket("a")])
def test_a_request_s_name_is_used_once(again):
    with pytest.raises(ScenarioError, match=r"good-one: .*events know a request by its name, and 'a' is used twice"):
        dataclasses.replace(GOOD, timeline=steps(Connect("a"), Connect("b"), Request("a"), again, Shutdown()))


@pytest.mark.parametrize("checks", [(), (all_is_well, all_is_well)])
def test_checks_are_some_and_none_twice(checks):
    with pytest.raises(ScenarioError, match="good-one: at least one check, and none twice"):
        dataclasses.replace(GOOD, checks=checks)


def test_check_is_its_function_with_its_docstring():
    assert all_is_well.id == "all_is_well"
    assert all_is_well.promise == "Nothing is asked. And nothing is wrong."
    assert all_is_well(Trace(Play("a", "b", "h1", "fast"), ()), DEFAULT) == kept("so it is")
    assert streams_are_well.blocked_by == (all_is_well,)
    assert streams_are_well.clause is clauses.IN_FLIGHT


def test_level_and_impact_belong_to_the_check():
    assert all_is_well.level is Level.PROMISE
    assert streams_are_well.impact is Impact.LOSES_REQUESTS


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (
            {"protocols": Protocol.H1},
            r"'protocols' is a tuple, and not .*; one alone is written with a comma: \(one,\)",
        ),
        ({"protocols": ("h1",)}, "'h1' is no protocol"),
        ({"protocols": ()}, "'protocols' and 'question' must not be empty"),
        ({"question": ""}, "'protocols' and 'question' must not be empty"),
        ({"checks": all_is_well}, "'checks' is a tuple"),
        ({"timeline": [Shutdown()]}, "'timeline' is a tuple"),
        ({"launch": 5}, "'launch' is a LaunchPlan, and not 5"),
    ],
)
def test_a_field_of_another_type_is_refused_in_one_line(wrong, line):
    with pytest.raises(ScenarioError, match=f"scenario good-one: .*{line}") as refused:
        dataclasses.replace(GOOD, **wrong)
    assert "\n" not in str(refused.value)


def test_a_function_that_is_no_check_is_refused():
    with pytest.raises(ScenarioError, match=r"good-one: .* is no check; list functions that are decorated with @check"):
        dataclasses.replace(GOOD, checks=(all_is_well.judge,))


def test_check_is_judged_over_the_protocols_that_its_rule_is_about():
    both = dataclasses.replace(GOOD, checks=(all_is_well, streams_are_well))
    assert [check.id for check in both.checks_over(Protocol.H1)] == ["all_is_well"]
    assert [check.id for check in both.checks_over(Protocol.H2)] == ["all_is_well", "streams_are_well"]


def test_server_is_played_with_what_its_adapter_declares():
    assert GOOD.why_not(MINE, Protocol.H1) == ""
    assert GOOD.why_not(MINE, Protocol.H2) == "mine does not claim to speak h2"
    about_the_timeout = dataclasses.replace(GOOD, needs_drain=True)
    assert about_the_timeout.why_not(MINE, Protocol.H1) == "mine documents no drain timeout"
    assert about_the_timeout.why_not(dataclasses.replace(MINE, drain=Drain("-d", "")), Protocol.H1) == ""


def test_server_is_played_with_as_many_requests_at_once_as_it_handles():
    many = dataclasses.replace(GOOD, protocols=(Protocol.H1, Protocol.H2), streams_at_once=9)
    few = dataclasses.replace(MINE, speaks=frozenset(PROTOCOLS.values()), streams_at_once=8)
    assert many.why_not(few, Protocol.H2) == "mine handles at most 8 requests of a connection at a time"
    assert many.why_not(few, Protocol.H1) == ""
    assert many.why_not(dataclasses.replace(few, streams_at_once=9), Protocol.H2) == ""
    assert many.why_not(dataclasses.replace(few, streams_at_once=None), Protocol.H2) == ""


def held_at_once(scenario):
    """How many handlers of one connection the timeline waits for before its shutdown, when none has been released."""
    connection_of, inside, most = {}, set(), 1
    for step in scenario.timeline:
        match step:
            case client_steps.Request(connection=connection):
                connection_of[step.name] = connection
            case timeline.Await(fact=HandlerEntered(request=name)) if name in connection_of:
                inside.add(name)
            case timeline.ReleaseHandler(request=name):
                inside.discard(name)
        most = max([most, *Counter(connection_of[name] for name in inside).values()])
    return most


@pytest.mark.parametrize("scenario", EVERY, ids=lambda scenario: scenario.id)
def test_scenario_says_how_many_requests_of_a_connection_it_holds_at_once(scenario):
    if any(protocol.version == 2 for protocol in scenario.protocols):
        assert scenario.streams_at_once == held_at_once(scenario)


def test_server_is_played_with_the_signals_and_the_lame_duck_that_it_documents():
    reload = dataclasses.replace(GOOD, needs_signal="reload")
    assert reload.why_not(MINE, Protocol.H1) == "mine documents no signal for this: reload"
    assert reload.why_not(dataclasses.replace(MINE, signals={"reload": "SIGHUP"}), Protocol.H1) == ""
    waiting = dataclasses.replace(GOOD, launch=LaunchPlan(Duration(1, 1), lame_duck=Duration(1, 1)))
    assert waiting.why_not(MINE, Protocol.H1).startswith("mine documents no time in which it goes on accepting")
    assert waiting.why_not(dataclasses.replace(MINE, lame_duck=LameDuck("-l", "")), Protocol.H1) == ""


def test_steps_are_joined_flat():
    assert steps(Connect("a"), [Request("a"), Shutdown()]) == (Connect("a"), Request("a"), Shutdown())
    assert dataclasses.replace(GOOD, timeline=steps(Connect("a"), Shutdown())).steps_in_words() == (
        "Connect(connection=a)",
        "Shutdown()",
    )


SCENARIOS = find().scenarios


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_scenario_uses_only_connections_and_requests_that_it_has_made(scenario):
    connections, requests = set(), set()
    for step in scenario.timeline:
        if isinstance(step, Connect):
            assert step.connection not in connections
            connections.add(step.connection)
        elif isinstance(step, (Request, OpenWebSocket)):
            assert step.connection in connections
            assert step.name not in requests, "a request's name is used once: events know it by nothing else"
            requests.add(step.name)
        elif isinstance(step, (ReleaseHandler, SendChunk, SendBody)):
            assert step.request in requests
        elif isinstance(step, Await):
            assert getattr(step.fact, "request", "") in requests | {""}
            assert getattr(step.fact, "connection", "") in connections | {""}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_scenario_asks_a_question_and_every_check_says_what_it_expects(scenario):
    assert scenario.question.endswith("?")
    assert scenario.protocols
    assert all(check.promise for check in scenario.checks)
    assert all(check.clause.id in clauses.CLAUSES for check in scenario.checks)


@pytest.mark.parametrize("clause", clauses.CLAUSES.values(), ids=clauses.CLAUSES)
def test_must_is_used_only_where_a_source_says_must(clause):
    checks = [check for scenario in SCENARIOS.values() for check in scenario.checks if check.clause is clause]
    if not clause.keyword.startswith("MUST"):
        assert Level.MUST not in {check.level for check in checks}
    assert clause.link.startswith("https://")
    assert clause.rule
