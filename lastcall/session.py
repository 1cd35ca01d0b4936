"""The company of a run: which servers are asked what, what became of it, and where it is written."""

from __future__ import annotations

import contextlib
import platform
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall import __version__
from lastcall.conformance.judging.explanation import explain
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Drain, Server
from lastcall.conformance.model.trace_file import TraceError, load
from lastcall.conformance.model.verdict import Answer, Level
from lastcall.conformance.results.descriptions import describe_checks, describe_scenario, describe_server
from lastcall.conformance.results.results import (
    PlayResult,
    Results,
    ResultsError,
    describe_clauses,
    load_results,
)
from lastcall.install import version_of, why_missing
from lastcall.registry import Found, RegistryError, find
from lastcall.run import TRACES, Run
from lastcall.server_module import load_servers
from lastcall.server_toml import ServerFileError, load_server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lastcall.conformance.model.capabilities import Capability
    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.launch import Launch
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.step import Pace
    from lastcall.conformance.model.verdict import Verdict
    from lastcall.run import Judged, Progress


class SessionError(ValueError):
    """Who is asked cannot be made out; the message says why and what to do."""


@dataclass(frozen=True)
class Row:
    """One server of the run. ``named``: it was asked for by name, so that not having it fails."""

    server: Server
    named: bool
    asked_as: str


WantedPlay = tuple[Row, "Scenario", "Protocol"]
"""One play that is wanted: who is asked, what, over which protocol."""


