"""The gate's side of the protocol that holds a handler: see ``docs/gate.md``.

Handlers are held and not slept: a timeline is then ordered by facts, and no chunk is due at the moment of the signal.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lastcall.conformance.model.server_events import (
    ApplicationReported,
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerFinished,
    HandlerOrdered,
    HandlerReported,
    HarnessFailed,
)

if TYPE_CHECKING:
    from lastcall.conformance.harness.recorder import Recorder

PATTERN = b"lastcall\n"
"""Byte i of every response body is byte i mod 9 of this."""

_LONGEST_LINE = 4096


class Gate:
    """Listens for the handlers of one play. It keeps the orders for a handler that has not entered yet."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.address = ""
        self.hold_hook = False
        """Whether shutdown hooks are held; :meth:`release_hook` releases them."""
        self._hooks: list[_Handler] = []
        self._handlers: dict[str, _Handler] = {}
        self._waiting: dict[str, list[str]] = {}
        self._all: set[_Handler] = set()

    async def open(self) -> None:
        """Start to listen on a port that the kernel chooses."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Handler(self), "127.0.0.1", 0, backlog=1024)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def order(self, request: str, order: str) -> None:
        """Send an order to the handler of a request, now or when it enters."""
        handler = self._handlers.get(request)
        if handler is None:
            self._waiting.setdefault(request, []).append(order)
        else:
            handler.order(order)

    def entered(self, request: str, handler: _Handler) -> None:
        """Register a handler, and send it the orders that were kept for it."""
        self._handlers[request] = handler
        for order in self._waiting.pop(request, []):
            handler.order(order)

    def hook_begun(self, hook: _Handler) -> None:
        """Register a shutdown hook, and let it go on unless hooks are held."""
        self._hooks.append(hook)
        if not self.hold_hook:
            self.release_hook()

    def release_hook(self) -> None:
        """Let the shutdown hooks go on, including those that have not begun."""
        self.hold_hook = False
        while self._hooks:
            self._hooks.pop().proceed()

    def opened(self, handler: _Handler) -> None:
        """Register a connection, to close it at the end."""
        self._all.add(handler)

    def closed(self, handler: _Handler) -> None:
        """Forget a connection that has ended."""
        self._all.discard(handler)

    def close(self) -> None:
        """Stop listening, and close the connection of every handler that still waits."""
        self._server.close()
        for handler in list(self._all):
            handler.drop()


class _Handler(asyncio.Protocol):
    """One connection from the application: a handler's, or that of the process's startup and shutdown hooks.

    It is an asyncio protocol and not a stream, because a protocol is called in the loop's turn that noticed the bytes; a
    stream's reader runs later, and what it recorded would have a span that begins too late.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._request = ""
        self._over = False
        self._dropped = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._gate.opened(self)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._dropped:
                return
            self._obey(line.decode("utf-8", "backslashreplace"))
        if len(self._rest) > _LONGEST_LINE and not self._dropped:
            self._reject(self._rest[:40])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self._gate.closed(self)
        if self._request and not self._over:
            self._gate.recorder.seen(HandlerCancelled(self._request))

    def order(self, order: str) -> None:
        """Send an order; it is recorded in the same turn, so that its effects are noticed later."""
        began_ns = time.monotonic_ns()
        self._transport.write(f"{order}\n".encode())
        self._gate.recorder.did(HandlerOrdered(self._request, order), since_ns=began_ns)

    def proceed(self) -> None:
        """Let a shutdown hook go on."""
        self._transport.write(b"proceed\n")

    def drop(self) -> None:
        """Close the connection silently: the play is over, or the application broke the protocol."""
        self._over = self._dropped = True
        self._transport.abort()

    def _obey(self, line: str) -> None:
        recorder = self._gate.recorder
        match line.split(" "):
            case ["entered", request, method, target] if not self._request:
                self._request = request
                recorder.seen(HandlerEntered(request, method, target))
                self._gate.entered(request, self)
            case ["process", pid, *report] if pid.isdigit():
                recorder.seen(ApplicationReported(int(pid), " ".join(report)))
                if report == ["shutdown", "begun"]:
                    self._gate.hook_begun(self)
            case ["finished", length] if self._request and length.isdigit():
                self._over = True
                recorder.seen(HandlerFinished(self._request, int(length)))
            case ["failed", *reason] if self._request:
                self._over = True
                recorder.seen(HandlerFailed(self._request, " ".join(reason)))
            case [("read" | "sent") as verb, length] if self._request and length.isdigit():
                recorder.seen(HandlerReported(self._request, f"{verb} {length}"))
            case ["closed", code] if self._request and code.isdigit():
                self._over = True
                recorder.seen(HandlerReported(self._request, f"closed {code}"))
            case ["disconnected"] if self._request:
                recorder.seen(HandlerReported(self._request, "disconnected"))
            case _:
                self._reject(line.encode()[:40])

    def _reject(self, excerpt: bytes) -> None:
        self._gate.recorder.seen(HarnessFailed(f"the application broke the gate's protocol: {excerpt!r}"))
        self.drop()
