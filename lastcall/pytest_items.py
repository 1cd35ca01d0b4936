"""Collects scenarios as pytest items: a node for each scenario, and under it an item for each check of each play.

An item hands the plays to :class:`lastcall.session.RunSession` when it is the first one (all plays at once, where one
process does everything), and turns its check's verdict into an outcome of pytest.

A node id is ``FILE::SCENARIO::CHECK[SERVER-PROTOCOL]``. The brackets come last because pytest takes what follows the
first of them for parameters, up to the end of the id; so an id can be pasted into a command line.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lastcall.conformance.judging.expectations import Question
from lastcall.conformance.model.verdict import Answer, Level
from lastcall.expectation_items import AskedItem
from lastcall.progress_line import progress_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.verdict import Verdict
    from lastcall.expectation_items import ExpectationItems
    from lastcall.run import Judged
    from lastcall.session import Row, RunSession


class ScenarioItems:
    """The plugin that collects the files of scenarios, and orders their items."""

    def __init__(self, run_session: RunSession, expectation_items: ExpectationItems) -> None:
        self._run_session = run_session
        self._expectation_items = expectation_items
        self._files = frozenset(run_session.scenario_files)

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """Collect a file of scenarios as such, and not as a module of tests too, which would import it again."""
        collectors = yield
        if file_path.resolve() not in self._files:
            return collectors
        file: ScenarioFile = ScenarioFile.from_parent(
            parent,
            path=file_path,
            nodeid=self._node_id(file_path.resolve(), parent.config.rootpath.resolve()),
            run_session=self._run_session,
            expectation_items=self._expectation_items,
        )
        return [file]

    def _node_id(self, file: Path, root: Path) -> str:
        """Return the first part of node ids.

        It is an installed file's module as a path: that does not depend on what pytest takes for its root, which
        depends on the options' values. A file that was named and lies outside of that root keeps its whole path.
        """
        origin = self._run_session.origin_of(self._run_session.scenarios_of(file)[0])
        if not origin.endswith(".py"):
            return f"{origin.replace('.', '/')}.py"
        return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Bring the items of a server together, so that one server is reported after the other."""
        order: dict[str, int] = {}
        for item in items:
            if isinstance(item, CheckItem):
                order.setdefault(item.server, len(order))
        items.sort(key=lambda item: order[item.server] if isinstance(item, CheckItem) else -1)

    def pytest_collection_finish(self) -> None:
        """Spare the garbage collector what stays to the end: it would hold up the loop whose clocks are the evidence."""
        gc.freeze()


