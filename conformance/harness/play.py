"""The player: one scenario, one server, one protocol; a fresh process on a fresh port; a trace on disk.

A play boots the server, takes the steps of the timeline one after the other, and ends everything. What holds here:

* A step that waits, waits for a fact, and for no longer than its limit. Time is let pass only where the scenario says so.
* Before the shutdown everything has to go as the timeline has it, else the play cannot come to its question: "setup
  failed", and never the server's fault. From the shutdown on, what does not come is the server's, and for the checks.
* The shutdown is sent in a moment in which nothing waits to be read, so that what it causes cannot seem to be older. On a
  busy machine such a moment may not come: the signal waits for it no longer than QUIET_S, and how long it did is recorded
  and counted as lag, because every time of the timeline up to the signal is longer by as much.
* A control takes the same steps, without the shutdown and without whatever would end or replace the server.
* The player judges nothing, and whatever goes wrong is in the trace: only cancelling raises.
* The ending goes to its end, also when the play is cancelled: no process, container or connection is left behind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.clients import SHUTDOWN_FACTS, Clients
from lastcall.conformance.harness.client.load import Load
from lastcall.conformance.harness.client.loops import Background
from lastcall.conformance.harness.client.transports import tcp_port_of
from lastcall.conformance.harness.gate.gate import Gate
from lastcall.conformance.harness.gate.origin import Origin
from lastcall.conformance.harness.gate.timed import Unwitnessed
from lastcall.conformance.harness.play_header import play_header
from lastcall.conformance.harness.process import processor_time
from lastcall.conformance.harness.process.command import CommandFailedError
from lastcall.conformance.harness.process.lifecycle import ServerUnderTest, to_the_end
from lastcall.conformance.harness.process.listener import ListenerWatch
from lastcall.conformance.harness.process.ports import own_port
from lastcall.conformance.harness.process.readiness import NotReadyError
from lastcall.conformance.harness.process.successor import Successor
from lastcall.conformance.harness.process.workers import Workers
from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.model import client_steps, step, timeline
from lastcall.conformance.model.client_events import ABANDONED, CLIENT, ConnectionEnded
from lastcall.conformance.model.launch import Launch
from lastcall.conformance.model.server_events import (
    AwaitExpired,
    HarnessFailed,
    LagMeasured,
    PlayEnded,
    ServerExited,
    ServerReady,
    SetupFailed,
    StepBegun,
)
from lastcall.conformance.model.views import RequestView, requests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.model.case import Case
    from lastcall.conformance.model.step import Step
    from lastcall.conformance.model.trace import Trace

_LAST_BYTES_S = 0.3
"""After the server's exit: for what the kernel still delivers. Only what a left-behind process holds takes longer."""


QUIET_S = 0.05
"""For how long the signal may wait for a quiet moment: five heartbeats of the loop. On an idle machine the first look is
mostly quiet; where five are not, the next ones hardly are. It is a fifth of the lag that limits bear with."""


class _NotPlayableError(Exception):
    """The play cannot come to its question; the message says why."""


async def play(environment: Environment, case: Case, path: Path) -> Trace:
    """Play a bill and leave its trace at ``path``. Whatever goes wrong is in the trace; only cancelling raises."""
    recorder = Recorder(play_header(case), environment.clock, path)
    try:
        with own_port() as port, tempfile.TemporaryDirectory(prefix="lastcall-", ignore_cleanup_errors=True) as folder:
            launch = Launch(
                protocol=case.protocol,
                port=port,
                cert=environment.certificates.cert,
                key=environment.certificates.key,
                drain_s=case.drain_s,
                directory=Path(folder),
                **dataclasses.asdict(case.options),
            )
            async with _application(case, launch, recorder) as (gate, with_origin):
                await _Performance(environment, case, with_origin, recorder, gate).run()
    except (_NotPlayableError, NotReadyError, CommandFailedError) as failed:
        recorder.did(SetupFailed(str(failed)))
    except Exception as error:  # noqa: BLE001 - whatever our own fault is, it must not be the server's
        recorder.did(HarnessFailed(f"{type(error).__name__}: {error}"))
    else:
        recorder.did(PlayEnded())
    finally:
        recorder.close()
    return recorder.trace


