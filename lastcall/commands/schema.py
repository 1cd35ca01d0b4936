"""Print the JSON Schema of results.json, or of a line of a trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lastcall.conformance.results.schema import results_schema, trace_schema

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which of the two."""
    parser.add_argument("of", choices=("results", "trace"), help="of results.json, or of a line of a trace")


def run(options: argparse.Namespace) -> int:
    """Print the schema."""
    print(json.dumps(results_schema() if options.of == "results" else trace_schema(), indent=1))
    return 0
