"""Holds servers to their known deviations: an item for each expectation, which fails when the deviation is over.

What is broken as expected is an expected failure of pytest ("xfailed"), with its reason, in pytest's own summary and in
JUnit's. The items here are added after ``-k`` and ``-m`` have chosen: an expectation about what was left out is not asked.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lastcall.conformance.judging.expectations import (
    Expectation,
    Expectations,
    ExpectationsError,
    Question,
    Standing,
    as_toml,
    load_expectations,
    proposal,
)
from lastcall.conformance.model.verdict import Answer, KnownDeviation, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastcall.conformance.model.verdict import Verdict
    from lastcall.conformance.results.results import PlayResult
    from lastcall.session import Row, RunSession

KNOWN = Path(__file__).resolve().parent / "servers" / "expectations"
"""Where the known deviations of the servers of lastcall are kept, a file for each server."""
NONE = "none"
"""The value of the option that leaves out the files of :data:`KNOWN`."""


class AskedItem(pytest.Item):
    """An item that asks a server one question."""

    server: str
    question: Question


class UnmetError(Exception):
    """An expectation fails the run; the message says what to do about it."""


class ExpectationItems:
    """The expectations of a run, server by server. ``faults`` are the lines of files that cannot be read."""

    def __init__(
        self, run_session: RunSession, books: dict[str, Expectations], faults: dict[str, str], *, update: bool
    ) -> None:
        self._run_session = run_session
        self._books = books
        self._in_force: dict[str, Expectations] = {}
        self._faults = faults
        self._update = update
        self._told: dict[str, dict[Question, tuple[str, str]]] = {}
        self._written: list[str] = []

    @classmethod
    def assemble(cls, run_session: RunSession, named: Sequence[str], *, update: bool = False) -> ExpectationItems:
        """Read what is named, and what is known of the other servers; a file that cannot be read becomes an item."""
        names = {row.server.name for row in run_session.rows}
        books: dict[str, Expectations] = {}
        faults: dict[str, str] = {}
        known = [] if NONE in named else [path for path in _files(KNOWN) if path.stem in names]
        given = [path for name in named if name != NONE for path in _files(Path(name))]
        for path in [*known, *given]:
            try:
                book = load_expectations(path)
            except ExpectationsError as error:
                faults[path.stem] = str(error)
                continue
            before = books.get(book.server)
            if before and before.path in given:
                faults[path.stem] = f"{path}: the expectations of {book.server!r} are in {before.path} already"
            elif book.server in names:
                books[book.server] = book
            elif str(path) in named:
                faults[path.stem] = f"{path}: 'server' is {book.server!r}, which is not asked in this run"
        return cls(run_session, books, faults, update=update)

    def expected(self, server: str, question: Question) -> Expectation | None:
        """Give the expectation that covers a question."""
        book = self._in_force_of(server)
        return book.of(question) if book else None

    def _in_force_of(self, server: str) -> Expectations | None:
        """Return what is expected of the version that is under test; all, where no version is known."""
        if server in self._books and server not in self._in_force:
            book = self._books[server]
            version = (
                self._run_session.version_under_test(server) if any(entry.versions for entry in book.entries) else ""
            )
            self._in_force[server] = book.for_version(version) if version else book
        return self._in_force.get(server)

    def with_expectations(self, play: PlayResult) -> PlayResult:
        """Return a play with the expectation beside each broken verdict that one covers."""
        return dataclasses.replace(play, verdicts=tuple(self._with_expectation(play, each) for each in play.verdicts))

    def _with_expectation(self, play: PlayResult, verdict: Verdict) -> Verdict:
        entry = self.expected(play.server, Question(play.scenario, play.protocol, verdict.check))
        if entry is None or verdict.answer is not Answer.BROKEN:
            return verdict
        return dataclasses.replace(verdict, expected=KnownDeviation(entry.reason, entry.upstream, entry.date))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add an item for each expectation after the last item of its server."""
        chosen: dict[str, set[Question]] = {}
        for item in items:
            if isinstance(item, AskedItem):
                chosen.setdefault(item.server, set()).add(item.question)
        for row in self._run_session.rows:
            book = self._in_force_of(row.server.name)
            mine = chosen.get(row.server.name, set())
            if book and mine:
                last = max(
                    n for n, each in enumerate(items) if isinstance(each, AskedItem) and each.server == book.server
                )
                items[last + 1 : last + 1] = self._items(session, row, book, mine)
        for name, line in self._faults.items():
            items.append(UnreadableItem.from_parent(_node(session, name), name="file", line=line))

    def _items(self, session: pytest.Session, row: Row, book: Expectations, chosen: set[Question]) -> list[pytest.Item]:
        questions = self.questions(row)
        node = _node(session, row.server.name)
        covered = {entry: book.covered(entry, questions) for entry in book.entries}
        whole = chosen >= set(questions)
        wanted = [
            entry for entry in book.entries if chosen.intersection(covered[entry]) or (whole and not covered[entry])
        ]
        apart = [
            entry
            for entry in self._books[row.server.name].entries
            if entry not in covered and any(map(entry.covers, chosen))
        ]
        return [
            ExpectationItem.from_parent(node, name=str(entry), told=(self, row, entry)) for entry in [*wanted, *apart]
        ]

    def questions(self, row: Row) -> list[Question]:
        """Give all that a server is asked when nothing is left out."""
        return [
            Question(scenario.id, str(protocol), check.id)
            for scenario in self._run_session.scenarios
            for protocol in scenario.protocols
            if self._run_session.asks(row, scenario, protocol)
            for check in scenario.checks_over(protocol)
        ]

    def settle(self, row: Row, entry: Expectation) -> None:
        """Skip or raise :class:`UnmetError`, unless the entry is in force."""
        book = self._in_force_of(row.server.name) or self._books[row.server.name]
        if refused := self._run_session.why_not_played(row):
            pytest.skip(refused)
        if entry not in book.entries:
            version = self._run_session.version_under_test(row.server.name)
            pytest.skip(f"{entry.id} is known of {book.server} {entry.versions}, and not judged of {version}")
        told = book.standing(entry, self.questions(row), self._answers(row))
        delete = f'delete [[expected]] id = "{entry.id}"' + (
            f' protocol = "{entry.protocol}"' if entry.protocol else ""
        )
        delete += f' versions = "{entry.versions}"' if entry.versions else ""
        if told is Standing.OVER:
            raise UnmetError(
                f"{entry} was expected to be broken on {book.server}, and holds: {delete} from {book.path}"
            )
        if told is Standing.NEVER_ASKED:
            raise UnmetError(f"{entry} is nothing that {book.server} is asked: {delete} from {book.path}")
        if told is Standing.UNDECIDED:
            pytest.skip("nothing that it covers is broken, but not all of that was asked and put to the test")

    def _answers(self, row: Row) -> dict[Question, str]:
        answers = {}
        for scenario in self._run_session.scenarios:
            for protocol in scenario.protocols:
                judged = self._run_session.judged(row, scenario, protocol)
                for verdict in judged.verdicts if judged else ():
                    answers[Question(scenario.id, str(protocol), verdict.check)] = str(verdict.answer)
        return answers

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of each answer of the run, where proposals are written."""
        told = {name: str(value) for name, value in report.user_properties}
        if self._update and report.when == "call" and "answer" in told:
            question = Question(told["scenario"], told["protocol"], told["check"])
            self._told.setdefault(told["server"], {})[question] = (told["answer"], told["level"])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the proposals, unless this is a worker."""
        if not hasattr(session.config, "workerinput"):
            levels = [
                Level.MUST,
                Level.PROMISE,
                *([Level.SHOULD] if session.config.getoption("--strict-should") else []),
            ]
            for row in self._run_session.rows:
                if told := self._told.get(row.server.name):
                    self._propose(row, told, levels)

    def _propose(self, row: Row, told: dict[Question, tuple[str, str]], levels: Sequence[Level]) -> None:
        name = row.server.name
        known = self._in_force_of(name) or Expectations(name)
        # A broken "should" fails nothing unless it is asked to: it is expected only by those who say so.
        answers = {
            question: answer
            for question, (answer, level) in told.items()
            if answer != Answer.BROKEN or level in levels or known.of(question)
        }
        proposed = proposal(known, self.questions(row), answers, datetime.now(UTC).date().isoformat())
        proposed = self._beside_other_versions(proposed)
        if proposed.entries == self._books.get(name, known).entries:
            self._written.append(f"{name}: the expectations are as they should be")
            return
        path = (known.path or self._run_session.folder / f"{name}.toml").with_suffix(".toml.proposed")
        again = " (in the place of an older proposal)" if path.exists() else ""
        path.write_text(as_toml(proposed), encoding="utf-8")
        self._written.append(f"{name}: {len(proposed.entries)} expectations are proposed in {path}{again}")

    def _beside_other_versions(self, proposed: Expectations) -> Expectations:
        """Return a proposal with what the file says of versions that were not under test, in the file's order."""
        tried, written = self._in_force.get(proposed.server), self._books.get(proposed.server)
        if tried is None or written is None:
            return proposed
        stay = [entry for entry in written.entries if entry in proposed.entries or entry not in tried.entries]
        new = [entry for entry in proposed.entries if entry not in written.entries]
        return dataclasses.replace(proposed, entries=(*stay, *new))

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the proposals are."""
        for line in self._written:
            terminalreporter.write_line(line)


class _Node(pytest.Collector):
    """Stands for the expectations of a server in the items' names."""

    def collect(self) -> list[pytest.Item]:
        """Give nothing: the items are made when it is known what has been chosen."""
        return []


