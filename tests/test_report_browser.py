"""The report in a browser: used by pointer and by keyboard, with and without script, with plain and hostile text.

Chromium comes from the system, and Playwright drives it: pip install 'lastcall[tests]', and apt-get install chromium.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from lastcall.conformance.model.verdict import KnownDeviation
from lastcall.conformance.results.results import load_results
from lastcall.reports.page import write_page
from tests.large_run import a_large_run, drawn
from tests.literal_run import a_trace
from tests.support import dump

HOW = "needs Playwright, axe and Chromium: pip install 'lastcall[tests]' and apt-get install chromium"
sync_api = pytest.importorskip("playwright.sync_api", reason=HOW)
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=HOW)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    OpenPage = Callable[..., Page]

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason=HOW)

MARK = "window.hostile=1"
HOSTILE = (
    f"""<script>{MARK}</script>"><img src=x onerror={MARK}>' onfocus={MARK} autofocus x='</title></style></textarea>"""
    f"""<svg onload={MARK}></svg><iframe src="javascript:parent.{MARK}"></iframe>"""
    """<link rel=stylesheet href=http://127.0.0.1:9/x><base href=http://127.0.0.1:9/>\u202e\u2066\x00\x1b[31m{{ 7*7 }}"""
)
UNFOLD = "document.querySelectorAll('details, .matrix input').forEach((box) => { box.open = box.checked = true; })"
PAGES = {
    "index": "report.html",
    "server": "report/beta.html#play-beta-h2-one-request",
    "check": "report/beta.html#asked-in_flight_requests_are_served",
    "question": "report/question-one-request-h2.html",
    "one page": "small/report.html#play-beta-h2-one-request",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    flags = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large run, and in its folder ``small`` the same as one page."""
    folder = tmp_path_factory.mktemp("site")
    drawn(folder)
    (folder / "small" / "traces").mkdir(parents=True)
    dump(a_trace(), folder / "small" / "traces" / "one.jsonl")
    write_page(a_large_run(), folder / "small")
    return folder


class Watched:
    """A page, with whatever it tried that a report never does."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.wrongs: list[str] = []
        self.page.on("dialog", lambda dialog: (self.wrongs.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.wrongs.append(f"error {error}"))
        self.page.on("console", lambda message: self.wrongs.append(f"console {message.text}"))
        self.page.on(
            "request", lambda request: request.url.startswith("file:") or self.wrongs.append(f"request {request.url}")
        )


@pytest.fixture
def opened(browser: Browser, site: Path) -> Iterator[OpenPage]:
    """Opens a page of the site; at the end none of them may have done anything wrong."""
    contexts: list[BrowserContext] = []
    watched: list[Watched] = []

    def opens(address: str, width: int = 1440, folder: Path = site, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        watched.append(Watched(contexts[-1]))
        path, _, fragment = address.partition("#")
        watched[-1].page.goto((folder / path).as_uri() + (f"#{fragment}" if fragment else ""))
        return watched[-1].page

    yield opens
    wrongs = [wrong for page in watched for wrong in page.wrongs]
    for context in contexts:
        context.close()
    assert wrongs == []


def shown_rows(page: Page, title: str) -> list[str]:
    rows = page.get_by_role("region", name=title).locator("tbody tr[id]:visible th")
    return [" ".join(text.split()) for text in rows.all_inner_texts()]


QUESTIONS, CHECKS = "Every question, every server", "Every check, every server"


def test_a_cell_of_the_matrix_leads_to_its_evidence(opened: OpenPage) -> None:
    page = opened("report.html")
    page.get_by_role("region", name=QUESTIONS).get_by_role("link", name="1 broken").first.click()
    assert page.url.endswith("report/beta.html#play-beta-h2-one-request")
    evidence = page.locator("[id=play-beta-h2-one-request]")
    assert evidence.is_visible()
    assert "lost: plain" in evidence.inner_text()
    assert "expected since 2026-11-23" in evidence.inner_text()
    assert evidence.get_by_role("img", name="Timeline of the server's process").is_visible()
    evidence.get_by_text("The events, in seconds").click()
    assert evidence.get_by_role("row", name="GoawayReceived").is_visible()
    evidence.get_by_role("link", name="compare with other servers").click()
    assert page.url.endswith("question-one-request-h2.html#server-beta")
    page.get_by_role("link", name="full evidence of gamma").click()
    assert page.locator("[id=play-gamma-h2-one-request]").is_visible()
    page.get_by_role("link", name="All servers").click()
    assert page.url.endswith("/report.html")


def test_a_cell_of_the_checks_leads_to_all_that_broke_it(opened: OpenPage) -> None:
    page = opened("report.html")
    page.get_by_role("region", name=CHECKS).get_by_role("link", name="2 broken").first.click()
    answers = page.locator("[id=asked-in_flight_requests_are_served]")
    assert answers.get_by_role("link").all_inner_texts() == [
        "one-request h2",
        "upstream",
        "another-request h2",
        "upstream",
    ]
    answers.get_by_role("link", name="another-request h2").click()
    assert page.locator("[id=verdict-beta-h2-another-request-in_flight_requests_are_served]").is_visible()


def test_the_filter_shows_what_was_chosen_says_how_much_and_can_be_linked_to(opened: OpenPage) -> None:
    page = opened("report.html")
    status = page.get_by_role("search").get_by_role("status")
    assert status.inner_text() == "4 of 4 questions, 3 of 3 checks, 3 of 3 servers shown"
    page.get_by_label("answer").select_option("✗ broken")
    assert shown_rows(page, QUESTIONS) == ["one-request h2", "another-request h2"]
    assert shown_rows(page, CHECKS) == ["in flight requests are served promise"]
    page.get_by_label("family").select_option("second family")
    assert status.inner_text() == "1 of 4 questions, 1 of 3 checks, 3 of 3 servers shown"
    view = page.get_by_role("link", name="Link to this view").get_attribute("href")
    assert view == page.url[page.url.index("#") :]
    again = opened(f"report.html{view}")
    assert shown_rows(again, QUESTIONS) == ["another-request h2"]
    assert again.get_by_label("family").input_value() == "second family"
    again.get_by_role("button", name="Clear").click()
    assert len(shown_rows(again, QUESTIONS)) == 4
    assert "#show" not in again.url


def test_an_answer_in_a_column_out_of_sight_does_not_count(opened: OpenPage) -> None:
    page = opened("report.html")
    page.get_by_label("servers").fill("alp, gam")
    assert page.get_by_role("region", name=QUESTIONS).get_by_role("columnheader").all_inner_texts() == [
        "question",
        "alpha",
        "gamma",
    ]
    assert page.get_by_role("region", name=QUESTIONS).locator("tbody tr[id]").first.locator("td:visible").count() == 2
    page.get_by_label("answer").select_option("✗ broken")
    assert shown_rows(page, QUESTIONS) == shown_rows(page, CHECKS) == []
    page.get_by_label("answer").select_option("any")
    page.get_by_label("servers").fill("gamma")
    assert shown_rows(page, QUESTIONS) == ["one-request h2", "another-request h2"]


@pytest.mark.parametrize(
    ("label", "value", "left"),
    [
        ("protocol", "h2c", ["one-request h2c", "another-request h2c"]),
        ("text in the row", "ANOTHER h2c", ["another-request h2c"]),
        ("text in the row", "no such thing", []),
        ("level", "should", ["one-request h2", "one-request h2c", "another-request h2", "another-request h2c"]),
    ],
)
def test_each_filter_narrows_by_itself(opened: OpenPage, label: str, value: str, left: list[str]) -> None:
    page = opened("report.html")
    field = page.get_by_label(label)
    if label == "text in the row":
        field.fill(value)
    else:
        field.select_option(value)
    assert shown_rows(page, QUESTIONS) == left


def test_a_level_and_an_answer_have_to_meet_in_one_verdict(opened: OpenPage) -> None:
    page = opened("report.html#show?level=s&answer=b")
    assert shown_rows(page, QUESTIONS) == []


def test_one_page_is_filtered_too_with_its_groups(opened: OpenPage) -> None:
    page = opened("small/report.html#show?answer=b&family=founding")
    rows = page.locator("tbody.scenario:visible, tbody.group:visible")
    assert [text.split()[0] for text in rows.all_inner_texts()] == ["founding", "one-request"]


def test_the_figures_are_sorted_by_their_heads(opened: OpenPage) -> None:
    page = opened("report.html")
    head = page.get_by_role("columnheader", name="must / promise broken")
    names = page.locator(".figures tbody th a")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert names.all_inner_texts() == ["beta", "alpha", "gamma"]
    page.get_by_role("button", name="server").click()
    page.get_by_role("button", name="server").click()
    assert names.all_inner_texts() == ["gamma", "beta", "alpha"]
    assert head.get_attribute("aria-sort") is None


def test_two_servers_are_put_side_by_side(opened: OpenPage) -> None:
    page = opened("report/question-one-request-h2.html")
    assert page.locator(".strip:visible").count() == 3
    page.get_by_role("combobox", name="compare").select_option("gamma")
    page.get_by_role("combobox", name="with").select_option("alpha")
    assert page.get_by_role("status").inner_text() == "2 of 3 servers shown"
    left, right = (page.locator(f"#server-{name}").bounding_box() for name in ("gamma", "alpha"))
    assert left
    assert right
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    again = opened("report/question-one-request-h2.html" + page.url[page.url.index("#") :])
    assert again.locator(".strip:visible h3").count() == 2


@pytest.mark.parametrize(
    "address",
    [
        "report/beta.html#verdict-beta-h2-one-request-in_flight_requests_are_served",
        "report/beta.html#asked-goaway_precedes_close",
        "report/gamma.html#play-gamma-h2c-one-request",
        "small/report.html#play-alpha-h2c-another-request",
        "report.html#check-goaway_precedes_close",
    ],
)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_deep_link_opens_what_it_leads_to(opened: OpenPage, address: str, script: bool) -> None:
    page = opened(address, java_script_enabled=script)
    target = page.locator(f"[id='{address.partition('#')[2]}']")
    sync_api.expect(target).to_be_in_viewport()


def test_without_script_everything_is_there_and_nothing_is_offered_that_does_nothing(opened: OpenPage) -> None:
    page = opened("report.html#show?answer=b", java_script_enabled=False)
    assert len(shown_rows(page, QUESTIONS)) == 4
    assert page.locator("button:visible, select:visible, input:visible").count() == 0
    page = opened("report/question-one-request-h2.html", java_script_enabled=False)
    assert page.locator(".strip:visible").count() == 3


def test_the_keyboard_reaches_the_content_the_filter_and_the_evidence(opened: OpenPage) -> None:
    page = opened("report.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.locator(":focus-visible").evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_label("text in the row").focus()
    page.keyboard.type("another")
    assert len(shown_rows(page, QUESTIONS)) == 2
    page.get_by_role("region", name=QUESTIONS).get_by_role("link", name="1 broken").first.focus()
    page.keyboard.press("Enter")
    sync_api.expect(page).to_have_url(re.compile("#play-beta-h2-another-request$"))


def test_the_theme_follows_the_system_until_it_is_chosen(opened: OpenPage) -> None:
    page = opened("report.html", color_scheme="dark")

    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    dark = ground()
    page.get_by_role("button", name="Light theme").click()
    assert ground() == "rgb(255, 255, 255)" != dark
    page.reload()
    assert ground() == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Dark theme").click()
    assert ground() == dark


def test_on_paper_there_is_nothing_to_press_and_nothing_is_cut_off(opened: OpenPage) -> None:
    page = opened("report.html", color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator(".theme:visible, select:visible, input:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).overflow") == "visible"


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_its_window(opened: OpenPage, name: str) -> None:
    page = opened(PAGES[name])
    page.evaluate(UNFOLD)
    for width in (1440, 768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


# --- hostile text is text ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which names, versions, reasons, GOAWAY's debug data, headers, stderr and links are all hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    drawn(folder, HOSTILE, HOSTILE)
    results = load_hostile(folder)
    write_page(results, folder, one_page_plays=0)
    (folder / "small").mkdir()
    (folder / "small" / "traces").symlink_to(folder / "traces")
    write_page(results, folder / "small")
    return folder


def load_hostile(folder: Path) -> Any:
    results = a_large_run(HOSTILE, HOSTILE)
    known = KnownDeviation(HOSTILE, f"javascript:{MARK}", HOSTILE)
    plays = [
        dataclasses.replace(
            play,
            verdicts=tuple(
                dataclasses.replace(verdict, expected=known if verdict.expected else None) for verdict in play.verdicts
            ),
        )
        for play in results.plays
    ]
    for name, server in results.servers.items():
        results.servers[name] = dataclasses.replace(server, documentation=f"javascript:{MARK}")
    clause = dataclasses.replace(results.clauses["in-flight"], link=f" javascript:{MARK}")
    dataclasses.replace(results, plays=tuple(plays), clauses={"in-flight": clause}).write(folder)
    return load_results(folder)


def test_nothing_that_a_server_said_runs_loads_or_links(opened: OpenPage, hostile: Path) -> None:
    pages = sorted(path.relative_to(hostile).as_posix() for path in hostile.glob("**/*.html"))
    assert len(pages) == 9
    for name in pages:
        page = opened(name, folder=hostile)
        page.evaluate(UNFOLD)
        page.keyboard.press("Tab")
        assert page.evaluate("typeof window.hostile") == "undefined", name
        assert page.evaluate("document.querySelectorAll('script').length") == 1
        assert page.locator("img, iframe, object, embed, link, base, form").count() == 0
        protocols = "[...new Set([...document.querySelectorAll('a[href]')].map((link) => link.protocol))].sort()"
        assert set(page.evaluate(protocols)) <= {"file:", "https:"}, name
        text = page.evaluate("document.body.textContent")
        assert f"<script>{MARK}</script>" in text
        assert not set(text) & set("\u202e\u2066\x00\x1b")


def test_a_hostile_run_can_be_filtered_and_compared_all_the_same(opened: OpenPage, hostile: Path) -> None:
    page = opened("report.html", folder=hostile)
    page.get_by_label("text in the row").fill("<script>")
    page.get_by_label("servers").fill("alpha<script>window.hostile=1")
    assert page.get_by_role("search").get_by_role("status").inner_text().endswith("1 of 3 servers shown")
    page.locator(".wide td:visible a").first.click()
    assert "play-alpha" in page.url
    assert page.locator(".play[open]").count() == 1
    page.get_by_role("link", name="compare with other servers").locator("visible=true").click()
    page.get_by_role("combobox", name="compare").select_option(index=1)
    assert page.locator(".strip:visible").count() == 1
    assert page.evaluate("typeof window.hostile") == "undefined"


# --- accessibility -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_in_either_theme_wide_or_narrow(opened: OpenPage, name: str) -> None:
    page = opened(PAGES[name], color_scheme="light")
    page.evaluate(UNFOLD)
    for theme in ("light", "dark"):
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert violations(page) == [], f"{theme}, {width} pixels"
        page.locator(".theme").click()


def violations(page: Page) -> list[str]:
    report = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response
    assert report["passes"], "axe checked nothing"
    return [
        f"{wrong['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for wrong in report["violations"]
        for node in wrong["nodes"][:3]
    ]
