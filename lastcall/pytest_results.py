"""Gathers the verdicts of a run in the process that writes the results: the only one, or xdist's controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lastcall.conformance.model.capabilities import Capability
from lastcall.conformance.model.verdict import Answer
from lastcall.conformance.results.results import PlayResult
from lastcall.pytest_items import CheckItem
from lastcall.run_results import publish, summary

if TYPE_CHECKING:
    from collections.abc import Generator

    from lastcall.conformance.model.case import CaseId
    from lastcall.run_expectations import RunExpectations
    from lastcall.session import RunSession


class ResultGatherer:
    """The plugin that adds verdicts to pytest's reports, reads them from there, and publishes them."""

    def __init__(self, run_session: RunSession, run_expectations: RunExpectations) -> None:
        self._run_session = run_session
        self._run_expectations = run_expectations
        self._plays: dict[CaseId, PlayResult] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the verdict to pytest's report, so that it reaches the controller of a distributed run."""
        report = yield
        if isinstance(item, CheckItem) and report.when == "call" and item.verdict and item.judged:
            report.lastcall = {"answer": str(item.verdict.answer)}  # type: ignore[attr-defined]
            if not item.play.reported:
                item.play.reported = True
                # Only plain data travels between processes: no enum, no tuple.
                play = self._run_expectations.with_expectations(item.judged.as_result(self._run_session.folder))
                capabilities = self._run_session.capabilities(item.play.case.server)
                report.lastcall["play"] = play.as_json()
                report.lastcall["capabilities"] = [vars(capability) for capability in capabilities]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the play that a report carries."""
        sent = getattr(report, "lastcall", None)
        if sent and "play" in sent:
            play = PlayResult.from_json(sent["play"])
            self._run_session.record_capabilities(
                play.server, [Capability(**record) for record in sent["capabilities"]]
            )
            self._plays[play.id] = play

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Return how a broken "should" and an observation are shown: not as passed."""
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
            publish(self._run_session, list(self._plays.values()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the summary of the run, with the place of the report."""
        terminalreporter.section("lastcall")
        for line in summary(self._run_session, list(self._plays.values())):
            terminalreporter.write_line(line)
