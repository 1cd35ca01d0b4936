"""The gated application of docs/gate.md for aiohttp's own server, run by `python -m lastcall.servers.apps.aiohttp_application`.

It passes every request to the gated ASGI application. By default aiohttp does not inform a handler that its client has
gone, so `disconnected` is not reported:
https://docs.aiohttp.org/en/stable/web_advanced.html#peer-disconnection
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from aiohttp import WSCloseCode, WSMsgType, web

from lastcall.servers.apps.asgi import application
from lastcall.servers.apps.command_line import read_options


def main() -> None:
    """Serve until SIGTERM or SIGINT, by the function with which aiohttp's documentation starts a server."""
    options = read_options()
    served = web.Application()
    served.router.add_route("*", "/{path:.*}", _handle)
    served.on_shutdown.append(_close_websockets)
    drain: dict[str, Any] = {} if options.drain_s is None else {"shutdown_timeout": options.drain_s}
    web.run_app(
        served,
        host=options.host,
        port=options.port,
        ssl_context=options.tls,
        access_log=None,
        keepalive_timeout=120,  # 75 s by default; an idle connection must last until the shutdown
        **drain,
    )


async def _handle(request: web.Request) -> web.StreamResponse:
    scope: dict[str, Any] = {
        "type": "http",
        "method": request.method,
        "path": request.path,
        "raw_path": request.raw_path.encode("latin-1"),
        "query_string": request.rel_url.raw_query_string.encode("latin-1"),
    }
    if request.path.startswith("/ws/"):
        websocket = _HeldWebSocket(request)
        await application(scope | {"type": "websocket"}, websocket.receive, websocket.send)
        return websocket.response
    exchange = _AsgiExchange(request)
    await application(scope, exchange.receive, exchange.send)
    return exchange.response


class _AsgiExchange:
    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.response = web.StreamResponse()
        self.read = False

    async def receive(self) -> dict[str, Any]:
        if self.read:
            await asyncio.get_running_loop().create_future()  # aiohttp reports no disconnect
        body = await self.request.content.readany()
        self.read = self.request.content.at_eof()
        return {"type": "http.request", "body": body, "more_body": not self.read}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.response.set_status(message["status"])
            for name, value in message["headers"]:
                self.response.headers[name.decode()] = value.decode()
            await self.response.prepare(self.request)
            return
        if message["body"]:
            await self.response.write(message["body"])
        if not message.get("more_body"):
            await self.response.write_eof()


async def _close_websockets(_served: web.Application) -> None:
    """Close the WebSockets as in the example of https://docs.aiohttp.org/en/stable/web_advanced.html#graceful-shutdown."""
    for websocket in set(_HeldWebSocket.opened):
        await websocket.close(code=WSCloseCode.GOING_AWAY, message=b"Server shutdown")


class _HeldWebSocket:
    opened: ClassVar[set[web.WebSocketResponse]] = set()

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.response = web.WebSocketResponse()
        self.connected = False
        self.accepted = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self.connected:
            self.connected = True
            return {"type": "websocket.connect"}
        await self.accepted.wait()
        while (await self.response.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            pass
        self.opened.discard(self.response)
        return {"type": "websocket.disconnect", "code": self.response.close_code or 1006}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.accept":
            await self.response.prepare(self.request)
            self.opened.add(self.response)
            self.accepted.set()
        elif message["type"] == "websocket.send":
            await self.response.send_bytes(message["bytes"])
        else:
            await self.response.close(code=message["code"])


if __name__ == "__main__":
    main()
