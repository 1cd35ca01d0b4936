"""Print the servers as a JSON list, for the matrix of a CI job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lastcall.registry import find

if TYPE_CHECKING:
    import argparse


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing."""


def run(_options: argparse.Namespace) -> int:
    """Print the list."""
    print(json.dumps([server.name for server in find().servers_named(())]))
    return 0
