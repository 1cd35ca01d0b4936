"""The house: what the plays of one run share, and the running of many plays at once."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lastcall.conformance.harness.boot_limiter import Boots
from lastcall.conformance.harness.client.certificates import make_certificates
from lastcall.conformance.harness.loop_clock import Watch, loop_factory
from lastcall.conformance.harness.play import play
from lastcall.conformance.harness.process.ports import listening_ports
from lastcall.conformance.harness.process.process_sessions import Guard
from lastcall.conformance.model.server import Protocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from types import TracebackType
    from typing import Any, Self

    from lastcall.conformance.harness.case import Bill
    from lastcall.conformance.model.trace import Trace

R = TypeVar("R")

_ALPN = {Protocol.H2: "h2", Protocol.H1_TLS: "http/1.1"}
_FRESH_NS = 10_000_000


class House:
    """Certificates, the reaper, and one event loop; a context manager.

    Plays run at once, bounded by CPU and not by count: see :class:`Boots`. The longest begin first, so that the others
    go on beside them.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lastcall-tls-")))
        self.certificates = make_certificates(self._folder)
        self._contexts = {name: self.certificates.client_context(alpn) for name, alpn in _ALPN.items()}
        self.guard = Guard()
        self._stack.callback(self.guard.close)
        self.watch = Watch()
        self._runner = self._stack.enter_context(asyncio.Runner(loop_factory=loop_factory(self.watch)))
        self._listening: tuple[int, frozenset[int] | None] = (0, None)
        self.boots = Boots(self.watch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    def client_context(self, protocol: Protocol) -> ssl.SSLContext | None:
        """Give the TLS settings of a client of this protocol, or None if it has no TLS."""
        return self._contexts.get(protocol)

    def fresh_client_context(self, protocol: Protocol) -> ssl.SSLContext | None:
        """Give settings like :meth:`client_context`, for a client that changes them."""
        return self.certificates.client_context(_ALPN[protocol]) if protocol in _ALPN else None

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
        bills: Sequence[Bill],
        folder: Path,
        done: Callable[[Bill, Trace], None] = lambda _bill, _trace: None,
        beside: Sequence[Coroutine[Any, Any, None]] = (),
    ) -> list[Trace]:
        """Play everything on the bills at once; ``done`` is called after each. Traces come in the order of the bills.

        ``beside`` is done at the same time.
        """
        return self.run(self._play_all(bills, folder, done, beside))

    async def _play_all(
        self,
        bills: Sequence[Bill],
        folder: Path,
        done: Callable[[Bill, Trace], None],
        beside: Sequence[Coroutine[Any, Any, None]],
    ) -> list[Trace]:
        async def one(bill: Bill) -> Trace:
            trace = await play(self, bill, bill.stored_at(folder))
            done(bill, trace)
            return trace

        async with asyncio.TaskGroup() as group:
            for work in beside:
                group.create_task(work)
            longest_first = sorted(range(len(bills)), key=lambda place: -bills[place].expected_s)
            tasks = {place: group.create_task(one(bills[place])) for place in longest_first}
        return [tasks[place].result() for place in range(len(bills))]


@contextlib.contextmanager
def open_house() -> Iterator[House]:
    """Open a house; everything that was started in it is ended when it closes."""
    with House() as house:
        yield house
