"""One lifecycle for every user of a server: what the adapter's commands do, and that nothing is left, however it ends."""

import asyncio
import dataclasses
import socket
import sys

import pytest

from lastcall.conformance.harness.capability_probe import probe
from lastcall.conformance.harness.contract import hold
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.process import lifecycle, reaper
from lastcall.conformance.harness.process.lifecycle import to_the_end
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.harness.server_session import ServerSessionError
from lastcall.conformance.judging.judge import judge
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import steps
from lastcall.conformance.model.server_events import (
    CommandEnded,
    HandlerEntered,
    HarnessFailed,
    OutputWritten,
    RemoveFailed,
    ServerExited,
    ServerKilled,
    ServerStarted,
    SetupFailed,
    SuccessorReady,
)
from lastcall.conformance.model.step import Duration, Pace
from lastcall.conformance.model.timeline import Await, ReleaseHandler, Shutdown, StartSuccessor
from lastcall.conformance.model.verdict import Answer
from tests.support import HELD_FOR_LONG, ONE_HELD, PATIENT, QUICK, gated, program

HASTY = dataclasses.replace(PATIENT, exit_slack_s=0.3)
WAITING = "import signal; print('waiting', flush=True); signal.pause()"
FAMILY = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAITING!r}]); {WAITING}"

IDLE = dataclasses.replace(
    ONE_HELD, launch=LaunchPlan(drain=Duration(1, 1)), timeline=steps(Connect("a"), Shutdown(), Await(ServerExited()))
)
SUCCEEDED = dataclasses.replace(
    ONE_HELD,
    timeline=steps(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        Shutdown(),
        StartSuccessor(),
        ReleaseHandler("a"),
        Await(ServerExited()),
    ),
)


def python(text):
    return [sys.executable, "-c", text]


def noted(path):
    """A removal that writes down the process that it is for."""
    return lambda _launch, pid: python(f"open({str(path)!r}, 'a').write('{pid}\\n')")


def removed(path):
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture(scope="module")
def environment():
    with Environment() as environment:
        yield environment


@pytest.fixture
def played(environment, tmp_path):
    """Play a server, and check that none of its processes is left."""

    def play(server, scenario=IDLE, limits=HASTY, alongside=(), **changes):
        case = Case(scenario, server, Protocol.H1, Pace.FAST, limits, **changes)
        try:
            (trace,) = play_all(environment, [case], tmp_path, alongside=alongside)
        finally:
            assert reaper.members(set(), environment.process_sessions.token) == []
        return trace

    return play


def answers(trace, scenario=IDLE):
    return {verdict.answer for verdict in judge(scenario, trace, HASTY)}


def because(trace, kind=SetupFailed):
    return [event.reason for event in trace.of(kind)]


# --- remove: everybody who starts a server runs it ---


def test_a_play_removes(played, tmp_path):
    trace = played(gated(tmp_path, remove=noted(tmp_path / "removed")))
    assert removed(tmp_path / "removed") == [event.pid for event in trace.of(ServerStarted)]
    assert trace.first(CommandEnded("remove")).status == 0
    assert trace.complete


def test_a_control_removes(played, tmp_path):
    trace = played(gated(tmp_path, remove=noted(tmp_path / "removed")), control=True)
    assert removed(tmp_path / "removed") == [event.pid for event in trace.of(ServerStarted)]


def test_a_successor_is_removed_as_well(played, tmp_path):
    trace = played(gated(tmp_path, remove=noted(tmp_path / "removed")), SUCCEEDED)
    assert trace.of(SuccessorReady)
    assert len(set(removed(tmp_path / "removed"))) == 2
    assert removed(tmp_path / "removed")[1] == trace.of(ServerStarted)[0].pid


def test_the_contract_removes(environment, tmp_path):
    hold(environment, gated(tmp_path, remove=noted(tmp_path / "removed")), Protocol.H1, PATIENT)
    assert len(removed(tmp_path / "removed")) == 1


