"""Print for every server whether it is installed, its version beside the locked one, and how to install it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.install import why_missing
from lastcall.locks import beside_the_lock
from lastcall.registry import find

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the servers that are looked at."""
    parser.add_argument("names", nargs="*", metavar="SERVER", help="default: all")


def run(options: argparse.Namespace) -> int:
    """Print a line for each server; the status is 1 if one of them is missing."""
    found = find()
    missing = 0
    for server in found.servers_named(options.names):
        why = why_missing(server)
        missing += bool(why)
        print(f"{server.name:<18} {why or beside_the_lock(server.name, server.version() or '')}")
    sys.stderr.writelines(f"lastcall: {line}\n" for line in found.broken)
    return 1 if missing else 0
