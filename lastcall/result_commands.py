"""The commands that work on stored results: no server is started, and nothing is judged."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.results.compare import compare
from lastcall.conformance.results.merge import merge
from lastcall.conformance.results.results import Results, ResultsError, load_results
from lastcall.conformance.results.schema import results_schema, trace_schema

if TYPE_CHECKING:
    import argparse

MERGED = "lastcall-merged"


def add_arguments(command: argparse.ArgumentParser, name: str) -> None:
    """Declare what a command of this module takes."""
    if name == "report":
        command.add_argument("folders", nargs="+", metavar="DIR", help="folders of results; several become one")
        command.add_argument("--into", metavar="DIR", help=f"where they go; several go to {MERGED} by default")
        command.add_argument("--newest", action="store_true", help="of plays that are in several, take the newest")
        command.add_argument("--markdown", action="store_true", help="print it as the summary of a CI job")
    if name in ("table", "badge"):
        command.add_argument("folder", metavar="DIR", help="the folder of the results")
        command.add_argument("--server", metavar="NAME", required=name == "badge", help="of this server")
    if name == "compare":
        command.add_argument("old", metavar="OLD", help="results.json or its folder")
        command.add_argument("new", metavar="NEW", help="results.json or its folder")
    if name == "schema":
        command.add_argument("of", choices=("results", "trace"), help="of results.json, or of a line of a trace")


def report(options: argparse.Namespace) -> int:
    """Draw the report of results again; those of several jobs or machines become one."""
    from lastcall.reports.markdown import as_markdown  # noqa: PLC0415 - forms are needed by their commands only
    from lastcall.reports.page import write_page  # noqa: PLC0415

    folders = [Path(folder) for folder in options.folders]
    merging = len(folders) > 1 or options.into
    into = Path(options.into or MERGED) if merging else folders[0]
    results = merge(folders, into, newest=options.newest) if merging else load_results(into)
    page = write_page(results, into)
    if options.markdown:
        sys.stdout.write(as_markdown(results))
    else:
        print(page)
    return 0


def table(options: argparse.Namespace) -> int:
    """Print the figures of all servers, or one server's answers by scenario."""
    from lastcall.reports.table import figures_as_text, questions_as_text  # noqa: PLC0415

    results = load_results(Path(options.folder))
    known = _of(results, options.server)
    sys.stdout.write(questions_as_text(results, known) if known else figures_as_text(results))
    return 0


def badge(options: argparse.Namespace) -> int:
    """Write a server's badge as SVG, and as the JSON that shields.io reads, beside the results."""
    from lastcall.reports.badge import write_badge  # noqa: PLC0415

    folder = Path(options.folder)
    results = load_results(folder)
    for path in write_badge(results, _of(results, options.server), folder):
        print(path)
    return 0


def compare_runs(options: argparse.Namespace) -> int:
    """Say what changed between two runs; status 0 when no answer did, 1 when one did, 2 when they cannot be read."""
    comparison = compare(load_results(Path(options.old)), load_results(Path(options.new)))
    for line in comparison.lines():
        print(line)
    return 1 if comparison.changes else 0


def schema(options: argparse.Namespace) -> int:
    """Print the JSON Schema of results.json, or of a line of a trace."""
    print(json.dumps(results_schema() if options.of == "results" else trace_schema(), indent=1))
    return 0


def _of(results: Results, server: str | None) -> str:
    """Give the name of a server that was played on; raises ResultsError for another."""
    played = dict.fromkeys(play.server for play in results.plays if not play.not_supported)
    if server and server not in played:
        raise ResultsError(f"there is no play of {server!r}; there are some of {', '.join(played) or 'none'}")
    return server or ""
