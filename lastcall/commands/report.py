"""Write the report of stored results again; the results of several jobs or machines become one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.results.merge import merge
from lastcall.conformance.results.results import load_results
from lastcall.reports.markdown import as_markdown
from lastcall.reports.page import write_page

if TYPE_CHECKING:
    import argparse

MERGED = "lastcall-merged"
"""The default folder of merged results."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the results, and where their report goes."""
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folders of results; several become one")
    parser.add_argument("--into", metavar="DIR", help=f"the folder for merged results (default: {MERGED})")
    parser.add_argument("--newest", action="store_true", help="of a play that several folders have, take the newest")
    parser.add_argument("--markdown", action="store_true", help="print it as the summary of a CI job")


def run(options: argparse.Namespace) -> int:
    """Write the page, and print its path or the summary."""
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
