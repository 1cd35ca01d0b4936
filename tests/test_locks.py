"""The lock files: they agree with each other and with what is installed, and name no registry."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML

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


def test_the_oldest_pytest_is_the_lower_end_of_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (pytest_range,) = [line for line in map(Requirement, project["dependencies"]) if line.name == "pytest"]
    (lowest,) = [Version(part.version) for part in pytest_range.specifier if part.operator == ">="]
    ((name, oldest),) = [line.split("==") for line in lines("oldest-pytest.txt")]
    assert (name, Version(oldest)) == ("pytest", lowest)


def test_every_install_of_ci_takes_the_locked_versions():
    workflow = YAML(typ="safe").load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    installs = [
        (job.get("env", {}), step["run"])
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "pip install" in step.get("run", "")
    ]
    assert len(installs) == 4
    for environment, command in installs:
        by_option = "-c servers/locks/pypi.txt" in command and "PIP_BUILD_CONSTRAINT=servers/locks/pypi.txt" in command
        assert by_option or {"PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"} <= set(environment), command
        assert "--upgrade" not in command


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


GO_LINES = {
    "toolchain": "go-nethttp",
    "github.com/caddyserver/caddy/v2": "caddy",
    "github.com/traefik/traefik/v3": "traefik",
}
"""The servers whose versions are the lines of ``go.txt``."""


def other_packages():
    """Return the Python packages that are installed in another version than the locked one."""
    installed = [*distributions(), *distributions(path=[str(CACHE / "go-1.27")])]
    versions = {(canonicalize_name(package.name), package.version) for package in installed}
    return {name for name, version in versions if PYPI.get(name, version) != version}


def other_servers():
    """Return the servers that are installed in another version than the locked one."""
    versions = {name: version_of(server) for name, server in OURS.items()}
    return {name for name, version in versions.items() if version is not None and not is_locked_version(name, version)}


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory):
    """The folder into which the lock of the installed versions is written."""
    folder = tmp_path_factory.mktemp("locks")
    script = [sys.executable, ROOT / ".ci" / "lock.py", "--into", folder]
    written = subprocess.run(script, capture_output=True, text=True, check=False)
    assert written.returncode == 0, written.stderr
    return folder


@pytest.mark.skipif(
    not os.environ.get("CI") or not (Path(sys.prefix) / "bin" / ".lastcall-all").exists(),
    reason="only on a runner of CI, where make has installed the packages by the lock and nothing has changed them",
)
def test_on_a_runner_every_package_has_its_locked_version():
    assert other_packages() == set()


@pytest.mark.parametrize("name", ["servers.toml", "pypi.txt", "go.txt"])
def test_what_is_installed_in_its_locked_version_is_locked_again_by_the_same_line(rewritten, name):
    """A mirror may have dropped a locked version, so a machine may have others; these lines alone may differ."""
    servers = other_servers()
    other = {
        "servers.toml": servers,
        "pypi.txt": other_packages(),
        "go.txt": {line for line, server in GO_LINES.items() if server in servers},
    }[name]
    committed, again = (entries((folder / name).read_text(encoding="utf-8")) for folder in (LOCKS, rewritten))
    assert {entry for entry in committed if committed[entry] != again.get(entry)} <= other
    # Another version may bring further packages.
    assert other or committed == again


def test_the_locks_of_npm_are_written_again_where_their_servers_have_the_locked_version(rewritten):
    other = {
        command.split()[2] for name in other_servers() for command in OURS[name].install if "fetch_npm.sh" in command
    }
    paths = [path for path in (LOCKS / "npm").rglob("*.json") if path.parent.name not in other]
    assert paths or other
    for path in paths:
        assert (rewritten / path.relative_to(LOCKS)).read_text() == path.read_text(), path.relative_to(LOCKS)


def test_the_unpacked_packages_are_locked_again_in_the_same_versions(rewritten):
    """What a machine has to unpack beside a server depends on what it has; and its tools are the system's."""
    committed, again = (entries((folder / "debian.txt").read_text()) for folder in (LOCKS, rewritten))
    unpacked = {line for record in CACHE.glob("*/packages.txt") for line in record.read_text().splitlines()}
    assert set(committed) <= set(again)
    assert all(committed[name] == again[name] for name in committed if committed[name] in unpacked)


def entries(text):
    """Return the lines of a lock file by the names with which they begin."""
    return {re.split("[ =]", line)[0].strip('"'): line for line in text.splitlines() if not line.startswith("#")}


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


DPKG_DEB = """#!/bin/sh
case "$3" in
Package) basename "$2" .deb ;;
Version) echo 1.0-1 ;;
Architecture) echo amd64 ;;
esac
"""


@pytest.fixture
def recorded(tmp_path):
    """Returns what ``record_debian.sh`` makes of a package ``ruby`` whose contents are ``ruby``, for lines of a lock."""
    dpkg_deb = tmp_path / "dpkg-deb"
    dpkg_deb.write_text(DPKG_DEB)
    dpkg_deb.chmod(0o755)
    package = tmp_path / "ruby.deb"
    package.write_text("ruby")

    def record(*locked):
        (tmp_path / "debian.txt").write_text("".join(f"{line}\n" for line in locked))
        variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "LASTCALL_LOCKS": str(tmp_path)}
        script = ["sh", APPS / "record_debian.sh", package]
        return subprocess.run(script, env=variables, capture_output=True, text=True, check=False)

    return record


RUBY = f"ruby=1.0-1 amd64 sha256:{hashlib.sha256(b'ruby').hexdigest()}"


@pytest.mark.parametrize(
    "locked",
    [
        pytest.param(RUBY, id="the-same"),
        pytest.param("ruby=0.9-1 amd64 sha256:00", id="another-version"),
        pytest.param("ruby=1.0-1 arm64 sha256:00", id="another-architecture"),
        pytest.param("libruby=1.0-1 amd64 sha256:00", id="another-package-whose-name-ends-like-it"),
    ],
)
def test_a_package_is_recorded_that_has_the_locked_contents_or_of_which_none_are_locked(recorded, locked):
    done = recorded(locked)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{RUBY}\n", "")


def test_a_package_of_the_locked_version_with_other_contents_is_refused_in_one_line(recorded):
    done = recorded("libruby=1.0-1 amd64 sha256:00", "ruby=1.0-1 amd64 sha256:00")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ruby 1.0-1 has the digest {RUBY.split()[2]}, locked is sha256:00: ")
