"""Known deviations: how they are read, what they cover, and how they change the outcome of a run."""

import dataclasses
import json
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from lastcall.conformance.judging.expectations import (
    Expectation,
    Expectations,
    ExpectationsError,
    Standing,
    as_toml,
    load_expectations,
    proposal,
)
from lastcall.conformance.model.case import CaseCheck, CaseId
from lastcall.distribution import server_of
from lastcall.locks import locked_versions
from lastcall.registry import find
from lastcall.run_expectations import KNOWN

A_H1, A_H2, B_H2, OTHER = (
    CaseCheck(CaseId("mine", protocol, scenario), check)
    for scenario, protocol, check in (
        ("one", "h1", "is_sent"),
        ("one", "h2", "is_sent"),
        ("two", "h2", "is_sent"),
        ("one", "h2", "is_kept"),
    )
)
ALL = (A_H1, A_H2, B_H2, OTHER)
MUTANT = "reference+cancels-handlers"
QUICK = "http1-idle-and-new and h1]"
IN_FLIGHT = "http1-idle-and-new::in_flight_requests_are_served"
KEPT = "http1-idle-and-new::exit_status_is_documented"


def entry(name, protocol="", reason="so it is"):
    return Expectation(name, reason, "2026-11-01", "", protocol)


def expected(*entries):
    return Expectations("mine", entries)


@pytest.mark.parametrize(
    ("name", "protocol", "covered"),
    [
        ("is_sent", "", [A_H1, A_H2, B_H2]),
        ("is_sent", "h2", [A_H2, B_H2]),
        ("one", "", [A_H1, A_H2, OTHER]),
        ("one::is_sent", "", [A_H1, A_H2]),
        ("one::is_sent", "h1", [A_H1]),
        ("on", "", []),
        ("two::is_kept", "", []),
    ],
)
def test_what_an_expectation_covers(name, protocol, covered):
    assert [case_check for case_check in ALL if entry(name, protocol).covers(case_check)] == covered


def test_the_most_precise_one_counts():
    broad, scenario, precise = entry("is_sent"), entry("one::is_sent"), entry("one::is_sent", "h2")
    expectations = expected(broad, precise, scenario)
    assert [expectations.of(case_check) for case_check in ALL] == [scenario, precise, broad, None]


@pytest.mark.parametrize(
    ("answers", "standing"),
    [
        ({A_H1: "broken", A_H2: "kept"}, Standing.IN_FORCE),
        ({A_H1: "broken"}, Standing.IN_FORCE),
        ({A_H1: "kept", A_H2: "kept", B_H2: "broken"}, Standing.OVER),
        ({A_H1: "kept", A_H2: "cannot tell"}, Standing.UNDECIDED),
        ({A_H1: "kept", A_H2: "blocked"}, Standing.UNDECIDED),
        ({A_H1: "kept", A_H2: "setup failed"}, Standing.UNDECIDED),
        ({A_H1: "kept"}, Standing.UNDECIDED),
        ({}, Standing.UNDECIDED),
    ],
)
def test_how_an_expectation_stands(answers, standing):
    known = entry("one::is_sent")
    assert expected(known).standing(known, ALL, answers) is standing


def test_a_matter_of_timing_is_not_over_when_it_holds(tmp_path):
    known = dataclasses.replace(entry("one::is_sent"), sometimes=True)
    assert expected(known).standing(known, ALL, {A_H1: "kept", A_H2: "kept"}) is Standing.UNDECIDED
    assert expected(known).standing(known, ALL, {A_H1: "kept", A_H2: "broken"}) is Standing.IN_FORCE
    assert expected(known).standing(known, [], {}) is Standing.COVERS_NOTHING
    written = tmp_path / "mine.toml"
    written.write_text(as_toml(expected(known, entry("two"))), encoding="utf-8")
    assert [read.sometimes for read in load_expectations(written).entries] == [True, False]


def test_an_expectation_that_covers_nothing_can_never_be_in_force():
    known = entry("three")
    assert expected(known).standing(known, ALL, dict.fromkeys(ALL, "kept")) is Standing.COVERS_NOTHING


