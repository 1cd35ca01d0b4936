"""A second server on the same port, started while the first one drains, as in a deployment."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.harness.process.lifecycle import ServerUnderTest
from lastcall.conformance.harness.process.readiness import NotReadyError
from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.model.server_events import (
    RemoveFailed,
    SuccessorFailed,
    SuccessorReady,
    SuccessorStarted,
)

if TYPE_CHECKING:
    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.model.launch import Launch
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server import Server


class Successor:
    """The second server, in a directory and a home of its own.

    Its output and its end are not part of the play. The trace records whether it served, and a removal that failed.
    """

    def __init__(
        self, environment: Environment, recorder: Recorder, server: Server, launch: Launch, *, gate: str, limits: Limits
    ) -> None:
        self._recorder = recorder
        self._memory = Recorder(recorder.play, environment.clock)
        self._folder = tempfile.TemporaryDirectory(prefix="lastcall-", ignore_cleanup_errors=True)
        own = replace(launch, directory=Path(self._folder.name))
        self._server = ServerUnderTest(environment, self._memory, server, own, gate=gate, limits=limits)

    async def start(self) -> None:
        """Start it, and return when it is ready or has failed."""
        self._recorder.did(SuccessorStarted())
        try:
            await self._server.start()
        except NotReadyError as error:
            self._recorder.did(SuccessorFailed(str(error)))
        else:
            self._recorder.did(SuccessorReady())

    async def end_process(self) -> None:
        """End it and every process that it started, so that its port is free; :meth:`end` has to follow."""
        await self._server.end_process("the play is over")

    async def end(self) -> None:
        """End it, and remove what outlives it."""
        try:
            await self._server.end("the play is over")
        finally:
            self._recorder.did(*self._memory.trace.of(RemoveFailed))
            self._folder.cleanup()
