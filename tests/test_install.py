"""Installing servers: what a command's failure says, and that one which never ends is ended with all it started."""

import os
import subprocess
import sys

import pytest

from conformance.__main__ import _fails


@pytest.mark.parametrize(
    ("line", "told"), [("true", ""), ("exit 3", "status 3"), ("no-such-program-at-all 2>/dev/null", "status 127")]
)
def test_a_command_says_how_it_failed(tmp_path, line, told):
    assert _fails(line, tmp_path, os.environ) == told


def test_a_command_without_an_end_is_ended_with_its_children(tmp_path):
    line = "sleep 300 & echo $! >child; wait"
    assert _fails(line, tmp_path, os.environ, within_s=0.5) == "no end after 0.5 s"
    child = int((tmp_path / "child").read_text())
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False)
    assert state.stdout.strip() in ("", "Z", "Zs", "ZN")


def test_what_is_installed_already_is_said_and_left_alone():
    words = [sys.executable, "-m", "conformance", "install", "reference"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "is installed" in done.stdout
