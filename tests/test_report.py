"""The HTML report of a small literal run, and of one in which everything that a server said is hostile."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lastcall.conformance.model.server import DefaultDrain, Drain
from lastcall.conformance.results.results import PlayResult, Results
from lastcall.reports.answers import LEGEND
from lastcall.reports.evidence import MOST_EVENTS
from lastcall.reports.links import outward, play_id, slug, stored, verdict_id
from lastcall.reports.matrix import tables
from lastcall.reports.page import write_page
from tests.literal_run import MEASURED, a_play, a_trace, a_verdict, the_results
from tests.support import dump

if TYPE_CHECKING:
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.verdict import Verdict

Attributes = list[tuple[str, str | None]]

ANSWERS = ["kept", "broken", "observed", "cannot tell", "blocked", "not supported", "setup failed", "harness error"]
HOSTILE = """<script>document.documentElement.dataset.ran="yes"</script>"onload="document.documentElement.dataset.ran=1"
'><img src=x onerror=document.documentElement.dataset.ran=1></title></style></svg><!-- {{ 7 * 7 }}"""


def drawn(results: Results, folder: Path, trace: Trace | None = None) -> str:
    if trace:
        (folder / "traces").mkdir(exist_ok=True)
        dump(trace, folder / "traces" / "one.jsonl")
    return write_page(results, folder).read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Reads a page, and keeps what the tests look at."""

    VOID = frozenset({"meta", "input", "br", "img", "link", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.blocks: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.blocks:
            self.blocks[self.open[-1]].append(data)
        else:
            self.texts.append(data)

    def all(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _tag, attributes in self.elements if attribute in attributes]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


def all_answers(text: str = "because of") -> list[Verdict]:
    return [a_verdict(f"check_{n}", answer, because=f"{text} {answer}") for n, answer in enumerate(ANSWERS)]


def a_full_run(text: str = "plain") -> Results:
    checks = [f"check_{n}" for n in range(len(ANSWERS) + 1)]
    verdicts = [
        *all_answers(text),
        a_verdict(checks[-1], "broken", "should", evidence=(7, 8), measured=MEASURED),
    ]
    play = a_play(verdicts=verdicts, control="traces/one.control.jsonl", control_failed=text)
    refused = PlayResult("one-request", "someone", "h2c", not_supported=f"it does not speak h2c {text}")
    results = the_results(play, refused, servers=("someone", "absent"), checks=checks, text=text)
    results.servers["absent"] = dataclasses.replace(results.servers["absent"], installed=False)
    return results


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(drawn(a_full_run(), tmp_path_factory.mktemp("page"), a_trace()))


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    drawn(a_full_run(HOSTILE), folder, a_trace(HOSTILE))
    return folder


@pytest.fixture(scope="module")
def hostile(hostile_folder: Path) -> Reader:
    return Reader((hostile_folder / "report.html").read_text(encoding="utf-8"))


# --- what it says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ANSWERS)
def test_each_answer_has_its_word_and_its_reason(page: Reader, answer: str) -> None:
    assert f"plain {answer}" in page.text
    assert answer in page.text.replace(f"plain {answer}", "")


def test_a_broken_should_looks_different_from_a_broken_promise(page: Reader) -> None:
    assert "✗ broken" in page.text
    assert "△ should broken" in page.text


def test_no_two_answers_share_a_sign_or_a_style() -> None:
    assert len({shown.symbol for shown in LEGEND}) == len({shown.code for shown in LEGEND}) == len(LEGEND)


def test_the_head_says_what_was_run(page: Reader) -> None:
    for text in ("2026-01-02 03:04:05 UTC", "fast", "lastcall 0.1.0", "Linux", "someone", "1.0 plain"):
        assert text in page.text


def with_default(results: Results, default: DefaultDrain | None) -> None:
    drain = Drain("--drain", "", default=default)
    results.servers["someone"] = dataclasses.replace(results.servers["someone"], drain=drain)


def test_the_head_says_what_the_drain_timeout_is_by_default(page: Reader, tmp_path: Path) -> None:
    assert "by default 7.5 s" in page.text
    results = the_results(a_play(verdicts=[a_verdict("server_exits_in_time")]))
    with_default(results, DefaultDrain(None, ""))
    assert "by default without a limit" in Reader(drawn(results, tmp_path)).text
    with_default(results, None)
    assert "by default" not in Reader(drawn(results, tmp_path)).text


def test_the_evidence_says_how_to_run_it_again_and_what_was_run(page: Reader) -> None:
    assert "pytest --server someone -k 'one-request[someone-h2]'" in page.text
    assert "someone --port 1" in page.text
    assert "The same timeline without the shutdown fails too: plain." in page.text
    assert "./traces/one.jsonl" in page.all("href")
    assert "requests: 1 served, 1 lost" in page.text


def test_the_head_counts_what_is_broken_in_the_singular_and_the_plural(tmp_path: Path) -> None:
    once = Reader(drawn(the_results(a_play(verdicts=[a_verdict("check_0", "broken")])), tmp_path))
    assert "1 must or promise is broken, 0 requests were lost." in once.text
    both = [a_verdict("check_0", "broken"), a_verdict("check_1", "broken")]
    twice = Reader(drawn(the_results(a_play(verdicts=both), checks=["check_0", "check_1"]), tmp_path))
    assert "2 musts and promises are broken" in twice.text


def test_another_pace_is_part_of_the_line_that_runs_it_again(tmp_path: Path) -> None:
    results = dataclasses.replace(the_results(a_play()), pace="issue")
    assert "pytest --server someone --pace issue -k" in drawn(results, tmp_path)


def test_steps_that_differ_in_numbers_alone_are_one_line(page: Reader) -> None:
    assert "Request(request=r0) … Request(request=r4) (\N{MULTIPLICATION SIGN}5)" in page.text


def test_events_on_which_a_verdict_rests_are_marked(page: Reader) -> None:
    rows = [attributes.get("class") for tag, attributes in page.elements if tag == "tr"]
    assert rows.count("blamed") == 2
    assert "GoawayReceived connection=a last_stream_id=1" in page.text


def test_a_missing_trace_is_reported_and_the_verdicts_stay(tmp_path: Path) -> None:
    page = Reader(drawn(the_results(a_play(verdicts=all_answers())), tmp_path))
    assert "The trace traces/one.jsonl is missing" in page.text
    assert "because of broken" in page.text
    assert "timeline" not in [attributes.get("class") for tag, attributes in page.elements if tag == "svg"]


def test_a_server_that_is_not_installed_is_listed_with_its_command(page: Reader) -> None:
    assert "python -m lastcall install absent" in page.text
    assert "get it plain" in page.text


def test_what_was_not_played_is_listed_with_its_reason(page: Reader) -> None:
    assert "it does not speak h2c plain. Not played: one-request over h2c" in page.text


def test_a_run_in_which_nothing_was_played_is_a_page(tmp_path: Path) -> None:
    page = Reader(drawn(the_results(), tmp_path))
    assert page.faults == []
    assert "0 plays" in page.text


def test_code_in_a_promise_is_code_and_the_rest_is_text(tmp_path: Path) -> None:
    results = the_results(a_play(verdicts=[a_verdict("server_exits_in_time")]))
    check = results.checks["server_exits_in_time"]
    results.checks["server_exits_in_time"] = dataclasses.replace(check, promise="Say ``<b>: close`` or <i>.")
    assert "Say <code>&lt;b&gt;: close</code> or &lt;i&gt;." in drawn(results, tmp_path)
    results.checks["server_exits_in_time"] = dataclasses.replace(check, promise="A lone `` stays <i>.")
    assert "A lone `` stays &lt;i&gt;." in drawn(results, tmp_path)


def test_limits_and_rules_without_a_keyword_are_readable(tmp_path: Path) -> None:
    results = dataclasses.replace(the_results(a_play()), limits={"before_shutdown_s": 10.0})
    text = Reader(drawn(results, tmp_path)).text
    assert "before shutdown10 s" in text
    assert "RFC 9113 §6.8: Streams can still complete." in text


# --- what it is made of ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_elements_are_balanced_and_ids_are_unique(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    assert page.faults == []
    assert page.open == []
    ids = page.all("id")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_every_link_within_the_page_leads_somewhere(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    within = {link.removeprefix("#") for link in page.all("href") if link.startswith("#")}
    assert within
    assert within <= set(page.all("id"))


@pytest.mark.parametrize(
    ("protocols", "anchor", "title"),
    [
        (("h1", "h1-tls"), "matrix-h1", "Over HTTP/1.1"),
        (("h2", "h1", "h2c"), "matrix-h1-h2", "Over HTTP/1.1 and HTTP/2"),
        (("grpc-of-another-package",), "matrix-grpc-of-another-package", "Over grpc-of-another-package"),
    ],
)
def test_a_table_is_named_by_the_versions_of_http_or_by_a_protocol_that_is_unknown(
    protocols: tuple[str, ...], anchor: str, title: str
) -> None:
    results = the_results(a_play())
    scenarios = {name: dataclasses.replace(one, protocols=protocols) for name, one in results.scenarios.items()}
    (table,) = tables(dataclasses.replace(results, scenarios=scenarios))
    assert (table.id, table.title) == (anchor, title)


def test_every_play_has_its_deep_link(page: Reader) -> None:
    assert {"play-someone-h2-one-request", "play-someone-h2c-one-request"} <= set(page.all("id"))


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_nothing_is_loaded(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    assert not {tag for tag, _ in page.elements} & {"img", "link", "iframe", "object", "embed", "image", "base", "form"}
    assert page.all("src") == page.all("style") == []
    assert all(attributes["href"].startswith("#") for tag, attributes in page.elements if tag == "use")
    assert not re.search(r"url\(|@import", "".join(page.blocks["style"]))


def test_links_out_of_the_page_are_relative_or_https(page: Reader) -> None:
    outside = [link for link in page.all("href") if not link.startswith("#")]
    assert outside
    assert all(link.startswith(("./", "https://")) for link in outside)


def test_the_policy_allows_the_two_blocks_by_their_hashes_and_nothing_else(page: Reader) -> None:
    (policy,) = (value for value in page.all("content") if value.startswith("default-src"))
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name, (block,) in page.blocks.items():
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_there_is_one_title_and_every_table_heading_has_a_scope(page: Reader) -> None:
    tags = [tag for tag, _ in page.elements]
    assert tags.count("h1") == tags.count("main") == tags.count("nav") == 1
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")
    assert all("aria-label" in attributes for tag, attributes in page.elements if attributes.get("role") == "img")


def test_templates_are_in_the_package() -> None:
    templates = Path(write_page.__globals__["__file__"]).parent / "templates"
    assert {path.suffix for path in templates.iterdir()} == {".j2", ".css", ".js"}


# --- what a server says is text and nothing more -----------------------------------------------------------------


def test_hostile_text_stays_text(hostile: Reader) -> None:
    assert [tag for tag, _ in hostile.elements].count("script") == 1
    assert not [name for _, attributes in hostile.elements for name in attributes if name.startswith("on")]
    assert """<script>document.documentElement.dataset.ran="yes"</script>""" in hostile.text
    assert "{{ 7 * 7 }}" in hostile.text


def test_control_characters_in_a_trace_are_shown_as_escapes(tmp_path: Path) -> None:
    text = drawn(the_results(a_play()), tmp_path, a_trace("a\x1b[31mb\u202ec"))
    assert "\\x1b[31mb\\u202ec" in text


def test_control_characters_anywhere_else_are_shown_as_escapes_too(tmp_path: Path) -> None:
    verdict = a_verdict("server_exits_in_time", "broken", because="a\x00b\u202ec\ud800d")
    assert "a\\x00b\\u202ec\\ud800d" in drawn(the_results(a_play(verdicts=[verdict])), tmp_path)


def test_a_link_that_is_no_web_address_is_not_followed(tmp_path: Path) -> None:
    results = the_results(a_play(verdicts=[a_verdict("server_exits_in_time", "broken")]))
    clause, server = results.clauses["in-flight"], results.servers["someone"]
    results.clauses["in-flight"] = dataclasses.replace(clause, link="javascript:alert(1)")
    results.servers["someone"] = dataclasses.replace(server, documentation="data:text/html,x")
    assert not [link for link in Reader(drawn(results, tmp_path)).all("href") if ":" in link]


def test_addresses_are_safe_whatever_they_are_made_from() -> None:
    assert outward("javascript:x") == outward(None) == outward("//evil") == ""
    assert stored("javascript:x") == "./javascript%3Ax"
    assert slug("play", "a b", "<") == "play-a~20b-~3c"
    assert play_id(a_play()) == "play-someone-h2-one-request"
    assert verdict_id(a_play("some one"), "it_holds") == "verdict-some~20one-h2-one-request-it_holds"


CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)


def rendered(path: Path, profile: Path, fragment: str = "") -> Reader:
    """Return the page as a browser has it after it ran what it allows to run."""
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    command = [CHROMIUM, *flags.split(), "--disable-component-update", f"--user-data-dir={profile}", "--dump-dom"]
    done = subprocess.run([*command, path.as_uri() + fragment], capture_output=True, text=True, timeout=90, check=True)
    return Reader(done.stdout)


needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium to see which scripts a browser runs")


@needs_chromium
def test_a_browser_runs_our_script_and_none_of_theirs(hostile_folder: Path, tmp_path: Path) -> None:
    page = rendered(hostile_folder / "report.html", tmp_path, "#verdict-someone-h2-one-request-check_1")
    root = next(attributes for tag, attributes in page.elements if tag == "html")
    assert "data-ran" not in root
    tools = next(attributes for _, attributes in page.elements if attributes.get("class") == "tools")
    assert "hidden" not in tools, "our own script did not run: do the hashes of the policy match?"
    plays = [
        attributes for tag, attributes in page.elements if tag == "details" and "play" in attributes.get("class", "")
    ]
    assert ["open" in attributes for attributes in plays] == [True]


@needs_chromium
def test_even_a_script_that_was_not_escaped_would_not_run(hostile_folder: Path, tmp_path: Path) -> None:
    text = (hostile_folder / "report.html").read_text(encoding="utf-8")
    path = tmp_path / "unescaped.html"
    path.write_text(text.replace("<h1>", f"{HOSTILE.partition('</title>')[0]}<h1>"), encoding="utf-8")
    page = rendered(path, tmp_path)
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert "data-ran" not in next(attributes for tag, attributes in page.elements if tag == "html")


# --- how much it is ----------------------------------------------------------------------------------------------


def test_a_noisy_server_does_not_swell_the_page(tmp_path: Path) -> None:
    quiet = len(drawn(the_results(a_play()), tmp_path, a_trace("line")))
    noisy = drawn(the_results(a_play()), tmp_path, a_trace("line", lines=5000))
    assert len(noisy) < quiet + 200 * MOST_EVENTS
    assert "more in the trace" in noisy
