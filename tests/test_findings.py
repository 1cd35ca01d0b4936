"""The findings: each page has a script and a line in the table, and a script needs only the standard library."""

import ast
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "findings"
SCRIPTS = sorted(FOLDER.glob("*.py"))
PAGES = sorted(page for page in FOLDER.glob("*.md") if page.name != "README.md")


def test_every_page_has_its_script_and_its_line():
    assert [page.stem for page in PAGES] == [script.stem for script in SCRIPTS]
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")
    for page in PAGES:
        assert f"[page]({page.name})" in listed
        assert f"[{page.stem}.py]({page.stem}.py)" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_needs_the_standard_library_alone(script):
    tree = ast.parse(script.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_that_came_to_no_answer_does_not_end_like_one_that_did(script):
    # An exit with a message has status 1, which says that the finding shows.
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "SystemExit"):
            argument = node.args[0] if node.args else None
            assert not isinstance(argument, ast.JoinedStr)
            assert not (isinstance(argument, ast.Constant) and isinstance(argument.value, str))
