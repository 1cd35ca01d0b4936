"""results.json: all verdicts of a run, with what is needed to read and repeat them. Reports use nothing but it and traces."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lastcall.conformance.model.case import CaseId
from lastcall.conformance.model.clauses import CLAUSES, Clause
from lastcall.conformance.model.trace_file import TraceError, load
from lastcall.conformance.model.verdict import Verdict
from lastcall.conformance.model.views import Fate  # noqa: TC001 - a field is read by its type
from lastcall.conformance.results.descriptions import (  # noqa: TC001 - fields are read by their types
    CheckDescription,
    ScenarioDescription,
    ServerDescription,
)
from lastcall.conformance.results.reading import restored

if TYPE_CHECKING:
    from pathlib import Path

    from lastcall.conformance.model.trace import Trace

FORMAT = 1
"""Version of results.json; raised when a field changes its meaning or is removed. Added fields do not raise it."""

NAME = "results.json"


class ResultsError(ValueError):
    """A results.json cannot be read; the message names it and says why."""


@dataclass(frozen=True)
class PlayResult:
    """The verdicts of one play. ``trace`` and ``control`` are paths relative to results.json.

    ``control_failed`` says why the control failed; empty if it was not played or went well. ``duration_s`` is the time from
    the server's start to the play's end.
    """

    scenario: str
    server: str
    protocol: str
    trace: str = ""
    control: str = ""
    control_failed: str = ""
    not_supported: str = ""
    argv: tuple[str, ...] = ()
    fates: dict[Fate, int] = field(default_factory=dict)
    duration_s: float = 0.0
    verdicts: tuple[Verdict, ...] = ()

    @property
    def id(self) -> CaseId:
        """The case that was played, which no other play of a run has."""
        return CaseId(self.server, self.protocol, self.scenario)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data, which can go to another process or into a file."""
        record: dict[str, Any] = json.loads(_as_text(self))
        return record

    @classmethod
    def from_json(cls, record: object) -> PlayResult:
        """Return the play that :meth:`as_json` has converted."""
        return restored(cls, record)


@dataclass(frozen=True)
class Results:
    """One run. ``servers``, ``scenarios``, ``checks`` and ``clauses`` describe what the plays refer to by name."""

    started_at: str
    pace: str
    platform: str
    suite_version: str
    limits: dict[str, float]
    servers: dict[str, ServerDescription]
    scenarios: dict[str, ScenarioDescription]
    checks: dict[str, CheckDescription]
    clauses: dict[str, Clause]
    plays: tuple[PlayResult, ...]
    format: int = FORMAT

    def write(self, folder: Path) -> Path:
        """Write results.json into a folder, in one step, and return its path."""
        path = folder / NAME
        draft = folder / f"{NAME}.new"
        draft.write_text(_as_text(self, indent=1) + "\n", encoding="utf-8")
        return draft.replace(path)


def load_results(place: Path) -> Results:
    """Return the results in a file, given by its path or its folder; raises :class:`ResultsError`.

    Published results may be compressed as results.json.gz. A field that this lastcall does not know is left out, since
    added fields do not raise the format.
    """
    path = place if place.suffix in (".json", ".gz") else place / NAME
    if not path.exists() and (packed := path.with_suffix(".json.gz")).exists():
        path = packed
    try:
        stored = path.read_bytes()
        record = json.loads(gzip.decompress(stored) if path.suffix == ".gz" else stored)
        if record["format"] > FORMAT:
            raise ResultsError(f"{path}: format {record['format']} is newer than this lastcall reads ({FORMAT})")
        return restored(Results, record)
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, EOFError, zlib.error) as error:
        raise error if isinstance(error, ResultsError) else ResultsError(f"{path}: not results ({error})") from error


def _as_text(value: PlayResult | Results, indent: int | None = None) -> str:
    return json.dumps(
        value, indent=indent, default=lambda part: part.as_json() if isinstance(part, Verdict) else vars(part)
    )


def load_trace(folder: Path, stored: str) -> Trace | None:
    """Return a trace to which results refer; None if it does not exist or cannot be read."""
    try:
        return load(folder / stored) if stored else None
    except (OSError, TraceError):
        return None


def describe_clauses() -> dict[str, Clause]:
    """Return every clause, by its id."""
    return dict(CLAUSES)
