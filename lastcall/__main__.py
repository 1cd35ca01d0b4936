"""The command line: ``python -m lastcall COMMAND``, installed as ``lastcall``.

What is no command's name goes to pytest with the installed scenarios: ``lastcall --server mine.toml`` works from any
folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lastcall import result_commands as stored
from lastcall.catalogue import as_markdown, as_text
from lastcall.conformance.results.results import ResultsError
from lastcall.contract_command import contract
from lastcall.install import install, why_missing
from lastcall.locks import beside_the_lock
from lastcall.registry import Found, RegistryError, find
from lastcall.session import SessionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lastcall.conformance.model.server import Server


def main(words: Sequence[str]) -> int:
    """Do what the words say, and give the exit status."""
    if words and words[0] in _COMMANDS:
        try:
            options = _parser().parse_args(words)
            return _COMMANDS[options.command](options)
        except (RegistryError, ResultsError, SessionError, CommandError) as error:
            sys.stderr.write(f"lastcall: {error}\n")
            return 2
    if not words or words[0] in ("-h", "--help"):
        _parser().print_help()
        return 0
    return int(pytest.main([f"--rootdir={Path.cwd()}", "-c", os.devnull, "-ra", *words]))


def run() -> None:
    """Be the console command."""
    sys.exit(main(sys.argv[1:]))


class CommandError(Exception):
    """A command cannot be carried out; the message says why and what to do."""


def _servers(found: Found, names: Sequence[str]) -> list[Server]:
    chosen = [server for server in found.servers.values() if not server.mutant]
    if names and list(names) != ["all"]:
        unknown = [name for name in names if name not in found.servers]
        if unknown:
            raise CommandError(f"no such server: {', '.join(unknown)}; known are {', '.join(s.name for s in chosen)}")
        chosen = [found.servers[name] for name in names]
    return chosen


def _list(options: argparse.Namespace) -> int:
    """Print scenarios, their checks with level and clause, and the servers."""
    found = find()
    print(as_markdown(found) if options.markdown else as_text(found), end="")
    _print_broken(found)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    """Print for every server whether it is installed, its version, and the command that installs it."""
    found = find()
    missing = 0
    for server in _servers(found, options.names):
        why = why_missing(server)
        missing += bool(why)
        print(f"{server.name:<18} {why or beside_the_lock(server.name, server.version() or '')}")
    _print_broken(found)
    return 1 if missing else 0


def _install(options: argparse.Namespace) -> int:
    """Install servers by the commands that their adapters state; one that fails does not stop the others."""
    failed = install(_servers(find(), options.names), again=options.again, latest=options.latest)
    for line in failed:
        sys.stderr.write(f"lastcall: could not install {line}\n")
    return 1 if failed else 0


def _matrix(_options: argparse.Namespace) -> int:
    """Print the servers as the JSON list that a CI matrix takes."""
    print(json.dumps([server.name for server in _servers(find(), ())]))
    return 0


def _judge(options: argparse.Namespace) -> int:
    """Judge stored traces again with today's checks."""
    return int(pytest.main([f"--rootdir={Path.cwd()}", "-c", os.devnull, "-ra", f"--judge-only={options.folder}"]))


def _print_broken(found: Found) -> None:
    for line in found.broken:
        sys.stderr.write(f"lastcall: {line}\n")


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "doctor": _doctor,
    "install": _install,
    "contract": contract,
    "matrix": _matrix,
    "judge": _judge,
    "report": stored.report,
    "table": stored.table,
    "badge": stored.badge,
    "compare": stored.compare_runs,
    "schema": stored.schema,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lastcall",
        description="The conformance suite for graceful shutdown of HTTP servers.",
        epilog="Anything else goes to pytest: lastcall --server NAME [--pace issue] [-k EXPRESSION] [-n WORKERS].",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, execute in _COMMANDS.items():
        text = (execute.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=text, description=text)
        if name in ("doctor", "install"):
            command.add_argument("names", nargs="*", metavar="SERVER", help="default: all")
        if name == "contract":
            command.add_argument(
                "names", nargs="+", metavar="SERVER", help="a name, or the path of a TOML or Python file"
            )
        if name == "list":
            command.add_argument("--markdown", action="store_true", help="as the page docs/questions.md")
        if name == "install":
            command.add_argument("--again", action="store_true", help="also what is installed already")
            command.add_argument(
                "--latest", action="store_true", help="the newest versions in place of the locked ones"
            )
        if name == "judge":
            command.add_argument("folder", metavar="DIR", help="the folder of the results")
        stored.add_arguments(command, name)
    return parser


if __name__ == "__main__":
    run()
