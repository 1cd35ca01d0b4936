"""Holds servers to their known deviations: an item for each expectation, which fails when the deviation is over.

A check that is broken as expected is an expected failure of pytest ("xfailed"), with its reason, in pytest's own summary
and in JUnit's. The items here are added after ``-k`` and ``-m`` have selected: an expectation about checks that are left
out gets no item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lastcall.conformance.judging.expectations import Standing
from lastcall.conformance.model.case import CaseCheck

if TYPE_CHECKING:
    from pathlib import Path

    from lastcall.chosen_servers import ChosenServer
    from lastcall.conformance.judging.expectations import Expectation, Expectations
    from lastcall.conformance.model.server import Server
    from lastcall.run_expectations import RunExpectations
    from lastcall.session import RunSession


class CaseCheckItem(pytest.Item):
    """An item for one check of one case."""

    case_check: CaseCheck


class UnmetError(Exception):
    """An expectation fails the run; the message says what to do about it."""


class ExpectationItems:
    """The plugin that adds the items of expectations, and of files that cannot be read."""

    def __init__(self, run_session: RunSession, run_expectations: RunExpectations) -> None:
        self._run_session = run_session
        self._run_expectations = run_expectations

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add an item for each expectation after the last item of its server."""
        for chosen in self._run_session.servers:
            expectations = self._run_expectations.in_force(chosen.server)
            places = {
                item.case_check: place
                for place, item in enumerate(items)
                if isinstance(item, CaseCheckItem) and item.case_check.case.server == chosen.name
            }
            if expectations and places:
                after = max(places.values()) + 1
                items[after:after] = self._items(session, chosen, expectations, set(places))
        for name, line in self._run_expectations.unreadable.items():
            items.append(UnreadableItem.from_parent(_node(session, name), name="file", line=line))

    def _items(
        self, session: pytest.Session, chosen: ChosenServer, expectations: Expectations, selected: set[CaseCheck]
    ) -> list[pytest.Item]:
        case_checks = self._run_expectations.case_checks(chosen.server)
        covered = {entry: expectations.covered(entry, case_checks) for entry in expectations.entries}
        # An entry that covers nothing is a mistake in the file, which only a run of everything can show.
        everything = selected >= set(case_checks)
        in_force = [
            entry
            for entry in expectations.entries
            if selected.intersection(covered[entry]) or (everything and not covered[entry])
        ]
        of_other_versions = [
            entry
            for entry in self._run_expectations.written[chosen.name].entries
            if entry not in covered and any(map(entry.covers, selected))
        ]
        node = _node(session, chosen.name)
        return [
            ExpectationItem.from_parent(node, name=str(entry), plugin=self, server=chosen.server, entry=entry)
            for entry in [*in_force, *of_other_versions]
        ]

    def settle(self, server: Server, entry: Expectation) -> None:
        """Skip or raise :class:`UnmetError`, unless the entry is in force."""
        written = self._run_expectations.written[server.name]
        expectations = self._run_expectations.in_force(server) or written
        if reason := self._run_session.unplayable_reason(server):
            pytest.skip(reason)
        if entry not in expectations.entries:
            version = self._run_session.version_under_test(server)
            pytest.skip(f"{entry.id} is for {server.name} {entry.versions}, and {version} is under test")
        standing = expectations.standing(entry, self._run_expectations.case_checks(server), self._answers(server))
        delete = f"{_deletion(entry)} from {written.path}"
        if standing is Standing.OVER:
            raise UnmetError(f"{entry} was expected to be broken on {server.name}, and holds: {delete}")
        if standing is Standing.COVERS_NOTHING:
            raise UnmetError(f"{entry} covers no check of {server.name}: {delete}")
        if standing is Standing.UNDECIDED:
            pytest.skip("nothing that it covers is broken, but a part of it was not tested")

    def _answers(self, server: Server) -> dict[CaseCheck, str]:
        plays = (self._run_session.judged(case.id) for case in self._run_session.cases(server))
        return {
            CaseCheck(play.case.id, verdict.check): str(verdict.answer)
            for play in plays
            if play
            for verdict in play.verdicts
        }


def _deletion(entry: Expectation) -> str:
    """Return what a person does to remove the entry from its file."""
    keys = {"id": entry.id, "protocol": entry.protocol, "versions": entry.versions}
    return " ".join(["delete [[expected]]", *(f'{key} = "{value}"' for key, value in keys.items() if value)])


class _Node(pytest.Collector):
    """The parent of a server's expectations in the items' names."""

    def collect(self) -> list[pytest.Item]:
        """Return nothing: the items are made after pytest has selected the others."""
        return []


class _ExpectationsFileItem(pytest.Item):
    """An item about a file of expectations, which fails with one line."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the line alone, without a Python traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, UnmetError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the item's name for the headings of failures."""
        return self.path, None, self.nodeid


class ExpectationItem(_ExpectationsFileItem):
    """One expectation: it passes as long as a check that it covers is broken."""

    def __init__(self, *, plugin: ExpectationItems, server: Server, entry: Expectation, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._plugin = plugin
        self._server = server
        self._entry = entry
        self.user_properties += [("server", server.name), ("expected", entry.summary)]

    def runtest(self) -> None:
        """Settle the expectation by the verdicts of the run."""
        self._plugin.settle(self._server, self._entry)


class UnreadableItem(_ExpectationsFileItem):
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