def test_a_more_precise_one_leaves_the_broader_one_nothing():
    broad, precise = entry("one::is_sent"), entry("one::is_sent", "h2")
    answers = {A_H1: "kept", A_H2: "broken"}
    assert expected(broad, precise).standing(broad, ALL, answers) is Standing.OVER


def test_proposal_keeps_reasons_drops_old_entries_and_adds_new_ones():
    known = expected(entry("two::is_sent", reason="known well"), entry("one::is_kept"), entry("never"))
    answers = {A_H1: "broken", A_H2: "broken", B_H2: "broken", OTHER: "kept"}
    proposed = proposal(known, ALL, answers, "2026-11-23")
    assert proposed.entries == (
        entry("two::is_sent", reason="known well"),
        Expectation("one::is_sent", "", "2026-11-23"),
    )


def test_proposal_names_the_protocol_where_not_all_are_broken():
    proposed = proposal(expected(), ALL, {A_H1: "kept", A_H2: "broken"}, "2026-11-23")
    assert [str(added) for added in proposed.entries] == ["one::is_sent over h2"]


def test_proposal_keeps_entries_that_the_run_left_out():
    known = expected(entry("two"))
    assert proposal(known, ALL, {A_H1: "kept"}, "2026-11-23") == known


def test_expectations_are_read_as_they_were_written(tmp_path):
    reason = 'a "quoted" \\ line\nand\x7fanother ☕ \U0001f44b'
    known = Expectations("mine", (Expectation("one", reason, "2026-11-01", "https://example.org/1", "h2"),))
    path = tmp_path / "mine.toml"
    path.write_text(as_toml(known), encoding="utf-8")
    read = load_expectations(path)
    assert (read.server, read.entries, read.path) == (known.server, known.entries, path)


def test_a_proposal_without_a_reason_is_not_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(as_toml(expected(entry("one", reason=""))), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["expected"][0]["reason"] == ""
    with pytest.raises(ExpectationsError, match="number 1: 'reason' must be a text that is not empty"):
        load_expectations(path)


GOOD = 'id = "one"\nreason = "r"\ndate = 2026-11-01\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("server = ", "not TOML"),
        ("", "'server' must be the name"),
        ("server = 4", "'server' must be the name"),
        ('server = "s"\ntea = 1', "unknown key 'tea'"),
        ('server = "s"\nexpected = 1', "'expected' must be written as [[expected]]"),
        ('server = "s"\nexpected = [1]', "number 1: a table is wanted"),
        ('server = "s"\n[[expected]]\nid = 4', "number 1: 'id' must be a text"),
        ('server = "s"\n[[expected]]\nid = "a"', "number 1: 'reason' must be a text"),
        ('server = "s"\n[[expected]]\nid = "a"\nreason = " "', "'reason' must be a text that is not empty"),
        ('server = "s"\n[[expected]]\nid = "a"\nreason = "r"', "'date' must be a date"),
        ('server = "s"\n[[expected]]\nid = "a"\nreason = "r"\ndate = "2026-11-01"', "without quotes"),
        (f'server = "s"\n[[expected]]\n{GOOD}upstream = "javascript:1"', "'upstream' must be a link"),
        (f'server = "s"\n[[expected]]\n{GOOD}protocol = "h9"', "'protocol' knows h1"),
        (f'server = "s"\n[[expected]]\n{GOOD}tea = 1', "unknown key 'tea'"),
        (f'server = "s"\n[[expected]]\n{GOOD}sometimes = "yes"', "'sometimes' must be true"),
        (f'server = "s"\n[[expected]]\n{GOOD}[[expected]]\n{GOOD}', "number 2: 'id' 'one' is there twice"),
    ],
)
def test_a_mistake_in_a_file_is_reported_in_one_line_with_its_key(tmp_path, text, says):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ExpectationsError) as refused:
        load_expectations(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ExpectationsError, match="No such file"):
        load_expectations(tmp_path / "none.toml")


def known_files():
    return sorted(KNOWN.glob("*.toml"))


