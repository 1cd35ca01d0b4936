"""The gated application behind a proxy: an HTTP/1.1 origin inside the harness.

It speaks the gate's protocol over a real connection like every other application, so a proxy is judged by the same
evidence as a server.
"""

from __future__ import annotations

import asyncio
import contextlib

import h11

from lastcall.conformance.harness.gate.gate import PATTERN

_NOT_FOUND = (404, b"no such resource\n")
_READY = (200, b"ready\n")
_LAST_BYTES_S = 5.0
_PLAIN = ("content-type", "text/plain")


class Origin:
    """Serves ``/ready`` and ``/hold/ID``; it never closes a connection before the proxy does."""

    def __init__(self, gate: str) -> None:
        self._gate = gate.rpartition(":")
        self.address = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start to listen on a port that the kernel chooses."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening, and end the requests that are still held."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # One more turn of the loop, so that the aborted transports are closed before the loop is.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        exchange = _OriginExchange(reader, writer)
        try:
            # The proxy may close, or send something that is not HTTP: then there is no answer. Cancellation ends the play.
            with contextlib.suppress(OSError, h11.RemoteProtocolError, EOFError, asyncio.CancelledError):
                await self._answer(exchange)
                while exchange.again():
                    await self._answer(exchange)
        finally:
            writer.close()
            # The proxy may have stopped reading: the transport closes after the last byte, or after this time, or when
            # the play ends.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                async with asyncio.timeout(_LAST_BYTES_S):
                    await writer.wait_closed()
            writer.transport.abort()
            self._tasks.discard(task)

    async def _answer(self, exchange: _OriginExchange) -> None:
        request = await exchange.head()
        target = request.target.decode()
        path = target.partition("?")[0]
        route, _, name = path.rpartition("/")
        if route == "/hold" and name:
            await self._hold(exchange, name, request.method.decode(), target)
        else:
            status, body = _READY if path == "/ready" else _NOT_FOUND
            await exchange.respond(status, len(body))
            await exchange.send(body)
            await exchange.end()

    async def _hold(self, exchange: _OriginExchange, name: str, method: str, target: str) -> None:
        orders, reports = await asyncio.open_connection(self._gate[0], int(self._gate[2]))
        try:
            reports.write(f"entered {name} {method} {target}\n".encode())
            gone = asyncio.ensure_future(exchange.gone())
            while True:
                order = asyncio.ensure_future(orders.readline())
                await asyncio.wait({order, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    order.cancel()
                    return
                verb, _, length = (await order).decode().strip().partition(" ")
                reports.write(await _obey(exchange, verb, int(length or 0)))
                if verb in ("finish", ""):
                    return
        finally:
            reports.close()
            gone.cancel()
            # The next request is read from the same reader, which a pending read would block.
            await asyncio.wait({gone})


async def _obey(exchange: _OriginExchange, verb: str, length: int) -> bytes:
    if verb == "read":
        return f"read {await exchange.read()}\n".encode()
    if verb not in ("send", "finish"):
        return b""
    if not exchange.started:
        await exchange.respond(200, length if verb == "finish" else None)
    await exchange.send(exchange.piece(length))
    if verb == "send":
        return f"sent {length}\n".encode()
    await exchange.end()
    return f"finished {exchange.sent}\n".encode()


class _OriginExchange:
    """One request and its response, by h11."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sent = 0
        self.started = False
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)
        self._without_body = False

    async def head(self) -> h11.Request:
        event = await self._next()
        if not isinstance(event, h11.Request):
            raise EOFError  # noqa: TRY004 - no wrong type: the proxy has closed
        names = {name for name, _value in event.headers}
        self._without_body = not names & {b"content-length", b"transfer-encoding"}
        return event

    async def read(self) -> int:
        """Read the request's body to its end, and count it."""
        length = 0
        while isinstance(event := await self._next(), h11.Data):
            length += len(event.data)
        if not isinstance(event, h11.EndOfMessage):
            raise EOFError  # noqa: TRY004 - no wrong type: the proxy has closed
        return length

    async def gone(self) -> None:
        """Wait until the proxy has closed its side. It notices that only for a request without a body."""
        while self._without_body and (early := await self._reader.read(1)):
            self._http.receive_data(early)
        if not self._without_body:
            await asyncio.get_running_loop().create_future()

    def again(self) -> bool:
        """Prepare for the connection's next request; return False if there will be none."""
        # A request body that was not read ends the connection, unless all of it has arrived.
        while self._http.their_state is h11.SEND_BODY and self._http.next_event() is not h11.NEED_DATA:
            pass
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self.sent, self.started = 0, False
        return True

    async def respond(self, status: int, length: int | None) -> None:
        framing = ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
        self.started = True
        await self._write(h11.Response(status_code=status, headers=[_PLAIN, framing]))

    async def send(self, body: bytes) -> None:
        await self._write(h11.Data(data=body))

    def piece(self, length: int) -> bytes:
        """Return the next bytes of the body's pattern."""
        offset = self.sent % len(PATTERN)
        self.sent += length
        return (PATTERN * ((offset + length) // len(PATTERN) + 1))[offset : offset + length]

    async def end(self) -> None:
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                self._writer.write(
                    self._http.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")) or b""
                )
            self._http.receive_data(await self._reader.read(65536))
        return event
