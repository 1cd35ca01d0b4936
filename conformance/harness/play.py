"""The player: one scenario, one server, one protocol; a fresh process on a fresh port; a trace on disk.

A play boots the server, executes the steps of the timeline one after another, and ends everything. Rules that hold in here:

* A step that waits, waits for a fact, and no longer than its limit. Time passes only where the scenario has an Elapse.
* Before the shutdown everything has to happen as the timeline says. If not, the play does not reach its question: that is
  "setup failed", never the server's fault. From the shutdown on, a fact that does not come is the server's responsibility,
  and the checks judge it. The code calls this moment "the question is put".
* The shutdown is sent at a moment when nothing is ready to be read, so that nothing that it causes can seem older than it.
  On a busy machine such a moment may not come: the signal waits for it at most QUIET_S. How long it waited is recorded and
  counts as lag, because the timeline up to the signal is longer by that time.
* A control executes the same steps, without the shutdown and without any step that would end or replace the server. It
  proves the blame: what fails without a shutdown too (an overload protection, a wrong route) is not the shutdown's fault.
* The player judges nothing. Whatever goes wrong is in the trace; only cancellation raises.
* The end of a play is completed even if the play is cancelled: no process, container or connection is left behind.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lastcall.conformance.harness.application import open_application
from lastcall.conformance.harness.client.clients import SHUTDOWN_FACTS, Clients
from lastcall.conformance.harness.client.load import Load
from lastcall.conformance.harness.client.loops import Background
from lastcall.conformance.harness.client.transports import tcp_port_of
from lastcall.conformance.harness.gate.timed import Unwitnessed
from lastcall.conformance.harness.play_header import play_header
from lastcall.conformance.harness.process import processor_time
from lastcall.conformance.harness.process.command import CommandFailedError
from lastcall.conformance.harness.process.lifecycle import ServerUnderTest, to_the_end
from lastcall.conformance.harness.process.listener import ListenerWatch
from lastcall.conformance.harness.process.readiness import NotReadyError
from lastcall.conformance.harness.process.successor import Successor
from lastcall.conformance.harness.process.workers import Workers
from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.model import client_steps, step, timeline
from lastcall.conformance.model.client_events import ABANDONED, CLIENT, ConnectionEnded
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
    from collections.abc import Callable
    from pathlib import Path

    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.harness.gate.gate import Gate
    from lastcall.conformance.model.case import Case
    from lastcall.conformance.model.launch import Launch
    from lastcall.conformance.model.step import Step
    from lastcall.conformance.model.trace import Trace

_LAST_BYTES_S = 0.3
"""After the server's exit: for what the kernel still delivers. Only a process that was left behind holds sockets for longer."""


QUIET_S = 0.05
"""For how long the signal may wait for a quiet moment: five heartbeats of the loop. On an idle machine the first look is
mostly quiet; where five are not, the next ones hardly are. It is a fifth of the lag that limits bear with."""


class _NotPlayableError(Exception):
    """The play cannot reach its question; the message says why."""


