"""The gated application of docs/gate.md for Tornado, run by `python -m lastcall.servers.apps.tornado_application`.

It passes every request to the gated ASGI application.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import tornado.httpserver
import tornado.web

from lastcall.servers.apps.asgi import application
from lastcall.servers.apps.command_line import read_options


async def main() -> None:
    """Serve until SIGTERM or SIGINT, then stop as the documentation of ``close_all_connections`` says."""
    options = read_options()
    served = tornado.web.Application([(r".*", _AsgiExchange)], log_function=lambda _handler: None)
    # The default of 3600 s keeps idle connections for longer than any play.
    server = tornado.httpserver.HTTPServer(served, ssl_options=options.tls)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server.listen(options.port, options.host)
    await stopped.wait()
    server.stop()
    await server.close_all_connections()


@tornado.web.stream_request_body
class _AsgiExchange(tornado.web.RequestHandler):
    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    def initialize(self) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.held: asyncio.Future[None] | None = None

    def prepare(self) -> None:
        """Start the handler before the body: Tornado calls the method's own handler only when the request is complete.

        A request without a body waits for that call, because Tornado closes the connection after an earlier answer.
        """
        if self.request.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.request.headers:
            self.held = self.hold()

    def hold(self) -> asyncio.Future[None]:
        path, _, query = self.request.uri.partition("?")
        scope = {
            "type": "http",
            "method": self.request.method,
            "path": self.request.path,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
        }
        return asyncio.ensure_future(application(scope, self.messages.get, self.send))

    def data_received(self, chunk: bytes) -> None:
        self.messages.put_nowait({"type": "http.request", "body": chunk, "more_body": True})

    def on_connection_close(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})

    async def get(self) -> None:
        self.messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        try:
            await (self.held or self.hold())
        except Exception:
            if self._headers_written:
                # Tornado would end the response as if it were whole.
                self.detach().close()
                return
            raise

    head = post = delete = patch = put = options = get

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.set_status(message["status"])
            for name, value in message["headers"]:
                self.set_header(name.decode(), value.decode())
            return
        self.write(message["body"])
        await (self.flush() if message.get("more_body") else self.finish())


if __name__ == "__main__":
    asyncio.run(main())
