"""The gated WebSocket of docs/gate.md for ASGI servers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Channel = Callable[..., Awaitable[Any]]
PATTERN = b"lastcall\n"
NORMAL, NO_CODE = 1000, 1005


async def hold(
    scope: dict[str, Any],
    receive: Channel,
    send: Channel,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Accept a WebSocket and execute the gate's orders, until the WebSocket is closed."""
    held = _HeldWebSocket(scope, receive, send, reader, writer)
    closed = asyncio.ensure_future(held.wait_until_closed())
    executed = asyncio.ensure_future(held.execute_orders())
    try:
        await asyncio.wait((closed, executed), return_when=asyncio.FIRST_COMPLETED)
        if held.finishing:  # the answer to its Close may arrive before the server reports that the Close is sent
            await asyncio.wait((executed,))
            executed.result()
        elif closed.done() or isinstance(
            executed.exception(), OSError
        ):  # sending failed: the server will report the reason
            held.report(f"closed {await closed}")
        else:
            executed.result()
    except Exception as error:
        held.report(f"failed {type(error).__name__} {error}")
        if not isinstance(error, OSError):  # the client has gone, which no server should log
            raise
    finally:
        closed.cancel()
        executed.cancel()
        await asyncio.gather(closed, executed, return_exceptions=True)
        writer.close()


class _HeldWebSocket:
    def __init__(self, scope: dict[str, Any], receive: Channel, send: Channel, *gate: Any) -> None:
        self.scope, self.receive, self.send, (self.reader, self.writer) = scope, receive, send, gate
        self.connected = asyncio.Event()
        self.sent = 0
        self.finishing = False

    def report(self, line: str) -> None:
        self.writer.write(line.replace("\n", " ").encode("ascii", "replace") + b"\n")

    async def accept(self) -> None:
        await self.connected.wait()
        await self.send({"type": "websocket.accept"})
        query = self.scope["query_string"].decode("latin-1")
        target = self.scope["path"] + (query and f"?{query}")
        self.report(f"entered {self.scope['path'].rpartition('/')[2]} WEBSOCKET {target}")

    async def execute_orders(self) -> None:
        await self.accept()
        while await self.execute(*(await self.reader.readuntil(b"\n")).decode().split()):
            pass

    async def execute(self, order: str, number: str = "0") -> bool:
        length = int(number)
        if length or order == "send":
            message = (PATTERN * (length // len(PATTERN) + 1))[:length]
            await self.send({"type": "websocket.send", "bytes": message})
            self.sent += length
        if order == "send":
            self.report(f"sent {length}")
            return True
        self.finishing = True
        await self.send({"type": "websocket.close", "code": NORMAL})
        self.report(f"finished {self.sent}")
        return False

    async def wait_until_closed(self) -> int:
        while (message := await self.receive())["type"] != "websocket.disconnect":
            self.connected.set()  # at websocket.connect; later messages of the client are ignored
        code: int = message.get("code", NO_CODE)
        return code
