"""How long a run of a server takes, as a ratio to what bounds it: ``make bench``, for the reference server.

A run should take about as long as its longest play, or as booting all its servers takes on the cores there are, whichever is
longer: what is above 1 is the suite's own cost (pytest's start, the plays' other work, judging, the report). Absolute
times say more about the machine than about the suite.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lastcall.conformance.model.server_events import ServerReady, ServerStarted
from lastcall.conformance.results.results import load_results, load_trace


def boot_s(trace):
    """The seconds from the server's start to its first 200."""
    started, ready = trace.first(ServerStarted()), trace.first(ServerReady())
    return (ready.end_ns - started.begin_ns) / 1e9 if started and ready else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="reference")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "scenarios", nargs="*", help="files of scenarios, such as scenarios/founding.py; all if none is named"
    )
    options = parser.parse_args()
    for number in range(1, options.runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pytest", f"--server={options.server}", f"--results={folder}", "-q"]
            command += options.scenarios
            began = time.monotonic()
            subprocess.run([*command, "-p", "no:cacheprovider"], check=False, stdout=subprocess.DEVNULL)
            wall_s = time.monotonic() - began
            plays = [play for play in load_results(Path(folder)).plays if play.trace]
            # A control boots a server of its own.
            traces = [each for play in plays for each in (play.trace, play.control) if each]
            boots_s = sum(boot_s(load_trace(Path(folder), each)) for each in traces) / (os.cpu_count() or 1)
        longest = max(plays, key=lambda play: play.duration_s)
        print(
            f"run {number}: {len(plays)} plays, {len(traces) - len(plays)} controls, {wall_s:.2f} s;"
            f" longest {longest.duration_s:.2f} s"
            f" ({longest.scenario} over {longest.protocol}), boots {boots_s:.2f} s on {os.cpu_count()} cores;"
            f" ratio {wall_s / max(longest.duration_s, boots_s):.2f};"
            f" one after the other {sum(play.duration_s for play in plays):.1f} s"
        )


if __name__ == "__main__":
    main()
