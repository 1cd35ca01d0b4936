"""The forms of a report besides the page: Markdown, a table, a badge. Nothing that a server said gets out of hand."""

import dataclasses
import html
import json
import re
import xml.etree.ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from lastcall.__main__ import main
from lastcall.conformance.model.verdict import Impact, KnownDeviation
from lastcall.conformance.results.results import PlayResult
from lastcall.reports.badge import badge, write_badge
from lastcall.reports.markdown import MOST_LINES, as_markdown, escaped, linked
from lastcall.reports.printable import printable
from lastcall.reports.table import figures_as_text, questions_as_text
from tests.literal_run import MEASURED, a_play, a_verdict, the_results

EXPECTED = KnownDeviation("known well", "https://example.org/issues/1", "2026-01-01")
HOSTILE = [
    "<script>alert(1)</script>",
    "</details></summary><img src=x onerror=alert(1)>",
    "a | b | c",
    "[click](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "**bold** _em_ `code` ~~no~~ # head",
    "line\n\n# heading\n* item\n```\nfence",
    "https://evil.example www.evil.example me@evil.example @someone #1",
    "&lt;b&gt; &#60;i&#62; \\<b> \\",
    "\x1b[31m\x00\u202eturned",
    "$x^2$ :smile:",
    '" onload="alert(1)',
]
GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def a_run(text="plain", **fields):
    verdicts = [
        a_verdict("server_exits_in_time", "kept", measured=MEASURED),
        a_verdict("in_flight_requests_are_served", "broken", because=text),
        a_verdict(
            "goaway_is_sent", "broken", "must", because=text, expected=dataclasses.replace(EXPECTED, reason=text)
        ),
        a_verdict("says_close", "broken", "should", because=text),
    ]
    return dataclasses.replace(
        the_results(a_play(verdicts=verdicts), checks=("in_flight_requests_are_served",), text=text), **fields
    )


def shown(markdown):
    """What a reader sees of Markdown, and the elements that it became."""
    page = GITHUB.render(markdown)
    return html.unescape(re.sub(r"<[^>]*>", "", page)), set(re.findall(r"<([a-z0-9]+)", page)), page


# --- Markdown ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_out_of_markdown_as_it_is(text):
    seen, elements, _page = shown(f"* it said: {escaped(text)}")
    assert elements == {"ul", "li"}
    assert seen.strip() == f"it said: {' '.join(printable(text).split())}"
    for character in "<>|*_`[]@:":
        assert character not in escaped(text)


@pytest.mark.parametrize("text", ["a plain sentence, of 1.5 s (or so)", "in_flight", "ünïcode ✓"])
def test_plain_text_can_still_be_read(text):
    assert shown(escaped(text))[0].strip() == text


def test_text_is_one_line_and_not_too_long():
    assert escaped("a\nb  c") == "a b c"
    assert len(escaped("x" * 1000)) == 300


