"""The server's process: it is started, signalled, and ended with every process it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.harness.process.ports import can_listen
from lastcall.conformance.harness.process.program import Program
from lastcall.conformance.model.server_events import (
    OrphansFound,
    PortChecked,
    ServerExited,
    ServerKilled,
    ServerStarted,
    SignalSent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lastcall.conformance.harness.process.process_sessions import ProcessSessions
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.launch import Launch

ORPHAN_GRACE_S = 0.5
"""How long after the leader's exit a process that it started may take to end by itself."""


class ServerProcess:
    """One server, from its start to the end of every process that it started.

    ``port`` is the TCP port to check after its end; 0 if it does not listen on TCP.
    """

    def __init__(self, process_sessions: ProcessSessions, recorder: Recorder, port: int) -> None:
        self._recorder = recorder
        self._port = port
        self._program = Program(process_sessions, recorder, lambda status: recorder.seen(ServerExited(status)))

    def start(self, argv: Sequence[str], directory: Path, variables: Mapping[str, str]) -> None:
        """Start it; raises OSError if that fails."""
        began_ns = time.monotonic_ns()
        self._program.start(argv, directory, variables)
        self._recorder.did(ServerStarted(self.pid, tuple(argv)), since_ns=began_ns)

    @property
    def pid(self) -> int:
        """The id of the server's first process; 0 before it is started."""
        return self._program.pid

    @property
    def status(self) -> int | None:
        """The exit status; None until the process has ended."""
        return self._program.status

    @property
    def started(self) -> bool:
        """Whether there is a process to end."""
        return self._program.started

    @property
    def exited(self) -> bool:
        """Whether the process has ended and that is recorded."""
        return self.status is not None

    def members(self) -> list[int]:
        """Return the living processes of the server, its first one included."""
        return self._program.members()

    def signal(self, name: str, purpose: str, *, since_ns: int = 0, held_back_ns: int = 0) -> bool:
        """Send the process a signal; return False, and send nothing, if it has exited.

        The event's span begins at ``since_ns``, when the loop last looked, or now if that is 0. ``held_back_ns`` is how long
        the signal waited for that look.
        """
        if self.exited:
            return False
        began_ns = since_ns or time.monotonic_ns()
        try:
            signal.pidfd_send_signal(self._program.pidfd, signal.Signals[name])
        except ProcessLookupError:
            return False
        self._recorder.did(SignalSent(name, purpose, held_back_ns), since_ns=began_ns)
        return True

    async def end(self, why: str) -> None:
        """End the process if it still runs, and the processes that it left behind; check the port after an exit."""
        if not self.started:
            return
        alone = False
        try:
            if not self.exited:
                began_ns = time.monotonic_ns()
                self._program.kill()
                self._recorder.did(ServerKilled(why), since_ns=began_ns)
                await self._recorder.wait(lambda: self.exited, 10.0)
            else:
                alone = await self._is_alone()
                if self._port:
                    self._recorder.did(PortChecked(can_listen(self._port)))
        finally:
            self._program.sweep(alone=alone)

    async def _is_alone(self) -> bool:
        """Return whether all processes that the server started have ended too, within a grace; record orphans."""
        deadline_ns = time.monotonic_ns() + int(ORPHAN_GRACE_S * 1e9)
        while (left := self.members()) and time.monotonic_ns() < deadline_ns:  # noqa: ASYNC110 - no event announces their end
            await asyncio.sleep(0.02)
        if left:
            self._recorder.did(OrphansFound(tuple(left), tuple(_command(pid) for pid in left)))
        return not left


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:200]
    return "?"


def variables_of(launch: Launch, gate: str) -> dict[str, str]:
    """Return a small environment: a home of the server's own, and nothing from the user's shell but PATH."""
    home = str(launch.directory)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "PYTHONUNBUFFERED": "1",
        "LASTCALL_GATE": gate,
    }
