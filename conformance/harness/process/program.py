"""A program in a session of its own: it is started, its output is read, and it is ended with every process it started."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from lastcall.conformance.harness.process import reaper
from lastcall.conformance.harness.process.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lastcall.conformance.harness.process.process_sessions import ProcessSessions
    from lastcall.conformance.harness.recorder import Recorder


class Program:
    """One program. It stays a zombie until :meth:`sweep`, so that its process id is not reused and its session stays known."""

    def __init__(self, process_sessions: ProcessSessions, recorder: Recorder, on_exit: Callable[[int], None]) -> None:
        self.status: int | None = None
        self.pid = 0
        """The id of its first process; 0 before it is started."""
        self.pidfd = -1
        self.outputs: list[Output] = []
        self._process_sessions = process_sessions
        self._recorder = recorder
        self._on_exit = on_exit

    def start(
        self,
        argv: Sequence[str],
        directory: Path,
        variables: Mapping[str, str],
        streams: tuple[str, str] = ("stdout", "stderr"),
    ) -> None:
        """Start it; raises OSError if that fails. Its output goes into the trace under the names of ``streams``."""
        self._process = self._process_sessions.start(argv, directory, variables)
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)
        asyncio.get_running_loop().add_reader(self.pidfd, self._readable)
        for name, stream in zip(streams, (self._process.stdout, self._process.stderr), strict=True):
            if stream is not None:
                self.outputs.append(Output(name, stream, self._recorder))

    @property
    def started(self) -> bool:
        """Whether there is a process to end."""
        return self.pidfd >= 0

    def _readable(self) -> None:
        # The pidfd is readable once the process is a zombie. WNOWAIT leaves it one, so that its session stays known.
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        if ended is None:
            return
        self.status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        asyncio.get_running_loop().remove_reader(self.pidfd)
        self._on_exit(self.status)

    def members(self) -> list[int]:
        """Return the living processes of the program, its first one included."""
        return self._process_sessions.members(self.pid)

    def kill(self) -> None:
        """Kill its first process."""
        reaper.kill([self.pid])

    def sweep(self, *, alone: bool = False) -> None:
        """Kill all its processes, and release its descriptors.

        A process may fork while it is killed, so this looks again until none is left. ``alone``: a look has found none already.
        """
        self.kill()
        for _attempt in range(0 if alone else 10):
            left = self.members()
            if not left:
                break
            reaper.kill(left)
        asyncio.get_running_loop().remove_reader(self.pidfd)
        for output in self.outputs:
            output.drain()
        os.close(self.pidfd)
        self.pidfd = -1
        self._process.wait()
        self._process_sessions.over(self.pid)
