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
    """Accept a WebSocket and do what the gate orders, until it is closed."""
    held = _Held(scope, receive, send, reader, writer)
    closed = asyncio.ensure_future(held.wait_until_closed())
    obeyed = asyncio.ensure_future(held.obey_orders())
    try:
        await asyncio.wait((closed, obeyed), return_when=asyncio.FIRST_COMPLETED)
        if held.finishing:  # its own Close may be answered before the server says that it has been sent
            await asyncio.wait((obeyed,))
            obeyed.result()
        elif closed.done() or isinstance(obeyed.exception(), OSError):  # nothing can be sent: the server will tell why
            held.report(f"closed {await closed}")
        else:
            obeyed.result()
    except Exception as error:
        held.report(f"failed {type(error).__name__} {error}")
        if not isinstance(error, OSError):  # the client has gone: nothing that a server should log
            raise
    finally:
        closed.cancel()
        obeyed.cancel()
        await asyncio.gather(closed, obeyed, return_exceptions=True)
        writer.close()


class _Held:
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

    async def obey_orders(self) -> None:
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
            self.connected.set()  # by websocket.connect; what the client says later is not asked for
        code: int = message.get("code", NO_CODE)
        return code
