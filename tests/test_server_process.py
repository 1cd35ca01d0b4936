"""The server's process: its output, its end, and the processes that it leaves behind."""

import os
import socket
import sys
from pathlib import Path

import pytest

from lastcall.conformance.harness.process import reaper
from lastcall.conformance.harness.process.output import Output
from lastcall.conformance.harness.process.ports import own_port
from lastcall.conformance.harness.process.process_sessions import ProcessSessions
from lastcall.conformance.harness.process.server_process import ServerProcess
from lastcall.conformance.model.server_events import (
    OrphansFound,
    OutputDropped,
    OutputWritten,
    PortChecked,
    ServerExited,
    ServerKilled,
    ServerStarted,
    SignalSent,
)
from tests.support import perform

WAITING = "import signal; print('up', flush=True); signal.pause()"


@pytest.fixture(scope="module")
def process_sessions():
    process_sessions = ProcessSessions()
    yield process_sessions
    process_sessions.close()


def lived(process_sessions, folder, program, conduct=None, environment=None):
    """Start a program, run ``conduct`` on it, end it, and return the events."""

    async def work(recorder):
        with own_port() as port:
            process = ServerProcess(process_sessions, recorder, port)
            assert not process.started
            process.start([sys.executable, "-c", program, str(port)], folder, environment or dict(os.environ))
            try:
                if conduct:
                    await conduct(process, recorder)
                else:
                    assert await recorder.wait(lambda: process.exited, 20)
            finally:
                await process.end("the test is over")
            assert not process.started
            await process.end("twice does no harm")

    return perform(work)


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def output(events, stream="stdout"):
    return [event.text for event in of(events, OutputWritten) if event.stream == stream]


def up(process, recorder):
    return recorder.wait(lambda: recorder.has(OutputWritten("stdout", "up")) or process.exited, 20)


@pytest.mark.parametrize(("end", "status"), [("sys.exit(0)", 0), ("sys.exit(3)", 3), ("os.abort()", -6)])
def test_exit_is_recorded_with_its_status(process_sessions, tmp_path, end, status):
    events = lived(process_sessions, tmp_path, f"import os, sys\n{end}")
    assert [event.status for event in of(events, ServerExited)] == [status]
    assert of(events, ServerStarted)[0].argv[0] == sys.executable
    assert [event.free for event in of(events, PortChecked)] == [True]
    assert not of(events, ServerKilled)


def test_program_runs_in_its_folder_and_with_its_own_environment_alone(process_sessions, tmp_path):
    program = "import os; print(os.getcwd()); print(sorted(os.environ))"
    events = lived(process_sessions, tmp_path, program, environment={"ONE": "1"})
    where, environment = output(events)
    assert where == str(tmp_path.resolve())
    assert {"'LASTCALL_RUN'", "'ONE'"} <= set(environment.strip("[]").split(", "))
    assert "HOME" not in environment


def test_output_is_recorded_by_stream_and_line(process_sessions, tmp_path):
    program = r"""
import sys
sys.stdout.buffer.write(b"one\ntwo\r\n\xff\nno end of line")
print("to the other", file=sys.stderr)
"""
    events = lived(process_sessions, tmp_path, program)
    assert output(events) == ["one", "two", r"\xff", "no end of line"]
    assert output(events, "stderr") == ["to the other"]
    assert not of(events, OutputDropped)


def test_of_a_flood_the_ends_are_kept_and_the_rest_is_counted(process_sessions, tmp_path):
    program = "for number in range(200_000): print(f'{number:09}')"
    events = lived(process_sessions, tmp_path, program)
    lines, (dropped,) = output(events), of(events, OutputDropped)
    assert lines[0] == "000000000"
    assert lines[-1] == "000199999"
    assert dropped.length > 2_000_000 - 1_000_000
    assert sum(len(line) + 1 for line in lines) < Output.KEEP * 2 + 262_144 + 100


def test_very_long_line_is_cut(process_sessions, tmp_path):
    events = lived(process_sessions, tmp_path, "print('x' * 20_000)")
    assert output(events) == ["x" * 2000]


def test_signal_is_sent_while_it_runs_and_not_after(process_sessions, tmp_path):
    async def conduct(process, recorder):
        assert await up(process, recorder)
        assert process.signal("SIGTERM", "shutdown")
        assert await recorder.wait(lambda: process.exited, 20)
        assert not process.signal("SIGTERM", "shutdown")

    events = lived(process_sessions, tmp_path, WAITING, conduct)
    assert [(event.signal, event.purpose) for event in of(events, SignalSent)] == [("SIGTERM", "shutdown")]
    assert [event.status for event in of(events, ServerExited)] == [-15]


def test_program_that_runs_on_is_killed_and_this_is_recorded_before_its_exit(process_sessions, tmp_path):
    async def conduct(process, recorder):
        assert await up(process, recorder)

    events = lived(process_sessions, tmp_path, WAITING, conduct)
    assert [event.reason for event in of(events, ServerKilled)] == ["the test is over"]
    assert [event.status for event in of(events, ServerExited)] == [-9]
    assert events.index(of(events, ServerKilled)[0]) < events.index(of(events, ServerExited)[0])
    assert not of(events, OrphansFound)


CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}, sys.argv[1]], stdout=subprocess.PIPE, start_new_session={new})
child.stdout.readline()
"""


@pytest.mark.parametrize("new_session", [False, True])
def test_process_that_is_left_behind_is_recorded_and_ended(process_sessions, tmp_path, new_session):
    events = lived(process_sessions, tmp_path, CHILD.format(child=WAITING, new=new_session))
    (orphans,) = of(events, OrphansFound)
    (pid,) = orphans.pids
    assert "signal.pause" in orphans.commands[0]
    assert pid not in reaper.members(set(), process_sessions.token)


def test_process_that_ends_by_itself_soon_is_no_orphan(process_sessions, tmp_path):
    child = "import sys, threading; print('up', flush=True); threading.Event().wait(0.1)"
    events = lived(process_sessions, tmp_path, CHILD.format(child=child, new=False))
    assert not of(events, OrphansFound)


def test_port_that_is_held_after_the_exit_is_recorded(process_sessions, tmp_path):
    async def conduct(process, recorder):
        port = process._port
        with socket.create_server(("127.0.0.1", port)):
            assert await recorder.wait(lambda: process.exited, 20)
            await process.end("while somebody else listens")

    events = lived(process_sessions, tmp_path, "", conduct)
    assert [event.free for event in of(events, PortChecked)] == [False]


def test_program_that_is_not_there_raises(process_sessions, tmp_path):
    async def work(recorder):
        process = ServerProcess(process_sessions, recorder, 1)
        with pytest.raises(FileNotFoundError):
            process.start(["/no/such/program"], tmp_path, {})
        await process.end("nothing was started")

    assert perform(work) == []


def test_descriptors_are_closed(process_sessions, tmp_path):
    lived(process_sessions, tmp_path, "")
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for _ in range(3):
        lived(process_sessions, tmp_path, "")
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
