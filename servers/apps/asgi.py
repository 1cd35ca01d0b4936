"""The gated application of docs/gate.md for ASGI servers; without a gate all of it works except ``/hold/ID`` and ``/ws/ID``."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from lastcall.servers.apps.asgi_websocket import hold

Channel = Callable[..., Awaitable[Any]]
PATTERN = b"lastcall\n"
PIECE = 7281 * len(PATTERN)  # the most bytes sent in one message


async def application(scope: dict[str, Any], receive: Channel, send: Channel) -> None:
    """Answer the routes of docs/gate.md, and report the server's life to the gate."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket" and scope["path"].startswith("/ws/"):
        await hold(scope, receive, send, *await _connect())
    elif scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    elif scope["path"].startswith("/hold/"):
        reader, writer = await _connect()
        await _HeldRequest(scope, receive, send, reader, writer).run()
    else:
        status, body = (200, b"ready\n") if scope["path"] == "/ready" else (404, b"not found\n")
        await _send_head(send, status, len(body))
        await send({"type": "http.response.body", "body": body})


async def _send_head(send: Channel, status: int, length: int | None) -> None:
    headers = [(b"content-type", b"text/plain")] + ([] if length is None else [(b"content-length", b"%d" % length)])
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = os.environ["LASTCALL_GATE"].rpartition(":")
    return await asyncio.open_connection(host, int(port))


def _report(writer: asyncio.StreamWriter | None, *lines: str) -> None:
    if writer:
        writer.writelines(line.replace("\n", " ").encode("ascii", "replace") + b"\n" for line in lines)


async def _lifespan(receive: Channel, send: Channel) -> None:
    gate: tuple[asyncio.StreamReader, asyncio.StreamWriter] | tuple[None, None]
    try:
        gate = await _connect()
    except (OSError, KeyError):
        gate = (None, None)  # there is no gate to report to
    reader, writer = gate
    await receive()
    _report(writer, f"process {os.getpid()} startup")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    _report(writer, f"process {os.getpid()} shutdown begun")
    if reader and writer:
        await reader.readline()  # "proceed", or the gate has gone
        _report(writer, f"process {os.getpid()} shutdown ended")
        writer.close()
    await send({"type": "lifespan.shutdown.complete"})


class _HeldRequest:
    """One request in its handler, which executes the gate's orders; cancelling it closes the gate's connection."""

    def __init__(self, scope: dict[str, Any], receive: Channel, send: Channel, *gate: Any) -> None:
        self.scope, self.receive, self.send, (self.reader, self.writer) = scope, receive, send, gate
        self.sent = -1  # no head yet
        self.body_length: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.watcher: asyncio.Task[None] | None = None

    async def run(self) -> None:
        query = self.scope["query_string"].decode("latin-1")
        target = (self.scope.get("raw_path") or self.scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        _report(
            self.writer, f"entered {target.rpartition('/')[2]} {self.scope['method']} {target}{query and '?' + query}"
        )
        if self.scope["method"] in ("GET", "HEAD"):  # waiting for the disconnect cannot consume a body here
            self.watcher = self.watcher or asyncio.ensure_future(self.watch())
        try:
            while await self.execute(*(await self.reader.readuntil(b"\n")).decode().split()):
                pass
        except Exception as error:
            _report(self.writer, f"failed {type(error).__name__} {error}")
            if not isinstance(error, ConnectionError):  # the client has gone, which no server should log
                raise
        finally:
            if self.watcher:
                self.watcher.cancel()
            self.writer.close()

    async def execute(self, order: str, number: str = "0") -> bool:
        if order == "read":
            self.watcher = self.watcher or asyncio.ensure_future(self.watch())
            _report(self.writer, f"read {await self.body_length}")
            return True
        await self.send_body(int(number), last=order == "finish")
        _report(self.writer, f"sent {number}" if order == "send" else f"finished {self.sent}")
        return order == "send"

    async def send_body(self, length: int, *, last: bool) -> None:
        if self.sent < 0:
            self.sent = 0
            await _send_head(self.send, 200, length if last else None)
        end, more = self.sent + length, True
        while more:
            offset, size = self.sent % len(PATTERN), min(PIECE, end - self.sent)
            body = (PATTERN * (size // len(PATTERN) + 2))[offset : offset + size]
            self.sent += size
            more = self.sent < end
            if last and not more and self.watcher:
                self.watcher.cancel()  # servers also send http.disconnect after the response's end
            await self.send({"type": "http.response.body", "body": body, "more_body": more or not last})

    async def watch(self) -> None:
        length = 0
        while (message := await self.receive())["type"] != "http.disconnect":
            length += len(message.get("body", b""))
            if not message.get("more_body", False) and not self.body_length.done():
                self.body_length.set_result(length)
        _report(self.writer, "disconnected")
        if not self.body_length.done():
            self.body_length.set_exception(ConnectionError("the request's body was cut"))
            self.body_length.exception()  # marks the error as retrieved, even if no order reads the body
