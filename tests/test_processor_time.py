"""Reading processor time from the kernel."""

import os
import subprocess
import sys

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
