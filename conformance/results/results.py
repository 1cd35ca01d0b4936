"""results.json: all verdicts of a run, with what is needed to read and repeat them. Reports are drawn from it alone."""

from __future__ import annotations

import dataclasses
import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lastcall.conformance.model.clauses import CLAUSES
from lastcall.conformance.model.trace_file import TraceError, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.server import Server
    from lastcall.conformance.model.trace import Trace

FORMAT = 1
"""Version of results.json; raised when a field changes its meaning or goes. Fields that are added do not raise it."""

NAME = "results.json"


class ResultsError(ValueError):
    """A results.json cannot be read; the message names it and says why."""


@dataclass(frozen=True)
class PlayResult:
    """The verdicts of one play, as plain data. ``trace`` and ``control`` are paths relative to results.json.

    ``control_failed`` says why the control failed, if it was played and did. ``duration_s`` is from the server's start to
    the play's end.
    """

    scenario: str
    server: str
    protocol: str
    trace: str = ""
    control: str = ""
    control_failed: str = ""
    not_supported: str = ""
    argv: tuple[str, ...] = ()
    fates: dict[str, int] = field(default_factory=dict)
    duration_s: float = 0.0
    verdicts: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it apart from the other plays of a run."""
        return self.server, self.protocol, self.scenario


@dataclass(frozen=True)
class Results:
    """One run. ``servers``, ``scenarios``, ``checks`` and ``clauses`` describe what the plays refer to by name."""

    started_at: str
    pace: str
    platform: str
    suite_version: str
    limits: dict[str, float]
    servers: dict[str, dict[str, Any]]
    scenarios: dict[str, dict[str, Any]]
    checks: dict[str, dict[str, Any]]
    clauses: dict[str, dict[str, Any]]
    plays: tuple[PlayResult, ...]
    format: int = FORMAT

    def write(self, folder: Path) -> Path:
        """Write results.json into a folder, in one step, and give its path."""
        path = folder / NAME
        draft = folder / f"{NAME}.new"
        draft.write_text(json.dumps(self, indent=1, default=vars) + "\n", encoding="utf-8")
        return draft.replace(path)


def load_results(place: Path) -> Results:
    """Read results.json, named by its path or its folder's; raises :class:`ResultsError`.

    Results that are published may be kept as results.json.gz. A field that this lastcall does not know is left out:
    fields that are added do not raise the format.
    """
    path = place if place.suffix in (".json", ".gz") else place / NAME
    if not path.exists() and (packed := path.with_suffix(".json.gz")).exists():
        path = packed
    try:
        stored = path.read_bytes()
        record = json.loads(gzip.decompress(stored) if path.suffix == ".gz" else stored)
        if record["format"] > FORMAT:
            raise ResultsError(f"{path}: format {record['format']} is newer than this lastcall reads ({FORMAT})")
        plays = tuple(
            PlayResult(**_known(PlayResult, play) | {"argv": tuple(play["argv"]), "verdicts": tuple(play["verdicts"])})
            for play in record["plays"]
        )
        return Results(**_known(Results, record) | {"plays": plays})
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, EOFError, zlib.error) as error:
        raise error if isinstance(error, ResultsError) else ResultsError(f"{path}: not results ({error})") from error


def _known(kind: type[PlayResult | Results], record: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    return {name: value for name, value in record.items() if name in names}


def load_trace(folder: Path, stored: str) -> Trace | None:
    """Read a trace that results refer to; None if it is not there, or not readable."""
    try:
        return load(folder / stored) if stored else None
    except (OSError, TraceError):
        return None


def describe_server(server: Server, version: str | None, claims: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Describe a server for results.json; ``version`` is None when it is not installed."""
    return {
        "version": version or "",
        "installed": version is not None,
        "install": list(server.install),
        "documentation": server.documentation,
        "speaks": sorted(str(protocol) for protocol in server.speaks),
        "graceful_signal": server.graceful_signal,
        "exit_statuses": list(server.exit_statuses),
        "claims": list(claims),
        "drain": dataclasses.asdict(server.drain) if server.drain else None,
    }


def describe_scenario(scenario: Scenario, module: str) -> dict[str, Any]:
    """Describe a scenario for results.json."""
    return {
        "question": scenario.question,
        "module": module,
        "protocols": [str(protocol) for protocol in scenario.protocols],
        "steps": list(scenario.words()),
        "drain": str(scenario.launch.drain),
        "checks": {check.id: str(check.level) for check in scenario.checks},
    }


def describe_checks(scenarios: list[Scenario]) -> dict[str, dict[str, Any]]:
    """Describe every check that these scenarios ask."""
    checks = {check.id: check for scenario in scenarios for check in scenario.checks}
    return {
        name: {
            "promise": check.promise,
            "clause": check.clause.id,
            "level": str(check.level),
            "impact": str(check.impact),
        }
        for name, check in sorted(checks.items())
    }


def describe_clauses() -> dict[str, dict[str, Any]]:
    """Describe every clause."""
    return {name: dataclasses.asdict(clause) for name, clause in CLAUSES.items()}