def test_every_file_of_known_deviations_is_one_of_a_server_of_ours():
    registry = find()
    names = set(registry.scenarios) | {
        check.id for scenario in registry.scenarios.values() for check in scenario.checks
    }
    for path in known_files():
        expectations = load_expectations(path)
        assert expectations.server == path.stem, path
        assert expectations.server in registry.servers, path
        assert {part for listed in expectations.entries for part in listed.id.split("::")} <= names, path


@pytest.mark.parametrize(
    ("nodeid", "server"),
    [
        ("scenarios/founding.py::one-request::goaway_is_sent[reference-h2]", "reference"),
        ("scenarios/founding.py::one-request::goaway_is_sent[go-nethttp-h1-tls]", "go-nethttp"),
        ("scenarios/founding.py::one-request::goaway_is_sent[go-nethttp-1.15-h2c]", "go-nethttp-1.15"),
        ("scenarios/founding.py::one-request::goaway_is_sent[go-nethttp-h1-h2]", "go-nethttp-h1"),
        ("tests/test_of_somebody.py::test_it[a-b]", ""),
        ("tests/test_of_somebody.py::test_it", ""),
        ("expectations[go-nethttp-1.15]::one-request::goaway_is_sent over h2", "go-nethttp-1.15"),
        ("expectations[odd-h2]::one", "odd-h2"),
    ],
)
def test_all_items_of_a_server_have_its_name_in_their_ids(nodeid, server):
    spoken = {"reference": ["h2"], "go-nethttp": ["h1", "h1-tls"], "go-nethttp-1.15": ["h2c"], "go-nethttp-h1": ["h2"]}
    assert server_of(nodeid, spoken) == server


# --- as a user runs it ---------------------------------------------------------------------------------------------


