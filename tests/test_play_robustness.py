"""The player against programs that do not behave: each costs its own play and no other, and nothing is left behind.

All of them are played at once in one environment, beside a server that does behave.
"""

import contextlib
import dataclasses
import os
import re
import select
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.process import reaper
from lastcall.conformance.harness.process.ports import listening_ports
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.judging.judge import judge
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.client_events import ResponseEnded
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server import Drain, Server
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerReported,
    HarnessFailed,
    OrphansFound,
    OutputDropped,
    OutputWritten,
    PortChecked,
    ServerExited,
    SetupFailed,
)
from lastcall.conformance.model.step import Duration, Pace
from lastcall.conformance.model.timeline import (
    Await,
    ReadBody,
    ReleaseHandler,
    Shutdown,
)
from lastcall.conformance.model.trace_file import load
from lastcall.conformance.model.verdict import Answer
from tests.support import ONE_HELD, PATIENT, QUICK, gated, program

DYING = Scenario(
    id="dying",
    question="Does the server live until its shutdown?",
    protocols=(Protocol.H1,),
    launch=LaunchPlan(Duration(3, 3)),
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        ReadBody("a"),
        Await(HandlerReported("a", "read 0")),
        Shutdown(),
    ),
    checks=ONE_HELD.checks,
)

CRASHING = dataclasses.replace(
    ONE_HELD,
    id="crashing",
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        Shutdown(),
        Await(ServerExited()),
        ReleaseHandler("a"),
        Await(ResponseEnded("a")),
    ),
)

ANSWERING = """
    import socket, sys
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        client, _ = listener.accept()
        client.recv(65536)
        client.sendall({answer!r})
"""
SILENT = """
    import socket, sys
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    clients = []
    while True:
        clients.append(listener.accept())
"""
FLOODING = """
    import sys, signal
    line = b"x" * 99 + b"\\n"
    for _ in range(10_000):
        sys.stdout.buffer.write(line * 100)
    sys.stdout.flush()
    print("enough", file=sys.stderr)
    {then}
"""
NEVER = "import signal\nsignal.pause()"
MISSING = Server(
    "missing",
    frozenset({Protocol.H1}),
    lambda _: ["/no/such/program"],
    lambda: "1",
    (),
    "",
    drain=Drain("none", ""),
)
H2C = {"speaks": frozenset({Protocol.H2C})}


