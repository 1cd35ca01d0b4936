"""Reading processor time from the kernel."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lastcall.conformance.harness.process.processor_time import read


def test_work_is_counted_and_a_process_that_is_gone_is_left_out():
    gone = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    gone.wait()
    before = read([os.getpid(), gone.pid])
    while read([os.getpid()]).used_ns[0] < before.used_ns[0] + 50_000_000:
        sum(range(10_000))
    after = read([os.getpid()])
    assert before.pids == after.pids == (os.getpid(),)
    assert after.used_ns[0] - before.used_ns[0] >= 50_000_000


SPINNING = """
import threading
def spin():
    print(threading.get_native_id(), flush=True)
    while True:
        pass
threading.Thread(target=spin).start()
"""


@contextlib.contextmanager
def spinning(count):
    """Start programs whose second thread computes; yield that thread's id and the process's, of each."""
    programs = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", SPINNING], stdout=subprocess.PIPE) for _ in range(count)
    ]
    try:
        yield [(int(program.stdout.readline()), program.pid) for program in programs]
    finally:
        for program in programs:
            program.kill()
            program.communicate()


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the kernel keeps no account of waiting")
def test_time_for_which_a_thread_waits_for_a_processor_is_read_of_each_thread():
    with spinning((os.cpu_count() or 1) + 1) as programs:
        (thread, pid) = programs[0]

        def account():
            found = read([pid])
            place = found.threads.index(thread)
            return found.ran_ns[place], found.waited_ns[place]

        began_ns, (ran_ns, waited_ns) = time.monotonic_ns(), account()
        while account()[0] < ran_ns + 100_000_000 or account()[1] < waited_ns + 20_000_000:
            assert time.monotonic_ns() < began_ns + 60_000_000_000
        now_ran_ns, now_waited_ns = account()
        # A thread that never sleeps has always run or waited.
        passed_ns = time.monotonic_ns() - began_ns
        assert (now_ran_ns - ran_ns) + (now_waited_ns - waited_ns) == pytest.approx(passed_ns, rel=0.25)


def test_system_that_keeps_no_account_of_waiting_has_that_of_the_processes_alone(monkeypatch):
    monkeypatch.setattr("lastcall.conformance.harness.process.processor_time._threads", lambda _pid: [0])
    found = read([os.getpid()])
    assert found.pids == (os.getpid(),)
    assert found.threads == found.ran_ns == found.waited_ns == ()
