"""Runs pytest for the command line: from any folder, without the configuration of a project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_pytest(arguments: Sequence[str]) -> int:
    """Run pytest on the installed scenarios, or on the files that the arguments name, and return its status."""
    # pytest would rewrite the assertions of its plugins, and warns that this one is imported already: it has none.
    imported = "-Wignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"
    return int(pytest.main([f"--rootdir={Path.cwd()}", "-c", os.devnull, "-ra", imported, *arguments]))
