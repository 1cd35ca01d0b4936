"""Play the timeline of a stored trace again, and print which answers changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.commands import CommandError
from lastcall.conformance.model.trace_file import TraceError
from lastcall.replay import ReplayError, replay

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the trace, the server, and the folder of the new trace."""
    parser.add_argument("trace", metavar="TRACE", help="a trace, such as lastcall-results/traces/mine/h1/one.jsonl")
    parser.add_argument(
        "--server", default="", metavar="NAME", help="play it on this server (default: the trace's own)"
    )
    parser.add_argument(
        "--into", default="lastcall-replay", metavar="DIR", help="folder for the new trace (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Print the answers that changed or are broken; the status is 1 if a must or a promise is broken now."""
    try:
        replayed = replay(Path(options.trace), Path(options.into).resolve(), server=options.server)
    except (ReplayError, TraceError) as error:
        raise CommandError(str(error)) from error
    for line in replayed.lines():
        print(line)
    return 1 if replayed.blames else 0
