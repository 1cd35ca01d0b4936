"""Known deviations of a server: a run is green when exactly these are broken, and fails when one of them is over.

    server = "mine"

    [[expected]]
    id = "one-request::goaway_is_sent"     # SCENARIO::CHECK, or a check, or a scenario
    protocol = "h2"                        # without it: every protocol
    reason = "It closes without a GOAWAY."
    upstream = "https://example.org/issues/1"
    date = 2026-11-23                      # since when it is known
    sometimes = true                       # it depends on timing, so a run may not show it; leave it out otherwise
    versions = ">=2.8,<2.8.9"              # the server's versions for which it holds; without it: every version

An expectation never changes a verdict: a broken check stays broken, and reports show the reason beside it.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lastcall.conformance.model.protocol import PROTOCOLS
from lastcall.conformance.model.verdict import Answer
from lastcall.conformance.model.versions import check_versions, names_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from lastcall.conformance.model.case import CaseCheck

_KEYS = ("id", "protocol", "reason", "upstream", "date", "sometimes", "versions")
_DECIDED = frozenset({Answer.KEPT, Answer.BROKEN, Answer.OBSERVED})


class ExpectationsError(ValueError):
    """A file holds no valid expectations; the message names the file, the entry and the key."""


@dataclass(frozen=True)
class Expectation:
    """One known deviation. ``date`` is the day since when it is known, as YYYY-MM-DD; no protocol means every protocol.

    ``sometimes``: it is a matter of timing, so a run in which nothing is broken does not show that it is over.
    ``versions`` are those of the server for which it holds, as :mod:`lastcall.conformance.model.versions` reads them.
    """

    id: str
    reason: str
    date: str
    upstream: str = ""
    protocol: str = ""
    sometimes: bool = False
    versions: str = ""

    def covers(self, case_check: CaseCheck) -> bool:
        """Return whether this check of this case is one of those that the expectation is about."""
        scenario, check = case_check.case.scenario, case_check.check
        return self.id in (check, scenario, f"{scenario}::{check}") and self.protocol in ("", case_check.case.protocol)

    @property
    def precision(self) -> tuple[bool, bool, bool]:
        """The order of those that cover the same check of a case: the greater one is the more precise."""
        return "::" in self.id, bool(self.protocol), bool(self.versions)

    @property
    def summary(self) -> str:
        """Why it is expected, for a line of a report."""
        return f"expected since {self.date}: {self.reason}" + (f" ({self.upstream})" if self.upstream else "")

    def __str__(self) -> str:
        over = f" over {self.protocol}" if self.protocol else ""
        return f"{self.id}{over} of {self.versions}" if self.versions else f"{self.id}{over}"


class Standing(enum.Enum):
    """The state of an expectation after a run."""

    IN_FORCE = "in force"
    """Something that it covers is broken."""
    OVER = "over"
    """All that it covers was tested, and nothing is broken."""
    UNDECIDED = "undecided"
    """Nothing is broken, but a part of what it covers was not tested, or not even played."""
    COVERS_NOTHING = "covers nothing"
    """It covers no check of any case of the server."""


@dataclass(frozen=True)
class Expectations:
    """All known deviations of one server; ``path`` is their file, or None."""

    server: str
    entries: tuple[Expectation, ...] = ()
    path: Path | None = None

    def for_version(self, installed: str) -> Expectations:
        """Return those that hold for this version of the server."""
        return replace(self, entries=tuple(entry for entry in self.entries if names_version(entry.versions, installed)))

    def of(self, case_check: CaseCheck) -> Expectation | None:
        """Return the most precise expectation that covers this check of this case."""
        covering = (entry for entry in self.entries if entry.covers(case_check))
        return max(covering, key=lambda entry: entry.precision, default=None)

    def covered(self, entry: Expectation, case_checks: Iterable[CaseCheck]) -> list[CaseCheck]:
        """Return the checks for which this entry is the one that counts."""
        return [case_check for case_check in case_checks if self.of(case_check) is entry]

    def standing(
        self, entry: Expectation, case_checks: Collection[CaseCheck], answers: Mapping[CaseCheck, str]
    ) -> Standing:
        """Return how an entry stands after a run. ``case_checks`` are all checks of all cases of the server."""
        covered = self.covered(entry, case_checks)
        reached = [answers.get(case_check) for case_check in covered]
        if Answer.BROKEN in reached:
            return Standing.IN_FORCE
        if not covered:
            return Standing.COVERS_NOTHING
        over = not entry.sometimes and all(answer in _DECIDED for answer in reached)
        return Standing.OVER if over else Standing.UNDECIDED


def load_expectations(path: Path) -> Expectations:
    """Read the expectations of one server; raises :class:`ExpectationsError`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExpectationsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExpectationsError(f"{path}: not TOML: {error}") from error
    try:
        return Expectations(_server(table), _entries(table.get("expected", [])), path)
    except ValueError as error:
        raise ExpectationsError(f"{path}: {error}") from error


