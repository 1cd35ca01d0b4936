"""Writes what the expectations should be after a run, beside the files that there are and never over them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from lastcall.conformance.judging.expectations import Expectations, as_toml, proposal
from lastcall.conformance.model.case import CaseCheck, CaseId
from lastcall.conformance.model.verdict import Answer, Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lastcall.conformance.model.server import Server
    from lastcall.run_expectations import RunExpectations
    from lastcall.session import RunSession

Answers = dict[CaseCheck, tuple[str, str]]
"""The answer and the level of each check of a server that the run has judged."""


class ExpectationProposals:
    """The plugin of ``--update-expectations``."""

    def __init__(self, run_session: RunSession, run_expectations: RunExpectations) -> None:
        self._run_session = run_session
        self._run_expectations = run_expectations
        self._answers: dict[str, Answers] = {}
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep each answer of the run, which reports carry from xdist's workers too."""
        properties = {name: str(value) for name, value in report.user_properties}
        if report.when == "call" and "answer" in properties:
            case = CaseId(properties["server"], properties["protocol"], properties["scenario"])
            case_check = CaseCheck(case, properties["check"])
            self._answers.setdefault(case.server, {})[case_check] = (properties["answer"], properties["level"])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the proposals, unless this is a worker."""
        if hasattr(session.config, "workerinput"):
            return
        strict = [Level.SHOULD] if session.config.getoption("--strict-should") else []
        for chosen in self._run_session.servers:
            if answers := self._answers.get(chosen.name):
                self._propose(chosen.server, answers, [Level.MUST, Level.PROMISE, *strict])

    def _propose(
        self, server: Server, judged: Mapping[CaseCheck, tuple[str, str]], failing_levels: Sequence[Level]
    ) -> None:
        name = server.name
        known = self._run_expectations.in_force(server) or Expectations(name)
        # A broken "should" fails no item without --strict-should, so it needs no expectation then.
        answers = {
            case_check: answer
            for case_check, (answer, level) in judged.items()
            if answer != Answer.BROKEN or level in failing_levels or known.of(case_check)
        }
        today = datetime.now(UTC).date().isoformat()
        proposed = proposal(known, self._run_expectations.case_checks(server), answers, today)
        written = self._run_expectations.written.get(name)
        if written:
            proposed = _with_other_versions(proposed, tested=known, written=written)
        if proposed.entries == (written or known).entries:
            self._lines.append(f"{name}: the expectations are as they should be")
            return
        path = (known.path or self._run_session.folder / f"{name}.toml").with_suffix(".toml.proposed")
        again = " (in the place of an older proposal)" if path.exists() else ""
        path.write_text(as_toml(proposed), encoding="utf-8")
        self._lines.append(f"{name}: {len(proposed.entries)} expectations are proposed in {path}{again}")

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write where the proposals are."""
        for line in self._lines:
            terminalreporter.write_line(line)


def _with_other_versions(proposed: Expectations, *, tested: Expectations, written: Expectations) -> Expectations:
    """Return a proposal with the file's entries of versions that were not under test, in the file's order."""
    stay = [entry for entry in written.entries if entry in proposed.entries or entry not in tested.entries]
    new = [entry for entry in proposed.entries if entry not in written.entries]
    return dataclasses.replace(proposed, entries=(*stay, *new))
