"""Reads values of a type from the top level of modules: of a file, or of modules that installed distributions name.

Under an entry point group a distribution names a module, a package (whose modules are all imported) or a value. The
servers and scenarios of lastcall come in the same way as those of other distributions.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

V = TypeVar("V")

PACKAGE = "lastcall."
"""The beginning of the names of lastcall's modules. Messages leave it out: a person looks for the file."""


class ModuleFileError(ValueError):
    """A file has no value of the type; the message names it and says why."""


class Placed(NamedTuple, Generic[V]):
    """A value, the name of its module (without :data:`PACKAGE`), and the module's file."""

    value: V
    origin: str
    file: Path


def values_of_file(path: Path, kind: type[V]) -> list[V]:
    """Return the values of a type at the top level of a Python file; raises :class:`ModuleFileError`."""
    if not path.is_file():
        raise ModuleFileError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(_own_name(path), path)
    if spec is None or spec.loader is None:
        raise ModuleFileError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(spec.name, None)
        raise ModuleFileError(f"{path}: cannot be imported: {type(error).__name__}: {error}") from error
    values = list(_values_in(vars(module), kind))
    if not values:
        raise ModuleFileError(f"{path}: no {kind.__module__}.{kind.__name__} stands at its top level")
    return values


def _own_name(path: Path) -> str:
    """Return a module name for a file; files of one stem in two folders have two."""
    digest = hashlib.sha256(str(path.resolve()).encode(errors="surrogateescape")).hexdigest()
    return f"lastcall_own_{path.stem}_{digest[:16]}"


def installed_values(group: str, kind: type[V], problems: list[str]) -> Iterator[Placed[V]]:
    """Yield the values of a type that installed distributions name; an entry point that fails adds to ``problems``."""
    points = sorted(importlib.metadata.entry_points(group=group), key=_place)
    if not any(point.value.startswith(PACKAGE) for point in points):
        stale = "the installed metadata is not of these sources; install lastcall again (python -m pip install ...)"
        problems.append(f"entry point group {group} does not name the {kind.__name__.lower()}s of lastcall: {stale}")
    for point in points:
        known_problems = len(problems)
        empty = True
        for placed in _values_of_point(point, kind, problems):
            empty = False
            yield placed
        if empty and len(problems) == known_problems:
            problems.append(f"entry point {point.name} ({point.value}): no {kind.__name__} stands there")


def _place(point: importlib.metadata.EntryPoint) -> tuple[bool, str, str]:
    """Return the order of an entry point: lastcall's come first, so that a name used twice is an error of the other one."""
    return not point.value.startswith(PACKAGE), point.name, point.value


def _values_of_point(point: importlib.metadata.EntryPoint, kind: type[V], problems: list[str]) -> Iterator[Placed[V]]:
    try:
        loaded = point.load()
    except Exception as error:  # noqa: BLE001 - one broken distribution must not stop the others
        problems.append(f"entry point {point.name} ({point.value}): {type(error).__name__}: {error}")
        return
    if not isinstance(loaded, ModuleType):
        for value in _values_in({point.attr: loaded}, kind):
            yield _placed(value, sys.modules[point.module])
        return
    # The package comes last: a value that it imports from one of its modules belongs to that module.
    for module in (*_modules(loaded, problems), loaded):
        for value in _values_in(vars(module), kind):
            yield _placed(value, module)


def _modules(package: ModuleType, problems: list[str]) -> Iterator[ModuleType]:
    for item in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{package.__name__}."):
        if item.ispkg:
            continue
        try:
            yield importlib.import_module(item.name)
        except Exception as error:  # noqa: BLE001 - one broken file must not stop the others
            problems.append(f"{item.name.removeprefix(PACKAGE)} cannot be imported: {type(error).__name__}: {error}")


def _placed(value: V, module: ModuleType) -> Placed[V]:
    return Placed(value, module.__name__.removeprefix(PACKAGE), Path(module.__file__ or "").resolve())


def _values_in(names: Mapping[str, object], kind: type[V]) -> Iterator[V]:
    """Yield the values of a type, once each; a tuple of them counts for its members."""
    seen: set[int] = set()
    for value in names.values():
        for candidate in value if isinstance(value, tuple) else (value,):
            if isinstance(candidate, kind) and id(candidate) not in seen:
                seen.add(id(candidate))
                yield candidate
