"""Print for every server whether it is installed, its version beside the locked one, and how to install it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.install import missing_reason
from lastcall.locks import with_locked_version
from lastcall.registry import find

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the servers."""
    parser.add_argument("names", nargs="*", metavar="SERVER", help="default: all")


def run(options: argparse.Namespace) -> int:
    """Print a line for each server; the status is 1 if one of them is missing."""
    registry = find()
    missing = 0
    for server in registry.servers_named(options.names):
        reason = missing_reason(server)
        missing += bool(reason)
        print(f"{server.name:<18} {reason or with_locked_version(server.name, server.version() or '')}")
    sys.stderr.writelines(f"lastcall: {line}\n" for line in registry.problems)
    return 1 if missing else 0
