"""Writes the lock files of ``servers/locks`` from what is installed, here and in ``LASTCALL_CACHE``.

    python .ci/lock.py             # in place
    python .ci/lock.py --into DIR  # into another folder

A server that is not installed keeps its locked version, so that a machine without a JDK, say, can still write the other locks.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lastcall.install import version_of
from lastcall.locks import LOCKS, locked_versions
from lastcall.registry import find
from lastcall.servers.installation import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADING = "# Written by .ci/lock.py; README.md in this folder says what it is."
OURS = Requirement("lastcall[servers,tests]")
MODULES = {"caddy": "github.com/caddyserver/caddy/v2", "traefik": "github.com/traefik/traefik/v3"}
"""The servers that are built from published Go modules, whose versions they print."""
GO = "go-nethttp"
"""The server whose version is that of the Go toolchain."""
BUILT = {"rust": ("Cargo.lock",), "java": ("pom.xml",), "go/xnethttp2": ("go.mod", "go.sum")}
"""The files beside the sources that ``install --latest`` renews in copies, below ``latest`` in the cache."""


def main() -> None:
    """Write every lock file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=LOCKS, metavar="DIR", help="default: servers/locks")
    into = parser.parse_args().into
    into.mkdir(parents=True, exist_ok=True)
    for name, lines in (
        ("servers.toml", servers_toml()),
        ("pypi.txt", pypi_txt()),
        ("debian.txt", debian_txt()),
        ("go.txt", go_txt()),
    ):
        (into / name).write_text("".join(f"{line}\n" for line in (HEADING, *lines)), encoding="utf-8")
    write_npm(into / "npm")
    if into == LOCKS:
        renew_sources()


def versions() -> dict[str, str]:
    """Return the version of each server: the installed one, or else the locked one."""
    known = dict(locked_versions())
    for server in find().servers.values():
        version = version_of(server)
        if version is not None and server.install and not server.mutant:
            known[server.name] = version
    return known


def servers_toml() -> Iterator[str]:
    """Yield ``"NAME" = "VERSION"`` for each server."""
    for name, version in sorted(versions().items()):
        yield f"{json.dumps(name)} = {json.dumps(version)}"


def pypi_txt() -> Iterator[str]:
    """Yield ``NAME==VERSION`` for the packages of the project's extras, and those in folders of adapters."""
    known = dict(line.split("==") for line in locked_lines("pypi.txt"))
    known |= {canonicalize_name(package.name): package.version for package in required(OURS, set())}
    for package in distributions(path=[str(CACHE / "go-1.27")]):
        known[canonicalize_name(package.name)] = package.version
    for name, version in sorted(known.items()):
        yield f"{name}=={version}"


def required(requirement: Requirement, seen: set[str]) -> Iterator[Distribution]:
    """Yield the installed distributions that a requirement needs, without our own."""
    try:
        brought = distribution(requirement.name)
    except PackageNotFoundError:
        return
    if requirement.name != OURS.name:
        yield brought
    for line in brought.requires or ():
        further = Requirement(line)
        wanted = further.marker is None or any(
            further.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
        )
        if wanted and (key := f"{canonicalize_name(further.name)}{sorted(further.extras)}") not in seen:
            seen.add(key)
            yield from required(further, seen)


def debian_txt() -> Iterator[str]:
    """Yield ``PACKAGE=VERSION ARCHITECTURE sha256:DIGEST`` for each unpacked package, and the installed tools' versions."""
    known = {line.partition("=")[0]: line for line in locked_lines("debian.txt")}
    for name, line in known.items():
        if "sha256:" not in line and (version := installed_package(name)):
            known[name] = f"{name}={version}"
    for record in CACHE.glob("*/packages.txt"):
        known |= {line.partition("=")[0]: line for line in record.read_text(encoding="ascii").splitlines()}
    yield from (known[name] for name in sorted(known))


def installed_package(name: str) -> str:
    """Return the version of a Debian package that is installed in the system; nothing if it is not."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", name]
    try:
        output = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
    status, _, version = output.partition(" ")
    return version if status == "installed" else ""


def go_txt() -> Iterator[str]:
    """Yield the toolchain, and ``MODULE VERSION`` for each module that is built without changes."""
    known = versions()
    yield f"toolchain {known[GO]}"
    for server, module in sorted(MODULES.items()):
        yield f"{module} {known[server]}"


def write_npm(into: Path) -> None:
    """Write npm's own lock of each folder that it has installed into, without the addresses of a registry."""
    if into.parent != LOCKS:
        shutil.copytree(LOCKS / "npm", into, dirs_exist_ok=True)
    for installed in CACHE.glob("*/package-lock.json"):
        lock = json.loads(installed.read_text(encoding="utf-8"))
        for package in lock["packages"].values():
            package.pop("resolved", None)
        folder = into / installed.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package-lock.json").write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
        shutil.copy(installed.parent / "package.json", folder)


def renew_sources() -> None:
    """Copy back the lock files that ``install --latest`` has renewed beside copies of our sources."""
    for folder, names in BUILT.items():
        for name in names:
            renewed = CACHE / "latest" / folder / name
            if renewed.exists():
                shutil.copy(renewed, LOCKS.parent / "apps" / folder / name)


def locked_lines(name: str) -> list[str]:
    """Return the lines of a lock file, without its comments."""
    path = LOCKS / name
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


if __name__ == "__main__":
    sys.exit(main())