async def play(environment: Environment, case: Case, path: Path) -> Trace:
    """Play a case, write its trace to ``path``, and return it. Errors are in the trace; only cancellation raises."""
    recorder = Recorder(play_header(case), environment.clock, path)
    try:
        async with open_application(
            case.server,
            case.protocol,
            recorder=recorder,
            certificates=environment.certificates,
            drain_s=case.drain_s,
            options=case.options,
        ) as (gate, launch):
            await _Performance(environment, case, launch, recorder, gate).run()
    except (_NotPlayableError, NotReadyError, CommandFailedError) as failed:
        recorder.did(SetupFailed(str(failed)))
    except Exception as error:  # noqa: BLE001 - a fault of the harness must never count against the server
        recorder.did(HarnessFailed(f"{type(error).__name__}: {error}"))
    else:
        recorder.did(PlayEnded())
    finally:
        recorder.close()
    return recorder.trace


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
        self._question_is_put = False
        """True from the shutdown on, or from an earlier signal that is itself under test, such as a reload."""
        self._question_ns = 0
        self._first_question_ns = 0
        self._held_back_ns = 0
        """How long a signal that puts the question waited for a moment when nothing is ready; the longest wait."""
        self._listener = ListenerWatch(recorder, tcp_port_of(self._server.endpoint), environment.listening_ports)
        self._successor: Successor | None = None

    async def run(self) -> None:
        """Boot the server, execute the timeline, end everything."""
        try:
            # The limiter is left before the timeline: a held handler takes no processor time, so many plays can wait at once.
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
        """End everything, and record what the harness ends, so that no check takes it for the server's doing.

        The clients stop first: an event that the harness's SIGKILL causes on their connections is no event of the play.
        """
        await self._background.cancel()
        self._listener.cancel()
        began_ns = time.monotonic_ns()
        abandoned = self._clients.abandon()
        self._recorder.did(*(ConnectionEnded(name, CLIENT, ABANDONED) for name in abandoned), since_ns=began_ns)
        if self._question_is_put:
            worst_ns = self._environment.clock.worst_lag_since(self._first_question_ns)
            self._recorder.did(LagMeasured(max(worst_ns, self._held_back_ns)))
        why = "the control is over" if self._case.control else "it had not exited by itself"
        if self._successor is not None:
            await self._successor.end_process()
            if not self._process.exited:
                # Both may have one name, made of their port: then the command that removes the successor would end the server.
                await self._server.end_process(why)
            await self._successor.end()
        await self._server.end(why)

    async def _do(self, index: int, step: Step) -> None:  # noqa: C901, PLR0912 - one line a step
        match step:
            case client_steps.ClientStep():
                if not await self._clients.execute(step) and not self._question_is_put:
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
                if not self._workers.signal(step.connection, step.role) and not self._question_is_put:
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
        if role not in ("pause", "resume") and not self._question_is_put:
            looked_ns, held_back_ns = await self._put_the_question()
        if not self._case.control:
            self._server.signal(known[role], role, since_ns=looked_ns, held_back_ns=held_back_ns)

    async def _put_the_question(self) -> tuple[int, int]:
        """Mark the moment from which a missing fact is the server's.

        Returns the loop's last look before it, and how long the signal was held back for that look.

        An event's span begins at the loop's previous look. If the signal were sent between two looks, the span of its
        effects would begin before it, and no check could prove that they came later. So the loop looks once more, and the
        signal's own span begins with that look. If something is ready, it is read first and the loop looks again.
        """
        held_back_ns = await self._environment.clock.quiet_moment(QUIET_S)
        self._held_back_ns = max(self._held_back_ns, held_back_ns)
        self._question_is_put = True
        self._question_ns = time.monotonic_ns()
        self._first_question_ns = self._first_question_ns or self._question_ns
        return self._environment.clock.current_ns, held_back_ns

    async def _shut_down(self) -> None:
        put_before = self._question_is_put
        looked_ns, held_back_ns = await self._put_the_question()
        self._clients.use_drain_limits()
        if self._case.control:
            return
        if self._server.shut_down(since_ns=looked_ns, held_back_ns=held_back_ns):
            self._listener.start(since_ns=looked_ns)
        elif not put_before:
            raise _NotPlayableError(f"the server had ended before the shutdown, with status {self._process.status}")

    async def _await(self, index: int, step: timeline.Await) -> None:
        fact = step.fact
        if self._unwitnessed and self._unwitnessed.takes_for_granted(fact):
            await self._wait(lambda: self._process.exited, self._case.limits.unwitnessed_entry_s)
            return
        if self._case.control and self._question_is_put and isinstance(fact, SHUTDOWN_FACTS):
            # Without a shutdown such a fact never comes, and waiting for it until the limit would prove nothing.
            scenario = self._case.scenario
            if (scenario.needs_drain or self._case.options.default_drain) and isinstance(fact, ServerExited):
                # Only here the time counts: a request that the drain timeout would cut has to last as long without it.
                await self._wait(lambda: self._process.exited, self._case.drain_s)
            return
        await self._wait(lambda: self._recorder.has(fact) or self._clients.impossible(fact), self._seconds(step.within))
        if self._recorder.has(fact):
            return
        impossible = self._clients.impossible(fact)
        self._recorder.did(AwaitExpired(index, str(step), impossible))
        if not self._question_is_put and not step.optional:
            ended = f"; the server had ended, with status {self._process.status}" if self._process.exited else ""
            raise _NotPlayableError(f"before the shutdown, this never came: {step}{ended}")

    async def _wait(self, condition: Callable[[], bool], within_s: float) -> None:
        """Return when the condition holds or the time is over; raises CommandFailedError if the stop command fails."""
        await self._recorder.wait(lambda: self._server.stop_failed or condition(), within_s)
        self._server.check_stop()

    def _seconds(self, within: step.Limit) -> float:
        """Return for how long a step may wait.

        After the shutdown the default is the rest of lame duck and drain, counted from the signal and not from the step:
        then the steps of one timeline cannot add up their limits.
        """
        limits = self._case.limits
        if within:
            return float(getattr(limits, within))
        if not self._question_is_put:
            return limits.before_shutdown_s
        passed_s = (time.monotonic_ns() - self._question_ns) / 1e9
        return max(0.0, self._case.options.lame_duck_s + self._case.drain_s - passed_s) + limits.exit_slack_s

    async def _last_bytes(self) -> None:
        if self._case.control:
            # Without a shutdown every response has to come, and the awaits that would have given it time were left out.
            await self._wait(lambda: not self._owed(), self._case.limits.before_shutdown_s)
        if self._process.exited:
            # A process that has ended no longer listens, but the trace needs the look at the kernel's table that shows it.
            await self._wait(lambda: self._clients.all_over and self._listener.decided, _LAST_BYTES_S)

    def _owed(self) -> list[RequestView]:
        """Return the requests that are neither held at the gate nor answered."""
        sent = requests(self._recorder.trace)
        return [request for request in sent if not request.over and (request.released or not request.entered)]