class RunSession:
    """The servers of a run, and their verdicts."""

    def __init__(self, found: Found, rows: list[Row], folder: Path, pace: Pace, *, judge_only: bool) -> None:
        self.rows = rows
        self.folder = folder
        self.pace = pace
        self._found = found
        self._judge_only = judge_only
        self._run = Run(folder, pace)
        self._claims: dict[str, Sequence[Capability]] = _remembered_claims(folder) if judge_only else {}
        self._judged: dict[tuple[str, str, str], Judged] = {}
        self._performed: set[str] = set()
        self._versions: dict[str, str | None] = {}
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")

    @classmethod
    def assemble(
        cls, names: Sequence[str], folder: Path, pace: Pace, *, judge_only: bool, scenario_files: Sequence[Path] = ()
    ) -> RunSession:
        """Find the servers of these names, and the scenarios of these files too; raises :class:`SessionError`."""
        try:
            found = find(scenario_files)
            if judge_only and not (folder / TRACES).is_dir():
                raise SessionError(f"--judge-only {folder}: there is no folder {TRACES!r} with traces in it")
            if judge_only:
                for path in _stored(folder):
                    found.servers.setdefault(path.name, _remembered(path))
            rows = _rows(found, names or [path.name for path in _stored(folder)])
        except (ServerFileError, RegistryError) as error:
            raise SessionError(str(error)) from error
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SessionError(f"--results {folder}: {error.strerror}") from error
        return cls(found, rows, folder, pace, judge_only=judge_only)

    @property
    def scenarios(self) -> list[Scenario]:
        """Every scenario of the run, played or not."""
        return list(self._found.scenarios.values())

    @property
    def scenario_files(self) -> list[Path]:
        """The files of scenarios."""
        return list(dict.fromkeys(self._found.file_of.values()))

    def scenarios_of(self, file: Path) -> list[Scenario]:
        """Return the scenarios of one file."""
        return [scenario for scenario in self.scenarios if self._found.file_of[scenario.id] == file]

    def origin_of(self, scenario: Scenario) -> str:
        """Return the scenario's module, such as ``scenarios.founding``, or the path of the file that was named."""
        return self._found.module_of[scenario.id]

    def asks(self, row: Row, scenario: Scenario, protocol: Protocol) -> bool:
        """Tell whether this server is asked this question over this protocol."""
        return not scenario.why_not(row.server, protocol)

    def why_not_played(self, row: Row) -> str:
        """Say why nothing can be played on this server, or nothing if it can."""
        if self._judge_only or self.version(row.server) is not None:
            return ""
        return f"{row.server.name} is {why_missing(row.server)}"

    def version(self, server: Server) -> str | None:
        """Give the server's version, asked once; None if it is not installed, or not as it is today."""
        if server.name not in self._versions:
            self._versions[server.name] = version_of(server)
        return self._versions[server.name]

    def version_under_test(self, name: str) -> str:
        """Return the version that this run judges; stored traces say theirs. It is empty if none is known."""
        if self._judge_only:
            for path in sorted((self.folder / TRACES / name).glob("*/*.jsonl")):
                with contextlib.suppress(TraceError):
                    return load(path).play.version
        return next((self.version(row.server) or "" for row in self.rows if row.server.name == name), "")

    def performed(self, row: Row) -> bool:
        """Tell whether this server's plays are over."""
        return row.server.name in self._performed

    def perform(self, asked: Sequence[WantedPlay], progress: Callable[[Progress], None]) -> None:
        """Play all that is asked, or read it back when traces are only judged again."""
        if self._judge_only:
            for row, scenario, protocol in asked:
                with contextlib.suppress(TraceError):
                    again = self._run.rejudge(row.server, scenario, protocol)
                    self._keep([again] if again else [])
        else:
            cases = [
                Case(scenario, row.server, protocol, self.pace, DEFAULT, self.version(row.server) or "")
                for row, scenario, protocol in asked
            ]
            self._keep(self._run.perform(cases, progress))
        self._performed.update(row.server.name for row, _scenario, _protocol in asked)

    def claims(self, server: Server) -> Sequence[Capability]:
        """Return what the server's adapter claims beside what the capability probe found."""
        return self._run.claims.get(server.name) or self._claims.get(server.name, ())

    def record_capabilities(self, server: str, claims: Sequence[Capability]) -> None:
        """Take what another process has found of a server."""
        if claims:
            self._claims[server] = claims

    def _keep(self, judged: Sequence[Judged]) -> None:
        for each in judged:
            self._judged[each.case.server.name, str(each.case.protocol), each.case.scenario.id] = each

    def judged(self, row: Row, scenario: Scenario, protocol: Protocol) -> Judged | None:
        """Give one play with its verdicts; None if a trace that was to be judged again is not there."""
        return self._judged.get((row.server.name, str(protocol), scenario.id))

    def explain(self, judged: Judged, verdict: Verdict, check: Check) -> str:
        """Give a person's account of a verdict."""
        asked_as = next((row.asked_as for row in self.rows if row.server.name == judged.case.server.name), "")
        pace = "" if self.pace == "fast" else f" --pace {self.pace}"
        case = judged.case
        selected = f"{case.scenario.id}[{case.server.name}-{case.protocol}] and {verdict.check}"
        origin = self.origin_of(case.scenario)
        named = f" {origin}" if origin.endswith(".py") else ""
        return explain(
            judged.trace,
            verdict,
            check,
            stored_at=str(judged.stored_at),
            again=f"pytest --server={asked_as}{pace}{named} -k {selected!r}",
            control=judged.control_in_words,
        )

    def publish(self, plays: Sequence[PlayResult]) -> None:
        """Write results.json and the report from the plays that were told of."""
        results = self._results(plays)
        results.write(self.folder)
        from lastcall.reports.page import write_page  # noqa: PLC0415 - templates are not needed until the end

        write_page(results, self.folder)

    def _results(self, played: Sequence[PlayResult]) -> Results:
        scenarios = list(self._found.scenarios.values())
        keys = {play.key for play in played}
        refused = [
            PlayResult(
                scenario.id, row.server.name, str(protocol), not_supported=scenario.why_not(row.server, protocol)
            )
            for row in self.rows
            for scenario in scenarios
            for protocol in scenario.protocols
            if (row.server.name, str(protocol), scenario.id) not in keys and scenario.why_not(row.server, protocol)
        ]
        order = {row.server.name: place for place, row in enumerate(self.rows)}
        return Results(
            started_at=self._started_at,
            pace=str(self.pace),
            platform=f"{platform.platform()}, Python {platform.python_version()}",
            suite_version=__version__,
            limits=DEFAULT.as_dict(),
            servers={
                row.server.name: describe_server(row.server, self.version(row.server), self.claims(row.server))
                for row in self.rows
            },
            scenarios={each.id: describe_scenario(each, self._found.module_of[each.id]) for each in scenarios},
            checks=describe_checks(scenarios),
            clauses=describe_clauses(),
            plays=tuple(sorted([*played, *refused], key=lambda play: (order.get(play.server, 0), play.scenario))),
        )

    def summary(self, plays: Sequence[PlayResult]) -> list[str]:
        """Sum the run up, a line for each server, and say what was not asked."""
        from lastcall.reports.figures import rows  # noqa: PLC0415 - not needed until the end

        lines = [f"cannot be used: {line}" for line in self._found.broken]
        figures = {each.name: each for each in rows(self._results(plays))}
        for row in self.rows:
            name = row.server.name
            mine = [play for play in plays if play.server == name]
            if mine:
                lines.append(f"{name} {self.version(row.server) or ''}: {_counts(mine)}; {figures[name].requests_lost}")
                told = [claim.contradicted for claim in self.claims(row.server)]
                lines += [f"{name}: the adapter's claims are wrong: {words}" for words in told if words]
            elif why := self.why_not_played(row):
                lines.append(why)
        if plays:
            lines.append(f"report: {self.folder / 'report.html'}")
        elif any((self.folder / TRACES).glob("*/*/*.jsonl")):
            lines.append(
                f"no verdict was reached; what has been recorded can be judged: pytest --judge-only={self.folder}"
            )
        return lines

    def close(self) -> None:
        """End everything that was started."""
        self._run.__exit__()


