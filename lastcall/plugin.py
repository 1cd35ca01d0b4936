"""The pytest plugin: scenarios become items, one for each check; ``pytest --server NAME`` runs them.

It is thin: it collects, hands the plays to :class:`lastcall.session.RunSession` when the first item comes (all of
them at once, where one process does everything), and turns verdicts into outcomes.

Without ``--server`` or ``--judge-only`` it does nothing.
"""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lastcall import scenarios
from lastcall.conformance.judging.expectations import Question
from lastcall.conformance.model.protocol import PROTOCOLS
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.verdict import Answer, Level
from lastcall.conformance.results.results import ResultsError
from lastcall.expectation_items import AskedItem, ExpectationItems
from lastcall.session import Row, RunSession, SessionError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from lastcall.conformance.model.check import Asked
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.verdict import Verdict
    from lastcall.run import Judged, Progress

RUN_SESSION = pytest.StashKey[RunSession]()
EXPECTATION_ITEMS = pytest.StashKey[ExpectationItems]()
SCENARIOS = Path(scenarios.__path__[0])
"""Where the scenario modules are."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add lastcall's options."""
    group = parser.getgroup("lastcall", "graceful shutdown conformance (lastcall)")
    group.addoption(
        "--server",
        action="append",
        default=[],
        metavar="NAME",
        help="server to test: a name (python -m lastcall list shows them), 'all', or the path of a TOML or Python file;"
        " repeatable",
    )
    group.addoption(
        "--pace",
        choices=[pace.value for pace in Pace],
        default=Pace.FAST.value,
        help="fast (default) shortens what is not under test; issue uses the founding issue's durations",
    )
    group.addoption(
        "--results",
        metavar="DIR",
        default="lastcall-results",
        help="folder for traces, results.json and report.html (default: %(default)s)",
    )
    group.addoption("--judge-only", metavar="DIR", help="judge the traces stored in DIR again; no server is started")
    group.addoption(
        "--expectations",
        action="append",
        default=[],
        metavar="FILE|DIR",
        help="known deviations, TOML (repeatable); 'none' leaves out those that lastcall has of its own servers",
    )
    group.addoption(
        "--update-expectations", action="store_true", help="write what the expectations should be, beside them"
    )
    group.addoption("--strict-should", action="store_true", help="let a broken 'should' and a 'cannot tell' fail too")


def pytest_configure(config: pytest.Config) -> None:
    """Read who is asked, and point pytest at the scenarios if no path was given."""
    config.addinivalue_line("markers", "lastcall(answer): a check of a lastcall scenario")
    names, again = config.getoption("--server"), config.getoption("--judge-only")
    if not names and not again:
        return
    folder = Path(again or config.getoption("--results")).resolve()
    try:
        run_session = RunSession.assemble(names, folder, Pace(config.getoption("--pace")), judge_only=bool(again))
    except (SessionError, ResultsError) as error:
        raise pytest.UsageError(str(error)) from error
    for server in run_session.rows:
        for protocol in server.server.speaks:
            config.addinivalue_line("markers", f"{_mark(protocol)}: plays over {protocol}")
    for level in Level:
        config.addinivalue_line("markers", f"{level}: checks at the level {level}")
    config.stash[RUN_SESSION] = run_session
    config.add_cleanup(run_session.close)
    expectation_items = ExpectationItems.assemble(
        run_session, config.getoption("--expectations"), update=config.getoption("--update-expectations")
    )
    config.stash[EXPECTATION_ITEMS] = expectation_items
    config.pluginmanager.register(Gatherer(run_session), "lastcall-gatherer")
    config.pluginmanager.register(expectation_items, "lastcall-reckoning")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(SCENARIOS)]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """Collect the scenario modules."""
    if RUN_SESSION in parent.config.stash and file_path.suffix == ".py" and file_path.parent == SCENARIOS:
        # Where pytest believes its root to be depends on the options' values; the node id must not.
        return ScenarioFile.from_parent(parent, path=file_path, nodeid=f"scenarios/{file_path.name}")
    return None


class ScenarioFile(pytest.File):
    """One module of scenarios."""

    def collect(self) -> Iterator[PlayNode]:
        """Give a node for each play that somebody is asked for."""
        run_session = self.config.stash[RUN_SESSION]
        for scenario in run_session.scenarios_of(self.path.stem):
            for row in run_session.rows:
                for protocol in scenario.protocols:
                    if run_session.asks(row, scenario, protocol):
                        name = f"{scenario.id}[{row.server.name}-{protocol}]"
                        yield PlayNode.from_parent(self, name=name, row=row, scenario=scenario, protocol=protocol)