def lastcall(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def written(folder, *entries, server=MUTANT, name="mine"):
    path = folder / f"{name}.toml"
    path.write_text(as_toml(Expectations(server, entries)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Traces of a server that breaks one promise, to be judged under different expectations."""
    folder = tmp_path_factory.mktemp("played")
    run = lastcall(f"--server={MUTANT}", f"--results={folder}/out", "-k", QUICK, cwd=folder)
    assert run.returncode == 1, run.stdout
    return folder


def judged(folder, *arguments):
    return lastcall(f"--server={MUTANT}", f"--judge-only={folder}/out", "-ra", "-vv", *arguments, cwd=folder)


def test_a_run_is_green_when_exactly_the_expected_is_broken(played):
    path = written(played, entry(IN_FLIGHT, "h1", "It cancels them."))
    run = judged(played, f"--expectations={path}", "-k", QUICK, f"--junitxml={played}/junit.xml")
    assert run.returncode == 0, run.stdout
    assert "expected since 2026-11-01: It cancels them." in run.stdout
    assert " 1 xfailed" in run.stdout
    verdicts = json.loads((played / "out" / "results.json").read_text(encoding="utf-8"))["plays"][0]["verdicts"]
    beside = {
        verdict["check"]: (verdict["answer"], verdict["expected"]) for verdict in verdicts if "expected" in verdict
    }
    assert beside == {
        "in_flight_requests_are_served": (
            "broken",
            {"reason": "It cancels them.", "upstream": "", "date": "2026-11-01"},
        )
    }


def test_junit_has_level_clause_answer_server_version_and_expectation(played):
    path = written(played, entry(IN_FLIGHT, "h1", "It cancels them."))
    judged(played, f"--expectations={path}", "-k", QUICK, f"--junitxml={played}/junit.xml")
    cases = list(ET.parse(played / "junit.xml").iter("testcase"))
    case = next(case for case in cases if "in_flight_requests_are_served" in case.attrib["name"])
    properties = {item.attrib["name"]: item.attrib["value"] for item in case.iter("property")}
    assert properties == {
        "server": MUTANT,
        "scenario": "http1-idle-and-new",
        "protocol": "h1",
        "check": "in_flight_requests_are_served",
        "level": "promise",
        "impact": "loses requests",
        "clause": "in-flight",
        "clause_link": "https://www.rfc-editor.org/rfc/rfc9113.html#section-6.8",
        "answer": "broken",
        "version": properties["version"],
        "expected": "expected since 2026-11-01: It cancels them.",
    }
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.attrib["type"] == "pytest.xfail"


def test_an_expectation_that_is_over_fails_and_says_what_to_delete(played):
    path = written(played, entry(IN_FLIGHT, "h1"), entry(KEPT, "h1"))
    run = judged(played, f"--expectations={path}", "-k", QUICK)
    assert run.returncode == 1
    assert (
        f"{KEPT} over h1 was expected to be broken on {MUTANT}, and holds:"
        f' delete [[expected]] id = "{KEPT}" protocol = "h1" from {path}'
    ) in run.stdout
    assert "1 failed" in run.stdout


def test_an_expectation_about_checks_that_are_left_out_has_no_item(played):
    path = written(played, entry(IN_FLIGHT, "h1"), entry("one-request", "h2"), entry(KEPT, "h1-tls"))
    run = judged(played, f"--expectations={path}", "-k", QUICK)
    assert run.returncode == 0, run.stdout
    assert "expectations[" in run.stdout
    assert f"{KEPT} over h1-tls" not in run.stdout


def test_a_broken_check_without_an_expectation_fails(played):
    path = written(played, entry("http1-idle-and-new::exit_status_is_documented"))
    run = judged(played, f"--expectations={path}", "-k", "in_flight_requests_are_served and h1]")
    assert run.returncode == 1
    assert "in_flight_requests_are_served is broken (promise, loses requests)" in run.stdout


def test_a_file_that_cannot_be_read_fails_with_its_line_and_the_run_goes_on(played):
    path = played / "bad.toml"
    path.write_text('server = "x"\n[[expected]]\nid = 4\n', encoding="utf-8")
    good = written(played, entry(IN_FLIGHT, "h1"))
    run = judged(played, f"--expectations={path}", f"--expectations={good}", "-k", QUICK)
    assert run.returncode == 1
    assert f"{path}: [[expected]] number 1: 'id' must be a text that is not empty" in run.stdout
    assert " 1 xfailed" in run.stdout
    assert "Traceback" not in run.stdout


def test_a_file_for_a_server_outside_of_the_run_is_refused(played):
    path = written(played, entry(IN_FLIGHT), server="somebody-else", name="else")
    run = judged(played, f"--expectations={path}", "-k", QUICK)
    assert f"{path}: 'server' is 'somebody-else', which is no server of this run" in run.stdout


def test_a_folder_may_have_files_of_servers_outside_of_the_run(played, tmp_path):
    written(tmp_path, entry(IN_FLIGHT), server="somebody-else", name="else")
    written(tmp_path, entry(IN_FLIGHT, "h1"))
    run = judged(played, f"--expectations={tmp_path}", "-k", QUICK)
    assert run.returncode == 0, run.stdout


def test_a_proposal_is_written_beside_the_file_and_reported(played, tmp_path):
    path = written(tmp_path, entry(KEPT, "h1"))
    before = path.read_text(encoding="utf-8")
    run = judged(played, f"--expectations={path}", "-k", QUICK, "--update-expectations")
    proposed = Path(f"{path}.proposed")
    assert f"1 expectations are proposed in {proposed}" in run.stdout
    assert path.read_text(encoding="utf-8") == before
    text = proposed.read_text(encoding="utf-8")
    assert [listed["id"] for listed in tomllib.loads(text)["expected"]] == [IN_FLIGHT]
    again = judged(played, f"--expectations={path}", "-k", QUICK, "--update-expectations")
    assert "(in the place of an older proposal)" in again.stdout


def of_versions(versions, name=IN_FLIGHT, reason="It cancels them."):
    return dataclasses.replace(entry(name, "h1", reason), versions=versions)


def test_an_entry_for_other_versions_does_not_hold_for_this_one():
    old, always, new = of_versions("<2.8.9"), entry(IN_FLIGHT, "h2"), of_versions(">=2.8.9")
    known = expected(old, always, new)
    assert known.for_version("2.8.7").entries == (old, always)
    assert known.for_version("2.8.9").entries == (always, new)
    assert known.for_version("what is no number").entries == (always,)
    assert str(old) == f"{IN_FLIGHT} over h1 of <2.8.9"


def test_versions_are_written_read_and_refused_by_name(tmp_path):
    path = written(tmp_path, of_versions(">=2.8,<2.8.9"), of_versions("2.4.66-1~deb12u2"), of_versions(""))
    assert [listed.versions for listed in load_expectations(path).entries] == [">=2.8,<2.8.9", "2.4.66-1~deb12u2", ""]
    path.write_text(path.read_text().replace(">=2.8,<2.8.9", ">=two"), encoding="utf-8")
    with pytest.raises(
        ExpectationsError, match=r"mine\.toml: \[\[expected\]\] number 1: '>=two' is no range of versions"
    ):
        load_expectations(path)
    path.write_text(path.read_text().replace('">=two"', "2.8"), encoding="utf-8")
    with pytest.raises(ExpectationsError, match=r"number 1: 'versions' must be a text"):
        load_expectations(path)


def test_the_same_deviation_of_the_same_versions_is_refused_twice(tmp_path):
    path = written(tmp_path, of_versions("<2"), of_versions("<2", reason="again"))
    with pytest.raises(ExpectationsError, match="is there twice"):
        load_expectations(path)


def test_a_run_is_judged_by_the_entries_of_its_version_alone(played):
    installed = find().servers["reference"].version()
    path = written(
        played,
        of_versions(f"=={installed}"),
        of_versions(f"<{installed}", KEPT, "It did so once."),
        of_versions(f"!={installed}", "http1-idle-and-new::log_is_clean", "It does so elsewhere."),
    )
    run = judged(played, f"--expectations={path}", "-k", QUICK)
    assert run.returncode == 0, run.stdout
    assert " 1 xfailed" in run.stdout
    assert f"{KEPT} is for {MUTANT} <{installed}, and {installed} is under test" in run.stdout


def test_an_entry_of_another_version_excuses_nothing(played):
    installed = find().servers["reference"].version()
    path = written(played, of_versions(f"<{installed}"))
    run = judged(played, f"--expectations={path}", "-k", QUICK)
    assert run.returncode == 1
    assert "in_flight_requests_are_served is broken (promise, loses requests)" in run.stdout
    assert "xfailed" not in run.stdout


def test_stored_traces_are_judged_by_the_entries_of_their_own_version(played, tmp_path):
    traces = tmp_path / "out" / "traces"
    shutil.copytree(played / "out" / "traces", traces)
    for path in traces.rglob("*.jsonl"):
        first, rest = path.read_text(encoding="utf-8").split("\n", 1)
        header = json.loads(first)
        header["play"]["version"] = "0.0.3"
        path.write_text(f"{json.dumps(header)}\n{rest}", encoding="utf-8")
    path = written(tmp_path, of_versions("==0.0.3"))
    run = judged(tmp_path, f"--expectations={path}", "-k", QUICK)
    assert run.returncode == 0, run.stdout
    assert " 1 xfailed" in run.stdout


def test_a_proposal_keeps_the_entries_of_other_versions(played, tmp_path):
    installed = find().servers["reference"].version()
    path = written(tmp_path, of_versions(f"<{installed}", KEPT), entry(KEPT, "h1"), of_versions("<0", IN_FLIGHT))
    judged(played, f"--expectations={path}", "-k", QUICK, "--update-expectations")
    proposed = tomllib.loads(Path(f"{path}.proposed").read_text(encoding="utf-8"))["expected"]
    assert [(listed["id"], listed.get("versions", "")) for listed in proposed] == [
        (KEPT, f"<{installed}"),
        (IN_FLIGHT, "<0"),
        (IN_FLIGHT, ""),
    ]


@pytest.mark.parametrize("path", sorted(KNOWN.glob("*.toml")), ids=lambda path: path.stem)
def test_every_known_deviation_of_our_servers_names_the_locked_version(path):
    known = load_expectations(path)
    assert all(listed.versions for listed in known.entries)
    assert known.for_version(locked_versions()[known.server]).entries == known.entries
