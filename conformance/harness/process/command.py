"""The commands that an adapter has beside its server: ``stop`` requests the graceful stop, ``remove`` removes what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.harness.process.output import last_output
from lastcall.conformance.harness.process.program import Program
from lastcall.conformance.model.server_events import CommandEnded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lastcall.conformance.harness.process.process_sessions import ProcessSessions
    from lastcall.conformance.harness.recorder import Recorder


class CommandFailedError(Exception):
    """A command could not be run, ended with another status than 0, or did not end; the message says which."""


class Command:
    """One run of such a command. Its output and its status go into the trace under its purpose."""

    def __init__(self, process_sessions: ProcessSessions, recorder: Recorder, purpose: str) -> None:
        self._recorder = recorder
        self._purpose = purpose
        self._program = Program(process_sessions, recorder, self._exited)
        self._name = f"the {purpose} command"

    def start(self, argv: Sequence[str], directory: Path, variables: Mapping[str, str]) -> None:
        """Start it; raises :class:`CommandFailedError` if there is no such program."""
        self._name = f"the {self._purpose} command {argv[0]}"
        try:
            self._program.start(argv, directory, variables, (self._purpose, self._purpose))
        except OSError as error:
            raise CommandFailedError(f"cannot run {self._name}: {error.strerror or error}") from error

    @property
    def over(self) -> bool:
        """Whether it has ended and that is recorded."""
        return self._program.status is not None

    @property
    def failed(self) -> bool:
        """Whether it has ended with another status than 0."""
        return bool(self._program.status)

    def check(self) -> None:
        """Raise :class:`CommandFailedError` if it has ended with another status than 0."""
        if status := self._program.status:
            how = f"with status {status}" if status > 0 else f"by signal {-status}"
            raise CommandFailedError(f"{self._name} ended {how}{self._last_output()}")

    def check_over(self, when: str) -> None:
        """Raise :class:`CommandFailedError` if it has failed, or has not ended; ``when`` says how long it has had."""
        self.check()
        if not self.over:
            raise CommandFailedError(f"{self._name} had not ended {when}{self._last_output()}")

    async def wait(self, within_s: float) -> None:
        """Return when it has ended, or when the time is over."""
        await self._recorder.wait(lambda: self.over, within_s)

    def end(self) -> None:
        """End it and everything that it has started, if anything is left of that."""
        if self._program.started:
            self._program.sweep()

    def _last_output(self) -> str:
        return last_output(self._recorder, self._purpose)

    def _exited(self, status: int) -> None:
        # Its last line is recorded before its end. After a failure nothing more is read, so an unfinished last line counts;
        # after a success it may have started a process that goes on printing, so the output stays open.
        for output in self._program.outputs:
            (output.drain if status else output.catch_up)()
        self._recorder.seen(CommandEnded(self._purpose, status))
