"""pytest with the plugin, as a user runs it: in a process of its own, from another folder."""

import json
import re
import subprocess
import sys

import pytest

from lastcall.conformance.results.results import load_results

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


def lastcall(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def toml(folder, name, command):
    words = json.dumps([word.replace("{python}", sys.executable) for word in command])
    path = folder / f"{name}.toml"
    path.write_text(f'name = "{name}"\nspeaks = ["h1"]\ncommand = {words}\n')
    return path


def answers(folder):
    return {
        (*play.key, verdict.check): verdict.answer for play in load_results(folder).plays for verdict in play.verdicts
    }


def assert_agree(first, second):
    """Two runs agree; on a machine that is too busy for a limit, one of them may be unable to tell."""
    assert first.keys() == second.keys()
    differ = {key: {first[key], second[key]} for key in first if first[key] != second[key]}
    assert {key: pair for key, pair in differ.items() if not pair & {"cannot tell", "blocked"}} == {}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """One run of the reference server and a broken one."""
    folder = tmp_path_factory.mktemp("reference")
    servers = ("--server=reference", "--server=reference+cancels-handlers")
    return folder, lastcall(*servers, f"--results={folder}/out", "-k", QUICK, cwd=folder)


def test_a_run_says_what_is_kept_and_what_is_broken(reference):
    folder, run = reference
    assert run.returncode == 1
    found = answers(folder / "out")
    assert {found[key] for key in found if key[0] == "reference"} == {"kept", "observed"}
    assert found["reference+cancels-handlers", "h1", "http1-idle-and-new", "in_flight_requests_are_served"] == "broken"
    assert (folder / "out" / "report.html").stat().st_size > 10_000


def test_a_failure_can_be_pasted_into_a_bug_report(reference):
    _folder, run = reference
    node = "http1-idle-and-new[reference+cancels-handlers-h1]::in_flight_requests_are_served"
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
    assert "scenarios/founding.py::one-request[reference-h2]::goaway_is_sent" in listed.stdout.splitlines()
    musts = lastcall("--server=reference", "--collect-only", "-q", "-m", "must and h2c", cwd=folder)
    lines = [line for line in musts.stdout.splitlines() if "::" in line]
    assert lines
    assert all("-h2c]::" in line for line in lines)


def test_judging_again_gives_the_same_verdicts_and_starts_nothing(reference, tmp_path):
    folder, _run = reference
    before = answers(folder / "out")
    run = lastcall(f"--judge-only={folder}/out", "-k", QUICK, cwd=tmp_path)
    assert run.returncode == 1
    assert answers(folder / "out") == before


def test_several_workers_give_the_same_verdicts(reference, tmp_path):
    folder, _run = reference
    servers = ("--server=reference", "--server=reference+cancels-handlers")
    run = lastcall(*servers, f"--results={tmp_path}/out", "-k", QUICK, "-n2", cwd=tmp_path)
    assert run.returncode == 1, run.stdout[-2000:]
    assert_agree(answers(tmp_path / "out"), answers(folder / "out"))


def test_a_broken_should_fails_only_when_asked_to(tmp_path):
    words = ("--server=reference+no-connection-close-header", f"--results={tmp_path}/out", "-k", QUICK)
    assert lastcall(*words, cwd=tmp_path).returncode == 0
    strict = lastcall(*words, "--strict-should", cwd=tmp_path)
    assert strict.returncode == 1
    assert "responses_in_flight_say_close is broken (should, loses requests)" in strict.stdout


def test_hopeless_servers_get_a_clear_line_each_and_the_run_goes_on(tmp_path):
    files = [toml(tmp_path, name, command) for name, (command, _says) in HOPELESS.items()]
    servers = [f"--server={path}" for path in files]
    run = lastcall(*servers, "--server=reference", f"--results={tmp_path}/out", "-k", QUICK, cwd=tmp_path)
    assert run.returncode == 1
    found = answers(tmp_path / "out")
    for name, (_command, says) in HOPELESS.items():
        assert {found[key] for key in found if key[0] == name} == {"setup failed"}
        line = next(
            line for line in run.stdout.splitlines() if line.startswith(f"setup failed: http1-idle-and-new[{name}")
        )
        assert says in line
    assert {found[key] for key in found if key[0] == "reference"} == {"kept", "observed"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--server=nobody"], "--server nobody: no such server. Known are"),
        (["--server=missing.toml"], "missing.toml: No such file or directory"),
        (["--judge-only=."], "there is no folder 'traces'"),
        (["--server=reference", "--pace=slow"], "invalid choice: 'slow'"),
    ],
)
def test_a_bad_option_gets_one_clear_line(tmp_path, words, says):
    run = lastcall(*words, cwd=tmp_path)
    assert run.returncode == 4
    assert says in run.stderr
    assert "Traceback" not in run.stderr
