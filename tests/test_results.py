"""results.json: what is written is what is read, and what is none is refused in one line."""

import dataclasses
import gzip
import json

import pytest

from lastcall.conformance.model.server_events import PlayEnded
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.trace_file import dump
from lastcall.conformance.results.results import (
    FORMAT,
    NAME,
    PlayResult,
    Results,
    ResultsError,
    describe_checks,
    describe_clauses,
    describe_scenario,
    describe_server,
    load_results,
    load_trace,
)
from lastcall.registry import find

FOUND = find()
PLAYED = PlayResult("one-request", "mine", "h2", "traces/one.jsonl", argv=("mine", "-p", "80"), fates={"served": 2})
RESULTS = Results(
    started_at="2026-01-01T00:00:00+00:00",
    pace="fast",
    platform="Linux",
    suite_version="1",
    limits={"boot_s": 30.0},
    servers={"mine": {"version": "1"}},
    scenarios={},
    checks={},
    clauses={},
    plays=(PLAYED, PlayResult("deadline-first", "mine", "h2", not_supported="no drain timeout")),
)


def test_results_come_back_as_they_were_written(tmp_path):
    path = RESULTS.write(tmp_path)
    assert path == tmp_path / NAME
    assert load_results(tmp_path) == RESULTS
    assert [each.name for each in tmp_path.iterdir()] == [NAME], "the draft is gone"


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
def test_every_server_can_be_described_as_json(name):
    told = describe_server(FOUND.servers[name], None)
    assert json.loads(json.dumps(told)) == told
    assert told["installed"] is False
    assert describe_server(FOUND.servers[name], "1.2")["version"] == "1.2"


@pytest.mark.parametrize("scenario", FOUND.scenarios.values(), ids=FOUND.scenarios)
def test_every_scenario_can_be_described_as_json(scenario):
    told = describe_scenario(scenario, "scenarios.somewhere")
    assert json.loads(json.dumps(told)) == told
    assert set(told["checks"]) <= set(describe_checks([scenario]))
    assert len(told["steps"]) == len(scenario.timeline)


def test_every_clause_that_a_check_names_is_described():
    checks = describe_checks(list(FOUND.scenarios.values()))
    assert {check["clause"] for check in checks.values()} <= set(describe_clauses())


def test_play_is_told_from_the_others_by_its_key():
    assert PLAYED.key == ("mine", "h2", "one-request")


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
