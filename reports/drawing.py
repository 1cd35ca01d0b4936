"""Lanes laid out on paper: where each bar, sign and label of a timeline stands. Pure; the template only writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.reports.axis import Axis, Cut, Point, Tick, lay

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from lastcall.reports.lanes import Bar, Bound, Lane, Lanes
    from lastcall.reports.markers import Marker

GUTTER = 178.0
PLOT = 940.0
WIDTH = GUTTER + PLOT + 42.0
_HEAD = 30.0
_FOOT = 26.0
_LETTER = 6.5
_THREAD = 6.0
_HEIGHTS = {"process": 50.0, "connection": 50.0, "request": 42.0}


@dataclass(frozen=True)
class DrawnBar:
    """A bar. ``style`` is its kind and how it ended."""

    style: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Label:
    """A text beside something, from ``x`` on or (``anchor`` is ``end``) up to it."""

    text: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True)
class Sign:
    """A marker's sign, and the label beside it if there is room."""

    kind: str
    x: float
    y: float
    title: str
    blamed: bool
    label: Label | None


@dataclass(frozen=True)
class Dash:
    """A limit: a dashed line across its lane."""

    x: float
    title: str
    label: Label | None


@dataclass(frozen=True)
class LaneRow:
    """One lane, from ``y`` downwards."""

    kind: str
    name: str
    note: str
    y: float
    height: float
    spans: tuple[DrawnBar, ...]
    threads: tuple[tuple[str, str], ...]
    signs: tuple[Sign, ...]
    dashes: tuple[Dash, ...]

    @property
    def middle(self) -> float:
        """Where the lane's line runs."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Drawing:
    """A whole timeline. ``zero`` is where the signal stands, ``signal`` its name (empty without a shutdown)."""

    width: float
    height: float
    top: float
    bottom: float
    rows: tuple[LaneRow, ...]
    ticks: tuple[Tick, ...]
    cuts: tuple[Cut, ...]
    zero: float
    signal: str
    title: str


def draw(lanes: Lanes, blamed: Collection[int] = ()) -> Drawing:
    """Return a play laid out. ``blamed`` are the lines of the trace on which broken verdicts rest."""
    markers = [(number, marker) for number, lane in enumerate(lanes.lanes) for marker in lane.markers]
    markers = [(number, marker) for number, marker in markers if marker.at_ns >= lanes.begin_ns]
    axis = lay([*(Point(marker.at_ns, number) for number, marker in markers), *_soft(lanes)], PLOT)
    axis = _moved(axis, GUTTER)
    rows, y = [], _HEAD
    for number, lane in enumerate(lanes.lanes):
        placed = [(marker, axis.places[place]) for place, (own, marker) in enumerate(markers) if own == number]
        rows.append(_row(lane, placed, axis, y, blamed))
        y += rows[-1].height
    return Drawing(
        width=WIDTH,
        height=y + _FOOT,
        top=_HEAD,
        bottom=y,
        rows=tuple(rows),
        ticks=tuple(axis.ticks(lanes.zero_ns)),
        cuts=axis.cuts,
        zero=axis.at(lanes.zero_ns),
        signal=lanes.signal,
        title=_title(lanes),
    )


def _title(lanes: Lanes) -> str:
    connections = sum(lane.kind == "connection" for lane in lanes.lanes)
    seconds = (lanes.end_ns - lanes.zero_ns) / 1e9
    after = f"{seconds:.2f} s after {lanes.signal}" if lanes.signal else f"{seconds:.2f} s"
    some = f"{connections} connection{'' if connections == 1 else 's'}"
    return f"Timeline of the server's process and {some} until {after}; the events follow as a table."


def _soft(lanes: Lanes) -> Iterable[Point]:
    """Yield the moments that need a place on the axis, but no room of their own."""
    yield Point(lanes.begin_ns)
    yield Point(lanes.zero_ns)
    yield Point(lanes.end_ns)
    for lane in lanes.lanes:
        yield from (Point(max(bar.begin_ns, lanes.begin_ns)) for bar in lane.bars)
        yield from (Point(max(bar.end_ns, lanes.begin_ns)) for bar in lane.bars)
        yield from (Point(bound.at_ns) for bound in lane.bounds)


def _moved(axis: Axis, by: float) -> Axis:
    return Axis(
        tuple(place + by for place in axis.places),
        tuple((time_ns, place + by) for time_ns, place in axis.knots),
        tuple(Cut(cut.begin + by, cut.end + by, cut.seconds, cut.end_ns) for cut in axis.cuts),
        axis.pace,
    )


def _row(lane: Lane, markers: Sequence[tuple[Marker, float]], axis: Axis, y: float, blamed: Collection[int]) -> LaneRow:
    threads: tuple[tuple[str, str], ...] = ()
    spans: tuple[DrawnBar, ...] = ()
    if lane.kind == "crowd":
        requests = [bar for bar in lane.bars if bar.kind == "request"]
        height = 16.0 + _THREAD * max(len(requests), 4)
        threads = tuple(_threads(lane.bars, axis, y + 9.0))
    else:
        height = _HEIGHTS[lane.kind]
        spans = tuple(_span(bar, markers, axis, y + height / 2) for bar in lane.bars)
    room = _Room(y + height / 2)
    signs = tuple(_signs(markers, room, blamed))
    dashes = tuple(_dash(bound, axis, room) for bound in lane.bounds)
    return LaneRow(lane.kind, lane.name, lane.note, y, height, spans, threads, signs, dashes)


_SHAPES = {"process": (-2.5, 5.0), "connection": (-2.5, 5.0), "request": (-9.0, 7.0), "response": (-9.0, 7.0)}


def _span(bar: Bar, markers: Sequence[tuple[Marker, float]], axis: Axis, middle: float) -> DrawnBar:
    """Return a bar that reaches as far as the markers of its own lane that share its last moment, wherever they were set."""
    begin = axis.at(bar.begin_ns)
    same = [place for marker, place in markers if marker.at_ns == bar.end_ns]
    end = max([axis.at(bar.end_ns), *same])
    offset, height = _SHAPES.get(bar.kind, (3.0, 6.0))
    style = f"{bar.kind} {bar.end}".strip()
    return DrawnBar(style, begin, middle + offset, max(end - begin, 1.5), height, bar.title)


def _threads(bars: Iterable[Bar], axis: Axis, top: float) -> Iterable[tuple[str, str]]:
    """Yield one path for all handlers, one for the requests that got a whole response and one for those that did not."""
    paths: dict[str, list[str]] = {}
    number = -1
    for bar in bars:
        number += bar.kind == "request"
        y = top + _THREAD * number
        begin, end = axis.at(bar.begin_ns), axis.at(bar.end_ns)
        style = "handler" if bar.kind == "handler" else "whole" if bar.end == "whole" else "none"
        paths.setdefault(style, []).append(f"M{begin:.1f},{y:.1f} H{max(end, begin + 1.5):.1f}")
    yield from ((style, "".join(paths[style])) for style in ("handler", "whole", "none") if style in paths)


class _Room:
    """The room for labels in one lane: above its line and below it. The first label gets the first choice."""

    def __init__(self, middle: float) -> None:
        self.middle = middle
        self._taken: list[tuple[float, float, int]] = []

    def place(self, text: str, x: float) -> Label | None:
        """Return a label that belongs to ``x``, in a free place; None if there is none left."""
        room = len(text) * _LETTER
        for tier, anchor in ((-1, "start"), (1, "start"), (-1, "end"), (1, "end")):
            begin, end = (x - 5, x - 5 + room) if anchor == "start" else (x + 5 - room, x + 5)
            free = all(tier != other or end < left - 4 or begin > right + 4 for left, right, other in self._taken)
            if text and free and begin > GUTTER - 8 and end < WIDTH:
                self._taken.append((begin, end, tier))
                return Label(text, begin if anchor == "start" else end, self.middle + (-13 if tier < 0 else 21), anchor)
        return None


def _signs(markers: Sequence[tuple[Marker, float]], room: _Room, blamed: Collection[int]) -> Iterable[Sign]:
    """Yield the signs in the order of time; the markers of the lowest rank get their labels first."""
    by_rank = sorted(markers, key=lambda entry: entry[0].rank)
    labels = {id(marker): room.place(marker.label, place) for marker, place in by_rank}
    for marker, place in markers:
        yield Sign(marker.kind, place, room.middle, marker.title, marker.line in blamed, labels[id(marker)])


def _dash(bound: Bound, axis: Axis, room: _Room) -> Dash:
    x = axis.at(bound.at_ns)
    limit = f"{bound.limit_s:.3g} s"
    return Dash(x, f"limit of {bound.what}: {limit}", room.place(f"≤ {limit}", x + 9))
