"""Gathers the verdicts of a run where results are written: in the one process, or in the controller of a distributed run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lastcall.conformance.model.capabilities import Capability
from lastcall.conformance.model.verdict import Answer
from lastcall.conformance.results.results import PlayResult
from lastcall.pytest_items import CheckItem

if TYPE_CHECKING:
    from collections.abc import Generator

    from lastcall.expectation_items import ExpectationItems
    from lastcall.session import RunSession


class ResultGatherer:
    """The plugin that sends verdicts along with pytest's reports, takes them from there, and publishes them."""

    def __init__(self, run_session: RunSession, expectation_items: ExpectationItems) -> None:
        self._run_session = run_session
        self._expectation_items = expectation_items
        self._plays: dict[tuple[str, str, str], PlayResult] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send the verdict along with pytest's report, so that it reaches the controller of a distributed run."""
        report = yield
        if isinstance(item, CheckItem) and report.when == "call" and item.verdict and item.judged:
            report.lastcall = {"answer": str(item.verdict.answer)}  # type: ignore[attr-defined]
            if not item.play.reported:
                item.play.reported = True
                # Only plain data travels between processes: no enum, no tuple.
                play = self._expectation_items.with_expectations(item.judged.as_result(self._run_session.folder))
                report.lastcall["play"] = play.as_json()
                report.lastcall["claims"] = [vars(claim) for claim in self._run_session.claims(item.play.row.server)]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the play that came along with a report."""
        sent = getattr(report, "lastcall", None)
        if sent and "play" in sent:
            play = PlayResult.from_json(sent["play"])
            self._run_session.record_capabilities(play.server, [Capability(**claim) for claim in sent["claims"]])
            self._plays[play.key] = play

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show a broken "should" and an observation as what they are, and not as passed."""
        sent = getattr(report, "lastcall", None)
        if report.when != "call" or not sent or not report.passed:
            return None
        if sent["answer"] == Answer.BROKEN:
            return "should broken", "s", "SHOULD BROKEN"
        if sent["answer"] == Answer.OBSERVED:
            return "observed", "o", "OBSERVED"
        return None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write results.json and the report, unless this is a worker."""
        if self._plays and not hasattr(session.config, "workerinput"):
            self._run_session.publish(list(self._plays.values()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what could not be asked, and where the report is."""
        terminalreporter.section("lastcall")
        for line in self._run_session.summary(list(self._plays.values())):
            terminalreporter.write_line(line)
