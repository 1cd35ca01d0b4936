"""Print what changed between two runs; status 0 if no answer changed, 1 if one did, 2 if a run cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.results.compare import compare
from lastcall.conformance.results.results import load_results

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two runs."""
    parser.add_argument("old", metavar="OLD", help="results.json or its folder")
    parser.add_argument("new", metavar="NEW", help="results.json or its folder")


def run(options: argparse.Namespace) -> int:
    """Print the changes, a line each."""
    comparison = compare(load_results(Path(options.old)), load_results(Path(options.new)))
    for line in comparison.lines():
        print(line)
    return 1 if comparison.changes else 0
