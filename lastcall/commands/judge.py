"""Judge stored traces again with today's checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.pytest_command import run_pytest

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the results whose traces are judged."""
    parser.add_argument("folder", metavar="DIR", help="the folder of the results")


def run(options: argparse.Namespace) -> int:
    """Judge by pytest, and return its status."""
    return run_pytest([f"--judge-only={options.folder}"])
