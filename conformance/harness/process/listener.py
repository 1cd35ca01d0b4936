"""Records when the server stops listening, from the kernel's tables. No connection is made for it.

A connection attempt would be a client of its own: the server would accept it, or the kernel would queue it unaccepted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lastcall.conformance.model.server_events import ListenerClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.harness.process.ports import LookAtPorts
    from lastcall.conformance.harness.recorder import Recorder

_LOOK_S = 0.01


class ListenerWatch:
    """Records when no process listens on a port any more.

    ``listening_ports`` reads the kernel's tables, and the clock before and after that.

    ``port`` is 0 for a server that does not listen on TCP: then nothing is recorded.
    """

    def __init__(self, recorder: Recorder, port: int, listening_ports: Callable[[], LookAtPorts]) -> None:
        self._recorder = recorder
        self._port = port
        self._listening_ports = listening_ports
        self._watching: asyncio.Task[None] | None = None

    def start(self, since_ns: int) -> None:
        """Start to look every 10 ms; do nothing if there is no port.

        ``since_ns`` is a moment at which a process still listened, such as that of the signal.
        """
        if self._port:
            self._watching = asyncio.create_task(self._watch(since_ns))

    def cancel(self) -> None:
        """Stop looking."""
        if self._watching is not None:
            self._watching.cancel()

    @property
    def decided(self) -> bool:
        """Whether no further look can add anything: it was not started, has seen the end, or cannot see anything here."""
        return self._watching is None or self._watching.done() or self._recorder.has(ListenerClosed())

    async def _watch(self, looked_ns: int) -> None:
        while (look := self._listening_ports()).ports is not None:
            # A look may be older than the signal: others have looked too.
            if look.before_ns >= looked_ns:
                if self._port not in look.ports:
                    self._recorder.record([ListenerClosed()], (looked_ns, look.after_ns))
                    return
                looked_ns = look.before_ns
            await asyncio.sleep(_LOOK_S)
