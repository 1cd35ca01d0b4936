"""The trace: what happened in one play, as events with times. It is the only evidence that a check receives.

A trace begins with the :class:`Play` it belongs to: the case, and all that a judge has to know about the server. Every
further line is an event (:mod:`~lastcall.conformance.model.client_events`,
:mod:`~lastcall.conformance.model.server_events`). Times are nanoseconds on the play's own monotonic clock; 0 is the start
of the play.

The exact moment of an event is not known. An event loop sees an event some time later, so all that is certain is that it
happened between two looks. So every event has a span: ``begin_ns`` is the earliest moment at which it can have happened,
``end_ns`` the latest. :func:`~lastcall.conformance.model.event.precedes` is true only if one span ends before the other
begins. On a busy machine spans become wide, and then an order is unknown instead of wrong.

Rules that hold in here, and that an editor must not break:

1. Events are plain data. A stored trace (:mod:`~lastcall.conformance.model.trace_file`) can be read back and judged again
   without a server, and gives the same verdicts.
2. Events stand in the order in which the recorder wrote them. That order is no evidence; the spans are.
3. An event says what was seen, not what it means. "The request was lost" is for views and checks.
4. A trace without :class:`PlayEnded` at its end was cut short, and is no evidence of what came next.
5. Events and fields may be added within a format; a reader that does not know them leaves them out, but keeps the event's
   line. A field that is removed or changes its meaning raises :data:`FORMAT`. Older traces stay readable line by line,
   since verdicts cite lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from lastcall.conformance.model.event import Event, set_fields
from lastcall.conformance.model.launch import LaunchOptions
from lastcall.conformance.model.server_events import PlayEnded

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 2
"""Version of the trace format; raised when a stored field changes its meaning or is removed."""


@dataclass(frozen=True)
class Play(LaunchOptions):
    """Which timeline was played against which server, and all that a judge has to know about the server.

    Durations are seconds. ``drain_s`` is the drain timeout that the server was started with (None: it has none);
    with ``default_drain`` it was started without one, and ``drain_s`` is the documented default.
    ``slow_s`` is how long its slow resource takes in timed mode, where no handler reports (0: it is not in timed mode).
    ``exit_statuses`` are those that its adapter declares for a clean stop. ``control``: the timeline was played without
    its shutdown. ``steps`` are the timeline in words; ``recipe`` is the scenario as data (see
    :mod:`~lastcall.conformance.model.scenario_file`), from which it can be played again.
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
    recipe: dict[str, Any] = field(default_factory=dict)
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
    # Many checks read the same few classes from a trace of up to 100,000 events, so each look-up is done once.
    _by_kinds: dict[tuple[type[Event], ...], list[Any]] = field(default_factory=dict, init=False, repr=False)

    def of(self, *kinds: type[E]) -> list[E]:
        """Return the events of these classes."""
        if kinds not in self._by_kinds:
            self._by_kinds[kinds] = [event for event in self.events if isinstance(event, kinds)]
        return list(self._by_kinds[kinds])

    def all(self, pattern: E) -> list[E]:
        """Return the events that fit the pattern."""
        fields = tuple(set_fields(pattern))
        alike = (event for event in self.of(type(pattern)) if type(event) is type(pattern))
        return [event for event in alike if all(getattr(event, name) == value for name, value in fields)]

    def first(self, pattern: E) -> E | None:
        """Return the first event that fits the pattern, or None."""
        return next(iter(self.all(pattern)), None)

    def line_of(self, event: Event) -> int:
        """Return the number of the event's line in the stored trace (the play is line 1).

        The event is found by identity, since two equal events have two lines; raises KeyError if it is not in the trace.
        """
        for number, candidate in enumerate(self.events, start=2):
            if candidate is event:
                return number
        raise KeyError(event)

    def numbered(self) -> Iterator[tuple[int, Event]]:
        """Yield each event with its line in the stored trace."""
        return enumerate(self.events, start=2)

    @property
    def complete(self) -> bool:
        """Whether the recorder came to the end of the play."""
        return bool(self.events) and isinstance(self.events[-1], PlayEnded)
