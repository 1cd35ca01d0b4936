"""What is behind a play's answers: its verdicts in words, its timeline, and the events worth reading."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from lastcall.conformance.model.client_events import BodyReceived, FrameReceived, FrameSent
from lastcall.conformance.model.server_events import LagMeasured, PlayEnded, ServerStarted, SignalSent, StepBegun
from lastcall.conformance.results.results import load_trace
from lastcall.reports.answers import (
    BROKEN,
    KEPT,
    OBSERVED,
    SHOULD_BROKEN,
    Count,
    Shown,
    counts,
    headline,
    shown,
)
from lastcall.reports.drawing import Drawing, draw
from lastcall.reports.lanes import Numbered, lanes
from lastcall.reports.links import check_id, outward, play_id, stored, verdict_id
from lastcall.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.verdict import Impact, KnownDeviation, Level
    from lastcall.conformance.results.results import PlayResult, Results

MOST_EVENTS = 48
"""At most this many events of a play are shown; its trace, which is linked to, has all of them."""
_NOISE = (FrameReceived, FrameSent, BodyReceived, StepBegun, LagMeasured, PlayEnded, ServerStarted)
_LONGEST = 160
_MOST_MEASURED = 4


@dataclass(frozen=True)
class Measure:
    """A duration; ``share`` is how much of the limit it took, at most 1."""

    what: str
    value_s: float
    limit_s: float | None

    @property
    def share(self) -> float:
        """The part of the limit that was used, from 0 to 1."""
        return min(1.0, self.value_s / self.limit_s) if self.limit_s else 0.0

    @property
    def over(self) -> bool:
        """Whether the limit was exceeded."""
        return self.limit_s is not None and self.value_s > self.limit_s


@dataclass(frozen=True)
class VerdictRow:
    """One check's answer in words."""

    id: str
    check: str
    check_id: str
    level: Level
    impact: Impact | None
    shown: Shown
    because: str
    promise: str
    source: str
    rule: str
    link: str
    measured: tuple[Measure, ...]
    more_measured: int
    expected: KnownDeviation | None = None


@dataclass(frozen=True)
class EventRow:
    """One event; ``rests`` is ``blamed`` or ``rests`` if a verdict rests on it. ``left_out`` stands for that many others."""

    line: int = 0
    at_s: float = 0.0
    name: str = ""
    text: str = ""
    rests: str = ""
    left_out: int = 0


@dataclass(frozen=True)
class Evidence:
    """One play."""

    id: str
    play: PlayResult
    question: str
    tally: tuple[Count, ...]
    headline: tuple[Count, ...]
    verdicts: tuple[VerdictRow, ...]
    steps: tuple[str, ...]
    command: str
    again: str
    control: str
    trace: str
    control_trace: str
    drawing: Drawing | None
    events: tuple[EventRow, ...]

    @property
    def telling(self) -> list[VerdictRow]:
        """The verdicts that are shown without unfolding."""
        return [verdict for verdict in self.verdicts if verdict.shown.telling]

    @property
    def others(self) -> list[VerdictRow]:
        """The verdicts that are folded away."""
        return [verdict for verdict in self.verdicts if not verdict.shown.telling]

    @property
    def failed(self) -> bool:
        """Whether a must or a promise is broken."""
        return any(count.shown is BROKEN for count in self.tally)


def evidence(results: Results, folder: Path, root: str = "./") -> Iterator[Evidence]:
    """Yield the evidence of every play that was played, in the results' order; ``root`` leads from the page to the folder."""
    for play in results.plays:
        if not play.not_supported:
            yield _evidence(results, play, folder, root)


def _evidence(results: Results, play: PlayResult, folder: Path, root: str) -> Evidence:
    scenario = results.scenarios.get(play.scenario)
    trace = load_trace(folder, play.trace)
    blamed = {line for verdict in play.verdicts if shown(verdict) is BROKEN for line in verdict.evidence}
    measured = [measure for verdict in play.verdicts for measure in verdict.measured]
    tally = counts(play.verdicts)
    return Evidence(
        id=play_id(play),
        play=play,
        question=scenario.question if scenario else "",
        tally=tally,
        headline=headline(tally),
        verdicts=tuple(_verdicts(results, play)),
        steps=tuple(_steps(scenario.steps if scenario else ())),
        command=shlex.join(play.argv),
        again=_again(results, play),
        control=_control(play),
        trace=stored(play.trace, root),
        control_trace=stored(play.control, root),
        drawing=draw(lanes(trace, measured), blamed) if trace and trace.events else None,
        events=tuple(_events(trace, play)) if trace else (),
    )


