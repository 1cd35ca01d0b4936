"""The descriptions in results.json of the servers, scenarios and checks to which its plays refer by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

# Fields are read by their types, so these imports are needed at run time too.
from lastcall.conformance.model.capabilities import Capability  # noqa: TC001
from lastcall.conformance.model.server import Drain  # noqa: TC001
from lastcall.conformance.model.verdict import Impact, Level  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.server import Server


@dataclass(frozen=True, kw_only=True)
class ServerDescription:
    """A server. ``version`` is empty if it is not installed; ``claims`` are its capabilities, as declared and as found."""

    version: str
    installed: bool
    install: tuple[str, ...]
    documentation: str
    speaks: tuple[str, ...]
    graceful_signal: str
    exit_statuses: tuple[int, ...]
    claims: tuple[Capability, ...] = ()
    drain: Drain | None


@dataclass(frozen=True, kw_only=True)
class ScenarioDescription:
    """A scenario. ``checks`` are the ids of its checks, in its order, each with the check's level."""

    question: str
    module: str
    protocols: tuple[str, ...]
    steps: tuple[str, ...]
    drain: str
    checks: dict[str, Level]

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels that its checks have."""
        return tuple(dict.fromkeys(self.checks.values()))


@dataclass(frozen=True, kw_only=True)
class CheckDescription:
    """A check. ``level`` and ``impact`` are None in results that were stored before checks had their own."""

    promise: str
    clause: str
    level: Level | None = None
    impact: Impact | None = None


def describe_server(server: Server, version: str | None, claims: Iterable[Capability] = ()) -> ServerDescription:
    """Return the description of a server; ``version`` is None when it is not installed."""
    return ServerDescription(
        version=version or "",
        installed=version is not None,
        install=tuple(server.install),
        documentation=server.documentation,
        speaks=tuple(sorted(str(protocol) for protocol in server.speaks)),
        graceful_signal=str(server.graceful_signal),
        exit_statuses=tuple(server.exit_statuses),
        claims=tuple(claims),
        drain=server.drain,
    )


def describe_scenario(scenario: Scenario, module: str) -> ScenarioDescription:
    """Return the description of a scenario."""
    return ScenarioDescription(
        question=scenario.question,
        module=module,
        protocols=tuple(str(protocol) for protocol in scenario.protocols),
        steps=scenario.steps_in_words(),
        drain=str(scenario.launch.drain),
        checks={check.id: check.level for check in scenario.checks},
    )


def describe_checks(scenarios: Iterable[Scenario]) -> dict[str, CheckDescription]:
    """Return the description of every check that these scenarios list."""
    checks = {check.id: check for scenario in scenarios for check in scenario.checks}
    return {
        name: CheckDescription(promise=check.promise, clause=check.clause.id, level=check.level, impact=check.impact)
        for name, check in sorted(checks.items())
    }
