"""The published results can be read, and the README's table is drawn from them."""

import re
from pathlib import Path

from lastcall.conformance.model.verdict import BLAMING, Answer
from lastcall.conformance.results.results import load_results
from lastcall.locks import is_locked_version, locked_versions
from lastcall.registry import find
from lastcall.reports.markdown import as_table

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = load_results(ROOT / "docs" / "results")


def test_the_table_of_the_readme_is_drawn_from_the_published_results():
    _before, _mark, after = (ROOT / "README.md").read_text(encoding="utf-8").partition("<!-- published -->\n")
    table, _mark, _after = after.partition("\n<!-- /published -->")
    assert table.strip() == as_table(PUBLISHED).strip()


def test_every_server_that_was_played_says_version_and_command():
    for name in {play.server for play in PUBLISHED.plays if play.verdicts}:
        assert PUBLISHED.servers[name].version, name
        assert all(play.argv for play in PUBLISHED.plays if play.server == name and play.verdicts and play.fates), name


def test_every_server_was_played_in_its_locked_version_but_for_those_that_the_description_lists():
    description = (ROOT / "docs" / "results" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` \| (\S+) \| (\S+) \|$", description, re.MULTILINE)
    played = {play.server: PUBLISHED.servers[play.server].version for play in PUBLISHED.plays if play.verdicts}
    assert len(played.keys() & locked_versions().keys()) >= 30
    differing = [
        (name, version, locked_versions()[name])
        for name, version in sorted(played.items())
        if not is_locked_version(name, version)
    ]
    assert listed == differing


def test_at_least_thirty_servers_of_today_were_played():
    played = {play.server for play in PUBLISHED.plays if play.verdicts}
    assert len(played & set(find().servers)) >= 30


def test_no_must_and_no_promise_is_broken_on_the_reference_server():
    plays = [play for play in PUBLISHED.plays if play.server == "reference"]
    blaming = {verdict.answer for play in plays for verdict in play.verdicts if verdict.level in BLAMING}
    assert Answer.KEPT in blaming
    assert not {Answer.BROKEN, Answer.SETUP_FAILED, Answer.HARNESS_ERROR} & blaming