def _again(results: Results, play: PlayResult) -> str:
    pace = "" if results.pace == "fast" else f" --pace {results.pace}"
    selected = f"{play.scenario}[{play.server}-{play.protocol}]"
    return f"pytest --server {shlex.quote(play.server)}{pace} -k {shlex.quote(selected)}"


def _control(play: PlayResult) -> str:
    if not play.control:
        return ""
    if play.control_failed:
        return f"The same timeline without the shutdown fails too: {play.control_failed}."
    return "The same timeline without the shutdown was played, and every request was served."


def _verdicts(results: Results, play: PlayResult) -> Iterator[VerdictRow]:
    for verdict in sorted(play.verdicts, key=lambda verdict: shown(verdict).rank):
        clause = results.clauses.get(verdict.clause)
        check = results.checks.get(verdict.check)
        measured = [Measure(duration.what, duration.value_s, duration.limit_s) for duration in verdict.measured]
        way = shown(verdict)
        yield VerdictRow(
            id=verdict_id(play, verdict.check) if way.linked else "",
            check=verdict.check,
            check_id=check_id(verdict.check),
            level=verdict.level,
            impact=verdict.impact,
            shown=way,
            because=verdict.because,
            promise=check.promise if check else "",
            source=str(clause) if clause else "",
            rule=clause.rule if clause else "",
            link=outward(clause.link) if clause else "",
            measured=tuple(measured[:_MOST_MEASURED]),
            more_measured=max(0, len(measured) - _MOST_MEASURED),
            expected=verdict.expected,
        )


def _steps(steps: Iterable[str]) -> Iterator[str]:
    """Yield the steps; steps in a row that differ only in numbers become one line with their count."""
    for _shape, alike in groupby(steps, key=lambda step: re.sub(r"\d+", "0", step)):
        run = list(alike)
        yield run[0] if len(run) == 1 else f"{run[0]} … {run[-1]}  (\N{MULTIPLICATION SIGN}{len(run)})"


def _events(trace: Trace, play: PlayResult) -> Iterator[EventRow]:
    rests = {line: "rests" for verdict in play.verdicts for line in verdict.evidence}
    for verdict in play.verdicts:
        if shown(verdict) not in (KEPT, OBSERVED) and verdict.evidence:
            how = "blamed" if shown(verdict) in (BROKEN, SHOULD_BROKEN) else "rests"
            rests |= dict.fromkeys(verdict.evidence, how)
    signal = trace.first(SignalSent(purpose="shutdown"))
    zero_ns = signal.begin_ns if signal else 0
    readable = [(line, event) for line, event in trace.numbered() if line in rests or not isinstance(event, _NOISE)]
    keep = _kept(readable, signal, {line for line, how in rests.items() if how == "blamed"})
    for kept, run in groupby(readable, key=lambda pair: pair[0] in keep):
        if not kept:
            yield EventRow(left_out=len(list(run)))
            continue
        for line, event in run:
            at_s = (event.end_ns - zero_ns) / 1e9
            yield EventRow(line, at_s, type(event).__name__, _in_words(event), rests.get(line, ""))


def _kept(readable: Sequence[Numbered], signal: SignalSent | None, blamed: Collection[int]) -> set[int]:
    """Return the lines to show when there are too many: those around the signal, the last ones, and all that are blamed."""
    lines = [line for line, _event in readable]
    if len(lines) <= MOST_EVENTS:
        return set(lines)
    place = next((place for place, (_line, event) in enumerate(readable) if event is signal), 0)
    begin = max(0, place - MOST_EVENTS // 4)
    return {*lines[begin : begin + MOST_EVENTS // 2], *lines[-MOST_EVENTS // 2 :], *blamed}


def _in_words(event: Event) -> str:
    """Return the fields of an event as text, without those that are empty."""
    said = ((name, value) for name, value in vars(event).items() if name not in ("begin_ns", "end_ns"))
    return " ".join(f"{name}={_value(name, value)}" for name, value in said if value not in ("", (), None))


def _value(name: str, value: object) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(": ".join(part) if isinstance(part, (list, tuple)) else str(part) for part in value)
    text = str(value)[:12] if name == "sha256" else str(value)
    text = printable(text)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return repr(text) if " " in text else text
