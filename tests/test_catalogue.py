"""The catalogue: its text for a terminal, and the page of the documentation."""

from pathlib import Path

from lastcall.catalogue import catalogue_as_markdown, catalogue_as_text
from lastcall.registry import find

PAGE = Path(__file__).parent.parent / "docs" / "questions.md"
REGISTRY = find()


def test_the_page_is_as_the_command_writes_it():
    assert PAGE.read_text(encoding="utf-8") == catalogue_as_markdown(REGISTRY), (
        "python -m lastcall list --markdown > docs/questions.md"
    )


def test_every_scenario_check_and_clause_is_on_the_page():
    page = catalogue_as_markdown(REGISTRY)
    for scenario in REGISTRY.scenarios.values():
        assert f'### <a id="{scenario.id}"></a>{scenario.id}\n\n{scenario.question}' in page
        for check in scenario.checks:
            assert f'<a id="{check.id}"></a>' in page
            assert f'<a id="{check.clause.id}"></a>' in page


def test_the_text_names_every_server_but_no_mutant():
    lines = catalogue_as_text(REGISTRY).splitlines()
    named = {line.split()[0] for line in lines[lines.index("servers") + 1 :] if line.strip()}
    assert {"go-nethttp", "nginx", "reference"} <= named
    assert not any("+" in name or "~" in name for name in named)
