"""The environment: what all plays, probes and contract tests of one run share."""

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
from lastcall.conformance.harness.process.ports import LookAtPorts, listening_ports
from lastcall.conformance.harness.process.process_sessions import ProcessSessions
from lastcall.conformance.model.protocol import OVER_TLS

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType
    from typing import Any, Self

R = TypeVar("R")

_FRESH_NS = 10_000_000
"""How old a look at the kernel's listening sockets may be: many plays at once want the same list."""


class Environment:
    """Certificates, process sessions, one event loop, and the limiter of boots; a context manager.

    Every process that was started in it is ended when it closes.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lastcall-tls-")))
        self.certificates = make_certificates(self._folder)
        # A context takes milliseconds to make. Within a play they would make the event loop late, so they are made now.
        for protocol in OVER_TLS:
            self.certificates.shared_client_context(protocol.alpn)
        self.process_sessions = ProcessSessions()
        self._stack.callback(self.process_sessions.close)
        self.clock = LoopClock()
        self._runner = self._stack.enter_context(asyncio.Runner(loop_factory=loop_factory(self.clock)))
        self._listening = LookAtPorts(0, 0, None)
        self.boot_limiter = BootLimiter(self.clock)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    def listening_ports(self) -> LookAtPorts:
        """Return the ports on which a process listens, as of at most 10 ms ago; None where the kernel does not list them."""
        before_ns = time.monotonic_ns()
        if before_ns - self._listening.before_ns > _FRESH_NS:
            ports = listening_ports()
            self._listening = LookAtPorts(before_ns, time.monotonic_ns(), ports)
        return self._listening

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine in the environment's event loop, and return its result."""
        return self._runner.run(work)
