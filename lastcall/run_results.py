"""The results of a session: results.json with its report, and the summary on the terminal."""

from __future__ import annotations

import platform
from collections import Counter
from typing import TYPE_CHECKING

from lastcall import __version__
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.verdict import Answer, Level
from lastcall.conformance.results.descriptions import describe_checks, describe_scenario, describe_server
from lastcall.conformance.results.results import PlayResult, Results, describe_clauses
from lastcall.run import TRACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lastcall.chosen_servers import ChosenServer
    from lastcall.session import RunSession


def publish(run_session: RunSession, plays: Sequence[PlayResult]) -> None:
    """Write results.json and the report of these plays into the session's folder."""
    results = results_of(run_session, plays)
    results.write(run_session.folder)
    from lastcall.reports.page import write_page  # noqa: PLC0415 - templates are not needed until the end

    write_page(results, run_session.folder)


def results_of(run_session: RunSession, plays: Sequence[PlayResult]) -> Results:
    """Return the results of these plays, with the cases that the servers do not support."""
    scenarios = run_session.scenarios
    order = {chosen.name: place for place, chosen in enumerate(run_session.servers)}
    all_plays = [*plays, *_not_supported(run_session, plays)]
    return Results(
        started_at=run_session.started_at,
        pace=str(run_session.pace),
        platform=f"{platform.platform()}, Python {platform.python_version()}",
        suite_version=__version__,
        limits=DEFAULT.as_dict(),
        servers={
            chosen.name: describe_server(
                chosen.server, run_session.version(chosen.server), run_session.capabilities(chosen.server)
            )
            for chosen in run_session.servers
        },
        scenarios={scenario.id: describe_scenario(scenario, run_session.origin_of(scenario)) for scenario in scenarios},
        checks=describe_checks(scenarios),
        clauses=describe_clauses(),
        plays=tuple(sorted(all_plays, key=lambda play: (order.get(play.server, 0), play.scenario))),
    )


def _not_supported(run_session: RunSession, plays: Sequence[PlayResult]) -> Iterator[PlayResult]:
    played = {play.id for play in plays}
    for chosen in run_session.servers:
        for case in run_session.cases(chosen.server):
            if case.id not in played and case.why_not:
                yield PlayResult(case.id.scenario, case.id.server, case.id.protocol, not_supported=case.why_not)


def summary(run_session: RunSession, plays: Sequence[PlayResult]) -> Iterator[str]:
    """Yield what a run says at its end: a line for each server, what could not be played, and where the report is."""
    from lastcall.reports.figures import rows  # noqa: PLC0415 - not needed until the end

    yield from (f"cannot be used: {line}" for line in run_session.registry.problems)
    lost = {figures.name: figures.requests_lost for figures in rows(results_of(run_session, plays))}
    for chosen in run_session.servers:
        own_plays = [play for play in plays if play.server == chosen.name]
        if own_plays:
            version = run_session.version(chosen.server) or ""
            yield f"{chosen.name} {version}: {_counts(own_plays)}; {lost[chosen.name]}"
            yield from _wrong_claims(run_session, chosen)
        elif reason := run_session.unplayable_reason(chosen.server):
            yield reason
    if plays:
        yield f"report: {run_session.folder / 'report.html'}"
    elif any((run_session.folder / TRACES).glob("*/*/*.jsonl")):
        yield f"no verdict was reached; the stored traces can be judged: pytest --judge-only={run_session.folder}"


def _wrong_claims(run_session: RunSession, chosen: ChosenServer) -> Iterator[str]:
    for capability in run_session.capabilities(chosen.server):
        if capability.contradicted:
            yield f"{chosen.name}: the adapter's claims are wrong: {capability.contradicted}"


def _counts(plays: Sequence[PlayResult]) -> str:
    answers = Counter(
        f"{verdict.level} {verdict.answer}" if verdict.answer is Answer.BROKEN else str(verdict.answer)
        for play in plays
        for verdict in play.verdicts
    )
    broken = [f"{answers[f'{level} broken']} {level} broken" for level in Level if answers[f"{level} broken"]]
    others = [f"{answers[answer]} {answer}" for answer in Answer if answer is not Answer.BROKEN and answers[answer]]
    return ", ".join([*broken, *others])
