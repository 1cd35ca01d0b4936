"""A second server on the same port, started while the first drains: what a deployment does."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.transport import Endpoint
from lastcall.conformance.harness.process.readiness import NotReadyError, become_ready
from lastcall.conformance.harness.process.server_process import ServerProcess
from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.model.server_events import (
    SuccessorFailed,
    SuccessorReady,
    SuccessorStarted,
)

if TYPE_CHECKING:
    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server import Launch, Server


class Successor:
    """The second server. What it prints and how it ends is not part of the play; that it served, or could not, is."""

    def __init__(self, environment: Environment, recorder: Recorder, server: Server, launch: Launch) -> None:
        self._environment = environment
        self._recorder = recorder
        self._server = server
        self._memory = Recorder(recorder.play, environment.clock)
        self._process = ServerProcess(environment.process_sessions, self._memory, launch.port)
        self._folder = tempfile.TemporaryDirectory(prefix="lastcall-", ignore_cleanup_errors=True)
        self._launch = replace(launch, directory=Path(self._folder.name))

    async def start(self, variables: dict[str, str], limits: Limits) -> None:
        """Start it, and wait until it serves or has failed."""
        launch = self._launch
        home = {"HOME": self._folder.name, "TMPDIR": self._folder.name}
        for name, text in (self._server.files(launch) if self._server.files else {}).items():
            (launch.directory / name).write_text(text, encoding="utf-8")
        self._recorder.did(SuccessorStarted())
        try:
            argv = [str(word) for word in self._server.command(launch)]
            self._process.start(argv, launch.directory, variables | home)
            await become_ready(
                self._memory,
                self._process,
                clock=self._environment.clock,
                endpoint=Endpoint.of(launch, self._environment.certificates),
                limits=limits,
                path=self._server.ready,
            )
        except (OSError, NotReadyError) as error:
            self._recorder.did(SuccessorFailed(str(error)))
        else:
            self._recorder.did(SuccessorReady())

    async def end(self) -> None:
        """End it, and everything that it started."""
        await self._process.end("the play is over")
        self._folder.cleanup()
