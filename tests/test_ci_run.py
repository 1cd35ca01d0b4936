"""What CI runs: a missing package stops nothing else and is reported; a complete machine only runs the tests."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("bash", "cut", "dirname", "grep", "mktemp", "rm", "sed", "sh", "tee")
WANTED = ("chromedriver", "chromium", "curl", "nghttp")
APT_GET = """#!/bin/sh
echo "apt-get $*" >>calls
case "$*" in
*chromium=7*) exit 100 ;;
update*) exit "${UPDATE:-0}" ;;
esac
"""
MAKE = """#!/bin/sh
echo "make $*" >>calls
echo "lastcall: could not install caddy: status 1 from: go" >&2
echo "3 passed"
exit "${TESTS:-0}"
"""


@pytest.fixture
def machine(tmp_path):
    """A checkout on a machine that has only the programs of its folder ``bin``."""
    (tmp_path / "bin").mkdir()
    for folder in (".ci", "servers/apps", "servers/locks"):
        (tmp_path / folder).mkdir(parents=True)
    for name in (".ci/run", "servers/apps/locked_debian.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "servers" / "locks" / "debian.txt").write_text("curl=6\n")
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    put(tmp_path, "make", MAKE)
    put(tmp_path, "apt-get", APT_GET)
    put(tmp_path, "apt-cache", '#!/bin/sh\n[ "$1" = policy ] && echo "  Candidate: 7" || echo " curl | 6 | here"\n')
    put(tmp_path, "id", "#!/bin/sh\necho 0\n")
    return tmp_path


def put(machine, name, text="#!/bin/sh\n"):
    path = machine / "bin" / name
    path.write_text(text)
    path.chmod(0o755)


def run(machine, **variables):
    environment = {"PATH": str(machine / "bin"), "HOME": os.devnull, **variables}
    done = subprocess.run([machine / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)
    return done, (machine / "calls").read_text().splitlines()


def test_a_machine_that_has_everything_only_runs_the_tests(machine):
    for name in WANTED:
        put(machine, name)
    for _again in range(2):
        done, calls = run(machine)
        assert done.returncode == 0, done.stderr
    assert calls == ["apt-get update -qq", "make test"] * 2


def test_missing_packages_are_installed_in_locked_versions_and_failures_are_reported_at_the_end(machine):
    done, calls = run(machine)
    assert done.returncode == 0, done.stderr
    options = "apt-get install -y -qq --no-install-recommends"
    assert sorted(calls[1:-1]) == [
        f"{options} {package}" for package in ("chromium-driver=7", "chromium=7", "curl=6", "nghttp2-client=7")
    ]
    assert (calls[0], calls[-1]) == ("apt-get update -qq", "make test")
    assert done.stdout.splitlines() == [
        "3 passed",
        "",
        "2 could not be had, and what needs it was not tested:",
        "  apt-get install chromium",
        "  caddy: status 1 from: go",
    ]


def test_the_tests_decide_the_status_and_are_run_when_the_distribution_cannot_be_reached(machine):
    for name in WANTED:
        put(machine, name)
    done, calls = run(machine, UPDATE="100", TESTS="2")
    assert done.returncode == 2
    assert calls[-1] == "make test"
    assert "  apt-get update\n" in done.stdout


def test_without_root_missing_packages_are_reported(machine):
    put(machine, "id", "#!/bin/sh\necho 1000\n")
    put(machine, "curl")
    done, calls = run(machine)
    assert calls == ["make test"]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("  not installed, for want of root")]
    assert set(line.partition(": ")[2].split()) == {"chromium", "chromium-driver", "nghttp2-client"}
