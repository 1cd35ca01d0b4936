"""The ASGI side: one request with its response, and the application's lifespan."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from lastcall.servers.reference.session import Session

    Message = MutableMapping[str, Any]
    Application = Callable[
        [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
        Awaitable[None],
    ]
    Headers = list[tuple[bytes, bytes]]

INTERNAL_SERVER_ERROR = 500


class ClientGoneError(ConnectionError):
    """The response can no longer be sent; an application that sends gets this error."""


class Exchange:
    """One request and its response: the application on one side, a stream of a session on the other."""

    def __init__(self, session: Session, stream_id: int, method: str, target: bytes, headers: Headers) -> None:
        self.session = session
        self.stream_id = stream_id
        self.method = method
        self.target = target
        self.headers = headers
        self.request_ended = False
        self.response_begun = False
        self.response_ended = False
        self.client_gone = False
        self.unread = 0
        """How many bytes of the request's body wait for the application, as flow control counts them."""
        self._pieces: list[bytes] = []
        self._end_delivered = False
        self._changed = asyncio.Event()
        self._head: tuple[int, Headers] = (INTERNAL_SERVER_ERROR, [])

    # called by the session

    def body_arrived(self, data: bytes, counted: int) -> None:
        """Store a piece of the request's body; flow control counts it as ``counted`` bytes, with its padding."""
        self._pieces.append(data)
        self.unread += counted
        self._changed.set()

    def end_request(self) -> None:
        """Note that the request is whole."""
        self.request_ended = True
        self._changed.set()

    def lose_client(self) -> None:
        """Note that the client has gone: the application learns it from its next receive, and may go on."""
        self.client_gone = True
        self._changed.set()

    # called by the application

    async def run(self, application: Application) -> None:
        """Run the application; fail a response that it leaves unfinished, unless the handler was cancelled."""
        try:
            await application(self._scope(), self.receive, self.send)
        except asyncio.CancelledError:
            return  # the caller that cancels a handler also ends its response
        except ClientGoneError:
            pass
        except Exception as error:  # noqa: BLE001 - the application may raise anything
            self.session.log(f"error in the application: {error!r}")
        if not self.response_ended:
            self.fail(INTERNAL_SERVER_ERROR)

    async def receive(self) -> Message:
        """Return the next piece of the request's body, or a disconnect when the client has gone."""
        if not self.request_ended:
            self.session.body_wanted(self)
        while not (self._pieces or (self.request_ended and not self._end_delivered)):
            if self.client_gone or self.response_ended:
                return {"type": "http.disconnect"}
            self._changed.clear()
            await self._changed.wait()
        return self._next_piece()

    def _next_piece(self) -> Message:
        body = b"".join(self._pieces)
        self._pieces.clear()
        self._end_delivered = self.request_ended
        self.session.body_consumed(self)
        return {"type": "http.request", "body": body, "more_body": not self.request_ended}

    async def send(self, message: Message) -> None:
        """Send a message of the application; the head is sent with the first piece of the body."""
        if message["type"] == "http.response.start":
            self._head = message["status"], [(name.lower(), value) for name, value in message.get("headers", [])]
        elif message["type"] == "http.response.body":
            await self.send_body(message.get("body", b""), last=not message.get("more_body", False))

    async def send_body(self, data: bytes, *, last: bool) -> None:
        """Send a piece of the body, and the head before the first one; raises ClientGoneError."""
        if self.response_ended:
            raise ClientGoneError("the response has ended")
        if not self.response_begun:
            self.send_head(*self._head)
        await self.session.send_body(self, data, last=last)
        if last:
            self.end_response()

    def send_head(self, status: int, headers: Headers) -> None:
        """Send the head of the response."""
        self.response_begun = True
        self.session.send_head(self, status, headers)

    def end_response(self) -> None:
        """Note that nothing more is sent, whether the response is whole or not."""
        if not self.response_ended:
            self.response_ended = True
            self._changed.set()
            self.session.exchange_ended(self)

    def fail(self, status: int) -> None:
        """Answer with an error if nothing has been sent; otherwise cut the response so that it does not look whole."""
        with contextlib.suppress(ClientGoneError):
            if self.response_begun:
                self.session.cut(self)
            else:
                self.send_head(status, [(b"content-length", b"0")])
                self.session.send_end(self)
                self.end_response()

    def _scope(self) -> MutableMapping[str, Any]:
        path, _, query = self.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": self.session.http_version,
            "method": self.method,
            "scheme": self.session.scheme,
            "path": unquote(path.decode("latin-1")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "client": None,
            "server": None,
        }


class Lifespan:
    """The application's startup and shutdown. An application that raises has no lifespan, and is served without it."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._orders: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Wait for the application's startup; raises RuntimeError when the application reports that it failed."""
        self._task = asyncio.ensure_future(self._run())
        await self._ask("startup")

    async def shutdown(self) -> None:
        """Wait for the application's shutdown, for as long as it takes: a server must not end before it."""
        if self._task is not None and not self._task.done():
            await self._ask("shutdown")
            await self._task

    async def _ask(self, phase: str) -> None:
        await self._orders.put({"type": f"lifespan.{phase}"})
        answer = await self._answers.get()
        if answer["type"] == f"lifespan.{phase}.failed":
            raise RuntimeError(f"the application's {phase} failed: {answer.get('message', '')}")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        with contextlib.suppress(Exception):  # ASGI: an application without lifespan raises any exception
            await self._application(scope, self._orders.get, self._answers.put)
        await self._answers.put({"type": "the application knows no lifespan, or no more of it"})
