"""Converts plain data, as JSON has it, into the dataclasses that describe it.

A field that a dataclass does not have is left out: a later lastcall has added it. A missing field without a default and a
value of another type are refused.
"""

from __future__ import annotations

import builtins
import dataclasses
import enum
import functools
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
Reader: typing.TypeAlias = "Callable[[Any], Any]"

_LONGEST = 60


def restored(kind: type[T], record: object) -> T:
    """Return a value of a dataclass from plain data; raises ValueError, KeyError or TypeError if the data do not fit."""
    return typing.cast("T", _reader(typing.cast("Any", kind))(record))


def hints_of(kind: Any) -> dict[str, Any]:
    """Return the type of each field of a dataclass."""
    # A module may import a name of typing (``Any``) only for type checking, so typing's names are looked up too.
    hints = typing.get_type_hints(kind, {**vars(typing), **vars(sys.modules[kind.__module__])})
    return {item.name: hints[item.name] for item in dataclasses.fields(kind)}


@functools.cache
def _reader(hint: Any) -> Reader:
    """Return the function that reads values of a type."""
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case types.UnionType | typing.Union:
            (other,) = (_reader(argument) for argument in arguments if argument is not type(None))
            return lambda value: None if value is None else other(value)
        case builtins.tuple:
            item = _reader(arguments[0])
            return lambda value: tuple([item(part) for part in _checked(list, value)])
        case builtins.dict:
            key, item = (_reader(argument) for argument in arguments)
            return lambda value: {key(name): item(part) for name, part in _checked(dict, value).items()}
    if dataclasses.is_dataclass(hint):
        readers = {name: _reader(field) for name, field in hints_of(hint).items()}
        return functools.partial(_record, hint, readers)
    return hint if issubclass(hint, enum.Enum) else functools.partial(_checked, hint)


def _record(kind: Any, readers: Mapping[str, Reader], value: object) -> Any:
    record = _checked(dict, value)
    return kind(**{name: read(record[name]) for name, read in readers.items() if name in record})


def _checked(kind: type[T], value: Any) -> T:
    """Return a value unchanged, or raise TypeError; a whole number is accepted where a fraction is wanted."""
    if isinstance(value, kind) or (kind is float and isinstance(value, int)):
        return typing.cast("T", value)
    raise TypeError(f"{kind.__name__} is wanted, and {repr(value)[:_LONGEST]} is there")