@contextlib.asynccontextmanager
async def _application(case: Case, launch: Launch, recorder: Recorder) -> AsyncIterator[tuple[Gate, Launch]]:
    """Open the gate, and for a proxy the origin behind it."""
    async with contextlib.AsyncExitStack() as opened:
        gate = Gate(recorder)
        await gate.open()
        opened.callback(gate.close)
        if case.server.needs_origin:
            origin = Origin(gate.address)
            await origin.open()
            opened.push_async_callback(origin.close)
            launch = dataclasses.replace(launch, origin=origin.address)
        yield gate, launch


class _Performance:
    """One play under way."""

    def __init__(self, environment: Environment, case: Case, launch: Launch, recorder: Recorder, gate: Gate) -> None:
        self._environment = environment
        self._case = case
        self._launch = launch
        self._recorder = recorder
        self._gate = gate
        self._server = ServerUnderTest(
            environment, recorder, case.server, launch, gate=gate.address, limits=case.limits
        )
        self._process = self._server.process
        self._clients = Clients(recorder, self._server.endpoint, case.limits)
        self._workers = Workers(recorder, self._process, launch.port)
        load = Load(recorder, gate, self._server.endpoint)
        self._background = Background(recorder, self._clients, gate, case.limits, load)
        timed = case.server.timed
        self._unwitnessed = Unwitnessed(timed, case.scenario.timeline) if timed else None
        self._asked = False
        """Whether the question has been put: from the shutdown on, or from a signal before it that is the question."""
        self._asked_ns = 0
        self._first_asked_ns = 0
        self._held_back_ns = 0
        """For how long the signal that puts the question waited for its moment, at worst."""
        self._listener = ListenerWatch(recorder, tcp_port_of(self._server.endpoint), environment.listening_ports)
        self._successor: Successor | None = None

    async def run(self) -> None:
        """Boot the server, go through the timeline, end everything."""
        try:
            async with self._environment.boot_limiter:
                await self._server.start()
                self._recorder.did(ServerReady())
            for index, step in enumerate(self._case.scenario.timeline):
                self._recorder.did(StepBegun(index, str(step)))
                possible = self._unwitnessed.instead_of(step) if self._unwitnessed else step
                if possible is not None:
                    await self._do(index, possible)
                    self._server.check_stop()
            await self._last_bytes()
            await self._server.finish_stop()
        finally:
            await to_the_end(self._end())

    async def _end(self) -> None:
        """End whatever was begun; what the harness did is recorded, so that it is not the server's."""
        await self._background.cancel()
        self._listener.cancel()
        began_ns = time.monotonic_ns()
        abandoned = self._clients.abandon()
        self._recorder.did(*(ConnectionEnded(name, CLIENT, ABANDONED) for name in abandoned), since_ns=began_ns)
        if self._asked:
            worst_ns = self._environment.clock.worst_lag_since(self._first_asked_ns)
            self._recorder.did(LagMeasured(max(worst_ns, self._held_back_ns)))
        why = "the control is over" if self._case.control else "it had not exited by itself"
        if self._successor is not None:
            await self._successor.end_process()
            if not self._process.exited:
                # Both may go by one name, of their port: what removes the successor must not be what ends the server.
                await self._process.end(why)
            await self._successor.end()
        await self._server.end(why)

    async def _do(self, index: int, step: Step) -> None:  # noqa: C901, PLR0912 - one line a step
        match step:
            case client_steps.ClientStep():
                if not await self._clients.execute(step) and not self._asked:
                    raise _NotPlayableError(f"before the shutdown, the server did not take this: {step}")
            case timeline.ReadBody():
                self._gate.order(step.request, "read")
            case timeline.SendChunk():
                self._gate.order(step.request, f"send {step.length}")
            case timeline.ReleaseHandler():
                self._gate.order(step.request, f"finish {step.length}")
            case timeline.Await():
                await self._await(index, step)
            case timeline.Elapse():
                until = (lambda: False) if step.beyond_exit else (lambda: self._process.exited)
                await self._wait(until, step.duration.at(self._case.pace))
            case timeline.ReadProcessorTime():
                began_ns = time.monotonic_ns()
                self._recorder.did(processor_time.read(self._process.members()), since_ns=began_ns)
            case timeline.Shutdown():
                await self._shut_down()
            case timeline.HoldHook():
                self._gate.hold_hook = True
            case timeline.ReleaseHook():
                self._gate.release_hook()
            case timeline.Signal():
                await self._signal(step.role)
            case timeline.FindWorkers():
                self._workers.find()
            case timeline.SignalWorker() if not (self._case.control and step.role == "kill"):
                if not self._workers.signal(step.connection, step.role) and not self._asked:
                    raise _NotPlayableError(f"no process of the server was found to hold {step.connection!r}")
            case timeline.BackgroundStep():
                await self._background.execute(step)
            case timeline.StartSuccessor() if not self._case.control:
                self._successor = Successor(
                    self._environment,
                    self._recorder,
                    self._case.server,
                    self._launch,
                    gate=self._gate.address,
                    limits=self._case.limits,
                )
                await self._successor.start()

    async def _signal(self, role: str) -> None:
        server = self._case.server
        known = {"again": server.graceful_signal, "pause": "SIGSTOP", "resume": "SIGCONT"} | dict(server.signals)
        looked_ns = held_back_ns = 0
        if role not in ("pause", "resume") and not self._asked:
            looked_ns, held_back_ns = await self._put_the_question()
        if not self._case.control:
            self._process.signal(known[role], role, since_ns=looked_ns, held_back_ns=held_back_ns)

    async def _put_the_question(self) -> tuple[int, int]:
        """Begin to blame the server for what does not come.

        Returns the moment of the last look, on the loop's clock, and for how long the signal was held back for it.
        """
        # What the signal causes must not seem to have begun before it: look, and send it in a quiet moment.
        held_back_ns = await self._environment.clock.quiet_moment(QUIET_S)
        self._held_back_ns = max(self._held_back_ns, held_back_ns)
        self._asked = True
        self._asked_ns = time.monotonic_ns()
        self._first_asked_ns = self._first_asked_ns or self._asked_ns
        return self._environment.clock.current_ns, held_back_ns

    async def _shut_down(self) -> None:
        asked_before = self._asked
        looked_ns, held_back_ns = await self._put_the_question()
        self._clients.use_drain_limits()
        if self._case.control:
            return
        if self._server.shut_down(since_ns=looked_ns, held_back_ns=held_back_ns):
            self._listener.start(since_ns=looked_ns)
        elif not asked_before:
            raise _NotPlayableError(f"the server had ended before the shutdown, with status {self._process.status}")

    async def _await(self, index: int, step: timeline.Await) -> None:
        fact = step.fact
        if self._unwitnessed and self._unwitnessed.takes_for_granted(fact):
            await self._wait(lambda: self._process.exited, self._case.limits.unwitnessed_entry_s)
            return
        if self._case.control and self._asked and isinstance(fact, SHUTDOWN_FACTS):
            scenario = self._case.scenario
            if (scenario.needs_drain or self._case.options.default_drain) and isinstance(fact, ServerExited):
                # What the drain timeout would have cut has to stand for as long without a shutdown.
                await self._wait(lambda: self._process.exited, self._case.drain_s)
            return
        await self._wait(lambda: self._recorder.has(fact) or self._clients.impossible(fact), self._seconds(step.within))
        if self._recorder.has(fact):
            return
        impossible = self._clients.impossible(fact)
        self._recorder.did(AwaitExpired(index, str(step), impossible))
        if not self._asked and not step.optional:
            ended = f"; the server had ended, with status {self._process.status}" if self._process.exited else ""
            raise _NotPlayableError(f"before the shutdown, this never came: {step}{ended}")

    async def _wait(self, condition: Callable[[], bool], within_s: float) -> None:
        """Return when the condition holds or the time is over; raises when the stop command fails meanwhile."""
        await self._recorder.wait(lambda: self._server.stop_failed or condition(), within_s)
        self._server.check_stop()

    def _seconds(self, within: step.Limit) -> float:
        limits = self._case.limits
        if within:
            return float(getattr(limits, within))
        if not self._asked:
            return limits.before_shutdown_s
        passed_s = (time.monotonic_ns() - self._asked_ns) / 1e9
        return max(0.0, self._case.options.lame_duck_s + self._case.drain_s - passed_s) + limits.exit_slack_s

    async def _last_bytes(self) -> None:
        if self._case.control:
            # Without a shutdown every response comes; the next line of the timeline is not there to wait for it.
            await self._wait(lambda: not self._owed(), self._case.limits.before_shutdown_s)
        if self._process.exited:
            # A process that is gone listens no more, but the table of the kernel has to be looked at to know it.
            await self._wait(lambda: self._clients.all_over and self._listener.decided, _LAST_BYTES_S)

    def _owed(self) -> list[RequestView]:
        """Give the requests that nobody holds any more and that have not been answered."""
        sent = requests(self._recorder.trace)
        return [request for request in sent if not request.over and (request.released or not request.entered)]