def test_the_capability_probe_removes(environment, tmp_path):
    environment.run(probe(environment, gated(tmp_path, remove=noted(tmp_path / "removed")), PATIENT))
    assert len(removed(tmp_path / "removed")) == 1


def stillborn(folder):
    return program(folder, "stillborn", "raise SystemExit('no licence')", remove=noted(folder / "removed"))


def test_a_server_that_never_serves_is_removed_after_its_play(played, tmp_path):
    trace = played(stillborn(tmp_path))
    assert "no licence" in because(trace)[0]
    assert removed(tmp_path / "removed") == [trace.of(ServerStarted)[0].pid]


def test_a_server_that_never_serves_is_removed_after_contract_and_probe(environment, tmp_path):
    with pytest.raises(ServerSessionError, match="no licence"):
        hold(environment, stillborn(tmp_path), Protocol.H1, QUICK)
    assert len(removed(tmp_path / "removed")) == 1
    environment.run(probe(environment, stillborn(tmp_path), QUICK))
    assert len(removed(tmp_path / "removed")) == 2


def test_a_server_that_was_never_started_is_not_removed(played, tmp_path):
    server = gated(tmp_path, command=lambda _launch: ["/nowhere/server"], remove=noted(tmp_path / "removed"))
    assert because(played(server)) == ["cannot start /nowhere/server: No such file or directory"]
    assert removed(tmp_path / "removed") == []


class PhoneCallError(Exception):
    pass


