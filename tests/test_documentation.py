"""The commands of the documentation: run unchanged in the folder of a server's project, or at least parsed.

A comment before a block of ``sh`` says how it is tested: ``<!-- run -->``, ``<!-- collect -->`` (nothing is played), or
``<!-- parse -->``. Without a comment, commands are parsed, and those of pytest are run with --collect-only.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lastcall.__main__ import command_names, parser_of
from lastcall.conformance.judging.expectations import load_expectations
from lastcall.server_toml import load_server
from tests.support import GATED

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
SAMPLE = Path(__file__).parent / "samples" / "version-1"
OURS = ["server-authors.md", "operators.md", "ci.md", "expectations.md"]


def blocks(page, language):
    """Each block of a language, with the comment before it that says how it is tested."""
    pattern = rf"(?:<!-- (\w+) -->\n)?^( *)```{language}\n(.*?)^ *```$"
    for block in re.finditer(pattern, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        yield block[1] or "parse", textwrap.dedent(block[3])


def commands(page, mark):
    """The commands of a page, without comments."""
    for done, text in blocks(page, "sh"):
        if done == mark:
            yield from (line for line in text.replace("\\\n", " ").splitlines() if line.strip() and line[0] != "#")


def environment():
    """The caller's, with the interpreter of the tests as ``python``, ``pytest`` and ``lastcall``."""
    here = str(Path(sys.executable).parent)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GITHUB"))}
    return kept | {"PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]), "COLUMNS": "200"}


def own_project(folder):
    """A server's own project: a program, the file that says how it is started, and its known deviations."""
    (folder / "server.py").write_text(GATED, encoding="utf-8")
    command = json.dumps(["python", "{here}/server.py", "{port}", "none"])
    (folder / "mine.toml").write_text(f'name = "mine"\nspeaks = ["h1"]\ncommand = {command}\n', encoding="utf-8")
    (folder / "expectations.toml").write_text('server = "mine"\n', encoding="utf-8")
    shutil.copy(ROOT / "docs" / "examples" / "my_scenarios.py", folder)
    return folder


def run(command, folder):
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=500, check=False
    )


@pytest.fixture
def project(tmp_path):
    return own_project(tmp_path)


@pytest.mark.parametrize("name", OURS)
def test_commands_run_unchanged(project, name):
    to_run = list(commands(ROOT / "docs" / name, "run"))
    assert to_run
    for command in to_run:
        done = run(command, project)
        # 1 is a finding about the server, or a change between two runs; 2 and more are faults of the command.
        assert done.returncode in (0, 1), f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, command
        assert done.stdout, command


@pytest.mark.parametrize("name", OURS)
def test_commands_that_are_not_run_would_start(project, name):
    for command in commands(ROOT / "docs" / name, "collect"):
        understood(command, project)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_other_commands_are_understood(project, page):
    shutil.copytree(SAMPLE, project / "lastcall-results")
    for command in commands(page, "parse"):
        understood(command, project)


def understood(command, folder):
    """Parse a command of lastcall's, or run one of pytest's with --collect-only; other commands are skipped."""
    arguments = shlex.split(command, comments=True)
    arguments = arguments[2:] if arguments[:2] == ["python", "-m"] else arguments
    if arguments[0] == "lastcall" and arguments[1] in command_names():
        assert parser_of(command_names()).parse_args(arguments[1:]).command == arguments[1]
    elif arguments[0] in ("pytest", "lastcall") and any(word.startswith("-") for word in arguments):
        tool = ["-m", "lastcall"] if arguments[0] == "lastcall" else ["-m", "pytest", "-p", "no:cacheprovider"]
        done = run(shlex.join([sys.executable, *tool, *arguments[1:], "--collect-only", "-q"]), folder)
        # 5: nothing was selected, which the example's own server may be the reason for.
        assert done.returncode in (0, 5), f"{command}\n{done.stdout[-2000:]}{done.stderr}"


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_these_pages_is_tried(name):
    marks = {mark for mark, _text in blocks(ROOT / "docs" / name, "sh")}
    assert marks <= {"run", "collect", "parse"}
    assert "run" in marks


def test_toml_examples_are_read(tmp_path):
    seen = set()
    for page in PAGES:
        for number, (_mark, text) in enumerate(blocks(page, "toml")):
            path = tmp_path / f"{page.stem}-{number}.toml"
            path.write_text(text, encoding="utf-8")
            read = load_expectations if text.startswith("server =") else load_server
            read(path)
            seen.add(read)
    assert seen == {load_expectations, load_server}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_of_the_documentation_have_targets(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for address in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert "://" in address or (page.parent / address).exists(), address
