"""The worked examples of docs/examples are read, and those without further requirements are played."""

import subprocess
import sys
from pathlib import Path

import pytest

from lastcall.chosen_servers import servers_named
from lastcall.conformance.model.launch import Launch
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.results.results import load_results

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
DESCRIPTIONS = sorted(path for path in EXAMPLES.iterdir() if path.suffix == ".toml" or path.name == "mine.py")


def run(*arguments, cwd):
    return subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("path", DESCRIPTIONS, ids=lambda path: path.name)
def test_example_describes_a_server(path):
    (server,) = servers_named([str(path)])
    launch = Launch(Protocol.H1, 8080, path, path, 2.0, path.parent)
    assert any("8080" in word for word in server.command(launch))
    if server.stop:
        assert "lastcall-8080" in server.stop(launch, 1)
        assert "lastcall-8080" in server.remove(launch, 1)


@pytest.mark.parametrize("name", ["mine.toml", "mine.py"])
def test_gated_example_keeps_every_promise(tmp_path, name):
    arguments = ("-m", "must or promise", f"--server={EXAMPLES / name}", f"--results={tmp_path}")
    chosen = "http1-one-request or http1-idle or http1-pipelined or http1-slow-reader or idle-exit"
    done = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, "-k", chosen, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert {verdict.answer for play in load_results(tmp_path).plays for verdict in play.verdicts} >= {"kept"}


def test_timed_example_is_judged_by_what_its_clients_saw(tmp_path):
    arguments = ("--server", str(EXAMPLES / "timed.toml"), f"--results={tmp_path}", "-k", "http1-one-request")
    done = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, cwd=tmp_path)
    answers = {verdict.check: verdict.answer for play in load_results(tmp_path).plays for verdict in play.verdicts}
    assert answers["slow_requests_are_answered"] == "kept", done.stdout[-4000:]
    assert answers["in_flight_requests_are_served"] == "cannot tell"


def test_contract_command_tests_an_example(tmp_path):
    done = run(sys.executable, "-m", "lastcall", "contract", str(EXAMPLES / "mine.toml"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mine over h1: read_counts_the_body: kept" in done.stdout
    assert "mine: websocket is not declared, and was not found" in done.stdout