@pytest.fixture
def telephone():
    """A listening socket, and its address; a program connects to it when it has reached the point."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener, f"127.0.0.1:{listener.getsockname()[1]}"


async def interrupt_at_the_call(listener, calls):
    calls.append((await asyncio.get_running_loop().sock_accept(listener))[0])
    raise PhoneCallError


async def answer_when_cancelled(calls):
    try:
        await asyncio.Event().wait()
    finally:
        calls[0].sendall(b"go on")
        calls[0].close()


def test_a_play_that_is_cancelled_removes(played, tmp_path, telephone):
    listener, address = telephone
    server = gated(tmp_path, environment={"NOTIFIED": address}, remove=noted(tmp_path / "removed"))
    calls = []
    with pytest.raises(ExceptionGroup):
        played(server, HELD_FOR_LONG, alongside=[interrupt_at_the_call(listener, calls)])
    calls[0].close()
    assert len(removed(tmp_path / "removed")) == 1


def test_a_removal_that_is_under_way_when_its_play_is_cancelled_goes_on(played, tmp_path, telephone):
    listener, address = telephone
    calling = f"import socket; called = socket.create_connection(('127.0.0.1', {address.rpartition(':')[2]}))"
    ended = f"print(called.recv(9).decode(), file=open({str(tmp_path / 'removed')!r}, 'w'))"
    calls = []
    with pytest.raises(ExceptionGroup):
        played(
            gated(tmp_path, remove=lambda _launch, _pid: python(f"{calling}; {ended}")),
            alongside=[interrupt_at_the_call(listener, calls), answer_when_cancelled(calls)],
        )
    assert (tmp_path / "removed").read_text() == "go on\n"


# --- remove: how it goes wrong ---


def test_a_removal_that_fails_is_one_line_and_no_verdict(played, tmp_path):
    server = gated(tmp_path, remove=lambda _launch, _pid: python("print('no such container'); raise SystemExit(4)"))
    trace = played(server)
    assert because(trace, RemoveFailed) == [
        f"the remove command {sys.executable} ended with status 4; its last output: no such container"
    ]
    assert trace.complete
    assert trace.first(CommandEnded("remove", 4))
    # On a busy machine its lag may leave a check of either play undecided.
    assert (
        answers(trace) - {"cannot tell"} == answers(played(gated(tmp_path))) - {"cannot tell"} == {"kept", "observed"}
    )


def test_a_removal_that_hangs_is_ended_with_its_children(played, tmp_path, monkeypatch):
    monkeypatch.setattr(lifecycle, "REMOVE_S", 0.7)
    trace = played(gated(tmp_path, remove=lambda _launch, _pid: python(FAMILY)))
    (reason,) = because(trace, RemoveFailed)
    assert reason == f"the remove command {sys.executable} had not ended after 0.7 s; its last output: waiting"
    assert trace.complete


def test_a_removal_that_cannot_be_run_is_one_line(played, tmp_path):
    trace = played(gated(tmp_path, remove=lambda _launch, _pid: ["/nowhere/remove"]))
    assert because(trace, RemoveFailed) == ["cannot run the remove command /nowhere/remove: No such file or directory"]
    assert trace.complete


def test_an_adapter_whose_remove_raises_hides_nothing(played, tmp_path):
    trace = played(gated(tmp_path, remove=lambda launch, _pid: launch.nothing))
    assert because(trace, RemoveFailed)[0].startswith("the adapter's remove failed: AttributeError: ")
    assert trace.complete


def test_a_successor_that_is_not_removed_is_recorded_in_the_play(played, tmp_path):
    trace = played(gated(tmp_path, remove=lambda _launch, _pid: python("raise SystemExit(4)")), SUCCEEDED)
    assert (
        because(trace, RemoveFailed)
        == [f"the remove command {sys.executable} ended with status 4; it printed nothing"] * 2
    )


def test_contract_and_probe_report_a_removal_that_fails(environment, tmp_path):
    server = gated(tmp_path, remove=lambda _launch, _pid: python("raise SystemExit('in use')"))
    (broken,) = [outcome for outcome in hold(environment, server, Protocol.H1, PATIENT) if outcome.broken]
    assert (broken.article, broken.broken.rpartition("; ")[2]) == ("remove", "its last output: in use")
    tried = environment.run(probe(environment, server, PATIENT))
    contradictions = [capability.contradicted for capability in tried if capability.contradicted]
    assert len(contradictions) == 1
    assert "its last output: in use" in contradictions[0]


def test_commands_get_the_small_environment_of_the_server(played, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")
    telling = "import os; print(os.getcwd() == os.environ['HOME'], *sorted(os.environ))"
    stop = lambda _launch, pid: python(f"{telling}; os.kill({pid}, 15)")  # noqa: E731 - an adapter's field
    server = gated(tmp_path, environment={"MORE": "1"}, stop=stop, remove=lambda _launch, _pid: python(telling))
    trace = played(server)
    (stopping,), (removing,) = ([event.text for event in trace.all(OutputWritten(name))] for name in ("stop", "remove"))
    assert stopping == removing
    assert removing.startswith("True ")
    assert {"MORE", "HOME", "PATH"} <= set(removing.split())
    assert "SECRET_OF_THE_SHELL" not in removing


# --- the stop command ---


def killing(then=""):
    return lambda _launch, pid: python(f"import os, select, sys; os.kill({pid}, 15); {then}")


def test_a_stop_command_may_run_as_long_as_the_drain(played, tmp_path):
    wait = lambda _launch, pid: python(  # noqa: E731 - an adapter's field
        f"import os, select; life = os.pidfd_open({pid}); os.kill({pid}, 15); select.select([life], [], [])"
    )
    trace = played(gated(tmp_path, stop=wait), ONE_HELD)
    assert trace.complete
    assert trace.first(CommandEnded("stop")).status == 0
    assert answers(trace, ONE_HELD) <= {Answer.KEPT, Answer.OBSERVED}


def test_a_stop_command_that_is_not_there_is_setup_failed(played, tmp_path):
    trace = played(gated(tmp_path, stop=lambda _launch, _pid: ["/nowhere/stop"]))
    assert because(trace) == ["cannot run the stop command /nowhere/stop: No such file or directory"]
    assert answers(trace) == {Answer.SETUP_FAILED}


@pytest.mark.parametrize(
    "end", ["raise SystemExit('no such container')", "sys.stdout.write('no such container'); sys.exit(1)"]
)
def test_a_stop_command_that_fails_is_setup_failed_in_its_own_words(played, tmp_path, end):
    trace = played(gated(tmp_path, stop=lambda _launch, _pid: python(f"import sys; {end}")))
    assert because(trace) == [
        f"the stop command {sys.executable} ended with status 1; its last output: no such container"
    ]
    assert answers(trace) == {Answer.SETUP_FAILED}
    assert trace.first(CommandEnded("stop", 1))
    assert not trace.of(HarnessFailed)


def test_a_stop_command_that_fails_ends_the_play_at_once(played, tmp_path):
    patient = dataclasses.replace(PATIENT, exit_slack_s=300.0)
    trace = played(gated(tmp_path, stop=lambda _launch, _pid: python("raise SystemExit(1)")), limits=patient)
    assert answers(trace) == {Answer.SETUP_FAILED}


def test_a_stop_command_that_is_killed_is_setup_failed(played, tmp_path):
    trace = played(gated(tmp_path, stop=lambda _launch, _pid: python("import os; os.kill(os.getpid(), 9)")))
    assert because(trace) == [f"the stop command {sys.executable} ended by signal 9; it printed nothing"]


def test_a_stop_command_that_fails_although_the_server_ends_is_setup_failed(played, tmp_path):
    trace = played(gated(tmp_path, stop=killing("sys.exit(3)")))
    assert because(trace) == [f"the stop command {sys.executable} ended with status 3; it printed nothing"]
    assert answers(trace) == {Answer.SETUP_FAILED}


def test_a_stop_command_that_hangs_beside_the_server_is_setup_failed(played, tmp_path):
    trace = played(gated(tmp_path, stop=lambda _launch, _pid: python(FAMILY)))
    (reason,) = because(trace)
    assert reason.removeprefix(f"the stop command {sys.executable} ") == (
        "had not ended when the play was over, and nor had the server; its last output: waiting"
    )
    assert answers(trace) == {Answer.SETUP_FAILED}


def test_a_stop_command_that_outlives_the_server_is_no_failure(played, tmp_path):
    trace = played(gated(tmp_path, stop=killing(FAMILY)))
    assert trace.complete
    assert trace.first(ServerExited(0))
    assert Answer.SETUP_FAILED not in answers(trace)


def test_a_stop_that_succeeds_and_does_nothing_is_the_server_s_fault(played, tmp_path):
    trace = played(gated(tmp_path, stop=lambda _launch, _pid: python("")))
    assert trace.complete
    verdicts = {verdict.check: verdict.answer for verdict in judge(IDLE, trace, HASTY)}
    assert verdicts["server_exits_in_time"] is Answer.BROKEN


def test_what_removes_a_successor_does_not_end_the_server(played, tmp_path):
    """Containers may be named by their port, so that one name stands for both."""
    first = []

    def stop(_launch, pid):
        first.append(pid)
        return python("")

    server = gated(tmp_path, stop=stop, remove=lambda _launch, _pid: python(f"import os; os.kill({first[0]}, 15)"))
    trace = played(server, dataclasses.replace(SUCCEEDED, launch=LaunchPlan(drain=Duration(1, 1))))
    assert trace.of(ServerKilled)
    assert [event.status for event in trace.of(ServerExited)] == [-9]


# --- to the end ---


def test_work_that_goes_to_its_end_is_not_cancelled_but_its_caller_is():
    done = []

    async def work(go_on):
        await go_on.wait()
        done.append("work")

    async def conduct():
        go_on = asyncio.Event()
        caller = asyncio.ensure_future(to_the_end(work(go_on)))
        for _turn in range(3):
            await asyncio.sleep(0)
            caller.cancel()
        await asyncio.sleep(0)
        assert not caller.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await caller

    asyncio.run(conduct())
    assert done == ["work"]


def test_an_error_on_the_way_to_the_end_is_raised():
    async def work():
        raise PhoneCallError

    with pytest.raises(PhoneCallError):
        asyncio.run(to_the_end(work()))
