"""Installing servers: how a failed command is reported, and that a command without an end is killed with its children."""

import dataclasses
import os
import subprocess
import sys

import pytest

from lastcall import install as installing
from lastcall import locks
from lastcall.install import install, missing_reason, run_line, version_of
from lastcall.locks import is_locked_version, lock_environment, with_locked_version
from lastcall.registry import find


@pytest.mark.parametrize(
    ("line", "reason"), [("true", ""), ("exit 3", "status 3"), ("no-such-program-at-all 2>/dev/null", "status 127")]
)
def test_a_command_says_how_it_failed(tmp_path, line, reason):
    assert run_line(line, tmp_path, os.environ) == reason


def test_a_command_without_an_end_is_ended_with_its_children(tmp_path):
    line = "sleep 300 & echo $! >child; wait"
    assert run_line(line, tmp_path, os.environ, within_s=0.5) == "no end after 0.5 s"
    child = int((tmp_path / "child").read_text())
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False)
    assert state.stdout.strip() in ("", "Z", "Zs", "ZN")


def test_an_installed_server_is_reported_and_not_installed_again():
    arguments = [sys.executable, "-m", "lastcall", "install", "reference"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "is installed" in done.stdout


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A server that is built out of a folder, all of it below the test's own."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "main.txt").write_text("one")
    monkeypatch.setattr(installing, "_SERVERS", tmp_path)
    monkeypatch.setattr("lastcall.servers.installation.CACHE", tmp_path / "cache")
    program = tmp_path / "cache" / "program"
    return dataclasses.replace(
        find().servers["reference"],
        name="built",
        version=lambda: program.read_text() if program.exists() else None,
        install=('cp sources/main.txt "$LASTCALL_CACHE/program"',),
        built_from=("sources",),
    )


def test_a_program_is_built_again_when_its_sources_change_and_only_then(built, tmp_path, capfd):
    assert version_of(built) is None
    assert missing_reason(built) == "not installed; to install it: python -m lastcall install built"
    assert install([built], again=False) == []
    assert (version_of(built), missing_reason(built)) == ("one", "")
    assert install([built], again=False) == []
    assert capfd.readouterr().out.splitlines() == [
        f"built: {built.install[0]}",
        "built: one",
        "built: one is installed",
    ]

    (tmp_path / "sources" / "main.txt").write_text("two")
    assert version_of(built) is None, "what is there is the program of other sources"
    assert missing_reason(built).startswith("not built from today's sources; to build it again: ")
    assert install([built], again=False) == []
    assert version_of(built) == "two"

    (tmp_path / "sources" / "more").mkdir()
    (tmp_path / "sources" / "more" / "other.txt").write_text("")
    assert version_of(built) is None, "a new file is a change"


def test_failed_build_does_not_count_and_the_others_go_on(built, capfd):
    broken = dataclasses.replace(built, name="broken", install=("exit 3",))
    assert install([broken, built], again=False) == ["broken: status 3 from: exit 3"]
    assert version_of(broken) is None
    assert version_of(built) == "one"
    assert "broken: exit 3" in capfd.readouterr().out


def test_every_adapter_that_builds_our_sources_names_their_folder():
    ours = ("build_go.sh", "build_rust.sh", "build_java.sh", "apps/go/", "fetch_go")
    for server in find().servers.values():
        for folder in server.built_from:
            assert any((installing._SERVERS / folder).rglob("*.*")), folder
        builds = any(place in line for line in server.install for place in ours)
        assert builds == bool(server.built_from), server.name


def test_a_version_other_than_the_locked_one_is_reported_and_replaced(built, monkeypatch, capfd):
    monkeypatch.setattr(locks, "locked_versions", lambda: {"built": "one"})
    other = dataclasses.replace(built, version=lambda: "two")
    assert with_locked_version("built", "two") == "two, locked is one"
    assert install([built], again=False) == []
    assert install([other], again=False) == []
    assert capfd.readouterr().out.splitlines() == [
        f"built: {built.install[0]}",
        "built: one",
        f"built: {built.install[0]}",
        "built: two, locked is one",
    ]


def test_every_version_of_a_server_without_a_lock_is_accepted():
    assert is_locked_version("somebody-else's", "3.1")
    assert with_locked_version("somebody-else's", "3.1") == "3.1"


def test_commands_of_our_servers_take_the_locked_versions_and_others_their_own(monkeypatch):
    monkeypatch.setenv("PIP_CONSTRAINT", "/somebody's.txt")
    ours = lock_environment("granian", latest=False)
    assert ours["LASTCALL_LOCKS"] == str(locks.LOCKS)
    theirs, constraints = ours["PIP_CONSTRAINT"].split()
    assert (theirs, constraints) == ("/somebody's.txt", (locks.LOCKS / "pypi.txt").as_uri())
    assert set(lock_environment("somebody-else's", latest=False)) == {"LASTCALL_LOCKS"}
    newest = lock_environment("granian", latest=True)
    assert (newest["LASTCALL_LOCKS"], newest["PIP_UPGRADE"]) == ("", "1")
    assert "PIP_CONSTRAINT" not in newest


def test_doctor_says_whether_a_version_is_the_locked_one():
    done = subprocess.run(
        [sys.executable, "-m", "lastcall", "doctor"], capture_output=True, text=True, timeout=60, check=False
    )
    for server in find().servers.values():
        if server.name in locks.locked_versions() and (version := version_of(server)):
            said = f"{server.name:<18} {with_locked_version(server.name, version)}"
            assert said in done.stdout.splitlines()
