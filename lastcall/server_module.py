"""Servers of the user's own, described by a Python file like those of ``servers/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.server import Server
from lastcall.server_toml import ServerFileError
from lastcall.top_level import ModuleFileError, values_of_file

if TYPE_CHECKING:
    from pathlib import Path


def load_servers(path: Path) -> list[Server]:
    """Return the servers at the top level of a Python file; raises :class:`ServerFileError`."""
    try:
        return values_of_file(path, Server)
    except ModuleFileError as error:
        raise ServerFileError(str(error)) from error
