"""Starts a run inside pytest: makes the run's session and registers the plugins that collect, report and distribute."""

from __future__ import annotations

from pathlib import Path

import pytest

from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.verdict import Level
from lastcall.conformance.results.results import ResultsError
from lastcall.distribution import Distribution
from lastcall.expectation_items import ExpectationItems
from lastcall.expectation_proposals import ExpectationProposals
from lastcall.pytest_items import ScenarioItems, marker_of
from lastcall.pytest_results import ResultGatherer
from lastcall.run_expectations import RunExpectations
from lastcall.session import RunSession, SessionError


def start(config: pytest.Config) -> None:
    """Register the plugins of a run; raises :class:`pytest.UsageError` with one line for an option with a wrong value."""
    again = config.getoption("--judge-only")
    folder = Path(again or config.getoption("--results")).resolve()
    pace = Pace(config.getoption("--pace"))
    try:
        run_session = RunSession.assemble(
            config.getoption("--server"), folder, pace, judge_only=bool(again), scenario_files=_named_files(config)
        )
    except (SessionError, ResultsError) as error:
        raise pytest.UsageError(str(error)) from error
    config.add_cleanup(run_session.close)
    _declare_markers(config, run_session)
    run_expectations = RunExpectations.read(run_session, config.getoption("--expectations"))
    register = config.pluginmanager.register
    register(ScenarioItems(run_session, run_expectations), "lastcall-items")
    register(ResultGatherer(run_session, run_expectations), "lastcall-results")
    register(ExpectationItems(run_session, run_expectations), "lastcall-expectations")
    if config.getoption("--update-expectations"):
        register(ExpectationProposals(run_session, run_expectations), "lastcall-proposals")
    register(Distribution(run_session), "lastcall-distribution")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(path) for path in run_session.scenario_files]


def _named_files(config: pytest.Config) -> list[Path]:
    """Return the Python files that the command line names: their scenarios are played, in whatever folder they are."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return []
    paths = (argument.partition("::")[0] for argument in config.args)
    return [config.invocation_params.dir / path for path in dict.fromkeys(paths) if path.endswith(".py")]


def _declare_markers(config: pytest.Config, run_session: RunSession) -> None:
    protocols = sorted({protocol for chosen in run_session.servers for protocol in chosen.server.speaks})
    for protocol in protocols:
        config.addinivalue_line("markers", f"{marker_of(protocol)}: plays over {protocol}")
    for level in Level:
        config.addinivalue_line("markers", f"{level}: checks at the level {level}")
