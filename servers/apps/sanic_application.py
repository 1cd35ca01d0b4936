"""The gated application of docs/gate.md for Sanic, which passes every request to the gated ASGI application.

Sanic cancels a handler whose client has gone, so `disconnected` is not reported.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sanic import HTTPResponse, Request, Sanic, Websocket
from websockets.exceptions import ConnectionClosed

from lastcall.servers.apps.asgi import application

sanic = Sanic("lastcall")


# With stream=True the handler starts before the request's body has arrived.
@sanic.route("/<path:path>", methods=["GET", "HEAD", "POST", "PUT", "DELETE"], stream=True)
async def handle(request: Request, path: str) -> None:
    """Answer the routes of docs/gate.md."""
    exchange = _AsgiExchange(request)
    try:
        await application(_scope(request, "http", path), exchange.receive, exchange.send)
    except Exception:
        # Sanic would end a response that has begun as if it were whole.
        if exchange.response is not None and request.transport is not None:
            request.transport.abort()  # type: ignore[attr-defined]  # it is asyncio's transport, which has abort()
        raise


@sanic.websocket("/ws/<name>")  # type: ignore[untyped-decorator]
async def hold(request: Request, websocket: Websocket, name: str) -> None:
    """Run the gated WebSocket, whose opening handshake is over."""
    held = _HeldWebSocket(websocket)
    await application(_scope(request, "websocket", f"ws/{name}"), held.receive, held.send)


def _scope(request: Request, kind: str, path: str) -> dict[str, Any]:
    return {
        "type": kind,
        "method": request.method,
        "path": f"/{path}",
        "raw_path": request.raw_url.partition(b"?")[0],
        "query_string": request.query_string.encode("latin-1"),
    }


class _AsgiExchange:
    def __init__(self, request: Request) -> None:
        self.request = request
        self.response: HTTPResponse | None = None
        self.read = False

    async def receive(self) -> dict[str, Any]:
        if self.read:
            await asyncio.get_running_loop().create_future()  # Sanic reports no disconnect
        body = await self.request.stream.read() if self.request.stream else None  # type: ignore[attr-defined]
        self.read = body is None
        return {"type": "http.request", "body": body or b"", "more_body": not self.read}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self.response = await self.request.respond(
                status=message["status"], content_type=headers.pop("content-type"), headers=headers
            )
        elif self.response is not None:
            await self.response.send(message["body"], end_stream=not message.get("more_body"))


class _HeldWebSocket:
    def __init__(self, websocket: Websocket) -> None:
        self.websocket = websocket
        self.connected = False

    async def receive(self) -> dict[str, Any]:
        if not self.connected:
            self.connected = True
            return {"type": "websocket.connect"}
        try:
            await self.websocket.recv()
        except ConnectionClosed:
            return {"type": "websocket.disconnect", "code": self.websocket.ws_proto.close_code or 1006}
        return {"type": "websocket.receive"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            await self.websocket.send(message["bytes"])
        elif message["type"] == "websocket.close":
            await self.websocket.close(code=message["code"])
