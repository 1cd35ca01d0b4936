"""The locked versions of servers: those that the project's tests use.

``servers/locks/README.md`` says what each file of the folder locks. Servers of other distributions are in no lock: for
them, pip installs the versions of their own commands.
"""

from __future__ import annotations

import functools
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCKS = Path(__file__).resolve().parent / "servers" / "locks"


@functools.cache
def locked_versions() -> Mapping[str, str]:
    """Return the locked version of each server, in the form in which its adapter prints it."""
    return tomllib.loads((LOCKS / "servers.toml").read_text(encoding="utf-8"))


def is_locked_version(name: str, installed: str | None) -> bool:
    """Return whether this version is the locked one; for a server without a lock every version is."""
    return locked_versions().get(name, installed) == installed


def with_locked_version(name: str, installed: str) -> str:
    """Return an installed version, followed by the locked one if they differ: "28.0.0, locked is 27.0.1"."""
    locked = locked_versions().get(name)
    return installed if is_locked_version(name, installed) else f"{installed}, locked is {locked}"


def lock_environment(name: str, *, latest: bool) -> dict[str, str]:
    """Return the environment variables that make a server's install commands take the locked versions, or the newest.

    pip itself reads ``PIP_*``; the scripts in ``servers/apps`` read ``LASTCALL_LOCKS``, which is empty for the newest.
    """
    if latest:
        return {"LASTCALL_LOCKS": "", "PIP_UPGRADE": "1", "PIP_UPGRADE_STRATEGY": "eager"}
    if name not in locked_versions():
        return {"LASTCALL_LOCKS": str(LOCKS)}
    # As an address, because PIP_CONSTRAINT separates files by spaces, and a path may have spaces.
    ours = (LOCKS / "pypi.txt").as_uri()
    constraints = " ".join(filter(None, (os.environ.get("PIP_CONSTRAINT", ""), ours)))
    return {"LASTCALL_LOCKS": str(LOCKS), "PIP_CONSTRAINT": constraints, "PIP_BUILD_CONSTRAINT": constraints}
