"""Print the figures of all servers, or one server's answers by scenario."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.results.results import Results, ResultsError, load_results
from lastcall.reports.table import figures_as_text, questions_as_text

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the results, and one server of them."""
    parser.add_argument("folder", metavar="DIR", help="the folder of the results")
    parser.add_argument("--server", metavar="NAME", help="this server's answers by scenario")


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    results = load_results(Path(options.folder))
    server = options.server and played_server(results, options.server)
    sys.stdout.write(questions_as_text(results, server) if server else figures_as_text(results))
    return 0


def played_server(results: Results, name: str) -> str:
    """Return the name of a server that was played on; raises :class:`ResultsError` for another."""
    played = dict.fromkeys(play.server for play in results.plays if not play.not_supported)
    if name not in played:
        raise ResultsError(f"there is no play of {name!r}; there are some of {', '.join(played) or 'none'}")
    return name
