"""The list of what is asked, and the page of the documentation that holds the same."""

from pathlib import Path

from lastcall.catalogue import as_markdown, as_text
from lastcall.registry import find

PAGE = Path(__file__).parent.parent / "docs" / "questions.md"
FOUND = find()


def test_the_page_is_as_the_command_writes_it():
    assert PAGE.read_text(encoding="utf-8") == as_markdown(FOUND), (
        "python -m lastcall list --markdown > docs/questions.md"
    )


def test_every_scenario_check_and_clause_is_on_the_page():
    page = as_markdown(FOUND)
    for scenario in FOUND.scenarios.values():
        assert f'### <a id="{scenario.id}"></a>{scenario.id}\n\n{scenario.question}' in page
        for check in scenario.checks:
            assert f'<a id="{check.id}"></a>' in page
            assert f'<a id="{check.clause.id}"></a>' in page


def test_the_text_names_every_server_but_no_mutant():
    lines = as_text(FOUND).splitlines()
    named = {line.split()[0] for line in lines[lines.index("servers") + 1 :] if line.strip()}
    assert {"go-nethttp", "nginx", "reference"} <= named
    assert not any("+" in name or "~" in name for name in named)
