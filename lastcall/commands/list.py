"""Print scenarios, their checks with level and clause, and the servers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.catalogue import catalogue_as_markdown, catalogue_as_text
from lastcall.registry import find

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the form of the list."""
    parser.add_argument("--markdown", action="store_true", help="as the page docs/questions.md")


def run(options: argparse.Namespace) -> int:
    """Print the list; standard error has a line for each module that cannot be imported."""
    registry = find()
    print(catalogue_as_markdown(registry) if options.markdown else catalogue_as_text(registry), end="")
    sys.stderr.writelines(f"lastcall: {line}\n" for line in registry.problems)
    return 0