@pytest.mark.parametrize(
    ("link", "becomes"),
    [
        ("https://example.org/a_b#c", 'href="https://example.org/a_b#c"'),
        ("https://example.org/> [x](javascript:alert(1))", "example.org/%3E%20"),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_a_link_may_be_followed_or_is_none(link, becomes):
    _seen, elements, page = shown(linked("there", link))
    assert ("a" in elements) == bool(becomes)
    assert (becomes or "there") in page
    assert 'href="javascript' not in page


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_run_becomes_the_same_elements_as_a_plain_one(text):
    plain, hostile = (shown(as_markdown(a_run(value))) for value in ("plain", text))
    assert hostile[1] == plain[1]
    assert [hostile[2].count(f"<{name}") for name in plain[1]] == [plain[2].count(f"<{name}") for name in plain[1]]


def test_the_summary_has_figures_verdicts_clauses_and_expectations():
    seen, elements, page = shown(as_markdown(a_run("it was lost")))
    assert {"table", "details", "summary", "a"} <= elements
    assert "someone 1.0 it was lost" in seen
    assert (
        "✗ in_flight_requests_are_served is broken (promise, RFC 9113 §6.8) in one-request over h2: it was lost" in seen
    )
    assert "Expected: it was lost" in seen
    assert 'href="https://example.org/issues/1"' in page
    assert seen.index("in_flight_requests_are_served") < seen.index("says_close") < seen.index("goaway_is_sent")


def test_the_summary_tells_the_impact_where_it_is_known():
    verdict = a_verdict("goaway_is_sent", "broken", "must", impact=Impact.LOSES_REQUESTS)
    seen, _elements, _page = shown(as_markdown(the_results(a_play(verdicts=[verdict]))))
    assert "goaway_is_sent is broken (must, loses requests, RFC 9113 §6.8)" in seen


def test_a_summary_has_an_end():
    verdicts = [a_verdict(f"check_{n}", "broken") for n in range(MOST_LINES + 7)]
    text = as_markdown(the_results(a_play(verdicts=verdicts)))
    assert "and 7 more, in the report." in text
    assert text.count("\n* ") == MOST_LINES + 1


def test_a_run_without_a_play_says_so():
    assert "Nothing was played." in as_markdown(the_results())


def test_a_server_that_is_not_installed_is_listed():
    results = a_run()
    results.servers["absent"] = dataclasses.replace(results.servers["someone"], installed=False)
    assert "absent is not installed" in as_markdown(results)


# --- the table -----------------------------------------------------------------------------------------------------


def test_the_table_gives_a_row_for_each_server():
    head, row = figures_as_text(a_run()).splitlines()
    columns = ("server", "version", "kept", "must broken", "promise broken", "expected", "should broken", "unproved")
    assert re.split(r"  +", head) == [*columns, "lost", "exit"]
    assert re.split(r"  +", row) == ["someone", "1.0 plain", *"111110", "1 of 2", "1.00 s"]


def test_the_table_of_one_server_gives_a_row_for_each_scenario():
    results = a_run()
    refused = PlayResult("another", "someone", "h2", not_supported="no")
    text = questions_as_text(dataclasses.replace(results, plays=(*results.plays, refused)), "someone")
    assert [line.split() for line in text.splitlines()] == [
        ["scenario", "h2"],
        ["one-request", "✗", "2", "broken,", "△", "1", "should", "broken"],
        ["another", "\N{EN DASH}"],
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_gets_no_control_characters(text):
    printed = figures_as_text(a_run(text))
    assert len(printed.splitlines()) == 2
    assert printed.replace("\n", "").isprintable()


# --- the badge -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "message", "colour"),
    [
        ([a_verdict("a"), a_verdict("b")], "2 kept", "brightgreen"),
        ([a_verdict("a"), a_verdict("b", "broken", "should")], "1 kept", "brightgreen"),
        ([a_verdict("a"), a_verdict("b", "broken")], "1 of 2 broken", "red"),
        ([a_verdict("a"), a_verdict("b", "broken", expected=EXPECTED)], "1 of 2 broken, 1 known", "red"),
        ([a_verdict("a"), a_verdict("b", "setup failed")], "1 kept, 1 unproved", "yellow"),
        ([a_verdict("b", "setup failed")], "nothing proved", "lightgrey"),
        ([a_verdict("b", "observed", "observe")], "nothing proved", "lightgrey"),
    ],
)
def test_what_a_badge_says(verdicts, message, colour):
    drawn = badge(the_results(a_play(verdicts=verdicts)), "someone")
    assert (drawn.message, drawn.colour) == (message, colour)
    assert json.loads(drawn.as_endpoint()) == {
        "schemaVersion": 1,
        "label": "graceful shutdown",
        "message": message,
        "color": colour,
        "isError": colour == "red",
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_a_badge_is_an_image_whatever_the_server_is_called(text):
    results = the_results(a_play(text, verdicts=[a_verdict("a")]), servers=[text], text=text)
    root = ET.fromstring(badge(results, text).as_svg())
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "title", "rect", "path", "g", "text"}
    assert set(root.attrib) == {"width", "height", "role", "aria-label"}


def test_a_badge_is_written_beside_the_results(tmp_path, capsys):
    results = a_run()
    results.write(tmp_path)
    assert main(["badge", str(tmp_path), "--server", "someone"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/badge-someone.svg\n{tmp_path}/badge-someone.json\n"
    assert (tmp_path / "badge-someone.svg").read_text(encoding="utf-8") == badge(results, "someone").as_svg()
    odd = the_results(a_play("../up", verdicts=[a_verdict("a")]), servers=["../up"])
    assert {path.parent for path in write_badge(odd, "../up", tmp_path)} == {tmp_path}


@pytest.mark.parametrize("command", [["badge", "--server", "nobody"], ["table", "--server", "nobody"]])
def test_a_server_that_was_not_played_on_is_refused_in_one_line(tmp_path, capsys, command):
    a_run().write(tmp_path)
    assert main([command[0], str(tmp_path), *command[1:]]) == 2
    assert capsys.readouterr().err == "lastcall: there is no play of 'nobody'; there are some of someone\n"


def test_the_forms_are_commands(tmp_path, capsys):
    results = a_run()
    results.write(tmp_path)
    assert main(["report", str(tmp_path), "--markdown"]) == 0
    assert capsys.readouterr().out == as_markdown(results)
    assert main(["table", str(tmp_path)]) == 0
    assert capsys.readouterr().out == figures_as_text(results)
    assert main(["table", str(tmp_path), "--server", "someone"]) == 0
    assert capsys.readouterr().out == questions_as_text(results, "someone")
