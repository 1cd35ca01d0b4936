"""The house: what the plays of one run share, and the running of many plays at once."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lastcall.conformance.harness.boot_limiter import BootLimiter
from lastcall.conformance.harness.client.certificates import make_certificates
from lastcall.conformance.harness.loop_clock import LoopClock, loop_factory
from lastcall.conformance.harness.play import play
from lastcall.conformance.harness.process.ports import listening_ports
from lastcall.conformance.harness.process.process_sessions import ProcessSessions
from lastcall.conformance.model.protocol import OVER_TLS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from types import TracebackType
    from typing import Any, Self

    from lastcall.conformance.harness.case import Case
    from lastcall.conformance.model.trace import Trace

R = TypeVar("R")

_FRESH_NS = 10_000_000


class Environment:
    """Certificates, the reaper, and one event loop; a context manager.

    Plays run at once, bounded by CPU and not by count: see :class:`BootLimiter`. The longest begin first, so that the others
    go on beside them.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lastcall-tls-")))
        self.certificates = make_certificates(self._folder)
        for protocol in OVER_TLS:  # now, because within a play the milliseconds would make the event loop late
            self.certificates.shared_client_context(protocol.alpn)
        self.process_sessions = ProcessSessions()
        self._stack.callback(self.process_sessions.close)
        self.clock = LoopClock()
        self._runner = self._stack.enter_context(asyncio.Runner(loop_factory=loop_factory(self.clock)))
        self._listening: tuple[int, frozenset[int] | None] = (0, None)
        self.boot_limiter = BootLimiter(self.clock)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    def listening_ports(self) -> frozenset[int] | None:
        """Give the ports that are listened on, as of at most 10 ms ago."""
        if time.monotonic_ns() - self._listening[0] > _FRESH_NS:
            self._listening = (time.monotonic_ns(), listening_ports())
        return self._listening[1]

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Do something in the house's event loop."""
        return self._runner.run(work)

    def play_all(
        self,
        cases: Sequence[Case],
        folder: Path,
        done: Callable[[Case, Trace], None] = lambda _case, _trace: None,
        alongside: Sequence[Coroutine[Any, Any, None]] = (),
    ) -> list[Trace]:
        """Play everything on the bills at once; ``done`` is called after each. Traces come in the order of the bills.

        ``alongside`` is done at the same time.
        """
        return self.run(self._play_all(cases, folder, done, alongside))

    async def _play_all(
        self,
        cases: Sequence[Case],
        folder: Path,
        done: Callable[[Case, Trace], None],
        alongside: Sequence[Coroutine[Any, Any, None]],
    ) -> list[Trace]:
        async def one(case: Case) -> Trace:
            trace = await play(self, case, case.stored_at(folder))
            done(case, trace)
            return trace

        async with asyncio.TaskGroup() as group:
            for work in alongside:
                group.create_task(work)
            longest_first = sorted(range(len(cases)), key=lambda place: -cases[place].expected_s)
            tasks = {place: group.create_task(one(cases[place])) for place in longest_first}
        return [tasks[place].result() for place in range(len(cases))]


@contextlib.contextmanager
def open_environment() -> Iterator[Environment]:
    """Open a house; everything that was started in it is ended when it closes."""
    with Environment() as environment:
        yield environment
