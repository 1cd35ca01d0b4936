"""Process sessions and their reaper: every process that a run started ends with it, however the run ends."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lastcall
from lastcall.conformance.harness.process import reaper
from lastcall.conformance.harness.process.process_sessions import ProcessSessions

ROOT = str(Path(lastcall.__file__).parent.parent)
WAITING = "import signal; print('up', flush=True); signal.pause()"
ENVIRONMENT = {"PATH": os.defpath}


def started(process_sessions, folder, program=WAITING):
    process = process_sessions.start([sys.executable, "-c", program], folder, ENVIRONMENT)
    process.stdout.readline()
    return process


def ended(pidfd):
    return bool(select.select([pidfd], [], [], 20)[0])


@pytest.fixture
def closing():
    """Close and wait for the process sessions of a test."""
    processes = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_members_are_found_by_session_and_by_token(tmp_path, closing):
    process_sessions = ProcessSessions()
    first, second = started(process_sessions, tmp_path), started(process_sessions, tmp_path)
    closing += [first, second]
    assert reaper.members({first.pid}, "") == [first.pid]
    assert reaper.members(set(), process_sessions.token) == sorted([first.pid, second.pid])
    assert process_sessions.members(second.pid) == [second.pid]
    assert reaper.members(set(), "") == []
    assert reaper.members(set(), process_sessions.token[:-1]) == [], "a token that only begins alike is another run's"
    process_sessions.close()


def test_closing_ends_everything_that_is_still_there(tmp_path, closing):
    process_sessions = ProcessSessions()
    closing.append(started(process_sessions, tmp_path))
    process_sessions.close()
    assert closing[0].wait(20) == -signal.SIGKILL
    assert reaper.members(set(), process_sessions.token) == []


def test_session_that_is_over_is_not_looked_for_again(tmp_path, closing):
    process_sessions = ProcessSessions()
    process = started(process_sessions, tmp_path)
    closing.append(process)
    process.kill()
    process.wait()
    process_sessions.over(process.pid)
    process_sessions.close()
    assert reaper.members(set(), process_sessions.token) == []


def test_killing_what_is_gone_is_no_error(closing, tmp_path):
    process_sessions = ProcessSessions()
    process = started(process_sessions, tmp_path)
    closing.append(process)
    reaper.kill([process.pid])
    process.wait()
    reaper.kill([process.pid])
    process_sessions.close()
    assert process.returncode == -signal.SIGKILL


RUN = """
import os, signal, sys
from pathlib import Path
from lastcall.conformance.harness.process.process_sessions import ProcessSessions
process_sessions = ProcessSessions()
waiting = "import signal; print('up', flush=True); signal.pause()"
one = process_sessions.start([sys.executable, "-c", waiting], Path("."), {"PATH": os.defpath})
one.stdout.readline()
print(process_sessions.token, one.pid, process_sessions._reaper.pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_run_that_is_killed_leaves_no_process(tmp_path, number):
    environment = {**os.environ, "PYTHONPATH": ROOT}
    with subprocess.Popen([sys.executable, "-c", RUN], cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as run:
        token, server, reaping = run.stdout.readline().decode().split()
        watched = [os.pidfd_open(int(pid)) for pid in (server, reaping)]
        # A terminal's or a supervisor's signal that ends a run may reach the reaper too.
        signal.pidfd_send_signal(watched[1], signal.SIGTERM)
        run.send_signal(number)
        assert all(map(ended, watched))
    for descriptor in watched:
        os.close(descriptor)
    assert reaper.members(set(), token) == []


DISPOSITIONS = """
import os, signal, sys
from pathlib import Path
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
from lastcall.conformance.harness.process.process_sessions import ProcessSessions
process_sessions = ProcessSessions()
program = "import signal; print(*[n.name for n in signal.Signals if signal.getsignal(n) is signal.SIG_IGN])"
print(process_sessions.start([sys.executable, "-c", program], Path("."), {}).communicate()[0].decode())
process_sessions.close()
"""


def test_children_inherit_no_ignored_signal(tmp_path):
    environment = {**os.environ, "PYTHONPATH": ROOT}
    done = subprocess.run(
        [sys.executable, "-c", DISPOSITIONS], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    # Python itself ignores these two in every process.
    assert set(done.stdout.split()) <= {"SIGPIPE", "SIGXFSZ"}
