"""The expectations of a run, server by server: read from files, and looked up for the checks of its cases."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.judging.expectations import Expectations, ExpectationsError, load_expectations
from lastcall.conformance.model.case import CaseCheck
from lastcall.conformance.model.verdict import Answer, KnownDeviation

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lastcall.conformance.judging.expectations import Expectation
    from lastcall.conformance.model.server import Server
    from lastcall.conformance.model.verdict import Verdict
    from lastcall.conformance.results.results import PlayResult
    from lastcall.session import RunSession

KNOWN = Path(__file__).resolve().parent / "servers" / "expectations"
"""The folder of the known deviations of lastcall's own servers, a file for each server."""
NONE = "none"
"""The value of the option that leaves out the files of :data:`KNOWN`."""


class RunExpectations:
    """What is expected of the servers of a run.

    ``written`` are the expectations as the files have them, by server. ``unreadable`` are the files that cannot be used,
    each with the line that says why.
    """

    def __init__(
        self, run_session: RunSession, written: dict[str, Expectations], unreadable: dict[str, str] | None = None
    ) -> None:
        self.written = written
        self.unreadable = unreadable or {}
        self._run_session = run_session
        self._in_force: dict[str, Expectations] = {}

    @classmethod
    def read(cls, run_session: RunSession, places: Sequence[str]) -> RunExpectations:
        """Return the expectations of these files and folders, and for the other servers those of :data:`KNOWN`.

        A file of the command line takes the place of lastcall's own file of the same server. A file that cannot be read
        does not raise: it becomes an item that fails, and the run goes on.
        """
        servers = {chosen.name for chosen in run_session.servers}
        own = [] if NONE in places else [path for path in sorted(KNOWN.glob("*.toml")) if path.stem in servers]
        given = [path for place in places if place != NONE for path in _files(Path(place))]
        run_expectations = cls(run_session, {})
        for path in [*own, *given]:
            run_expectations._read_file(path, given, required=str(path) in places)
        return run_expectations

    def _read_file(self, path: Path, given: Collection[Path], *, required: bool) -> None:
        try:
            expectations = load_expectations(path)
        except ExpectationsError as error:
            self.unreadable[path.stem] = str(error)
            return
        server = expectations.server
        earlier = self.written.get(server)
        if earlier and earlier.path in given:
            self.unreadable[path.stem] = f"{path}: the expectations of {server!r} are in {earlier.path} already"
        elif any(chosen.name == server for chosen in self._run_session.servers):
            self.written[server] = expectations
        elif required:
            self.unreadable[path.stem] = f"{path}: 'server' is {server!r}, which is no server of this run"

    def in_force(self, server: Server) -> Expectations | None:
        """Return what is expected of the version under test; None if there is no file for the server.

        The version counts only where an entry names versions: it can take a second to ask for it. Where no version is
        known, all entries are in force.
        """
        name = server.name
        if name in self.written and name not in self._in_force:
            written = self.written[name]
            versioned = any(entry.versions for entry in written.entries)
            version = self._run_session.version_under_test(server) if versioned else ""
            self._in_force[name] = written.for_version(version) if version else written
        return self._in_force.get(name)

    def expectation_of(self, case_check: CaseCheck) -> Expectation | None:
        """Return the expectation that covers this check of this case."""
        for chosen in self._run_session.servers:
            if chosen.name == case_check.case.server:
                expectations = self.in_force(chosen.server)
                return expectations.of(case_check) if expectations else None
        return None

    def with_expectations(self, play: PlayResult) -> PlayResult:
        """Return a play with the expectation beside each broken verdict that has one."""
        return dataclasses.replace(
            play, verdicts=tuple(self._with_expectation(play, verdict) for verdict in play.verdicts)
        )

    def _with_expectation(self, play: PlayResult, verdict: Verdict) -> Verdict:
        entry = self.expectation_of(CaseCheck(play.id, verdict.check))
        if entry is None or verdict.answer is not Answer.BROKEN:
            return verdict
        return dataclasses.replace(verdict, expected=KnownDeviation(entry.reason, entry.upstream, entry.date))

    def case_checks(self, server: Server) -> list[CaseCheck]:
        """Return all checks of all cases of a server, whatever ``-k`` and ``-m`` select."""
        return [
            CaseCheck(case.id, check.id)
            for case in self._run_session.cases(server)
            if not case.why_not
            for check in case.scenario.checks_over(case.protocol)
        ]


def _files(place: Path) -> list[Path]:
    """Return the files of a folder, or the path itself, which may not exist: then reading it says so."""
    return sorted(place.glob("*.toml")) if place.is_dir() else [place]
