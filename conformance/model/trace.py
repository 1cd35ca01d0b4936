"""What happened in one play: events with times, kept as one JSON object a line.

A trace begins with the :class:`Play` it belongs to; every further line is an event. An event spans the time from
``begin_ns`` to ``end_ns`` on the play's own monotonic clock (0 is the start of the play): the earliest and the latest
moment at which it can have happened, as far as the recorder can know. A span is short, but it is never invented:
an event seen by a busy recorder has a wide one, and then :func:`precedes` decides nothing.

Names are past tense. What a class records is its docstring; every field is plain data, so that a stored trace can be
read back (:func:`load`) and judged again without a server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from lastcall.conformance.model.event import Event, set_fields
from lastcall.conformance.model.server_events import PlayEnded

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT = 2
"""Version of the trace format; raised when a stored field changes its meaning or goes."""


@dataclass(frozen=True)
class Play:
    """Which timeline was played against what, and all that a judge has to know about the server to read the trace.

    Durations are seconds. ``drain_s`` is the drain timeout that the server was given (None: it has none);
    with ``default_drain`` it was given none, and that is what its documentation says of it then.
    ``lame_duck_s`` is for how long it was told to go on accepting after the signal (0: it was not).
    ``slow_s`` is how long its slow resource takes if it is played in timed mode, without a witness inside (0: it is not).
    ``exit_statuses`` are those that its adapter declares for a clean stop. ``control`` tells the timeline that was
    played without its shutdown. ``steps`` are the timeline in words.
    """

    scenario: str
    server: str
    protocol: str
    pace: str
    control: bool = False
    version: str = ""
    graceful_signal: str = ""
    drain_s: float | None = None
    drain_documented: str = ""
    exit_statuses: tuple[int, ...] = (0,)
    limits: dict[str, float] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    lame_duck_s: float = 0.0
    default_drain: bool = False
    slow_s: float = 0.0
    platform: str = ""
    suite_version: str = ""
    started_at: str = ""
    format: int = FORMAT


E = TypeVar("E", bound=Event)


@dataclass(frozen=True, eq=False)
class Trace:
    """One play's record. Events are in the order in which the recorder wrote them; rely on their times, not on it."""

    play: Play
    events: tuple[Event, ...]
    _found: dict[tuple[type[Event], ...], list[Any]] = field(default_factory=dict, init=False, repr=False)

    def of(self, *kinds: type[E]) -> list[E]:
        """Give the events of these classes."""
        if kinds not in self._found:
            self._found[kinds] = [event for event in self.events if isinstance(event, kinds)]
        return list(self._found[kinds])

    def all(self, pattern: E) -> list[E]:
        """Give the events that fit the pattern."""
        wanted = tuple(set_fields(pattern))
        alike = (event for event in self.of(type(pattern)) if type(event) is type(pattern))
        return [event for event in alike if all(getattr(event, name) == value for name, value in wanted)]

    def first(self, pattern: E) -> E | None:
        """Give the first event that fits the pattern, or None."""
        return next(iter(self.all(pattern)), None)

    def line_of(self, event: Event) -> int:
        """Give the number of the event's line in the stored trace (the play is line 1)."""
        for number, candidate in enumerate(self.events, start=2):
            if candidate is event:
                return number
        raise KeyError(event)

    @property
    def complete(self) -> bool:
        """Whether the recorder came to the end of the play."""
        return bool(self.events) and isinstance(self.events[-1], PlayEnded)


def events_between(trace: Trace, begin_ns: int, end_ns: int) -> Iterable[Event]:
    """Give the events that can have happened in the given time."""
    return (event for event in trace.events if event.end_ns >= begin_ns and event.begin_ns <= end_ns)