class ScenarioFile(pytest.File):
    """One file of scenarios."""

    def __init__(self, *, run_session: RunSession, expectation_items: ExpectationItems, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_session = run_session
        self.expectation_items = expectation_items

    def collect(self) -> Iterator[ScenarioNode]:
        """Yield a node for each scenario."""
        for scenario in self.run_session.scenarios_of(self.path.resolve()):
            yield ScenarioNode.from_parent(self, name=scenario.id, scenario=scenario)


class ScenarioNode(pytest.Collector):
    """One scenario, with the plays of every server over every protocol."""

    parent: ScenarioFile

    def __init__(self, *, scenario: Scenario, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scenario = scenario

    def collect(self) -> Iterator[CheckItem]:
        """Yield an item for each check of each play that is wanted."""
        run_session = self.parent.run_session
        for row in run_session.rows:
            for protocol in self.scenario.protocols:
                if run_session.asks(row, self.scenario, protocol):
                    play = SharedPlay(run_session, self.parent.expectation_items, row, self.scenario, protocol)
                    for check in self.scenario.checks_over(protocol, timed=row.server.timed is not None):
                        yield CheckItem.from_parent(self, play=play, check=check)


@dataclass(eq=False)
class SharedPlay:
    """One scenario played against one server over one protocol: what the items of its checks share."""

    run_session: RunSession
    expectation_items: ExpectationItems
    row: Row
    scenario: Scenario
    protocol: Protocol
    reported: bool = False
    """Whether its verdicts are in a report already: one report carries those of the whole play."""

    @property
    def parameters(self) -> str:
        """What follows the name of a check in a node id."""
        return f"[{self.row.server.name}-{self.protocol}]"

    @property
    def name(self) -> str:
        """The play's name, which ``-k`` takes too."""
        return f"{self.scenario.id}{self.parameters}"


class BrokenError(Exception):
    """A check's answer fails its item; the message is the account."""


class CheckItem(AskedItem):
    """One check of one play."""

    def __init__(self, *, parent: ScenarioNode, play: SharedPlay, check: Check, **kwargs: Any) -> None:
        name = f"{check.id}{play.parameters}"
        super().__init__(name=name, parent=parent, nodeid=f"{parent.nodeid}::{name}", **kwargs)
        self.extra_keyword_matches.add(play.name)
        self.play = play
        self.check = check
        self.verdict: Verdict | None = None
        self.judged: Judged | None = None
        self.server = play.row.server.name
        self.question = Question(play.scenario.id, str(play.protocol), check.id)
        self.add_marker(str(check.level))
        self.add_marker(marker_of(play.protocol))
        clause = check.clause
        self.user_properties += [
            ("server", self.server),
            ("scenario", play.scenario.id),
            ("protocol", str(play.protocol)),
            ("check", check.id),
        ]
        self.user_properties += [
            ("level", str(check.level)),
            ("impact", str(check.impact)),
            ("clause", clause.id),
            ("clause_link", clause.link),
        ]

    def runtest(self) -> None:
        """Take the verdict of this check; the first item of a server makes all its plays be played."""
        run_session = self.play.run_session
        refused = run_session.why_not_played(self.play.row)
        if refused:
            _fail_or_skip(refused, fails=self.play.row.named)
        if not run_session.performed(self.play.row):
            with progress_line(self.config) as show:
                run_session.perform(_wanted(self, run_session), show)
            # All of this stays to the end of the run: the garbage collector need not look through it again and again.
            gc.freeze()
        self.judged = run_session.judged(self.play.row, self.play.scenario, self.play.protocol)
        if self.judged is None:
            pytest.skip(f"no readable trace of {self.play.name} in {run_session.folder}")
        self.verdict = next(verdict for verdict in self.judged.verdicts if verdict.check == self.check.id)
        self.user_properties.append(("answer", str(self.verdict.answer)))
        self.user_properties.append(("version", run_session.version(self.play.row.server) or ""))
        self._conclude(run_session, self.judged, self.verdict)

    def _conclude(self, run_session: RunSession, judged: Judged, verdict: Verdict) -> None:
        strict = self.config.getoption("--strict-should")
        expected = self.play.expectation_items.expected(self.server, self.question)
        if expected and verdict.answer is Answer.BROKEN:
            self.user_properties.append(("expected", expected.words))
            pytest.xfail(expected.words)
        match verdict.answer:
            case Answer.KEPT | Answer.OBSERVED:
                return
            case Answer.BROKEN if verdict.level in (Level.MUST, Level.PROMISE) or strict:
                raise BrokenError(run_session.explain(judged, verdict, self.check))
            case Answer.BROKEN:
                return
            case Answer.SETUP_FAILED | Answer.HARNESS_ERROR:
                raise BrokenError(f"{verdict.answer}: {judged.case.name}: {verdict.because}")
            case _:
                _fail_or_skip(f"{verdict.answer}: {verdict.because}", fails=strict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the account alone, without a Python traceback."""
        if isinstance(excinfo.value, BrokenError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the item's place and its heading in the list of failures."""
        return self.path, None, f"{self.play.scenario.id}::{self.name}"


def marker_of(protocol: Protocol) -> str:
    """Return the name of a protocol's marker: ``-m`` takes identifiers only."""
    return str(protocol).replace("-", "_")


def _fail_or_skip(because: str, *, fails: bool) -> None:
    if fails:
        raise BrokenError(because)
    pytest.skip(because)


def _wanted(item: CheckItem, run_session: RunSession) -> list[tuple[Row, Scenario, Protocol]]:
    """Return the plays of what has been selected, so that -k and -m spare the rest.

    One process plays the plays of all servers at once. A worker of a distributed run is given one server after the
    other, so it plays those of this server.
    """
    plays = [other.play for other in item.session.items if isinstance(other, CheckItem)]
    if hasattr(item.config, "workerinput"):
        plays = [play for play in plays if play.row is item.play.row]
    playable = {play.row.server.name for play in plays if not run_session.why_not_played(play.row)}
    wanted = {play.name: (play.row, play.scenario, play.protocol) for play in plays if play.row.server.name in playable}
    return list(wanted.values())
