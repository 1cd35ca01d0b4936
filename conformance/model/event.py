"""What an event is: something that happened, with the earliest and the latest moment at which it can have happened.

An event made without times serves as a pattern: see :meth:`Event.fits`. A pattern has to know which of its fields were
set, even if one was set to its default value: ``FrameSent(stream_id=0)`` matches stream 0 only, ``FrameSent()`` any stream.
So the dictionary of an event holds only the fields that were passed to it; every other field is read from the class, where
a dataclass leaves the default. It is also faster than a frozen dataclass, which sets field after field, and the recorder
may make a hundred thousand events in one play.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMES = ("begin_ns", "end_ns")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Anything that happened. An event made without times serves as a pattern (see :meth:`fits`).

    Every field of a subclass has a default, which is plain data.
    """

    begin_ns: int = 0
    end_ns: int = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take fields as a dataclass does, by place or by name, and store only these."""
        shape = _SHAPES.get(type(self)) or _shape(type(self))
        given = vars(self)
        if args:
            given.update(zip(shape.by_place, args, strict=False))
        if kwargs:
            given.update(kwargs)
            if not kwargs.keys() <= shape.names:
                raise shape.error(len(args), kwargs)
        # Too many values by place, or two values for one field, leave fewer fields than values.
        if len(given) != len(args) + len(kwargs):
            raise shape.error(len(args), kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the dataclass decorator from making an ``__init__`` that sets the fields that were not passed."""
        super().__init_subclass__(**kwargs)
        type.__setattr__(cls, "__init__", Event.__init__)

    def fits(self, pattern: Event) -> bool:
        """Return whether this event is of the pattern's class and agrees with each field that the pattern sets.

        A field that the pattern does not set matches everything; times are never compared.
        """
        if type(self) is not type(pattern):
            return False
        return all(getattr(self, name) == value for name, value in set_fields(pattern))

    def as_json(self) -> dict[str, Any]:
        """Return the event as a JSON object, its class under ``event``."""
        shape = _SHAPES.get(type(self)) or _shape(type(self))
        return {**shape.record, **vars(self)}

    def at(self, begin_ns: int, end_ns: int) -> Self:
        """Return the same event with these times, as :func:`dataclasses.replace` does but a few times faster."""
        timed = object.__new__(type(self))
        vars(timed).update(vars(self), begin_ns=begin_ns, end_ns=end_ns)
        return timed


@dataclass(frozen=True)
class UnknownEvent(Event):
    """An event of a class that this lastcall does not know: a later one has added it to the format.

    It holds the place of its line, so that the lines after it keep their numbers. No check asks for it.
    """

    name: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the event's class and times; its other fields were left out when it was read."""
        return {"event": self.name, "begin_ns": self.begin_ns, "end_ns": self.end_ns}


class _Shape:
    """The facts about one class of events: its fields by place, and its record with every field at its default."""

    def __init__(self, kind: type[Event]) -> None:
        fields = dataclasses.fields(kind)
        self.name = kind.__name__
        self.by_place = tuple(item.name for item in fields if not item.kw_only)
        self.names = frozenset(item.name for item in fields)
        self.record: dict[str, Any] = {"event": self.name} | {item.name: item.default for item in fields}

    def error(self, places: int, names: dict[str, Any]) -> TypeError:
        """Return the error for a call with ``places`` values by place and ``names`` by name."""
        if unknown := sorted(names.keys() - self.names):
            return TypeError(f"{self.name} has no field {unknown[0]!r}")
        if places > len(self.by_place):
            return TypeError(f"{self.name} has {len(self.by_place)} fields by place, and {places} were given")
        twice = next(name for name in self.by_place[:places] if name in names)
        return TypeError(f"{self.name} was given {twice!r} twice")


_SHAPES: dict[type[Event], _Shape] = {}


def _shape(kind: type[Event]) -> _Shape:
    return _SHAPES.setdefault(kind, _Shape(kind))


def set_fields(pattern: Event) -> Iterator[tuple[str, Any]]:
    """Yield the fields that a pattern sets, each with its value."""
    return ((name, value) for name, value in vars(pattern).items() if name not in _TIMES)


def precedes(first: Event, second: Event) -> bool:
    """Return whether ``first`` certainly happened before ``second``: it ended before the other began."""
    return first.end_ns < second.begin_ns
