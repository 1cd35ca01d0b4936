"""How long a run of the reference server takes, as a ratio to its longest play: ``make bench``.

A run should take about as long as its longest play: what is above 1 is the suite's own cost (pytest's start, booting
the servers, judging, the report). Absolute times say more about the machine than about the suite.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conformance.results import load_results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="reference")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for number in range(1, options.runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pytest", f"--server={options.server}", f"--results={folder}", "-q"]
            began = time.monotonic()
            subprocess.run([*command, "-p", "no:cacheprovider"], check=False, stdout=subprocess.DEVNULL)
            wall_s = time.monotonic() - began
            plays = [play for play in load_results(Path(folder)).plays if play.trace]
        longest = max(plays, key=lambda play: play.duration_s)
        print(
            f"run {number}: {len(plays)} plays, {wall_s:.2f} s; longest {longest.duration_s:.2f} s"
            f" ({longest.scenario} over {longest.protocol}); ratio {wall_s / longest.duration_s:.2f};"
            f" one after the other {sum(play.duration_s for play in plays):.1f} s"
        )


if __name__ == "__main__":
    main()