class PlayNode(pytest.Collector):
    """One scenario played against one server over one protocol."""

    def __init__(self, *, row: Row, scenario: Scenario, protocol: Protocol, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.row = row
        self.scenario = scenario
        self.protocol = protocol
        self.told = False
        """Whether its verdicts have been told of: one report carries those of the whole play."""

    def collect(self) -> Iterator[CheckItem]:
        """Give an item for each check."""
        for asked in self.scenario.asked_over(self.protocol, timed=self.row.server.timed is not None):
            yield CheckItem.from_parent(self, name=asked.check.id, play=self, asked=asked)


class BrokenError(Exception):
    """A check's answer fails its item; the message is the account."""


class CheckItem(AskedItem):
    """One check of one play."""

    def __init__(self, *, play: PlayNode, asked: Asked, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.play = play
        self.asked = asked
        self.verdict: Verdict | None = None
        self.judged: Judged | None = None
        self.server = play.row.server.name
        self.question = Question(play.scenario.id, str(play.protocol), asked.check.id)
        self.add_marker(str(asked.level))
        self.add_marker(_mark(play.protocol))
        clause = asked.check.clause
        self.user_properties += [
            ("server", self.server),
            ("scenario", play.scenario.id),
            ("protocol", str(play.protocol)),
            ("check", asked.check.id),
        ]
        self.user_properties += [("level", str(asked.level)), ("clause", clause.id), ("clause_link", clause.link)]

    def runtest(self) -> None:
        """Take the verdict of this check; the first item of a server makes all its plays be played."""
        run_session = self.config.stash[RUN_SESSION]
        refused = run_session.why_not_played(self.play.row)
        if refused:
            _fail_or_skip(refused, fails=self.play.row.named)
        if not run_session.performed(self.play.row):
            with _progress_line(self.config) as progress:
                run_session.perform(_wanted(self, run_session), progress)
            # All of this stays to the end of the run: the garbage collector need not look through it again and again.
            gc.freeze()
        self.judged = run_session.judged(self.play.row, self.play.scenario, self.play.protocol)
        if self.judged is None:
            pytest.skip(f"no readable trace of {self.play.name} in {run_session.folder}")
        self.verdict = next(each for each in self.judged.verdicts if each.check == self.asked.check.id)
        self.user_properties.append(("answer", str(self.verdict.answer)))
        self.user_properties.append(("version", run_session.version(self.play.row.server) or ""))
        self._conclude(run_session, self.judged, self.verdict)

    def _conclude(self, run_session: RunSession, judged: Judged, verdict: Verdict) -> None:
        strict = self.config.getoption("--strict-should")
        expected = self.config.stash[EXPECTATION_ITEMS].expected(self.server, self.question)
        if expected and verdict.answer is Answer.BROKEN:
            self.user_properties.append(("expected", expected.words))
            pytest.xfail(expected.words)
        match verdict.answer:
            case Answer.KEPT | Answer.OBSERVED:
                return
            case Answer.BROKEN if verdict.level in (Level.MUST, Level.PROMISE) or strict:
                raise BrokenError(run_session.explain(judged, verdict, self.asked.check))
            case Answer.BROKEN:
                return
            case Answer.SETUP_FAILED | Answer.HARNESS_ERROR:
                raise BrokenError(f"{verdict.answer}: {judged.case.name}: {verdict.because}")
            case _:
                _fail_or_skip(f"{verdict.answer}: {verdict.because}", fails=strict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the account alone, without a Python traceback."""
        if isinstance(excinfo.value, BrokenError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the item in failure headings."""
        return self.path, None, f"{self.play.name}::{self.name}"


def _fail_or_skip(because: str, *, fails: bool) -> None:
    if fails:
        raise BrokenError(because)
    pytest.skip(because)


def _mark(protocol: Protocol) -> str:
    return str(protocol).replace("-", "_")


def _wanted(item: CheckItem, run_session: RunSession) -> list[tuple[Row, Scenario, Protocol]]:
    """Give the plays of what has been selected, so that -k and -m spare the rest.

    One process plays the plays of all servers at once. A worker of a distributed run is given one server after the
    other, so it plays those of this server.
    """
    plays = [each.play for each in item.session.items if isinstance(each, CheckItem)]
    if hasattr(item.config, "workerinput"):
        plays = [play for play in plays if play.row is item.play.row]
    playable = {play.row.server.name for play in plays if not run_session.why_not_played(play.row)}
    wanted = {play.name: (play.row, play.scenario, play.protocol) for play in plays if play.row.server.name in playable}
    return list(wanted.values())


class _progress_line:  # noqa: N801 - used like a function
    """Shows progress while pytest captures; on a terminal in one line that is written over."""

    def __init__(self, config: pytest.Config) -> None:
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")
        self._shown = ""

    def __enter__(self) -> Any:
        return self._show

    def __exit__(self, *_error: object) -> None:
        if self._shown:
            self._write("\r" + " " * len(self._shown) + "\r")

    def _show(self, progress: Progress) -> None:
        if self._reporter is None or not self._reporter.isatty:
            return
        line = str(progress)
        self._write("\r" + line.ljust(len(self._shown)))
        self._shown = line

    def _write(self, text: str) -> None:
        with self._capture.global_and_fixture_disabled():
            self._reporter._tw._file.write(text)  # noqa: SLF001 - pytest offers no way to write over a line
            self._reporter._tw._file.flush()  # noqa: SLF001


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector what stays to the end: it would hold up the loop whose clocks are the evidence."""
    if RUN_SESSION in session.config.stash:
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the items of a server together, so that one server is reported after the other."""
    order: dict[str, int] = {}
    for item in items:
        if isinstance(item, CheckItem):
            order.setdefault(item.play.row.server.name, len(order))
    items.sort(key=lambda item: order[item.play.row.server.name] if isinstance(item, CheckItem) else -1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the verdict along with pytest's report, so that it reaches the controller of a distributed run."""
    report = yield
    if isinstance(item, CheckItem) and report.when == "call" and item.verdict and item.judged:
        run_session = item.config.stash[RUN_SESSION]
        report.lastcall = {  # type: ignore[attr-defined]
            "answer": str(item.verdict.answer),
            "level": str(item.verdict.level),
        }
        if not item.play.told:
            item.play.told = True
            # Only plain data travels between processes: no enum, no tuple.
            result = json.loads(json.dumps(item.judged.as_result(run_session.folder), default=vars))
            report.lastcall["play"] = item.config.stash[EXPECTATION_ITEMS].with_expectations(result)
            report.lastcall["claims"] = run_session.claims(item.play.row.server)
    return report


class Gatherer:
    """Gathers the verdicts of a run where results are written: in the one process, or in the controller."""

    def __init__(self, run_session: RunSession) -> None:
        self._run_session = run_session
        self._plays: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the play that came along with a report."""
        told = getattr(report, "lastcall", None)
        if told and "play" in told:
            self._run_session.record_capabilities(told["play"]["server"], told["claims"])
            self._plays[report.nodeid.rpartition("::")[0]] = told["play"]

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show a broken "should" and an observation as what they are, and not as passed."""
        told = getattr(report, "lastcall", None)
        if report.when != "call" or not told or not report.passed:
            return None
        if told["answer"] == Answer.BROKEN:
            return "should broken", "s", "SHOULD BROKEN"
        if told["answer"] == Answer.OBSERVED:
            return "observed", "o", "OBSERVED"
        return None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write results.json and the report, unless this is a worker."""
        if self._plays and not hasattr(session.config, "workerinput"):
            self._run_session.publish(list(self._plays.values()))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what could not be asked, and where the report is."""
        terminalreporter.section("lastcall")
        for line in self._run_session.summary(list(self._plays.values())):
            terminalreporter.write_line(line)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all items of a server to one worker: its plays run at once, in one event loop."""
    if RUN_SESSION not in config.stash:
        return None
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - there only with xdist

    class ByServer(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _server_of(nodeid)

    return ByServer(config, log)


def _server_of(nodeid: str) -> str:
    """Give the server's name out of ``SCENARIO[SERVER-PROTOCOL]::CHECK`` or ``expectations[SERVER]::ID``."""
    scenario, _, rest = nodeid.partition("[")
    name = rest.partition("]")[0]
    if scenario == "expectations":
        return name
    # The longest protocol counts: "mine-h1-tls" is "mine" over h1-tls. A server's name may hold hyphens.
    protocols = (f"-{protocol}" for protocol in sorted(PROTOCOLS, key=len, reverse=True))
    return next((name.removesuffix(each) for each in protocols if name.endswith(each)), name)
