"""Several runs in one: the results of CI jobs or machines become one matrix, with their traces.

What cannot stand in one matrix is refused: another pace, other limits, another suite, a scenario that is not the same,
and a play that is in two of them, unless the newest is asked for.
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
"""A folder and the results that it holds."""


def merge(folders: Sequence[Path], into: Path, *, newest: bool = False) -> Results:
    """Write the results of several folders, and the traces that they refer to, into one; raises ResultsError.

    With ``newest`` the newest run that has played a server counts for all plays of that server at its version.
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
    """Join the descriptions of several runs around the plays that count; raises ResultsError where they disagree."""
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
        started_at=min(each.started_at for each in sources),
        platform="; ".join(dict.fromkeys(each.platform for each in sources)),
        servers=_servers(sources),
        scenarios=_union("scenario", [each.scenarios for each in sources]),
        checks=_union("check", [each.checks for each in sources]),
        clauses=_union("clause", [each.clauses for each in sources]),
        plays=tuple(plays),
    )


def _servers(sources: Sequence[Results]) -> dict[str, ServerDescription]:
    """Describe each server as the newest run does that had it installed."""
    described: dict[str, ServerDescription] = {}
    for results in sorted(sources, key=lambda each: each.started_at):
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
    ordered = sorted(sources, key=lambda each: each[1].started_at, reverse=True) if newest else sources
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
    order = {case: place for place, case in enumerate(play.id for _folder, each in sources for play in each.plays)}
    return [chosen[case] for case in sorted(chosen, key=order.__getitem__)]


def _copy(folder: Path, into: Path, stored: str) -> None:
    """Copy a trace to the same place; one that is not there, or that lies outside of its folder, is left out."""
    source, target = (folder / stored).resolve(), (into / stored).resolve()
    inside = source.is_relative_to(folder.resolve()) and target.is_relative_to(into.resolve())
    if stored and inside and source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