def troublemakers(folder):
    def made(name, text, **fields):
        return program(folder, name, textwrap.dedent(text), **fields)

    return [
        MISSING,
        made("status-3", "import sys\nprint('no licence found', file=sys.stderr)\nsys.exit(3)"),
        made("killed", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
        made("never-binds", NEVER),
        made("never-answers", SILENT),
        made("garbage-h1", ANSWERING.format(answer=b"220 mail.example ESMTP\r\n")),
        made("garbage-h2", ANSWERING.format(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n"), **H2C),
        made("no-application", ANSWERING.format(answer=b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")),
        made("floods-and-exits", FLOODING.format(then="sys.exit(4)")),
        made("floods-and-stays", FLOODING.format(then="signal.pause()")),
    ]


SETUPS = {
    "missing": r"cannot start /no/such/program: No such file or directory",
    "status-3": r"the server ended before it was ready, with status 3; its last output: no licence found",
    "killed": r"the server ended before it was ready, by signal 9; it printed nothing",
    "never-binds": r"the server never listened on 127\.0\.0\.1:\d+ over h1 within 1 s; it printed nothing",
    "never-answers": r"the server bound port \d+ but gave no answer to GET /ready over h1 within 3 s; it printed nothing",
    "garbage-h1": r"the server's answer to GET /ready is not h1: .*220 mail.*",
    "garbage-h2": r"the server's answer to GET /ready is not h2c: .*",
    "no-application": r"the server answered GET /ready with 404: it does not run the gated application \(docs/gate\.md\)",
    "floods-and-exits": r"the server ended before it was ready, with status 4; its last output: .*",
    "floods-and-stays": r"the server never listened on 127\.0\.0\.1:\d+ over h1 within 3 s; its last output: .*",
    "gated-dies": r"before the shutdown, this never came: Await\(HandlerReported\(.*\)\); the server had ended, with status 7",
}


@dataclasses.dataclass
class Evening:
    traces: dict
    cases: dict
    folder: Path
    left: list


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evening")
    servers = [
        *troublemakers(folder),
        *(gated(folder, fault) for fault in ("none", "leaves-child", "leaves-daemon")),
    ]
    hasty = dict.fromkeys(["never-answers", "floods-and-stays"], dataclasses.replace(QUICK, boot_s=3.0))
    hasty["never-binds"] = QUICK
    cases = [
        Case(ONE_HELD, server, min(server.speaks), Pace.FAST, hasty.get(server.name, PATIENT)) for server in servers
    ]
    cases += [
        Case(scenario, gated(folder, fault), Protocol.H1, Pace.FAST, PATIENT)
        for scenario, fault in ((DYING, "dies"), (CRASHING, "crashes"))
    ]
    with Environment() as environment:
        traces = play_all(environment, cases, folder)
        left = reaper.members(set(), environment.process_sessions.token)
    names = [case.server.name for case in cases]
    return Evening(dict(zip(names, traces, strict=True)), dict(zip(names, cases, strict=True)), folder, left)


@pytest.mark.parametrize(("name", "reason"), SETUPS.items())
def test_trouble_before_the_shutdown_is_one_clear_line(evening, name, reason):
    trace = evening.traces[name]
    failed = trace.of(SetupFailed)
    assert len(failed) == 1
    assert re.fullmatch(reason, failed[0].reason)
    assert not trace.of(HarnessFailed)
    assert trace.events[-1] is failed[0]


@pytest.mark.parametrize("name", SETUPS)
def test_trouble_before_the_shutdown_is_the_verdict_of_every_check(evening, name):
    case = evening.cases[name]
    verdicts = judge(case.scenario, evening.traces[name], case.limits)
    assert {verdict.answer for verdict in verdicts} == {Answer.SETUP_FAILED}


def test_nothing_is_left(evening):
    assert evening.left == []


def test_traces_are_on_disk_as_they_were_recorded(evening):
    for name, trace in evening.traces.items():
        stored = load(evening.folder / evening.cases[name].trace)
        assert (stored.play, stored.events) == (trace.play, trace.events)


def answers(evening, name):
    case = evening.cases[name]
    return {verdict.check: verdict for verdict in judge(case.scenario, evening.traces[name], case.limits)}


def test_the_server_that_behaves_is_not_affected(evening):
    verdicts = answers(evening, "gated-none")
    assert [verdict for verdict in verdicts.values() if verdict.answer not in (Answer.KEPT, Answer.OBSERVED)] == []
    assert evening.traces["gated-none"].complete


def test_a_crash_during_the_shutdown_is_blamed_on_the_server(evening):
    verdicts = answers(evening, "gated-crashes")
    assert verdicts["in_flight_requests_are_served"].answer is Answer.BROKEN
    assert verdicts["exit_status_is_documented"].answer is Answer.BROKEN
    assert "9" in verdicts["exit_status_is_documented"].because
    assert evening.traces["gated-crashes"].of(ServerExited)[0].status == 9


@pytest.mark.parametrize("name", ["gated-leaves-child", "gated-leaves-daemon"])
def test_a_child_that_outlives_its_server_is_found(evening, name):
    orphans = evening.traces[name].of(OrphansFound)
    assert len(orphans) == 1
    assert len(orphans[0].pids) == 1
    assert "signal.pause()" in orphans[0].commands[0]
    assert answers(evening, name)["server_leaves_no_process_behind"].answer is Answer.BROKEN
    assert evening.traces[name].of(PortChecked)[0].free


def test_a_flood_is_drained_and_its_ends_are_kept(evening):
    trace = evening.traces["floods-and-exits"]
    written = sum(len(event.text) + 1 for event in trace.of(OutputWritten) if event.stream == "stdout")
    dropped = sum(event.length for event in trace.of(OutputDropped))
    assert written < 1_000_000
    assert dropped > 90_000_000
    # The line at the cut is recorded in two parts, so its end counts twice.
    assert 0 <= written + dropped - 100_000_000 <= 2
    assert "enough" in [event.text for event in trace.of(OutputWritten) if event.stream == "stderr"]


RUNNER = """
import asyncio
import sys
from pathlib import Path
from tests.support import HELD_FOR_LONG, QUICK, gated
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.case import Case
folder = Path(sys.argv[1])
server = gated(folder, environment={"NOTIFIED": sys.argv[2]}, remove=lambda _launch, _pid: ["touch", str(folder / "removed")])
case = Case(HELD_FOR_LONG, server, Protocol.H1, Pace.FAST, QUICK)

async def tell_when_inside():
    trace = folder / case.trace
    # The head of the trace contains the awaited fact as a step; an event's line begins with its class.
    while not trace.exists() or '\\n{"event": "HandlerEntered"' not in trace.read_text():
        await asyncio.sleep(0.01)
    print("the handler is inside", flush=True)

with Environment() as environment:
    print(environment.process_sessions.token, flush=True)
    play_all(environment, [case], folder, alongside=[tell_when_inside()])
"""


@contextlib.contextmanager
def killed_runner(folder, number):
    """Play a held server in another process, signal that process while the handler runs, and return what was there."""
    root = str(Path(__file__).parent.parent)
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(20)
        runner = opened.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", RUNNER, str(folder), f"127.0.0.1:{listener.getsockname()[1]}"],
                env={**os.environ, "PYTHONPATH": root},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
        opened.callback(runner.kill)
        token = runner.stdout.readline().strip()
        server = opened.enter_context(listener.accept()[0])
        pid, port = map(int, server.makefile().readline().split())
        life = os.pidfd_open(pid)
        opened.callback(os.close, life)
        assert port in listening_ports()
        assert runner.stdout.readline() == "the handler is inside\n"
        runner.send_signal(number)
        runner.wait(20)
        assert select.select([life], [], [], 20)[0], "the server outlived its runner"
        yield token, port


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_runner_that_is_killed_leaves_nothing_but_its_trace(tmp_path, number):
    with killed_runner(tmp_path, number) as (token, port):
        assert reaper.members(set(), token) == []
        assert port not in listening_ports()
    trace = load(tmp_path / "gated-none" / "h1" / "held-for-long.jsonl")
    assert trace.first(HandlerEntered("a"))
    assert not trace.complete
    assert (tmp_path / "removed").exists() == (number == signal.SIGINT), "who is interrupted still removes"
    assert {verdict.answer for verdict in judge(ONE_HELD, trace, QUICK)} == {Answer.CANNOT_TELL}
