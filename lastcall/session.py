"""The session of a run: which cases the servers have, what their plays showed, and by which version.

The plays of a server are played once, by the first item of pytest that needs one of them; the other items read their
verdicts here. :mod:`lastcall.run_results` makes the results and the summary of a session.
"""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lastcall.chosen_servers import ServerChoiceError, choose_servers, stored_servers
from lastcall.conformance.judging.explanation import explain
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.trace_file import TraceError, load
from lastcall.conformance.results.results import ResultsError, load_results
from lastcall.install import missing_reason, version_of
from lastcall.registry import RegistryError, find
from lastcall.run import TRACES, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lastcall.chosen_servers import ChosenServer
    from lastcall.conformance.model.capabilities import Capability
    from lastcall.conformance.model.case import CaseId
    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.server import Server
    from lastcall.conformance.model.step import Pace
    from lastcall.conformance.model.verdict import Verdict
    from lastcall.registry import Registry
    from lastcall.run import JudgedPlay, Progress


class SessionError(ValueError):
    """A run cannot begin; the message says why and what to do."""


class RunSession:
    """The servers of a run, and the verdicts on their plays."""

    def __init__(
        self, registry: Registry, servers: list[ChosenServer], folder: Path, pace: Pace, *, judge_only: bool
    ) -> None:
        self.registry = registry
        self.servers = servers
        self.folder = folder
        self.pace = pace
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._judge_only = judge_only
        self._run = Run(folder, pace)
        self._capabilities: dict[str, Sequence[Capability]] = _stored_capabilities(folder) if judge_only else {}
        self._judged: dict[CaseId, JudgedPlay] = {}
        self._performed: set[str] = set()
        self._unreadable: dict[CaseId, str] = {}
        self._versions: dict[str, str | None] = {}

    @classmethod
    def assemble(
        cls,
        arguments: Sequence[str],
        folder: Path,
        pace: Pace,
        *,
        judge_only: bool,
        scenario_files: Sequence[Path] = (),
    ) -> RunSession:
        """Return the session of these servers, with the scenarios of these files too; raises :class:`SessionError`."""
        if judge_only and not (folder / TRACES).is_dir():
            raise SessionError(f"--judge-only {folder}: there is no folder {TRACES!r} with traces in it")
        stored = stored_servers(folder / TRACES) if judge_only else []
        try:
            registry = find(scenario_files)
            for server in stored:
                registry.servers.setdefault(server.name, server)
            servers = choose_servers(registry, arguments or [server.name for server in stored])
        except (ServerChoiceError, RegistryError) as error:
            raise SessionError(str(error)) from error
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SessionError(f"--results {folder}: {error.strerror}") from error
        return cls(registry, servers, folder, pace, judge_only=judge_only)

    @property
    def scenarios(self) -> list[Scenario]:
        """Every scenario of the run, played or not."""
        return list(self.registry.scenarios.values())

    @property
    def scenario_files(self) -> list[Path]:
        """The files of scenarios."""
        return list(dict.fromkeys(self.registry.file_of.values()))

    def scenarios_of(self, file: Path) -> list[Scenario]:
        """Return the scenarios of one file."""
        return [scenario for scenario in self.scenarios if self.registry.file_of[scenario.id] == file]

    def origin_of(self, scenario: Scenario) -> str:
        """Return the scenario's module, such as ``scenarios.founding``, or the path of the file that was named."""
        return self.registry.module_of[scenario.id]

    def cases(self, server: Server) -> Iterator[Case]:
        """Yield the cases of a server: every scenario over each of its protocols, also those that it does not support."""
        for scenario in self.scenarios:
            yield from self.cases_of(scenario, server)

    def cases_of(self, scenario: Scenario, server: Server) -> Iterator[Case]:
        """Yield the cases of one scenario on a server."""
        for protocol in scenario.protocols:
            yield Case(scenario, server, protocol, self.pace, DEFAULT)

    def unplayable_reason(self, server: Server) -> str:
        """Return why nothing can be played on this server; it is empty if plays are possible."""
        if self._judge_only or self.version(server) is not None:
            return ""
        return f"{server.name} is {missing_reason(server)}"

    def version(self, server: Server) -> str | None:
        """Return the server's version; None if it is not installed, or built from other sources than today's.

        Where stored traces are judged again it is theirs. The server's command for it runs once in a session: it can
        take a second.
        """
        if server.name not in self._versions:
            stored = self._stored_version(server) if self._judge_only else ""
            self._versions[server.name] = stored or version_of(server)
        return self._versions[server.name]

    def version_under_test(self, server: Server) -> str:
        """Return the version that this run judges, which stored traces have themselves; it is empty if none is known."""
        return self.version(server) or ""

    def _stored_version(self, server: Server) -> str:
        for path in sorted((self.folder / TRACES / server.name).glob("*/*.jsonl")):
            with contextlib.suppress(TraceError):
                return load(path).play.version
        return ""

    def performed(self, server: Server) -> bool:
        """Return whether this server's plays are over."""
        return server.name in self._performed

    def perform(self, cases: Sequence[Case], progress: Callable[[Progress], None]) -> None:
        """Play the cases, or judge their stored traces again in a run that does only that."""
        if self._judge_only:
            for case in cases:
                try:
                    again = self._run.rejudge(case)
                except (TraceError, OSError, ValueError) as error:
                    self._unreadable[case.id] = str(error)
                else:
                    self._keep([again] if again else [])
        else:
            versioned = [dataclasses.replace(case, version=self.version(case.server) or "") for case in cases]
            self._keep(self._run.perform(versioned, progress))
        self._performed.update(case.server.name for case in cases)

    def _keep(self, plays: Sequence[JudgedPlay]) -> None:
        for play in plays:
            self._judged[play.case.id] = play

    def judged(self, case: CaseId) -> JudgedPlay | None:
        """Return a play with its verdicts; None if it was not played, or its trace could not be judged again."""
        return self._judged.get(case)

    def unreadable_reason(self, case: CaseId) -> str:
        """Return why a stored trace could not be judged again; it is empty if there is none, or if it could."""
        return self._unreadable.get(case, "")

    def capabilities(self, server: Server) -> Sequence[Capability]:
        """Return what the server's adapter claims, with the results of the capability probe."""
        return self._run.capabilities.get(server.name) or self._capabilities.get(server.name, ())

    def record_capabilities(self, server: str, capabilities: Sequence[Capability]) -> None:
        """Keep the capabilities that another process of a distributed run has probed."""
        if capabilities:
            self._capabilities[server] = capabilities

    def explain(self, play: JudgedPlay, verdict: Verdict, check: Check) -> str:
        """Return the explanation of a verdict, for a person."""
        case = play.case
        argument = next((chosen.argument for chosen in self.servers if chosen.name == case.server.name), "")
        pace = "" if self.pace == "fast" else f" --pace {self.pace}"
        origin = self.origin_of(case.scenario)
        file = f" {origin}" if origin.endswith(".py") else ""
        selection = f"{case.id} and {verdict.check}"
        return explain(
            play.trace,
            verdict,
            check,
            stored_at=str(play.stored_at),
            again=f"pytest --server={argument}{pace}{file} -k {selection!r}",
            control=play.control_summary,
        )

    def close(self) -> None:
        """End every process that the session has started."""
        self._run.__exit__()


def _stored_capabilities(folder: Path) -> dict[str, Sequence[Capability]]:
    """Return the capabilities that an earlier run in this folder has probed; none if it has no results."""
    with contextlib.suppress(ResultsError):
        return {name: server.claims for name, server in load_results(folder).servers.items()}
    return {}