class _BookItem(pytest.Item):
    """An item about a file of expectations; what fails it is said in one line."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the line alone, without a Python traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, UnmetError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the item in failure headings."""
        return self.path, None, self.nodeid


class ExpectationItem(_BookItem):
    """One expectation: it passes as long as something that it covers is broken."""

    def __init__(self, *, told: tuple[ExpectationItems, Row, Expectation], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._told = told
        _reckoning, row, entry = told
        self.user_properties += [("server", row.server.name), ("expected", entry.words)]

    def runtest(self) -> None:
        """Settle it by the verdicts of the run."""
        expectation_items, row, entry = self._told
        expectation_items.settle(row, entry)


class UnreadableItem(_BookItem):
    """A file of expectations that cannot be read: it fails, and the run goes on."""

    def __init__(self, *, line: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._line = line

    def runtest(self) -> None:
        """Fail with the line that says what is wrong."""
        raise UnmetError(self._line)


def _node(session: pytest.Session, name: str) -> _Node:
    node: _Node = _Node.from_parent(session, name=f"expectations[{name}]", nodeid=f"expectations[{name}]")
    return node


def _files(place: Path) -> list[Path]:
    """Give the files of a folder, or the file itself, which may turn out not to be there."""
    return sorted(place.glob("*.toml")) if place.is_dir() else [place] if place != KNOWN else []
