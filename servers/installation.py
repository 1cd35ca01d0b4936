"""Where servers are installed, and how their versions are read.

A Python server is a package of the running interpreter. Programs that are built or unpacked go into the cache folder.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import lastcall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(lastcall.__file__).resolve().parent.parent
"""The folder that holds the package: the repository, or ``site-packages`` when the distribution is installed."""
APPLICATIONS = Path(lastcall.__file__).resolve().parent / "servers" / "apps"
"""The folder of the test applications."""


def cache_folder() -> Path:
    """Return ``LASTCALL_CACHE``, or ``.cache`` of a checkout, or ``~/.cache/lastcall``."""
    if named := os.environ.get("LASTCALL_CACHE"):
        return Path(named).resolve()
    if (ROOT / "pyproject.toml").exists():
        return ROOT / ".cache"
    return Path.home() / ".cache" / "lastcall"


CACHE = cache_folder()

# A server runs in a folder of its own, and must be able to import the application from lastcall.servers.apps.
PYTHON_ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    "PYTHONUNBUFFERED": "1",
}


def package_version(*distributions: str) -> str | None:
    """Return the first distribution's version; None unless all of them are installed."""
    try:
        first, *_ = [importlib.metadata.version(name) for name in distributions]
    except importlib.metadata.PackageNotFoundError:
        return None
    return first


def printed_version(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str | None:
    """Return what the command prints, to either stream; None when it cannot be run or fails."""
    variables = {**os.environ, **(environment or {})}
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10, check=True, env=variables
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()


def find_program(name: str, unpacked: Path) -> Path:
    """Return the program on PATH or among the system's servers, or else the unpacked one."""
    installed = shutil.which(
        name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    )
    return Path(installed) if installed else unpacked


def unpacked_environment(folder: Path, *private: str) -> dict[str, str]:
    """Return the environment in which a program finds the libraries of the Debian packages unpacked in the folder.

    ``private`` are further folders of libraries, below the folder. An installed program is not affected.
    """
    libraries = f"{platform.machine()}-linux-gnu"
    places = (f"usr/lib/{libraries}", f"lib/{libraries}", *private)
    return {"LD_LIBRARY_PATH": os.pathsep.join(str(folder / place) for place in places)}
