"""Print scenarios, their checks with level and clause, and the servers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.catalogue import as_markdown, as_text
from lastcall.registry import find

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the form of the list."""
    parser.add_argument("--markdown", action="store_true", help="as the page docs/questions.md")


def run(options: argparse.Namespace) -> int:
    """Print the list; what cannot be imported is said beside it."""
    found = find()
    print(as_markdown(found) if options.markdown else as_text(found), end="")
    sys.stderr.writelines(f"lastcall: {line}\n" for line in found.broken)
    return 0
