"""Collects scenarios as pytest items: a node for each scenario, and under it an item for each check of each case.

The first item that runs lets :class:`lastcall.session.RunSession` perform the plays (those of all servers together, where
one process does everything). Every item turns its check's verdict into an outcome of pytest.

A node id is ``FILE::SCENARIO::CHECK[SERVER-PROTOCOL]``. The brackets come last because pytest takes everything from the
first bracket to the end of the id for parameters; so an id can be pasted into a command line.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from lastcall.conformance.model.case import CaseCheck
from lastcall.conformance.model.verdict import Answer, Level
from lastcall.expectation_items import CaseCheckItem
from lastcall.progress_line import progress_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from lastcall.chosen_servers import ChosenServer
    from lastcall.conformance.model.case import Case
    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.verdict import Verdict
    from lastcall.run import JudgedPlay
    from lastcall.run_expectations import RunExpectations
    from lastcall.session import RunSession


class ScenarioItems:
    """The plugin that collects the files of scenarios, and orders their items."""

    def __init__(self, run_session: RunSession, run_expectations: RunExpectations) -> None:
        self._run_session = run_session
        self._run_expectations = run_expectations
        self._files = frozenset(run_session.scenario_files)

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """Collect a file of scenarios as such only: as a module of tests it would be imported a second time."""
        collectors = yield
        if file_path.resolve() not in self._files:
            return collectors
        file: ScenarioFile = ScenarioFile.from_parent(
            parent,
            path=file_path,
            nodeid=self._node_id(file_path.resolve(), parent.config.rootpath.resolve()),
            run_session=self._run_session,
            run_expectations=self._run_expectations,
        )
        return [file]

    def _node_id(self, file: Path, root: Path) -> str:
        """Return the first part of node ids.

        For an installed file it is the module as a path, because pytest's root depends on the values of options. A file
        that the command line names and that lies outside of the root keeps its whole path.
        """
        origin = self._run_session.origin_of(self._run_session.scenarios_of(file)[0])
        if not origin.endswith(".py"):
            return f"{origin.replace('.', '/')}.py"
        return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the items by server, so that pytest reports one server after the other."""
        order: dict[str, int] = {}
        for item in items:
            if isinstance(item, CheckItem):
                order.setdefault(item.case_check.case.server, len(order))
        items.sort(key=lambda item: order[item.case_check.case.server] if isinstance(item, CheckItem) else -1)

    def pytest_collection_finish(self) -> None:
        """Exclude the collected items from garbage collection, which would delay the loop whose clocks are the evidence."""
        gc.freeze()


class ScenarioFile(pytest.File):
    """One file of scenarios."""

    def __init__(self, *, run_session: RunSession, run_expectations: RunExpectations, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_session = run_session
        self.run_expectations = run_expectations

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
        """Yield an item for each check of each case that the servers support."""
        run_session = self.parent.run_session
        for chosen in run_session.servers:
            for case in run_session.cases_of(self.scenario, chosen.server):
                if not case.why_not:
                    play = SharedPlay(run_session, self.parent.run_expectations, chosen, case)
                    for check in self.scenario.checks_over(case.protocol, timed=chosen.server.timed is not None):
                        yield CheckItem.from_parent(self, play=play, check=check)


@dataclass(eq=False)
class SharedPlay:
    """The play of one case: what the items of its checks share."""

    run_session: RunSession
    run_expectations: RunExpectations
    chosen: ChosenServer
    case: Case
    reported: bool = False
    """Whether a report of pytest has the play's verdicts already: one report carries all of them."""


class BrokenError(Exception):
    """A check's answer fails its item; the message is the explanation."""


class CheckItem(CaseCheckItem):
    """One check of one case, as an item of pytest."""

    def __init__(self, *, parent: ScenarioNode, play: SharedPlay, check: Check, **kwargs: Any) -> None:
        case = play.case.id
        name = f"{check.id}{case.parameters}"
        super().__init__(name=name, parent=parent, nodeid=f"{parent.nodeid}::{name}", **kwargs)
        # -k takes the name of the case too, which an explanation prints.
        self.extra_keyword_matches.add(str(case))
        self.play = play
        self.check = check
        self.case_check = CaseCheck(case, check.id)
        self.verdict: Verdict | None = None
        self.judged: JudgedPlay | None = None
        self.add_marker(str(check.level))
        self.add_marker(marker_of(play.case.protocol))
        self.user_properties += [
            ("server", case.server),
            ("scenario", case.scenario),
            ("protocol", case.protocol),
            ("check", check.id),
            ("level", str(check.level)),
            ("impact", str(check.impact)),
            ("clause", check.clause.id),
            ("clause_link", check.clause.link),
        ]

    def runtest(self) -> None:
        """Read the verdict of this check; the first item of a server has all its plays performed."""
        run_session, case = self.play.run_session, self.play.case
        reason = run_session.unplayable_reason(case.server)
        if reason:
            _fail_or_skip(reason, fails=self.play.chosen.by_name)
        if not run_session.performed(case.server):
            with progress_line(self.config) as show:
                run_session.perform(_selected_cases(self, run_session), show)
            # The traces stay to the end of the run: the garbage collector need not search them again and again.
            gc.freeze()
        self.judged = run_session.judged(case.id)
        if self.judged is None:
            _fail_or_skip(
                run_session.unreadable_reason(case.id) or f"no trace of {case.id} in {run_session.folder}",
                fails=bool(run_session.unreadable_reason(case.id)),
            )
        self.verdict = next(verdict for verdict in self.judged.verdicts if verdict.check == self.check.id)
        self.user_properties.append(("answer", str(self.verdict.answer)))
        self.user_properties.append(("version", run_session.version(case.server) or ""))
        self._conclude(run_session, self.judged, self.verdict)

    def _conclude(self, run_session: RunSession, judged: JudgedPlay, verdict: Verdict) -> None:
        """Return, skip or fail by the answer of the verdict."""
        strict = self.config.getoption("--strict-should")
        expectation = self.play.run_expectations.expectation_of(self.case_check)
        if expectation and verdict.answer is Answer.BROKEN:
            self.user_properties.append(("expected", expectation.summary))
            pytest.xfail(expectation.summary)
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
        """Return the explanation alone, without a Python traceback."""
        if isinstance(excinfo.value, BrokenError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the item's place and its heading in the list of failures."""
        return self.path, None, f"{self.case_check.case.scenario}::{self.name}"


def marker_of(protocol: Protocol) -> str:
    """Return the name of a protocol's marker: ``-m`` takes identifiers only."""
    return str(protocol).replace("-", "_")


def _fail_or_skip(reason: str, *, fails: bool) -> NoReturn:
    if fails:
        raise BrokenError(reason)
    pytest.skip(reason)


def _selected_cases(item: CheckItem, run_session: RunSession) -> list[Case]:
    """Return the cases of the selected items, so that nothing is played that ``-k`` and ``-m`` leave out.

    One process plays the cases of all servers together. A worker of a distributed run gets one server after the other,
    so it plays those of this server.
    """
    plays = [other.play for other in item.session.items if isinstance(other, CheckItem)]
    if hasattr(item.config, "workerinput"):
        plays = [play for play in plays if play.chosen is item.play.chosen]
    cases = {play.case.id: play.case for play in plays}
    playable = {
        server.name: not run_session.unplayable_reason(server) for server in (case.server for case in cases.values())
    }
    return [case for case in cases.values() if playable[case.server.name]]
