"""One lifecycle of a server under test, for plays, the contract, the capability probe and the successor alike.

Start, become ready, signal or stop command, end, remove: every user of a server goes through these in this order, and only
by :class:`ServerUnderTest`. Rules that hold in here, and that an editor must not break:

* The output and the status of an adapter's commands are in the trace. A stop command that fails is a fault of the set-up and
  never the server's: :class:`CommandFailedError` describes it.
* :meth:`ServerUnderTest.end` leaves nothing behind, whatever failed before it and whichever task is cancelled meanwhile.
  ``remove`` runs for every server whose process was started, even for one that never became ready.
* A removal that fails is recorded in the trace and changes no verdict: the play was over before it.
* The server and its commands get the same small environment, never the user's own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.transport import Endpoint
from lastcall.conformance.harness.client.transports import tcp_port_of
from lastcall.conformance.harness.process.command import Command, CommandFailedError
from lastcall.conformance.harness.process.readiness import NotReadyError, become_ready
from lastcall.conformance.harness.process.server_process import ServerProcess, variables_of
from lastcall.conformance.model.server_events import RemoveFailed, SignalSent

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.launch import Launch
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server import Server

REMOVE_S = 30.0
"""How long the command that removes a container may take before it is ended."""
STOP_SLACK_S = 0.5
"""How long after the server's exit its stop command may take to end as well: ``docker stop`` waits for the exit."""


class ServerUnderTest:
    """One server of one launch. ``gate`` is where its handlers report, as ``host:port``."""

    def __init__(
        self, environment: Environment, recorder: Recorder, server: Server, launch: Launch, *, gate: str, limits: Limits
    ) -> None:
        self.endpoint = Endpoint.of(launch, environment.certificates)
        """The address and protocol by which its clients reach it."""
        self.process = ServerProcess(environment.process_sessions, recorder, tcp_port_of(self.endpoint))
        self._environment = environment
        self._recorder = recorder
        self._server = server
        self._launch = launch
        self._limits = limits
        self._variables = variables_of(launch, gate) | dict(server.environment)
        self._stop: Command | None = None
        self._removed = False

    async def start(self) -> None:
        """Write the server's files, start it, and return when it serves; raises :class:`NotReadyError`."""
        server, launch = self._server, self._launch
        for name, text in (server.files(launch) if server.files else {}).items():
            (launch.directory / name).write_text(text, encoding="utf-8")
        argv = _texts(server.command(launch))
        try:
            self.process.start(argv, launch.directory, self._variables)
        except OSError as error:
            raise NotReadyError(f"cannot start {argv[0]}: {error.strerror or error}") from error
        await become_ready(
            self._recorder,
            self.process,
            clock=self._environment.clock,
            endpoint=self.endpoint,
            limits=self._limits,
            path=server.ready,
        )

    def shut_down(self, *, since_ns: int, held_back_ns: int = 0) -> bool:
        """Send the graceful signal, or run the stop command in its place; return False, and do neither, after the exit.

        Raises :class:`CommandFailedError` if there is no such command. ``since_ns`` is when the loop last looked,
        ``held_back_ns`` for how long the signal waited for that look.
        """
        server, launch = self._server, self._launch
        if server.stop is None:
            return self.process.signal(server.graceful_signal, "shutdown", since_ns=since_ns, held_back_ns=held_back_ns)
        if self.process.exited:
            return False
        argv = _texts(server.stop(launch, self.process.pid))
        self._stop = Command(self._environment.process_sessions, self._recorder, "stop")
        self._stop.start(argv, launch.directory, self._variables)
        self._recorder.did(SignalSent(" ".join(argv), "shutdown", held_back_ns), since_ns=since_ns)
        return True

    def signal(self, name: str, role: str, *, since_ns: int, held_back_ns: int = 0) -> bool:
        """Send another signal than the graceful one; return False, and send nothing, after the exit."""
        return self.process.signal(name, role, since_ns=since_ns, held_back_ns=held_back_ns)

    @property
    def stop_failed(self) -> bool:
        """Whether the stop command has ended with another status than 0."""
        return self._stop is not None and self._stop.failed

    def check_stop(self) -> None:
        """Raise :class:`CommandFailedError` if the stop command has failed: what follows is not the server's doing."""
        if self._stop is not None:
            self._stop.check()

    async def finish_stop(self) -> None:
        """Return when the stop command has succeeded; raises :class:`CommandFailedError` if it has not.

        It may run for as long as the drain. A command that outlives the server is ended with it, and is no failure. One that
        still runs beside a server that has not ended hangs, or is too slow for the play.
        """
        if self._stop is None:
            return
        if self.process.exited:
            await self._stop.wait(STOP_SLACK_S)
            self._stop.check()
        else:
            self._stop.check_over("when the play was over, and nor had the server")

    async def end_process(self, why: str) -> None:
        """End the server and every process that it started, so that its port is free; :meth:`end` has to follow."""
        await self.process.end(why)

    async def end(self, why: str) -> None:
        """End everything that was started, and then remove what outlives it. A second call does nothing."""
        await to_the_end(self._end(why))

    async def _end(self, why: str) -> None:
        try:
            await self.end_process(why)
        finally:
            if self._stop is not None:
                self._stop.end()
            await self._remove()

    async def _remove(self) -> None:
        """Remove what a server in a container or on another host has left there."""
        if self._server.remove is None or not self.process.pid or self._removed:
            return
        self._removed = True
        command = Command(self._environment.process_sessions, self._recorder, "remove")
        try:
            argv = _texts(self._server.remove(self._launch, self.process.pid))
            command.start(argv, self._launch.directory, self._variables)
            await command.wait(REMOVE_S)
            command.check_over(f"after {REMOVE_S:g} s")
        except CommandFailedError as failed:
            self._recorder.did(RemoveFailed(str(failed)))
        except Exception as error:  # noqa: BLE001 - the adapter's own fault must not hide what happened before
            self._recorder.did(RemoveFailed(f"the adapter's remove failed: {type(error).__name__}: {error}"))
        finally:
            command.end()


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end even if the caller is cancelled; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            # When the loop is closed every task is cancelled, including this one.
            if task.cancelled():
                raise
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


def _texts(arguments: Sequence[object]) -> list[str]:
    return [str(argument) for argument in arguments]