def _server(table: Mapping[str, Any]) -> str:
    for key in table:
        if key not in ("server", "expected"):
            raise ValueError(f"unknown key {key!r}; known are 'server' and [[expected]]")
    name = table.get("server")
    if not isinstance(name, str) or not name:
        raise ValueError("'server' must be the name of the server whose deviations these are")
    return name


def _entries(tables: object) -> tuple[Expectation, ...]:
    if not isinstance(tables, list):
        raise ValueError("'expected' must be written as [[expected]]")  # noqa: TRY004 - bad input like any other
    entries: dict[tuple[str, str, str], Expectation] = {}
    for number, table in enumerate(tables, 1):
        try:
            entry = _entry(table)
        except ValueError as error:
            raise ValueError(f"[[expected]] number {number}: {error}") from error
        if entries.setdefault((entry.id, entry.protocol, entry.versions), entry) is not entry:
            raise ValueError(f"[[expected]] number {number}: 'id' {str(entry)!r} is there twice")
    return tuple(entries.values())


def _entry(table: object) -> Expectation:
    if not isinstance(table, dict):
        raise ValueError("a table is wanted")  # noqa: TRY004 - bad input like any other
    for key in table:
        if key not in _KEYS:
            raise ValueError(f"unknown key {key!r}; known are {', '.join(_KEYS)}")
    name, reason = _text(table, "id"), _text(table, "reason")
    upstream = _text(table, "upstream", "")
    if upstream and not upstream.startswith(("https://", "http://")):
        raise ValueError(f"'upstream' must be a link or empty, not {upstream!r}")
    protocol = _text(table, "protocol", "")
    if protocol and protocol not in PROTOCOLS:
        raise ValueError(f"'protocol' knows {', '.join(PROTOCOLS)}, not {protocol!r}")
    date = table.get("date")
    if type(date) is not dt.date:
        raise ValueError("'date' must be a date such as 2026-11-23, without quotes")
    sometimes = table.get("sometimes", False)
    if not isinstance(sometimes, bool):
        raise ValueError("'sometimes' must be true, or be left out")  # noqa: TRY004 - bad input like any other
    versions = _text(table, "versions", "")
    check_versions(versions)
    return Expectation(name, reason, date.isoformat(), upstream, protocol, sometimes, versions)


def _text(table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise ValueError(f"{key!r} must be a text" + (" that is not empty" if default is None else ""))
    return value


def proposal(
    known: Expectations, case_checks: Collection[CaseCheck], answers: Mapping[CaseCheck, str], today: str
) -> Expectations:
    """Return expectations under which a run with the same answers is green; entries that stay keep their reasons.

    A new entry has no reason: a person has to write one before the file can be read.
    """
    gone = (Standing.OVER, Standing.COVERS_NOTHING)
    stay = tuple(entry for entry in known.entries if known.standing(entry, case_checks, answers) not in gone)
    kept = Expectations(known.server, stay, known.path)
    fresh = [
        case_check for case_check, answer in answers.items() if answer == Answer.BROKEN and not kept.of(case_check)
    ]
    protocols: dict[str, set[str]] = {}
    for case_check in case_checks:
        protocols.setdefault(_name(case_check), set()).add(case_check.case.protocol)
    new: dict[tuple[str, str], Expectation] = {}
    for case_check in fresh:
        name = _name(case_check)
        everywhere = protocols.get(name, set()) <= {other.case.protocol for other in fresh if _name(other) == name}
        protocol = "" if everywhere else case_check.case.protocol
        new.setdefault((name, protocol), Expectation(name, "", today, "", protocol))
    return Expectations(known.server, (*stay, *new.values()), known.path)


def _name(case_check: CaseCheck) -> str:
    """Return the id of an expectation of this check in this scenario, over every protocol."""
    return f"{case_check.case.scenario}::{case_check.check}"


def as_toml(expectations: Expectations) -> str:
    """Return expectations as the text of a file that :func:`load_expectations` reads."""
    lines = [f"server = {_quoted(expectations.server)}"]
    for entry in expectations.entries:
        lines += ["", "[[expected]]", f"id = {_quoted(entry.id)}"]
        lines += [f"protocol = {_quoted(entry.protocol)}"] if entry.protocol else []
        missing = "" if entry.reason else "  # say why, in a sentence: without it this file is not read"
        lines += [f"reason = {_quoted(entry.reason)}{missing}", f"upstream = {_quoted(entry.upstream)}"]
        lines += [f"date = {entry.date}", *(["sometimes = true"] if entry.sometimes else [])]
        lines += [f"versions = {_quoted(entry.versions)}"] if entry.versions else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # A JSON string is a basic string of TOML, except that TOML wants DEL escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
