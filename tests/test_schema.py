"""The stored formats: schemas describe them, real runs fit them, and they are never narrowed within a version."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lastcall.__main__ import main
from lastcall.conformance.judging.expectations import Expectation, Expectations, as_toml
from lastcall.conformance.judging.judge import judge
from lastcall.conformance.model.limits import Limits
from lastcall.conformance.model.trace import FORMAT as TRACE_FORMAT
from lastcall.conformance.model.trace_file import EVENTS
from lastcall.conformance.model.verdict import Answer
from lastcall.conformance.results.results import FORMAT, load_results, load_trace
from lastcall.conformance.results.schema import results_schema, trace_schema
from lastcall.registry import find
from tests.test_expectations import IN_FLIGHT, MUTANT, QUICK, lastcall

PAGES = Path(__file__).parent.parent / "docs" / "schema"
SAMPLE = Path(__file__).parent / "samples" / "version-1"
STORED = sorted(path for path in SAMPLE.rglob("*.jsonl"))
SCHEMAS = {f"results-{FORMAT}": results_schema, f"trace-{TRACE_FORMAT}": trace_schema}


def closed(schema):
    """The same schema, for a file that holds nothing that the schema does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        copy["additionalProperties"] = False
    return copy


def faults(schema, record):
    return [
        f"{list(error.absolute_path)}: {error.message[:300]}"
        for error in Draft202012Validator(schema).iter_errors(record)
    ]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_one_and_stands_in_the_documentation(name, capsys):
    schema = SCHEMAS[name]()
    Draft202012Validator.check_schema(schema)
    kind = name.partition("-")[0]
    assert schema["$id"] == f"urn:lastcall:{name.replace('-', ':')}"
    assert main(["schema", kind]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == schema
    assert (PAGES / f"{name}.json").read_text(encoding="utf-8") == printed, (
        f"python -m lastcall schema {kind} > docs/schema/{name}.json"
    )


def test_every_event_is_described_with_its_fields():
    kinds = {kind["properties"]["event"].get("const"): kind for kind in trace_schema()["oneOf"][1:]}
    assert set(EVENTS) == set(kinds) - {None}
    assert set(kinds["GoawayReceived"]["properties"]) >= {"event", "begin_ns", "end_ns", "last_stream_id", "debug"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A real run with a broken, expected promise, its control, and everything else that a results.json may hold."""
    folder = tmp_path_factory.mktemp("run")
    known = Expectations(MUTANT, (Expectation(IN_FLIGHT, "It cancels them.", "2026-11-01"),))
    (folder / "known.toml").write_text(as_toml(known), encoding="utf-8")
    arguments = (f"--server={MUTANT}", "--server=reference", f"--expectations={folder}/known.toml")
    done = lastcall(*arguments, f"--results={folder}/out", "-k", QUICK, cwd=folder)
    assert done.returncode == 0, done.stdout
    return folder / "out"


def test_a_real_run_keeps_to_the_schema_and_holds_nothing_that_it_does_not_name(run):
    record = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert faults(closed(results_schema()), record) == []
    assert any("expected" in verdict for play in record["plays"] for verdict in play["verdicts"])


def test_real_traces_keep_to_the_schema_and_hold_nothing_that_it_does_not_name(run):
    schema = closed(trace_schema())
    schema["oneOf"].pop()
    traces = list(run.rglob("*.jsonl"))
    assert len(traces) >= 3
    for path in traces:
        for line in lines(path):
            assert faults(schema, line) == [], path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda record: record.pop("plays"), "'plays' is a required property"),
        (lambda record: record["plays"][0].pop("verdicts"), "'verdicts' is a required property"),
        (lambda record: record["plays"][0]["verdicts"][0].update(answer="fine"), "'fine' is not one of"),
        (lambda record: record.update(format=2), "1 was expected"),
        (lambda record: record["limits"].update(boot_s="long"), "'long' is not of type 'number'"),
    ],
)
def test_a_record_that_does_not_fit_is_found(change, says):
    record = json.loads((SAMPLE / "results.json").read_text(encoding="utf-8"))
    change(record)
    assert any(says in fault for fault in faults(results_schema(), record))


def test_an_event_with_a_wrong_field_is_found_and_an_unknown_one_is_not():
    event = {"event": "ConnectionEnded", "begin_ns": 1, "end_ns": 2, "connection": "a", "by": "server", "how": "fin"}
    assert faults(trace_schema(), event) == []
    assert faults(trace_schema(), event | {"connection": 4})
    assert faults(trace_schema(), event | {"later": "added"}) == []
    assert faults(trace_schema(), event | {"event": "AddedLater"}) == []


# --- what was stored stays readable --------------------------------------------------------------------------------


def test_stored_results_of_version_1_keep_to_the_schema_and_are_read():
    record = json.loads((SAMPLE / "results.json").read_text(encoding="utf-8"))
    assert record["format"] == 1
    assert faults(json.loads((PAGES / "results-1.json").read_text(encoding="utf-8")), record) == []
    results = load_results(SAMPLE)
    assert [play.server for play in results.plays] == [MUTANT, MUTANT]
    assert results.plays[0].verdicts[0].answer is Answer.BROKEN
    assert results.plays[1].not_supported


def test_fields_that_are_not_known_yet_are_left_out(tmp_path):
    record = json.loads((SAMPLE / "results.json").read_text(encoding="utf-8"))
    record["added_later"] = record["plays"][0]["added_later"] = {"what": "ever"}
    (tmp_path / "results.json").write_text(json.dumps(record), encoding="utf-8")
    assert load_results(tmp_path) == load_results(SAMPLE)


@pytest.mark.parametrize("path", STORED, ids=[path.stem for path in STORED])
def test_stored_traces_of_version_1_keep_to_the_schema(path):
    schema = json.loads((PAGES / "trace-1.json").read_text(encoding="utf-8"))
    assert [fault for line in lines(path) for fault in faults(schema, line)] == []


def test_stored_traces_of_version_1_can_be_judged_again():
    play = load_results(SAMPLE).plays[0]
    trace, control = load_trace(SAMPLE, play.trace), load_trace(SAMPLE, play.control)
    assert trace is not None
    assert control is not None
    verdicts = judge(find().scenarios[play.scenario], trace, Limits(**trace.play.limits), control)
    answers = {verdict.check: verdict.answer for verdict in verdicts}
    assert answers["in_flight_requests_are_served"] is Answer.BROKEN
    assert Answer.HARNESS_ERROR not in answers.values()


@pytest.mark.parametrize("command", [["table"], ["report", "--markdown"], ["badge", "--server", MUTANT]])
def test_stored_results_of_version_1_can_be_shown(tmp_path, capsys, command):
    load_results(SAMPLE).write(tmp_path)
    assert main([command[0], str(tmp_path), *command[1:]]) == 0
    assert capsys.readouterr().out
