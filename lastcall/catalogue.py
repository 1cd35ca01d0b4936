"""The catalogue of scenarios, checks, clauses and levels: as text for a terminal, and as a page of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.clauses import CLAUSES
from lastcall.conformance.model.verdict import Impact, Level
from lastcall.conformance.results.descriptions import describe_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.registry import Registry

_LEVELS = {
    Level.MUST: "an RFC's MUST",
    Level.PROMISE: "what graceful means, and what the server documents",
    Level.SHOULD: "an RFC's SHOULD, or good practice",
    Level.OBSERVE: "only recorded; every answer is right",
}
_IMPACTS = {
    Impact.LOSES_REQUESTS: "a request is lost, cut or refused, or its client cannot know its outcome",
    Impact.MISLEADS_CLIENTS: 'a client gets false information: a cut that looks whole, a false "not processed"',
    Impact.HANGS: "something does not end or does not go on, and delays others",
    Impact.MANNERS: "the rest: no client loses anything",
}


def catalogue_as_text(registry: Registry) -> str:
    """Return the scenarios with their checks, and the servers."""
    lines = []
    for scenario in registry.scenarios.values():
        lines += [f"{scenario.id}  ({', '.join(map(str, scenario.protocols))})", f"    {scenario.question}"]
        lines += [f"    {check.level:<8} {check.impact:<16} {check.id}  [{check.clause}]" for check in scenario.checks]
    lines += ["", "servers"]
    servers = (server for server in registry.servers.values() if not server.mutant)
    lines += [f"    {server.name:<18} {', '.join(map(str, sorted(server.speaks)))}" for server in servers]
    counts = f"{len(registry.scenarios)} scenarios, {len(describe_checks(list(registry.scenarios.values())))} checks"
    return "\n".join([*lines, "", counts, ""])


def catalogue_as_markdown(registry: Registry) -> str:
    """Return the page ``docs/questions.md``."""
    return "\n".join([*_head(registry), *_scenarios(registry), *_checks(registry), *_clauses()])


def _head(registry: Registry) -> Iterator[str]:
    yield "# Questions, checks and clauses"
    yield ""
    yield "Written by `python -m lastcall list --markdown`; do not edit it by hand."
    yield ""
    yield f"{len(registry.scenarios)} scenarios with {len(_all_checks(registry))} checks. The levels:"
    yield ""
    for level, meaning in _LEVELS.items():
        yield f"* **{level}**: {meaning}."
    yield ""
    yield "The level says how binding the rule is. The impact says what it costs when the rule is broken (or, for a check that"
    yield "only observes, what it is about):"
    yield ""
    for impact, cost in _IMPACTS.items():
        yield f"* **{impact}**: {cost}."
    yield ""


def _scenarios(registry: Registry) -> Iterator[str]:
    yield "## Scenarios"
    yield ""
    for scenario in registry.scenarios.values():
        yield f'### <a id="{scenario.id}"></a>{scenario.id}'
        yield ""
        yield f"{scenario.question} Over {', '.join(map(str, scenario.protocols))}; {_drain(scenario)}."
        yield ""
        yield "```text"
        yield from (_short(str(step)) for step in _folded(scenario))
        yield "```"
        yield ""
        for level in Level:
            names = [check.id for check in scenario.checks if check.level is level]
            if names:
                yield f"* {level}: {', '.join(f'[{name}](#{name})' for name in names)}"
        yield ""


def _drain(scenario: Scenario) -> str:
    if scenario.launch.default_drain:
        return f"the server's default drain timeout, for which the play waits at most {scenario.launch.drain}"
    return f"drain timeout {scenario.launch.drain}"


def _folded(scenario: Scenario) -> Iterator[str]:
    """Yield the steps; a run of steps of one kind, such as twenty-five requests, is its first step and a count."""
    previous, count = "", 0
    for step in (*scenario.steps_in_words(), ""):
        kind = step.partition("(")[0] + step.partition("(")[2].partition("(")[0].partition("=")[0]
        if kind == previous and step:
            count += 1
            continue
        if count:
            yield f"    ... and {count} more"
        if step:
            yield step
        previous, count = kind, 0


def _short(step: str) -> str:
    return step if len(step) <= 160 else f"{step[:157]}..."  # noqa: PLR2004 - a line of a page


def _all_checks(registry: Registry) -> dict[str, Check]:
    checks = (check for scenario in registry.scenarios.values() for check in scenario.checks)
    return dict(sorted({check.id: check for check in checks}.items()))


def _checks(registry: Registry) -> Iterator[str]:
    yield "## Checks"
    yield ""
    for name, check in _all_checks(registry).items():
        yield f'### <a id="{name}"></a>{name}'
        yield ""
        yield f"*{check.level}, {check.impact}*"
        yield ""
        yield check.promise
        yield ""
        yield f"Clause: [{check.clause.id}](#{check.clause.id}), {check.clause}."
        if check.blocked_by:
            yield f"Blocked by: {', '.join(f'[{other.id}](#{other.id})' for other in check.blocked_by)}."
        yield ""


def _clauses() -> Iterator[str]:
    yield "## Clauses"
    yield ""
    for name, clause in sorted(CLAUSES.items()):
        yield f'* <a id="{name}"></a>**{name}** ([{clause}]({clause.link})): {clause.rule}'
    yield ""
