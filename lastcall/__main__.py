"""The command line: ``python -m lastcall COMMAND``, installed as ``lastcall``.

The commands are the modules of :mod:`lastcall.commands`. If the first argument is no command, all of them go to pytest with
the installed scenarios: ``lastcall --server mine.toml`` works from any folder.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from typing import TYPE_CHECKING

from lastcall import commands
from lastcall.chosen_servers import ServerChoiceError
from lastcall.conformance.results.results import ResultsError
from lastcall.pytest_command import run_pytest
from lastcall.registry import RegistryError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run the command of the arguments, and return the exit status."""
    if arguments and arguments[0] in command_names():
        options = parser_of(arguments[:1]).parse_args(arguments)
        try:
            status: int = options.run(options)
        except (commands.CommandError, RegistryError, ResultsError, ServerChoiceError) as error:
            sys.stderr.write(f"lastcall: {error}\n")
            return 2
        return status
    if not arguments or arguments[0] in ("-h", "--help"):
        parser_of(command_names()).print_help()
        return 0
    return run_pytest(arguments)


def run() -> None:
    """Run the console command."""
    sys.exit(main(sys.argv[1:]))


def command_names() -> list[str]:
    """Return the names of the commands: those of the modules of the package."""
    return [module.name for module in pkgutil.iter_modules(commands.__path__)]


def parser_of(names: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser for these commands; it imports their modules and no others, which keeps a command quick."""
    parser = argparse.ArgumentParser(
        prog="lastcall",
        description="The conformance suite for graceful shutdown of HTTP servers.",
        epilog="Anything else goes to pytest: lastcall --server NAME [--pace issue] [-k EXPRESSION] [-n WORKERS].",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name in names:
        module = importlib.import_module(f"{commands.__name__}.{name}")
        text = (module.__doc__ or "").partition("\n")[0]
        command = subparsers.add_parser(name, help=text, description=text)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    run()
