"""Known deviations of a server: a run is green when exactly these are broken, and says so when one of them is over.

    server = "mine"

    [[expected]]
    id = "one-request::goaway_is_sent"     # SCENARIO::CHECK, or a check, or a scenario
    protocol = "h2"                        # leave it out for every protocol
    reason = "It closes without a GOAWAY."
    upstream = "https://example.org/issues/1"
    date = 2026-11-23                      # since when it is known
    sometimes = true                       # a matter of timing, so that it may hold; leave it out otherwise
    versions = ">=2.8,<2.8.9"              # the server's versions for which it holds; leave it out for every version

An expectation never touches a verdict: what is broken stays broken, and is shown with its reason.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lastcall.conformance.model.protocol import PROTOCOLS
from lastcall.conformance.model.verdict import Answer
from lastcall.conformance.model.versions import check_versions, names_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

_KEYS = ("id", "protocol", "reason", "upstream", "date", "sometimes", "versions")
_DECIDED = frozenset({Answer.KEPT, Answer.BROKEN, Answer.OBSERVED})


class ExpectationsError(ValueError):
    """A file does not hold expectations; the message names the file, the entry and the key."""


class Question(NamedTuple):
    """One check of one play, by names."""

    scenario: str
    protocol: str
    check: str


@dataclass(frozen=True)
class Expectation:
    """One known deviation. ``date`` is since when it is known, as YYYY-MM-DD; no protocol stands for every one.

    ``sometimes``: it is a matter of timing, so that a run in which it holds does not show that it is over.
    ``versions`` are those of the server for which it holds, as :mod:`lastcall.conformance.model.versions` reads them.
    """

    id: str
    reason: str
    date: str
    upstream: str = ""
    protocol: str = ""
    sometimes: bool = False
    versions: str = ""

    def covers(self, question: Question) -> bool:
        """Tell whether the question is one of those that this is about."""
        names = (question.check, question.scenario, f"{question.scenario}::{question.check}")
        return self.id in names and self.protocol in ("", question.protocol)

    @property
    def precision(self) -> tuple[bool, bool, bool]:
        """What orders those that cover the same question: the greater one is the more precise."""
        return "::" in self.id, bool(self.protocol), bool(self.versions)

    @property
    def words(self) -> str:
        """Say why it is expected, for a line of a report."""
        return f"expected since {self.date}: {self.reason}" + (f" ({self.upstream})" if self.upstream else "")

    def __str__(self) -> str:
        over = f" over {self.protocol}" if self.protocol else ""
        return f"{self.id}{over} of {self.versions}" if self.versions else f"{self.id}{over}"


class Standing(enum.Enum):
    """What a run says of an expectation."""

    IN_FORCE = "in force"
    """Something that it covers is broken."""
    OVER = "over"
    """All that it covers was put to the test, and nothing is broken."""
    UNDECIDED = "undecided"
    """Nothing is broken, but not all that it covers was put to the test, or was even asked."""
    NEVER_ASKED = "never asked"
    """It covers nothing that the server is asked."""


@dataclass(frozen=True)
class Expectations:
    """All known deviations of one server; ``path`` is the file they come from, if they come from one."""

    server: str
    entries: tuple[Expectation, ...] = ()
    path: Path | None = None

    def for_version(self, installed: str) -> Expectations:
        """Return those that hold for this version of the server."""
        return replace(self, entries=tuple(each for each in self.entries if names_version(each.versions, installed)))

    def of(self, question: Question) -> Expectation | None:
        """Give the most precise expectation that covers the question."""
        covering = (each for each in self.entries if each.covers(question))
        return max(covering, key=lambda each: each.precision, default=None)

    def covered(self, entry: Expectation, questions: Iterable[Question]) -> list[Question]:
        """Give those questions for which this entry is the one that counts."""
        return [question for question in questions if self.of(question) is entry]

    def standing(
        self, entry: Expectation, questions: Collection[Question], answers: Mapping[Question, str]
    ) -> Standing:
        """Say how an entry stands after a run. ``questions`` are all that the server can be asked."""
        covered = self.covered(entry, questions)
        found = [answers.get(question) for question in covered]
        if Answer.BROKEN in found:
            return Standing.IN_FORCE
        if not covered:
            return Standing.NEVER_ASKED
        over = not entry.sometimes and all(answer in _DECIDED for answer in found)
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
    known: Expectations, questions: Collection[Question], answers: Mapping[Question, str], today: str
) -> Expectations:
    """Give expectations under which the same answers are green; entries that stay keep their reasons.

    A new one has no reason: somebody has to say it before the file can be read.
    """
    gone = (Standing.OVER, Standing.NEVER_ASKED)
    stay = tuple(entry for entry in known.entries if known.standing(entry, questions, answers) not in gone)
    kept = Expectations(known.server, stay, known.path)
    fresh = [question for question, answer in answers.items() if answer == Answer.BROKEN and not kept.of(question)]
    new: dict[tuple[str, str], Expectation] = {}
    for question in fresh:
        name = f"{question.scenario}::{question.check}"
        asked = {each for each in questions if each[::2] == question[::2]}
        protocol = "" if asked <= set(fresh) else question.protocol
        new.setdefault((name, protocol), Expectation(name, "", today, "", protocol))
    return Expectations(known.server, (*stay, *new.values()), known.path)


def as_toml(expectations: Expectations) -> str:
    """Write expectations as :func:`load_expectations` reads them."""
    lines = [f"server = {_quoted(expectations.server)}"]
    for entry in expectations.entries:
        lines += ["", "[[expected]]", f"id = {_quoted(entry.id)}"]
        lines += [f"protocol = {_quoted(entry.protocol)}"] if entry.protocol else []
        unsaid = "" if entry.reason else "  # say why, in a sentence: without it this file is not read"
        lines += [f"reason = {_quoted(entry.reason)}{unsaid}", f"upstream = {_quoted(entry.upstream)}"]
        lines += [f"date = {entry.date}", *(["sometimes = true"] if entry.sometimes else [])]
        lines += [f"versions = {_quoted(entry.versions)}"] if entry.versions else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # JSON's strings are TOML's basic strings, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
