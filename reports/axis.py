"""A time axis that gives room to what happens and cuts out the time in which nothing does. Pure.

Time runs evenly, with two exceptions, and the report says both: signs that lie close together are set apart so that
their order can be seen, and a quiet stretch is cut out, with its length written into the cut.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

QUIET_S = 1.6
"""A stretch longer than this without any sign is cut."""
CUT = 54.0
"""The width of a cut."""
APART = 15.0
"""The least distance of two signs in one lane."""
_NUDGE = 4.0
_STEEPEST = 40_000.0
_HALVINGS = 26
"""After this many the steepness is exact to a thousandth of a unit a second."""
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_TICK_APART = 52.0


@dataclass(frozen=True)
class Point:
    """A moment that must be shown. With a ``lane`` it is a sign there, which keeps its distance to others."""

    at_ns: int
    lane: int | None = None


@dataclass(frozen=True)
class Cut:
    """A stretch that was cut out, from ``begin`` to ``end`` on the axis: it lasted ``seconds``, until ``end_ns``."""

    begin: float
    end: float
    seconds: float
    end_ns: int


@dataclass(frozen=True)
class Tick:
    """A moment with its name, in seconds from zero."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """Where moments lie. ``places`` are those of the points, in the order of the points."""

    places: tuple[float, ...]
    knots: tuple[tuple[int, float], ...]
    cuts: tuple[Cut, ...]
    pace: float

    def at(self, moment_ns: int) -> float:
        """Return the place of any moment, between the points by proportion."""
        after = bisect_right(self.knots, (moment_ns, float("inf")))
        if after == 0:
            return self.knots[0][1]
        if after == len(self.knots):
            return self.knots[-1][1]
        (begin_ns, begin), (end_ns, end) = self.knots[after - 1], self.knots[after]
        return begin + (end - begin) * (moment_ns - begin_ns) / (end_ns - begin_ns)

    def ticks(self, zero_ns: int) -> list[Tick]:
        """Return zero, the end of each cut, and round moments between them, as close as their names allow."""
        step = next((step for step in _STEPS if step * self.pace >= _TICK_APART), _STEPS[-1])
        first, last = ((self.knots[end][0] - zero_ns) / 1e9 for end in (0, -1))
        wanted = [0.0, *(round((cut.end_ns - zero_ns) / 1e9, 2) for cut in self.cuts)]
        wanted += sorted((number * step for number in range(int(first / step), int(last / step) + 1)), key=abs)
        ticks: list[Tick] = []
        for value in wanted:
            at = self.at(zero_ns + round(value * 1e9))
            hidden = any(cut.begin < at < cut.end - 1 for cut in self.cuts)
            if not (hidden or any(abs(tick.at - at) < _TICK_APART for tick in ticks)):
                ticks.append(Tick(at, _seconds(value)))
        return sorted(ticks, key=lambda tick: tick.at)


def _seconds(value: float) -> str:
    text = f"{abs(value):g}"
    return text if value == 0 else f"+{text} s" if value > 0 else f"\N{MINUS SIGN}{text} s"


def lay(points: Sequence[Point], width: float) -> Axis:
    """Return points laid out on an axis of a width: as steep as it can be without becoming wider."""
    order = sorted(range(len(points)), key=lambda place: points[place].at_ns)
    times = [points[index].at_ns for index in order]
    steps = [(0.0, points[order[0]].lane)]
    steps += [
        ((end - begin) / 1e9, points[index].lane)
        for (begin, end), index in zip(pairwise(times), order[1:], strict=True)
    ]
    low, high = 0.0, _STEEPEST
    for _ in range(_HALVINGS):
        pace = (low + high) / 2
        low, high = (pace, high) if _places(steps, pace)[-1] <= width else (low, pace)
    laid = _places(steps, low)
    if laid[-1] > width:
        laid = [place * width / laid[-1] for place in laid]
    places = [0.0] * len(points)
    for place, index in zip(laid, order, strict=True):
        places[index] = place
    return Axis(tuple(places), tuple(_knots(times, laid)), tuple(_cuts(times, laid)), low)


def _places(steps: Iterable[tuple[float, int | None]], pace: float) -> list[float]:
    """Return a place for each step: so many seconds after the one before, each in its lane."""
    places: list[float] = []
    last: dict[int, float] = {}
    place = 0.0
    for gap_s, lane in steps:
        if gap_s > QUIET_S:
            place += CUT
        elif lane is not None and gap_s > 0 and gap_s * pace < _NUDGE:
            place += _NUDGE
        else:
            place += gap_s * pace
        if lane is not None:
            least = last.get(lane, -APART) + APART
            last[lane] = place = max(place, least)
        places.append(place)
    return places


def _knots(times: Iterable[int], places: Iterable[float]) -> Iterable[tuple[int, float]]:
    """Return the first place of each moment."""
    knots: dict[int, float] = {}
    for time_ns, place in zip(times, places, strict=True):
        knots.setdefault(time_ns, place)
    return knots.items()


def _cuts(times: Sequence[int], places: Sequence[float]) -> Iterable[Cut]:
    for (begin_ns, begin), (end_ns, end) in pairwise(zip(times, places, strict=True)):
        if end_ns - begin_ns > QUIET_S * 1e9:
            yield Cut(begin, end, (end_ns - begin_ns) / 1e9, end_ns)
