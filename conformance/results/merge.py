"""Merges several runs: the results of CI jobs or machines become one matrix, with their traces.

What does not fit into one matrix is refused: another pace, other limits, another version of lastcall, a scenario that is not
the same, and a play that is in two of them, unless ``newest`` is set.
"""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, TypeVar

from lastcall.conformance.results.results import PlayResult, Results, ResultsError, load_results

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lastcall.conformance.model.case import CaseId
    from lastcall.conformance.results.descriptions import ServerDescription

T = TypeVar("T")

Source = tuple["Path", Results]
"""A folder and its results."""


def merge(folders: Sequence[Path], into: Path, *, newest: bool = False) -> Results:
    """Write the results of several folders, and the traces to which they refer, into one; raises ResultsError.

    With ``newest`` the newest run of a server decides which version counts; its plays replace older ones of that version.
    """
    sources = [(folder, load_results(folder)) for folder in folders]
    if into.resolve() in {folder.resolve() for folder in folders}:
        raise ResultsError(f"{into}: is among the folders to be merged; choose another for the outcome")
    chosen = _chosen(sources, newest=newest)
    results = merged([results for _folder, results in sources], [play for _folder, play in chosen])
    into.mkdir(parents=True, exist_ok=True)
    for folder, play in chosen:
        for stored in (play.trace, play.control):
            _copy(folder, into, stored)
    results.write(into)
    return results


def merged(sources: Sequence[Results], plays: Sequence[PlayResult]) -> Results:
    """Return one run with these plays and the descriptions of all runs; raises ResultsError if these disagree."""
    first = sources[0]
    for other in sources[1:]:
        for what in ("pace", "suite_version", "limits"):
            if getattr(first, what) != getattr(other, what):
                raise ResultsError(
                    f"these cannot be merged: their {what.replace('_', ' ')} differs"
                    f" ({getattr(first, what)} and {getattr(other, what)})"
                )
    return dataclasses.replace(
        first,
        started_at=min(results.started_at for results in sources),
        platform="; ".join(dict.fromkeys(results.platform for results in sources)),
        servers=_servers(sources),
        scenarios=_union("scenario", [results.scenarios for results in sources]),
        checks=_union("check", [results.checks for results in sources]),
        clauses=_union("clause", [results.clauses for results in sources]),
        plays=tuple(plays),
    )


def _servers(sources: Sequence[Results]) -> dict[str, ServerDescription]:
    """Return the description of every server, from the newest run that had it installed."""
    described: dict[str, ServerDescription] = {}
    for results in sorted(sources, key=lambda results: results.started_at):
        for name, server in results.servers.items():
            if server.installed or name not in described or not described[name].installed:
                described[name] = server
    order = dict.fromkeys(name for results in sources for name in results.servers)
    return {name: described[name] for name in order}


def _union(what: str, parts: Sequence[dict[str, T]]) -> dict[str, T]:
    joined: dict[str, T] = {}
    for part in parts:
        for name, description in part.items():
            if joined.setdefault(name, description) != description:
                raise ResultsError(f"these cannot be merged: the {what} {name!r} is not the same in all of them")
    return joined


def _chosen(sources: Sequence[Source], *, newest: bool) -> list[tuple[Path, PlayResult]]:
    chosen: dict[CaseId, tuple[Path, PlayResult]] = {}
    versions: dict[str, tuple[str, Path]] = {}
    ordered = sorted(sources, key=lambda source: source[1].started_at, reverse=True) if newest else sources
    for folder, results in ordered:
        for play in results.plays:
            version = results.servers[play.server].version if play.server in results.servers else ""
            known, where = versions.setdefault(play.server, (version, folder)) if version else (version, folder)
            if known != version and not newest:
                raise ResultsError(
                    f"{play.server} has version {known!r} in {where} and {version!r} in {folder}; --newest takes the newest"
                )
            if known != version:
                continue
            before, other = chosen.get(play.id, (folder, play))
            # Every run that names the server repeats "not supported": that is no second play.
            if other is not play and not newest and not (other.not_supported and play.not_supported):
                raise ResultsError(f"{play.id} is in {before} and in {folder}; --newest takes the newest")
            chosen.setdefault(play.id, (folder, play))
    order = {
        case: place for place, case in enumerate(play.id for _folder, results in sources for play in results.plays)
    }
    return [chosen[case] for case in sorted(chosen, key=order.__getitem__)]


def _copy(folder: Path, into: Path, stored: str) -> None:
    """Copy a trace to the same place; one that does not exist, or is outside of its folder, is left out."""
    source, target = (folder / stored).resolve(), (into / stored).resolve()
    inside = source.is_relative_to(folder.resolve()) and target.is_relative_to(into.resolve())
    if stored and inside and source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
