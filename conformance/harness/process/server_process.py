"""The server's process: started, signalled, listened to, and ended, with every process it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lastcall.conformance.harness.process import reaper
from lastcall.conformance.harness.process.ports import can_listen
from lastcall.conformance.model.server_events import (
    OrphansFound,
    OutputDropped,
    OutputWritten,
    PortChecked,
    ServerExited,
    ServerKilled,
    ServerStarted,
    SignalSent,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from lastcall.conformance.harness.process.process_sessions import ProcessSessions
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.launch import Launch

ORPHAN_GRACE_S = 0.5
"""How long after the leader's exit a process that it started may take to end by itself."""


class Output:
    """Reads one of the server's output streams to its end, and keeps its first and last lines.

    A server that floods must neither block on a full pipe nor fill the trace: so many bytes are kept at the
    beginning, as many at the end, and of the rest the number.
    """

    KEEP = 32_768

    def __init__(self, name: str, stream: IO[bytes], recorder: Recorder) -> None:
        self.name = name
        self._file = stream
        self._recorder = recorder
        self._partial = b""
        self._kept = 0
        self._tail = bytearray()
        self._dropped = 0
        os.set_blocking(stream.fileno(), False)
        asyncio.get_running_loop().add_reader(stream.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._file.fileno(), 262_144)
        except BlockingIOError:
            return
        if not data:
            self.close()
        elif self._kept < self.KEEP:
            self._kept += len(data)
            *lines, self._partial = (self._partial + data).split(b"\n")
            self._record(lines)
        else:
            self._tail += data
            excess = max(0, len(self._tail) - self.KEEP)
            self._dropped += excess
            del self._tail[:excess]

    def _record(self, lines: Sequence[bytes]) -> None:
        shown = (line[:2000].decode("utf-8", "backslashreplace").rstrip("\r") for line in lines)
        self._recorder.seen(*(OutputWritten(self.name, text) for text in shown))

    def drain(self) -> None:
        """Read what is still in the pipe, at most one flood's worth, and stop."""
        for _read in range(64):
            if self._file.closed:
                return
            self._readable()
        self.close()

    def close(self) -> None:
        """Stop reading; what was kept of the end is recorded now."""
        if self._file.closed:
            return
        asyncio.get_running_loop().remove_reader(self._file.fileno())
        self._file.close()
        if self._dropped:
            self._recorder.seen(OutputDropped(self.name, self._dropped))
        rest = (self._partial + bytes(self._tail)).split(b"\n")
        self._record([line for line in rest if line])


class ServerProcess:
    """One server, from its start to the end of everything that it started."""

    def __init__(self, process_sessions: ProcessSessions, recorder: Recorder, port: int) -> None:
        self.status: int | None = None
        self.pid = 0
        """The id of the server's first process; 0 before it is started."""
        self._process_sessions = process_sessions
        self._recorder = recorder
        self._port = port
        self._outputs: list[Output] = []
        self._commands: list[subprocess.Popen[bytes]] = []
        self._pidfd = -1

    def start(self, argv: Sequence[str], directory: Path, variables: Mapping[str, str]) -> None:
        """Start it; raises OSError if that fails."""
        began_ns = time.monotonic_ns()
        self._process = self._process_sessions.start(argv, directory, variables)
        self._recorder.did(ServerStarted(self._process.pid, tuple(argv)), since_ns=began_ns)
        for name, stream in (("stdout", self._process.stdout), ("stderr", self._process.stderr)):
            if stream is not None:
                self._outputs.append(Output(name, stream, self._recorder))
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._exited)

    @property
    def started(self) -> bool:
        """Whether there is a process to end."""
        return self._pidfd >= 0

    @property
    def exited(self) -> bool:
        """Whether the process has ended and that is recorded."""
        return self.status is not None

    def _exited(self) -> None:
        # The pidfd is readable once the process is a zombie; it stays one until waited for, so its session is known.
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        if ended is None:
            return
        self.status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        asyncio.get_running_loop().remove_reader(self._pidfd)
        self._recorder.seen(ServerExited(self.status))

    def members(self) -> list[int]:
        """Give the living processes of the server, its first one included."""
        return self._process_sessions.members(self._process.pid)

    def signal(self, name: str, purpose: str, *, since_ns: int = 0) -> bool:
        """Send the process a signal; tells False, and sends nothing, when it has exited.

        The event's span begins at ``since_ns`` if that is given: when the loop last looked.
        """
        if self.exited:
            return False
        began_ns = since_ns or time.monotonic_ns()
        try:
            signal.pidfd_send_signal(self._pidfd, signal.Signals[name])
        except ProcessLookupError:
            return False
        self._recorder.did(SignalSent(name, purpose), since_ns=began_ns)
        return True

    def stop_by(self, argv: Sequence[str], directory: Path, variables: Mapping[str, str], *, since_ns: int = 0) -> bool:
        """Run the command that asks for the graceful stop; tells False, and runs nothing, when the server has exited.

        Raises OSError if there is no such command. What it prints goes into the trace as ``stop``.
        """
        if self.exited:
            return False
        began_ns = since_ns or time.monotonic_ns()
        command = self._process_sessions.start(argv, directory, variables)
        self._commands.append(command)
        self._outputs += [Output("stop", out, self._recorder) for out in (command.stdout, command.stderr) if out]
        self._recorder.did(SignalSent(" ".join(argv), "shutdown"), since_ns=began_ns)
        return True

    async def end(self, why: str) -> None:
        """End everything: the process if it still runs, and what it has left behind; then see to the port."""
        if not self.started:
            return
        alone = False
        try:
            if not self.exited:
                self._recorder.did(ServerKilled(why))
                reaper.kill([self._process.pid])
                await self._recorder.wait(lambda: self.exited, 10.0)
            else:
                alone = await self._is_alone()
                self._recorder.did(PortChecked(can_listen(self._port)))
        finally:
            self._sweep(alone=alone)

    async def _is_alone(self) -> bool:
        """Tell whether all that the ended process had started ends as well; orphans are recorded."""
        deadline_ns = time.monotonic_ns() + int(ORPHAN_GRACE_S * 1e9)
        while (left := self._process_sessions.members(self._process.pid)) and time.monotonic_ns() < deadline_ns:  # noqa: ASYNC110 - of these nobody tells their end
            await asyncio.sleep(0.02)
        if left:
            self._recorder.did(OrphansFound(tuple(left), tuple(_command(pid) for pid in left)))
        return not left

    def _sweep(self, *, alone: bool) -> None:
        """Kill what is left; a process may fork while being killed, so look until none is. ``alone``: none is, by a look."""
        reaper.kill([self._process.pid])
        for _attempt in range(0 if alone else 10):
            left = self._process_sessions.members(self._process.pid)
            if not left:
                break
            reaper.kill(left)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        for command in self._commands:
            reaper.kill(self._process_sessions.members(command.pid))
            command.wait()
            self._process_sessions.over(command.pid)
        for output in self._outputs:
            output.drain()
        os.close(self._pidfd)
        self._pidfd = -1
        self._process.wait()
        self._process_sessions.over(self._process.pid)


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:200]
    return "?"


def variables_of(launch: Launch, gate: str) -> dict[str, str]:
    """A small environment: a home of its own, and nothing that the person's shell happens to hold."""
    home = str(launch.directory)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "PYTHONUNBUFFERED": "1",
        "LASTCALL_GATE": gate,
    }
