"""pytest with the plugin, as a user runs it: in a process of its own, from another folder."""

import contextlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from lastcall.conformance.model.case import CaseCheck, CaseId
from lastcall.conformance.results.results import load_results
from lastcall.registry import find

QUICK = "http1-idle-and-new and h1]"
HOPELESS = {
    "no-such-command": (["{here}/nowhere"], "cannot start"),
    "exits-at-once": (["{python}", "-c", "import sys; sys.exit('no luck today')"], "no luck today"),
    "garbage": (
        [
            "{python}",
            "-c",
            (
                "import socket, sys\n"
                "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
                "while True:\n"
                "    peer, _ = listener.accept()\n"
                "    peer.sendall(b'\\x00\\x01garbage')\n"
                "    peer.close()\n"
            ),
            "{port}",
        ],
        "garbage",
    ),
}


def lastcall(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def toml(folder, name, command):
    arguments = json.dumps([word.replace("{python}", sys.executable) for word in command])
    path = folder / f"{name}.toml"
    path.write_text(f'name = "{name}"\nspeaks = ["h1"]\ncommand = {arguments}\n')
    return path


def answers(folder):
    return {
        CaseCheck(play.id, verdict.check): verdict.answer
        for play in load_results(folder).plays
        for verdict in play.verdicts
    }


def answers_of(by_check, server):
    return {answer for case_check, answer in by_check.items() if case_check.case.server == server}


def assert_agree(first, second):
    """Assert that two runs agree; on a busy machine, one of them may answer "cannot tell" for a limit."""
    assert first.keys() == second.keys()
    differ = {key: {first[key], second[key]} for key in first if first[key] != second[key]}
    assert {key: pair for key, pair in differ.items() if not pair & {"cannot tell", "blocked"}} == {}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """One run of the reference server and a broken one."""
    folder = tmp_path_factory.mktemp("reference")
    servers = ("--server=reference", "--server=reference+cancels-handlers")
    return folder, lastcall(*servers, f"--results={folder}/out", "-k", QUICK, cwd=folder)


def test_a_run_reports_kept_and_broken_checks(reference):
    folder, run = reference
    assert run.returncode == 1
    by_check = answers(folder / "out")
    assert answers_of(by_check, "reference") == {"kept", "observed"}
    lost = CaseId("reference+cancels-handlers", "h1", "http1-idle-and-new")
    assert by_check[CaseCheck(lost, "in_flight_requests_are_served")] == "broken"
    assert (folder / "out" / "report.html").stat().st_size > 10_000


def test_a_failure_can_be_pasted_into_a_bug_report(reference):
    _folder, run = reference
    node = "http1-idle-and-new::in_flight_requests_are_served[reference+cancels-handlers-h1]"
    text = run.stdout[run.stdout.index(f" {node} ") :]
    for part in (
        "in_flight_requests_are_served is broken (promise, loses requests)",
        "expected  A request that is in its handler",
        "https://www.rfc-editor.org/rfc/rfc9113.html#section-6.8",
        "happened  1 of 1 in flight were lost: request 'busy' got status 500",
        "control   the same timeline without the shutdown was played, and every request was served",
        "again     pytest --server=reference+cancels-handlers",
    ):
        assert part in text
    assert re.search(r"^> +\+0\.\d+ +\d+  SignalSent", text, re.MULTILINE)


def test_node_ids_read_well(reference):
    folder, _run = reference
    listed = lastcall("--server=reference", "--collect-only", "-q", "-k", "one-request and h2]", cwd=folder)
    assert "scenarios/founding.py::one-request::goaway_is_sent[reference-h2]" in listed.stdout.splitlines()
    musts = lastcall("--server=reference", "--collect-only", "-q", "-m", "must and h2c", cwd=folder)
    lines = [line for line in musts.stdout.splitlines() if "::" in line]
    assert lines
    assert all(line.endswith("-h2c]") for line in lines)


def test_node_ids_are_whole_in_every_output(reference, tmp_path):
    """pytest splits and joins ids for files below its root and in JUnit's file; they stay whole there too."""
    folder, _run = reference
    below = tmp_path / "below"
    below.mkdir()
    arguments = (f"--judge-only={folder}/out", "-k", QUICK, f"--rootdir={tmp_path}", "-v", "--junitxml=junit.xml")
    run = lastcall(*arguments, cwd=below)
    ids = [line.split()[0] for line in run.stdout.splitlines() if "::" in line and "%]" in line]
    assert ids
    assert {
        name for name in ids if not re.fullmatch(r"\.\./scenarios/\w+\.py::[a-z0-9-]+::\w+\[[^\[\]]+\]", name)
    } == set()
    cases = list(ET.parse(below / "junit.xml").iter("testcase"))
    assert {case.attrib["classname"] for case in cases} == {"scenarios.http1.http1-idle-and-new"}
    assert {case.attrib["name"].count("[") for case in cases} == {1}
    assert all(case.attrib["name"].endswith("-h1]") for case in cases)


def test_a_node_id_can_be_pasted(reference, tmp_path):
    folder, _run = reference
    file = find().file_of["http1-idle-and-new"]
    node = f"{file}::http1-idle-and-new::server_exits_in_time[reference-h1]"
    run = lastcall(f"--judge-only={folder}/out", node, cwd=tmp_path)
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout


def test_the_suite_runs_without_xdist(reference, tmp_path):
    folder, _run = reference
    run = lastcall("-p", "no:xdist", f"--judge-only={folder}/out", "-k", QUICK, cwd=tmp_path)
    assert run.returncode == 1
    assert " passed" in run.stdout
    assert "unknown hook" not in run.stdout + run.stderr


def on_a_terminal(*arguments, cwd):
    """The output of a run whose standard output is a terminal."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    with subprocess.Popen(command, cwd=cwd, stdin=terminal, stdout=terminal, stderr=terminal) as running:
        os.close(terminal)
        shown = b""
        # Linux reports the end of a terminal without another holder as an error.
        with contextlib.suppress(OSError):
            while some := os.read(controller, 65536):
                shown += some
        os.close(controller)
        running.wait(60)
    return shown.decode()


@pytest.mark.parametrize("form", [(), ("-v",), ("-q",), ("-s",)], ids=["plain", "verbose", "quiet", "uncaptured"])
def test_a_terminal_shows_the_progress_of_the_plays(tmp_path, form):
    path = toml(tmp_path, "no-such-command", HOPELESS["no-such-command"][0])
    arguments = (f"--server={path}", f"--results={tmp_path}/out", "-k", QUICK, "--color=no", *form)
    text = on_a_terminal(*arguments, cwd=tmp_path)
    assert "\r0 of 1 plays over after " in text
    (line,) = [line for line in text.split("\n") if "1 of 1 plays over after " in line]
    # What is written over stays in its own line: pytest's own output goes on below it.
    assert re.fullmatch(r"1 of 1 plays over after \d+ s *", line.rstrip("\r").rpartition("\r")[2])
    assert text.count("http1.py::") >= 1


def test_judging_again_gives_the_same_verdicts_and_starts_nothing(reference, tmp_path):
    folder, _run = reference
    before = answers(folder / "out")
    run = lastcall(f"--judge-only={folder}/out", "-k", QUICK, cwd=tmp_path)
    assert run.returncode == 1
    assert answers(folder / "out") == before


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda text: text.replace('"format": ', '"format": 9'), "is newer than this lastcall reads"),
        (lambda text: "garbage\n" + text, "http1-idle-and-new.jsonl:1: not a line of a lastcall trace"),
        (lambda _text: "", "empty, so not a trace"),
        (lambda text: text.replace('"limits": {', '"limits": {"goaway_s": "soon", '), "is 'soon', and no number"),
    ],
)
def test_a_trace_that_cannot_be_judged_again_fails_its_items_with_its_reason(reference, tmp_path, change, line):
    folder, _run = reference
    shutil.copytree(folder / "out", tmp_path / "out")
    (trace,) = (tmp_path / "out" / "traces" / "reference").rglob("http1-idle-and-new.jsonl")
    text = trace.read_text(encoding="utf-8")
    trace.write_text(
        change(text).replace('"goaway_s": 1.0, ', "") if "soon" in line else change(text), encoding="utf-8"
    )
    run = lastcall(f"--judge-only={tmp_path}/out", "--server=reference", "-k", QUICK, cwd=tmp_path)
    assert run.returncode == 1
    assert line in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_stored_traces_keep_their_version_when_they_are_judged_again(reference, tmp_path):
    folder, _run = reference
    shutil.copytree(folder / "out" / "traces" / "reference", tmp_path / "out" / "traces" / "somebody-s")
    for trace in (tmp_path / "out").rglob("*.jsonl"):
        text = trace.read_text(encoding="utf-8").replace('"version": "0.1.0"', '"version": "7.7"', 1)
        trace.write_text(text, encoding="utf-8")
    run = lastcall(f"--judge-only={tmp_path}/out", "-k", QUICK, cwd=tmp_path)
    assert run.returncode == 0, run.stdout
    assert load_results(tmp_path / "out").servers["somebody-s"].version == "7.7"


def test_several_workers_give_the_same_verdicts(reference, tmp_path):
    folder, _run = reference
    servers = ("--server=reference", "--server=reference+cancels-handlers")
    run = lastcall(*servers, f"--results={tmp_path}/out", "-k", QUICK, "-n2", cwd=tmp_path)
    assert run.returncode == 1, run.stdout[-2000:]
    assert_agree(answers(tmp_path / "out"), answers(folder / "out"))


def test_a_broken_should_fails_only_with_strict_should(tmp_path):
    arguments = ("--server=reference+no-connection-close-header", f"--results={tmp_path}/out", "-k", QUICK)
    assert lastcall(*arguments, cwd=tmp_path).returncode == 0
    strict = lastcall(*arguments, "--strict-should", cwd=tmp_path)
    assert strict.returncode == 1
    assert "responses_in_flight_say_close is broken (should, loses requests)" in strict.stdout


def test_servers_that_cannot_be_played_get_one_clear_line_and_the_run_goes_on(tmp_path):
    files = [toml(tmp_path, name, command) for name, (command, _says) in HOPELESS.items()]
    servers = [f"--server={path}" for path in files]
    run = lastcall(*servers, "--server=reference", f"--results={tmp_path}/out", "-k", QUICK, cwd=tmp_path)
    assert run.returncode == 1
    by_check = answers(tmp_path / "out")
    for name, (_command, says) in HOPELESS.items():
        assert answers_of(by_check, name) == {"setup failed"}
        line = next(
            line for line in run.stdout.splitlines() if line.startswith(f"setup failed: http1-idle-and-new[{name}")
        )
        assert says in line
    assert answers_of(by_check, "reference") == {"kept", "observed"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--server=nobody"], "--server nobody: no such server. Known are"),
        (["--server=missing.toml"], "missing.toml: No such file or directory"),
        (["--judge-only=."], "there is no folder 'traces'"),
        (["--server=reference", "--pace=slow"], "invalid choice: 'slow'"),
    ],
)
def test_a_bad_option_gets_one_clear_line(tmp_path, arguments, says):
    run = lastcall(*arguments, cwd=tmp_path)
    assert run.returncode == 4
    assert says in run.stderr
    assert "Traceback" not in run.stderr
