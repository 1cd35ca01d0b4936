"""JSON Schemas of the stored files: results.json, and the lines of a trace.

They describe one version of each format. Fields and events may be added within a version, so the schemas allow unknown ones
and require no field that has a default. A field that is removed, or changes its meaning, makes a new version (``FORMAT``),
and older files stay readable.
https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

import builtins
import dataclasses
import enum
import types
import typing
from typing import TYPE_CHECKING, Any

from lastcall.conformance.model import trace
from lastcall.conformance.model.trace_file import EVENTS
from lastcall.conformance.model.verdict import Measured, Verdict
from lastcall.conformance.results import results
from lastcall.conformance.results.reading import hints_of

if TYPE_CHECKING:
    from collections.abc import Collection

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    Any: {},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
}
_TEXT = _PLAIN[str]
_TEXTS: Schema = {"type": "array", "items": _TEXT}


def results_schema() -> Schema:
    """Return the schema of results.json."""
    stated: dict[str, Schema] = {
        "started_at": {"type": "string", "format": "date-time"},
        "format": {"const": results.FORMAT},
        "plays": _array(of_fields(results.PlayResult, argv=_TEXTS, verdicts=_array(_verdict()))),
    }
    return _top("results", results.FORMAT, of_fields(results.Results, **stated))


def trace_schema() -> Schema:
    """Return the schema of a line of a trace: the first is the play, every other an event.

    An event that is not listed is allowed: a later lastcall may add it.
    """
    play = _object({"play": of_fields(trace.Play, format={"const": trace.FORMAT})})
    events = [of_fields(kind, event={"const": name}) for name, kind in sorted(EVENTS.items())]
    other = _object({"event": {"type": "string", "not": {"enum": sorted(EVENTS)}}, "begin_ns": _PLAIN[int]})
    return _top("trace", trace.FORMAT, {"oneOf": [play, *events, other]})


def of_fields(kind: Any, **stated: Schema) -> Schema:
    """Return the schema of an object with the fields of a dataclass.

    ``stated`` are the schemas of fields whose types do not say enough. They are required, as are the times and every field
    without a default.
    """
    optional = {item.name for item in dataclasses.fields(kind) if _has_default(item)}
    return _object({**_properties(kind), **stated}, optional - set(stated) - {"begin_ns", "end_ns"})


def _has_default(item: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return item.default is not missing or item.default_factory is not missing


def _properties(kind: Any) -> dict[str, Schema]:
    return {name: _of_type(hint) for name, hint in hints_of(kind).items()}


def _of_type(hint: Any) -> Schema:
    """Return the schema of a type's values, as JSON writes them."""
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case types.UnionType | typing.Union:
            return {"anyOf": [_of_type(argument) for argument in arguments]}
        case builtins.tuple if arguments[-1] is ...:
            return _array(_of_type(arguments[0]))
        case builtins.tuple:
            return {"type": "array", "prefixItems": [_of_type(argument) for argument in arguments], "items": False}
        case builtins.dict:
            return {"type": "object", "additionalProperties": _of_type(arguments[1])}
        case _:
            return _of_class(hint)


def _of_class(kind: Any) -> Schema:
    if dataclasses.is_dataclass(kind):
        return of_fields(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [str(value.value) for value in kind]}
    return _PLAIN[kind]


def _verdict() -> Schema:
    # These two were in the first file already, so they are required; the other fields with a default were added later.
    return of_fields(Verdict, evidence=_array(_PLAIN[int]), measured=_array(of_fields(Measured)))


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Schema], optional: Collection[str] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _top(name: str, version: int, schema: Schema) -> Schema:
    return {
        "$schema": DIALECT,
        "$id": f"urn:lastcall:{name}:{version}",
        "title": f"lastcall {name}, version {version}",
    } | schema
