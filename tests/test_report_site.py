"""A large run: an index, and pages for servers and questions, that link to each other and hold all verdicts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from urllib.parse import unquote

import pytest

from lastcall.conformance.model.verdict import Measured
from lastcall.conformance.model.views import Fate
from lastcall.reports import figures
from lastcall.reports.by_check import answers_by_check
from lastcall.reports.filters import filters
from lastcall.reports.links import question_page, server_page
from lastcall.reports.overview import overview
from lastcall.reports.page import ONE_PAGE_PLAYS, write_page
from tests.large_run import EXIT, GOAWAY, SERVED, SERVERS, a_large_run, drawn
from tests.literal_run import a_play, a_verdict, the_results
from tests.test_report import HOSTILE, Reader


@pytest.fixture(scope="module", params=["plain", "hostile"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    folder = tmp_path_factory.mktemp(request.param)
    hostile = request.param == "hostile"
    drawn(folder, HOSTILE if hostile else "plain", HOSTILE if hostile else "")
    return {
        path.relative_to(folder).as_posix(): Reader(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("plain")).parent


def read(folder: Path, page: str) -> Reader:
    return Reader((folder / page).read_text(encoding="utf-8"))


def test_there_is_a_page_for_each_server_that_was_played_on_and_for_each_question(plain: Path) -> None:
    names = {path.name for path in (plain / "report").iterdir()}
    questions = {
        f"question-{scenario}-{over}.html" for scenario in ("one-request", "another-request") for over in ("h2", "h2c")
    }
    assert names == {f"{server}.html" for server in SERVERS} | questions


def test_every_link_between_the_pages_leads_to_something(site: dict[str, Reader]) -> None:
    assert len(site) == 8
    seen = 0
    for name, page in site.items():
        for link in page.all("href"):
            if link.startswith("https:") or "traces/" in link:
                continue
            path, _, fragment = link.partition("#")
            target = Path("/") / Path(name).parent / unquote(path) if path else Path("/") / name
            there = site[target.resolve().relative_to("/").as_posix()]
            assert not fragment or fragment in there.all("id"), f"{link} on {name}"
            seen += 1
    assert seen > 100


def test_the_pages_stand_alone_are_balanced_and_name_each_id_once(site: dict[str, Reader]) -> None:
    for page in site.values():
        assert page.faults == page.open == []
        assert len(page.all("id")) == len(set(page.all("id")))
        assert page.all("src") == page.all("style") == []
        tags = [tag for tag, _ in page.elements]
        assert not set(tags) & {"img", "link", "iframe", "object", "embed", "base", "form"}
        assert tags.count("script") == tags.count("h1") == tags.count("main") == 1
        assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")
        assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]


def test_traces_are_linked_to_from_where_the_page_stands(plain: Path) -> None:
    page = read(plain, "report/beta.html")
    assert "../traces/one.jsonl" in page.all("href")
    assert (plain / "report" / "../traces/one.jsonl").is_file()


def test_the_index_is_light_and_the_evidence_is_not_in_it(plain: Path) -> None:
    index = read(plain, "report.html")
    assert "timeline" not in index.all("class")
    assert "lost: plain" not in index.text
    assert "lost: plain" in read(plain, "report/beta.html").text


def test_what_is_expected_stands_beside_the_answer_and_hides_nothing(plain: Path) -> None:
    page = read(plain, "report/beta.html")
    assert "✗ broken" in page.text
    assert "expected since 2026-11-23: plain" in page.text
    assert "https://example.org/issues/1" in page.all("href")
    titles = [attributes.get("title", "") for tag, attributes in read(plain, "report.html").elements if tag == "a"]
    assert "1 broken, 1 should broken, 1 blocked; 1 of them expected" in titles


def test_a_server_s_page_says_what_was_claimed_and_what_was_found(plain: Path) -> None:
    assert "△ differs" in read(plain, "report/beta.html").text
    assert "what the capability probe found: 1 differs" in read(plain, "report/beta.html").text
    assert "✓ agrees" in read(plain, "report/alpha.html").text


def test_a_question_s_page_has_all_servers_with_their_differences(plain: Path) -> None:
    page = read(plain, "report/question-one-request-h2.html")
    assert {f"server-{name}" for name in SERVERS} <= set(page.all("id"))
    assert page.all("class").count("timeline") == 3
    assert "lost: plain" in page.text
    assert "beta.html#play-beta-h2-one-request" in page.all("href")


def test_the_matrix_of_checks_counts_over_all_plays() -> None:
    rows = {row.id: row for row in overview(a_large_run()).checks}
    served = rows[f"answers-{SERVED}"]
    assert [(cell.shown.word, cell.number, cell.of, cell.known) for cell in served.cells if cell] == [
        ("kept", "", "", False),
        ("broken", "2", "4", True),
        ("kept", "", "", False),
    ]
    assert served.cells[1] is not None
    assert served.cells[1].address == f"report/beta.html#asked-{SERVED}"
    assert rows[f"answers-{GOAWAY}"].cells[1] is not None
    assert not rows[f"answers-{GOAWAY}"].cells[1].known


def test_the_matrix_of_questions_has_a_row_for_each_protocol_and_the_worst_answer_in_it() -> None:
    rows = overview(a_large_run()).questions
    assert [(row.name, row.note) for row in rows[:2]] == [("one-request", "h2"), ("one-request", "h2c")]
    h2, h2c = rows[0].cells, rows[1].cells
    assert [cell.shown.word for cell in h2 if cell] == ["kept", "broken", "kept"]
    assert h2[1] is not None
    assert (h2[1].number, h2[1].asks) == ("1", "pb px ss")
    assert h2c[2] is not None
    assert h2c[2].shown.word == "not supported"


def test_a_check_has_all_verdicts_that_broke_it() -> None:
    (served, ended, _goaway) = answers_by_check(a_large_run(), "beta")
    assert [(instance.play.scenario, instance.because) for instance in served.telling] == [
        ("one-request", "lost: plain"),
        ("another-request", "lost: plain"),
    ]
    assert ended.telling == ()


def test_only_what_the_run_holds_can_be_filtered_by() -> None:
    offered = filters(a_large_run())
    assert offered.protocols == ("h2", "h2c")
    assert offered.levels == ("promise", "should")
    assert offered.families == ("founding", "second family")
    assert [answer.word for answer in offered.answers] == ["broken", "should broken", "cannot tell", "blocked", "kept"]


def test_the_figures_have_the_typical_exit_and_the_exit_status() -> None:
    times = [(Measured("exit", value, 8.0),) for value in (1.0, 2.0, 6.0)]
    verdicts = [a_verdict(EXIT, measured=measured) for measured in times]
    verdicts += [a_verdict(figures.STATUS, answer) for answer in ("kept", "broken", "kept")]
    play = dataclasses.replace(a_play(verdicts=verdicts), fates={Fate.SERVED: 1, Fate.REFUSED: 3, Fate.AMBIGUOUS: 2})
    (row,) = figures.rows(the_results(play, checks=(figures.OWED,)))
    assert (row.exit.worst_s, row.exit.typical_s) == (6.0, 2.0)
    assert (row.status.kept, row.status.broken, row.statuses) == (2, 1, ("0",))
    assert (row.refused, row.ambiguous, row.sent) == (3, 2, 6)


def test_one_server_is_one_page_however_many_plays_it_has(tmp_path: Path) -> None:
    results = a_large_run()
    alone = dataclasses.replace(results, plays=tuple(play for play in results.plays if play.server == "alpha"))
    write_page(alone, tmp_path, one_page_plays=0)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_few_plays_are_one_page_and_take_the_pages_of_a_larger_run_away(tmp_path: Path) -> None:
    drawn(tmp_path)
    (tmp_path / "report" / "own.html").write_text("<p>kept", encoding="utf-8")
    assert len(a_large_run().plays) < ONE_PAGE_PLAYS
    write_page(a_large_run(), tmp_path)
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["own.html"]
    assert "lost: plain" in read(tmp_path, "report.html").text


def test_no_server_takes_the_page_of_a_question_and_no_name_is_too_long() -> None:
    assert server_page("question-one-request-h2") != question_page("one-request", "h2")
    assert server_page("server-a") != server_page("a")
    long, other = server_page("<" * 300 + "a"), server_page("<" * 300 + "b")
    assert len(long) < 255
    assert long != other


def test_what_is_expected_is_counted_by_whether_it_fails_a_server() -> None:
    rows = {row.name: row for row in figures.rows(a_large_run())}
    assert (rows["beta"].blamed, rows["beta"].known, rows["beta"].known_should) == (2, 2, 0)
    assert (rows["alpha"].blamed, rows["alpha"].known) == (0, 0)
