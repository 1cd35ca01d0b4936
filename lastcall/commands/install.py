"""Install servers by their adapters' commands; a failure does not stop the others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.install import install
from lastcall.registry import find

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the servers, and which versions are installed."""
    parser.add_argument("names", nargs="*", metavar="SERVER", help="default: all")
    parser.add_argument("--again", action="store_true", help="also servers that are installed already")
    parser.add_argument("--latest", action="store_true", help="the newest versions in place of the locked ones")


def run(options: argparse.Namespace) -> int:
    """Install the servers; the status is 1 if one of them failed."""
    failed = install(find().servers_named(options.names), again=options.again, latest=options.latest)
    sys.stderr.writelines(f"lastcall: could not install {line}\n" for line in failed)
    return 1 if failed else 0
