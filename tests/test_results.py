"""results.json: what is written is what is read, and a file that is none is refused in one line."""

import dataclasses
import gzip
import json

import pytest

from lastcall.conformance.model.case import CaseId
from lastcall.conformance.model.server_events import PlayEnded
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.verdict import Answer, Impact, KnownDeviation, Level, Measured, Verdict
from lastcall.conformance.model.views import Fate
from lastcall.conformance.results.descriptions import describe_checks, describe_scenario, describe_server
from lastcall.conformance.results.results import (
    FORMAT,
    NAME,
    PlayResult,
    Results,
    ResultsError,
    describe_clauses,
    load_results,
    load_trace,
)
from lastcall.registry import find
from tests.support import dump

FOUND = find()
KNOWN = KnownDeviation("It closes at once.", "", "2026-11-01")
VERDICTS = (
    Verdict("one", Level.MUST, "in-flight", Answer.KEPT, "So.", (2, 5), (Measured("exit", 1.0),), Impact.HANGS),
    Verdict("two", Level.SHOULD, "in-flight", Answer.BROKEN, "So not.", impact=None, expected=KNOWN),
)
PLAYED = PlayResult(
    "one-request",
    "mine",
    "h2",
    "traces/one.jsonl",
    argv=("mine", "-p", "80"),
    fates={Fate.SERVED: 2},
    verdicts=VERDICTS,
)
RESULTS = Results(
    started_at="2026-01-01T00:00:00+00:00",
    pace="fast",
    platform="Linux",
    suite_version="1",
    limits={"boot_s": 30.0},
    servers={"mine": describe_server(FOUND.servers["reference"], "1")},
    scenarios={},
    checks={},
    clauses={},
    plays=(PLAYED, PlayResult("deadline-first", "mine", "h2", not_supported="no drain timeout")),
)


def test_results_come_back_as_they_were_written(tmp_path):
    path = RESULTS.write(tmp_path)
    assert path == tmp_path / NAME
    assert load_results(tmp_path) == RESULTS
    assert [path.name for path in tmp_path.iterdir()] == [NAME], "the draft is gone"


def test_writing_again_replaces_what_was_there(tmp_path):
    RESULTS.write(tmp_path)
    dataclasses.replace(RESULTS, pace="issue").write(tmp_path)
    assert load_results(tmp_path).pace == "issue"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not results"),
        ("nonsense", "not results"),
        ("[]", "not results"),
        ("{}", "not results ('format')"),
        (json.dumps({"format": FORMAT + 1}), f"newer than this lastcall reads ({FORMAT})"),
        (json.dumps({"format": FORMAT, "plays": []}), "not results"),
        (json.dumps({"format": FORMAT, "plays": [{}]}), "not results"),
        (json.dumps({"format": FORMAT, "plays": [{"argv": [], "tea": 1}]}), "not results"),
    ],
)
def test_what_is_no_results_is_refused_in_one_line(tmp_path, text, why):
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError) as refused:
        load_results(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / NAME}: ")
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="No such file"):
        load_results(tmp_path)


def test_trace_that_is_not_there_or_not_readable_is_none(tmp_path):
    trace = dump(Trace(Play("a", "b", "h1", "fast"), (PlayEnded(),)), tmp_path / "good.jsonl")
    (tmp_path / "bad.jsonl").write_text("nonsense\n", encoding="utf-8")
    stored = load_trace(tmp_path, "good.jsonl")
    assert stored is not None
    assert stored.events == trace.events
    assert [load_trace(tmp_path, name) for name in ("", "none.jsonl", "bad.jsonl")] == [None, None, None]


@pytest.mark.parametrize("name", [name for name, server in FOUND.servers.items() if not server.mutant])
def test_every_server_can_be_described(name, tmp_path):
    absent, there = (describe_server(FOUND.servers[name], version) for version in (None, "1.2"))
    assert (absent.installed, absent.version) == (False, "")
    assert (there.installed, there.version) == (True, "1.2")
    dataclasses.replace(RESULTS, servers={name: there}).write(tmp_path)
    assert load_results(tmp_path).servers == {name: there}


@pytest.mark.parametrize("scenario", FOUND.scenarios.values(), ids=FOUND.scenarios)
def test_every_scenario_can_be_described(scenario, tmp_path):
    described, checks = describe_scenario(scenario, "scenarios.somewhere"), describe_checks([scenario])
    assert described.checks == {name: checks[name].level for name in described.checks}
    assert set(described.checks) == set(checks)
    assert len(described.steps) == len(scenario.timeline)
    dataclasses.replace(RESULTS, scenarios={scenario.id: described}, checks=checks).write(tmp_path)
    back = load_results(tmp_path)
    assert (back.scenarios, back.checks) == ({scenario.id: described}, checks)


def test_every_clause_that_a_check_names_is_described():
    checks = describe_checks(list(FOUND.scenarios.values()))
    assert {check.clause for check in checks.values()} <= set(describe_clauses())


def test_a_play_goes_to_another_process_as_plain_data():
    record = PLAYED.as_json()
    assert {type(value) for value in record.values()} <= {str, list, dict, float}
    assert type(record["verdicts"][0]["answer"]) is str
    assert PlayResult.from_json(record) == PLAYED


def test_what_is_expected_stands_only_beside_what_is():
    first, second = PLAYED.as_json()["verdicts"]
    assert "expected" not in first
    assert second["expected"] == {"reason": "It closes at once.", "upstream": "", "date": "2026-11-01"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"answer": "half kept"}, "'half kept' is not a valid Answer"),
        ({"level": 3}, "3 is not a valid Level"),
        ({"evidence": "5"}, "list is wanted, and '5' is there"),
        ({"because": None}, "str is wanted, and None is there"),
        ({"measured": [{"what": "exit"}]}, "value_s"),
    ],
)
def test_a_verdict_that_is_none_is_refused_with_what_is_wrong(tmp_path, change, why):
    record = json.loads(RESULTS.write(tmp_path).read_text(encoding="utf-8"))
    record["plays"][0]["verdicts"][0].update(change)
    (tmp_path / NAME).write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ResultsError, match="not results") as refused:
        load_results(tmp_path)
    assert why in str(refused.value)


def test_play_is_told_from_the_others_by_its_key():
    assert PLAYED.id == CaseId("mine", "h2", "one-request")


def test_packed_results_are_read_too(tmp_path):
    RESULTS.write(tmp_path)
    path = tmp_path / "results.json"
    (tmp_path / "results.json.gz").write_bytes(gzip.compress(path.read_bytes()))
    plain = load_results(tmp_path)
    path.unlink()
    assert load_results(tmp_path) == plain
    assert load_results(tmp_path / "results.json.gz") == plain


def test_packed_results_that_are_cut_are_no_results(tmp_path):
    (tmp_path / "results.json.gz").write_bytes(gzip.compress(b"{}")[:-9])
    with pytest.raises(ResultsError, match="not results"):
        load_results(tmp_path)
