"""The lock files: they agree with each other and with what is installed, and name no registry."""

import json
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lastcall.install import version_of
from lastcall.locks import LOCKS, is_locked_version, locked_versions
from lastcall.registry import find
from lastcall.servers.installation import CACHE

ROOT = Path(__file__).resolve().parent.parent
APPS = ROOT / "servers" / "apps"
OURS = {server.name: server for server in find().servers.values() if server.install and not server.mutant}
POM = "{http://maven.apache.org/POM/4.0.0}"


def lines(name):
    return [line for line in (LOCKS / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


PYPI = dict(line.split("==") for line in lines("pypi.txt"))


def pip_packages(server):
    """The requirements in an adapter's commands of pip, but for those that go into a folder of their own."""
    for command in server.install:
        if "-m pip install" in command and "--target" not in command:
            words = command.partition("-m pip install")[2].replace('"', " ").split()
            yield from (Requirement(word) for word in words)


def test_every_server_is_locked_and_nothing_else():
    assert set(locked_versions()) == set(OURS)


def test_a_python_server_has_the_version_of_its_package():
    for name, server in OURS.items():
        for requirement in list(pip_packages(server))[:1]:
            assert PYPI[canonicalize_name(requirement.name)] == locked_versions()[name], name


def test_every_package_of_an_adapter_is_locked_as_it_allows_and_an_extra_brings_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = [*project["dependencies"], *project["optional-dependencies"]["servers"]]
    brought = {canonicalize_name(Requirement(line).name) for line in stated}
    for server in OURS.values():
        for requirement in pip_packages(server):
            name = canonicalize_name(requirement.name)
            assert requirement.specifier.contains(PYPI[name]), f"{server.name}: {requirement}"
            assert name in brought, f"{server.name}: {name}"


def test_the_dependencies_of_the_project_are_locked_within_their_ranges():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(PYPI[canonicalize_name(requirement.name)]), line


def test_no_lock_names_a_registry():
    for path in LOCKS.rglob("*"):
        if path.is_file() and path.suffix != ".md":
            text = path.read_text(encoding="utf-8")
            text = re.sub(r'"funding": (\{[^}]*\}|\[.*?\]|"[^"]*")', "", text, flags=re.DOTALL)
            assert not re.search(r"https?://|\bresolved\b|--index-url", text), path


def test_every_package_that_an_adapter_unpacks_is_locked():
    locked = {line.partition("=")[0] for line in lines("debian.txt")}
    for server in OURS.values():
        for command in server.install:
            if "fetch_debian.sh" in command:
                assert set(command.split()[4:]) <= locked, server.name
    assert all(re.fullmatch(r"[^ =]+=[^ ]+( (amd64|all) sha256:[0-9a-f]{64})?", line) for line in lines("debian.txt"))


def test_every_folder_of_npm_is_locked_with_digests():
    for server in OURS.values():
        for command in server.install:
            if "fetch_npm.sh" in command:
                _sh, _script, folder, package = command.split()
                lock = json.loads((LOCKS / "npm" / folder / "package-lock.json").read_text(encoding="utf-8"))
                installed = lock["packages"][f"node_modules/{package.partition('@')[0]}"]
                assert installed["version"] == locked_versions()[server.name].removeprefix("v")
                assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_every_version_of_maven_is_exact():
    pom = ET.parse(APPS / "java" / "pom.xml")
    stated = [*pom.iter(f"{POM}plugin"), *pom.iter(f"{POM}dependency")]
    assert len(stated) > 10
    for element in stated:
        number = element.findtext(f"{POM}version") or ""
        assert re.fullmatch(r"\d[\w.-]*", number), f"{element.findtext(f'{POM}artifactId')}: {number!r}"
        assert "SNAPSHOT" not in number


def test_every_go_program_states_its_modules_with_digests():
    for folder in (path.parent for path in APPS.glob("go/*/go.mod")):
        stated = re.findall(r"^require (\S+) (v\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
        published = [(module, number) for module, number in stated if not module.startswith("lastcall.example/")]
        sums = (folder / "go.sum").read_text() if published else ""
        assert all(f"{module} {number} h1:" in sums for module, number in published), folder


def test_the_lock_of_the_installed_versions_is_the_committed_one(tmp_path):
    """Only an environment with the locked versions can write the same lock again."""
    strange = [
        f"{name} {installed_version(name)}"
        for name, locked in PYPI.items()
        if installed_version(name) not in ("", locked)
    ]
    strange += [
        f"{name} {version_of(server)}"
        for name, server in OURS.items()
        if not locked_or_missing(name, version_of(server))
    ]
    if strange:
        pytest.skip(f"not the locked versions: {', '.join(strange)}")
    written = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lock.py", "--into", tmp_path], capture_output=True, text=True, check=False
    )
    assert written.returncode == 0, written.stderr
    debian = packages((LOCKS / "debian.txt").read_text())
    for path in (path for path in tmp_path.rglob("*") if path.is_file() and path.name != "debian.txt"):
        assert path.read_text() == (LOCKS / path.relative_to(tmp_path)).read_text(), path.name
    # What a machine has to unpack beside a server depends on what it has; and its tools are the system's.
    rewritten = packages((tmp_path / "debian.txt").read_text())
    unpacked = {line.split()[0] for record in CACHE.glob("*/packages.txt") for line in record.read_text().splitlines()}
    assert set(debian) <= set(rewritten)
    assert all(debian[name] == rewritten[name] for name in debian if "=".join((name, debian[name])) in unpacked)


def packages(text):
    return dict(line.split()[0].split("=", 1) for line in text.splitlines() if not line.startswith("#"))


def installed_version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def locked_or_missing(name, installed):
    return installed is None or is_locked_version(name, installed)


APT_CACHE = """#!/bin/sh
case "$1 $2" in
"policy old") echo "  Candidate: 2.0-1" ;;
"madison old") echo " old | 2.0-1 | here" ;;
"policy kept") echo "  Candidate: 3.0-1" ;;
"madison kept") printf ' kept | 3.0-1 | here\\n kept | 1:2.9-1 | here\\n' ;;
*) echo "  Candidate: 7" ;;
esac
"""


def test_a_package_that_is_no_longer_served_is_replaced_with_a_message(tmp_path):
    apt_cache = tmp_path / "apt-cache"
    apt_cache.write_text(APT_CACHE)
    apt_cache.chmod(0o755)
    (tmp_path / "debian.txt").write_text("old=1.0-1 amd64 sha256:00\nkept=1:2.9-1 amd64 sha256:00\n")
    variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "LASTCALL_LOCKS": str(tmp_path)}
    script = ["sh", APPS / "locked_debian.sh", "old", "kept", "new"]
    done = subprocess.run(script, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["old=2.0-1", "kept=1:2.9-1", "new=7"]
    assert done.stderr == (
        "old 1.0-1 is no longer served here; took 2.0-1; what names other versions is not judged of it\n"
    )
    variables["LASTCALL_LOCKS"] = ""
    newest = subprocess.run(script, env=variables, capture_output=True, text=True, check=True)
    assert newest.stdout.splitlines() == ["old=2.0-1", "kept=3.0-1", "new=7"]
    assert newest.stderr == ""
