"""Write a server's badge as SVG, and as the JSON that shields.io reads, beside the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.commands.table import played_server
from lastcall.conformance.results.results import load_results
from lastcall.reports.badge import write_badge

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the results, and the server."""
    parser.add_argument("folder", metavar="DIR", help="the folder of the results")
    parser.add_argument("--server", metavar="NAME", required=True, help="the server of the badge")


def run(options: argparse.Namespace) -> int:
    """Write both files, and print their paths."""
    folder = Path(options.folder)
    results = load_results(folder)
    for path in write_badge(results, played_server(results, options.server), folder):
        print(path)
    return 0
