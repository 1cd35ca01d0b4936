"""Records when the server stops listening, from the kernel's tables. No connection is made for it.

A connection attempt would be a client of its own: the server would accept it, or the kernel would queue it unaccepted.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lastcall.conformance.model.server_events import ListenerClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.harness.recorder import Recorder

_LOOK_S = 0.01


class ListenerWatch:
    """Records when no process listens on a port any more. ``listening_ports`` reads the kernel's tables.

    ``port`` is 0 for a server that does not listen on TCP: then nothing is recorded.
    """

    def __init__(self, recorder: Recorder, port: int, listening_ports: Callable[[], frozenset[int] | None]) -> None:
        self._recorder = recorder
        self._port = port
        self._listening_ports = listening_ports
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to look every 10 ms; do nothing if there is no port."""
        if self._port:
            self._watching = asyncio.create_task(self._watch())

    def cancel(self) -> None:
        """Stop looking."""
        if self._watching is not None:
            self._watching.cancel()

    @property
    def decided(self) -> bool:
        """Whether no further look can add anything: it was not started, has seen the end, or cannot see anything here."""
        return self._watching is None or self._watching.done() or self._recorder.has(ListenerClosed())

    async def _watch(self) -> None:
        looked_ns = time.monotonic_ns()
        while (ports := self._listening_ports()) is not None:
            now_ns = time.monotonic_ns()
            if self._port not in ports:
                self._recorder.record([ListenerClosed()], (looked_ns, now_ns))
                return
            looked_ns = now_ns
            await asyncio.sleep(_LOOK_S)