def _counts(plays: Sequence[PlayResult]) -> str:
    answers = Counter(
        f"{verdict.level} {verdict.answer}" if verdict.answer is Answer.BROKEN else str(verdict.answer)
        for play in plays
        for verdict in play.verdicts
    )
    broken = [f"{answers[f'{level} broken']} {level} broken" for level in Level if answers[f"{level} broken"]]
    others = [f"{answers[answer]} {answer}" for answer in Answer if answer is not Answer.BROKEN and answers[answer]]
    return ", ".join([*broken, *others])


def servers_named(names: Sequence[str]) -> list[Server]:
    """Give the servers of these names or files; raises :class:`SessionError`."""
    try:
        return [row.server for row in _rows(find(), names)]
    except (ServerFileError, RegistryError) as error:
        raise SessionError(str(error)) from error


def _rows(found: Found, names: Sequence[str]) -> list[Row]:
    rows: dict[str, Row] = {}
    for name in names:
        if name == "all":
            for server in found.servers.values():
                if not server.mutant:
                    rows.setdefault(server.name, Row(server, named=False, asked_as=server.name))
        elif name.endswith((".toml", ".py")):
            for server in [load_server(Path(name))] if name.endswith(".toml") else load_servers(Path(name)):
                if server.name in found.servers:
                    taken = f"the name {server.name!r} is taken by a server of lastcall; choose another"
                    raise SessionError(f"{name}: {taken}")
                rows[server.name] = Row(server, named=True, asked_as=name)
        elif name in found.servers:
            rows[name] = Row(found.servers[name], named=True, asked_as=name)
        else:
            raise SessionError(_unknown(found, name))
    return list(rows.values())


def _unknown(found: Found, name: str) -> str:
    known = ", ".join(sorted(server.name for server in found.servers.values() if not server.mutant))
    reasons = "".join(f"; {line}" for line in found.broken)
    return f"--server {name}: no such server. Known are {known}; or give the path of a .toml or .py file{reasons}"


def _remembered_claims(folder: Path) -> dict[str, Sequence[Capability]]:
    """Give what an earlier run in this folder has found of its servers; nothing if there are no results of it."""
    with contextlib.suppress(ResultsError):
        return {name: server.claims for name, server in load_results(folder).servers.items()}
    return {}


def _stored(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / TRACES).iterdir() if path.is_dir())


def _remembered(folder: Path) -> Server:
    """Stand in for a server that is known only by its stored traces: enough to judge them again."""

    def refuse(_launch: Launch) -> list[str]:
        raise SessionError(f"{folder.name} is known by its traces alone and cannot be started")

    spoken = {path.name for path in folder.iterdir()}
    return Server(
        name=folder.name,
        speaks=frozenset(protocol for protocol in Protocol if protocol in spoken),
        command=refuse,
        version=lambda: "version as stored",
        install=(),
        documentation="",
        drain=Drain("", ""),
    )
