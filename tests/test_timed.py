"""Timed mode and stop commands: a server whose handlers do not report, and one that no signal of ours reaches."""

import dataclasses
import sys

import pytest

from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.judging.judge import judge
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.client_events import ResponseEnded
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import steps
from lastcall.conformance.model.server import Timed
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    OutputWritten,
    ServerExited,
    SetupFailed,
    SignalSent,
)
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.timeline import ReadBody, Shutdown
from lastcall.conformance.model.verdict import Answer
from lastcall.conformance.model.views import Fate, fate, requests
from tests.support import ONE_HELD, PATIENT, program

SLOW = r"""
import http.server, os, signal, sys, threading, time
port, fault = int(sys.argv[1]), sys.argv[2]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path not in ("/health", "/slow"):
            self.send_error(404)
            return
        if self.path == "/slow":
            time.sleep(1.0)
        body = b"done\n"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

server = Server(("127.0.0.1", port), Handler)
def stop(*_):
    if fault == "abrupt":
        os._exit(0)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGUSR1, stop)
server.serve_forever(0.02)
server.server_close()
"""
TIMED = Timed(slow="/slow", slow_s=1.0, ready="/health")


def slow(folder, fault="none", **fields):
    return program(folder, f"slow-{fault}", SLOW, fault, timed=TIMED, **fields)


@pytest.fixture(scope="module")
def environment():
    with Environment() as environment:
        yield environment


def played(environment, folder, server, scenario, **changes):
    case = Case(scenario, server, Protocol.H1, Pace.FAST, PATIENT, **changes)
    return play_all(environment, [case], folder / "traces")[0]


def answers(scenario, trace):
    return {verdict.check: verdict.answer for verdict in judge(scenario, trace, DEFAULT)}


def test_a_graceful_server_answers_its_slow_requests(environment, tmp_path):
    trace = played(environment, tmp_path, slow(tmp_path), ONE_HELD)
    given = answers(ONE_HELD, trace)
    assert given["slow_requests_are_answered"] is Answer.KEPT
    assert given["exit_status_is_documented"] is Answer.KEPT
    assert trace.of(HandlerEntered) == []


def test_an_abrupt_server_is_seen_to_lose_them(environment, tmp_path):
    trace = played(environment, tmp_path, slow(tmp_path, "abrupt"), ONE_HELD)
    assert answers(ONE_HELD, trace)["slow_requests_are_answered"] is Answer.BROKEN
    assert [fate(trace, request) for request in requests(trace)] == [Fate.AMBIGUOUS]


def test_checks_that_need_the_gate_cannot_tell(environment, tmp_path):
    trace = played(environment, tmp_path, slow(tmp_path), ONE_HELD)
    witnessed = {check.id for check in ONE_HELD.checks if check.needs_gate}
    given = answers(ONE_HELD, trace)
    assert {"in_flight_requests_are_served", "in_flight_handlers_are_not_cancelled"} <= witnessed
    assert {given[name] for name in witnessed} == {Answer.CANNOT_TELL}


def test_the_control_of_a_slow_request_succeeds(environment, tmp_path):
    trace = played(environment, tmp_path, slow(tmp_path), ONE_HELD, control=True)
    assert trace.of(SetupFailed) == []
    assert trace.first(ResponseEnded("a"))


def test_the_timed_check_is_not_judged_for_a_gated_server():
    assert "slow_requests_are_answered" not in {check.id for check in ONE_HELD.checks_over(Protocol.H1)}
    assert "slow_requests_are_answered" in {check.id for check in ONE_HELD.checks_over(Protocol.H1, timed=True)}


def test_a_timeline_that_commands_handlers_is_not_played(tmp_path):
    reading = dataclasses.replace(ONE_HELD, timeline=steps(Connect("a"), Request("a"), ReadBody("a"), Shutdown()))
    why = reading.why_not(slow(tmp_path), Protocol.H1)
    assert why == "slow-none runs in timed mode, where nobody can do this: ReadBody"


@pytest.mark.parametrize(("stop", "status"), [("SIGUSR1", 0), ("SIGTERM", 0)])
def test_a_command_can_request_the_stop(environment, tmp_path, stop, status):
    server = slow(
        tmp_path,
        stop=lambda _launch, pid: [
            sys.executable,
            "-c",
            f"import os, signal; print('stopping'); os.kill({pid}, signal.{stop})",
        ],
    )
    trace = played(environment, tmp_path, server, ONE_HELD)
    assert answers(ONE_HELD, trace)["slow_requests_are_answered"] is Answer.KEPT
    assert trace.first(SignalSent(purpose="shutdown")).signal.startswith(sys.executable)
    assert trace.first(OutputWritten("stop", "stopping"))
    assert [event.status for event in trace.of(ServerExited)] == [status]


def test_a_stop_command_that_is_not_there_is_one_clear_line(environment, tmp_path):
    server = slow(tmp_path, stop=lambda _launch, _pid: ["/nowhere/stop"])
    trace = played(environment, tmp_path, server, ONE_HELD)
    assert [failed.reason for failed in trace.of(SetupFailed)] == [
        "cannot run the stop command /nowhere/stop: No such file or directory"
    ]


def test_what_outlives_the_process_is_removed(environment, tmp_path):
    left = tmp_path / "container"
    left.touch()
    server = slow(tmp_path, remove=lambda _launch, _pid: ["rm", str(left)])
    played(environment, tmp_path, server, ONE_HELD)
    assert not left.exists()
