"""WebSockets, with wsproto: the ASGI side, and the Close that tells a client of the drain.

Over HTTP/1.1 a WebSocket has its connection to itself; over HTTP/2, a stream in the connection's place.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    RejectConnection,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

from lastcall.servers.reference.application import ClientGoneError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from wsproto.events import Event

    from lastcall.servers.reference.application import Application, Exchange, Headers
    from lastcall.servers.reference.host import WebSocketHost
    from lastcall.servers.reference.websocket_stream import StreamHandshake

    Told = MutableMapping[str, Any]

CLOSE_WAIT_S = 1.0
"""How long the client has to answer our Close before its connection is closed all the same."""
NORMAL, GOING_AWAY, NO_CODE, NO_CLOSE, INTERNAL_ERROR = 1000, 1001, 1005, 1006, 1011
FORBIDDEN, INTERNAL_SERVER_ERROR, SERVICE_UNAVAILABLE = 403, 500, 503


class WebSocket:
    """One WebSocket, which has its connection (or its stream) to itself: it is in the place of the connection's session."""

    def __init__(
        self,
        connection: WebSocketHost,
        target: bytes,
        headers: Headers,
        handshake: StreamHandshake | None = None,
    ) -> None:
        self.connection = connection
        self.target = target
        self.headers = headers
        self.draining = False
        self.accepted = False
        self.close_sent = 0
        """The code of our Close; 0 while none has been sent."""
        self.ended = False
        self.ws: WSConnection | StreamHandshake = handshake or WSConnection(ConnectionType.SERVER)
        self._messages: asyncio.Queue[Told] = asyncio.Queue()

    def start(self) -> None:
        """Take the connection over from HTTP, and ask the application."""
        self.connection.take_over(self)
        try:
            self.ws.initiate_upgrade_connection(self.headers, self.target.decode("latin-1"))
        except RemoteProtocolError as error:
            self._write(error.event_hint or RejectConnection(status_code=INTERNAL_SERVER_ERROR))
            self.connection.close()
            return
        self._messages.put_nowait({"type": "websocket.connect"})
        self.connection.start_handler(self.run)

    # bytes

    def receive(self, data: bytes) -> None:
        """Take bytes of the client."""
        try:
            self.ws.receive_data(data)
            for event in self.ws.events():
                self._handle(event)
        except RemoteProtocolError:
            self.connection.close()

    def client_ended(self) -> None:
        """Know that the client closes TCP: nobody reads what would follow."""
        self.connection.close()

    def lost(self) -> None:
        """Know that nothing can be sent or received any more, and tell the application."""
        self.end(NO_CLOSE)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Ping):
            self._write(event.response())
        elif isinstance(event, CloseConnection):
            self.take_close(event)
        elif isinstance(event, Message):
            kind = "text" if isinstance(event, TextMessage) else "bytes"
            self._messages.put_nowait({"type": "websocket.receive", kind: event.data})

    def take_close(self, event: CloseConnection) -> None:
        """Answer the client's Close, or know it for the answer to ours; then nothing is left to say."""
        if not self.close_sent:
            # RFC 6455 section 5.5.1: who receives a Close and has sent none, sends one
            self._write(event.response())
        self.end(self.close_sent or event.code or NO_CODE)
        self.close_transport()

    def close_transport(self) -> None:
        """Close TCP. RFC 6455 section 5.5.1: the server does so at once when both have sent a Close."""
        self.connection.close()

    def _write(self, event: Event) -> None:
        self.connection.write(self.ws.send(event))

    # the application

    async def run(self, application: Application) -> None:
        """Run the application; a WebSocket that it leaves open is closed."""
        code = INTERNAL_ERROR
        try:
            await application(self._scope(), self._messages.get, self.send)
            code = NORMAL
        except asyncio.CancelledError:
            return  # who cancels a handler also ends its connection
        except ClientGoneError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever the application raises is the application's
            self.connection.log(f"error in the application: {error!r}")
        if not self.ended:
            self.close(code)

    async def send(self, message: Told) -> None:
        """Send what the application hands over; raises ClientGoneError."""
        if self.ended or self.close_sent or self.connection.closing:
            raise ClientGoneError("the WebSocket is closed")
        if message["type"] == "websocket.accept":
            self.accept()
        elif message["type"] == "websocket.close":
            self.close(message.get("code", NORMAL))
        else:
            data, text = message.get("bytes"), message.get("text")
            self._write(BytesMessage(data=data) if data is not None else TextMessage(data=text or ""))
            await self.connection.writable()

    def accept(self) -> None:
        """Complete the opening handshake, but in a drain there is nothing to begin any more."""
        if self.draining:
            self._reject(SERVICE_UNAVAILABLE)
            raise ClientGoneError("the server is about to stop")
        self.accepted = True
        self._write(AcceptConnection())

    def close(self, code: int) -> None:
        """Begin the closing handshake, which the client has some time to complete."""
        if not self.accepted:
            self._reject(FORBIDDEN if code == NORMAL else INTERNAL_SERVER_ERROR)
        elif not self.close_sent:
            self.close_sent = code
            self.send_close(code)
            self.wait_for_close()

    def _reject(self, status: int) -> None:
        self._write(RejectConnection(status_code=status, headers=[(b"connection", b"close")]))
        self.connection.close()

    def send_close(self, code: int) -> None:
        """Send the Close frame."""
        self._write(CloseConnection(code=code))

    def wait_for_close(self) -> None:
        """Close the connection of a client that does not answer, after a while."""
        self.connection.call_later(CLOSE_WAIT_S, self.connection.close)

    def end(self, code: int) -> None:
        """Tell the application that it is over, once."""
        if not self.ended:
            self.ended = True
            self._messages.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})

    def _scope(self) -> Told:
        path, _, query = self.target.partition(b"?")
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1" if isinstance(self.ws, WSConnection) else "2",
            "scheme": "wss" if self.connection.secure else "ws",
            "path": unquote(path.decode("latin-1")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "client": None,
            "server": None,
            "subprotocols": [],
        }

    # the drain

    def in_flight(self) -> list[Exchange]:
        """Give none: a WebSocket has no response that could be waited for."""
        return []

    def begin_drain(self) -> None:
        """Tell the client that the server goes away."""
        if self.draining:
            return
        self.draining = True
        if self.accepted:
            # RFC 6455 section 7.4.1: 1001 is the code of a server that goes down
            self.close(GOING_AWAY)

    def close_if_over(self) -> None:
        """Do nothing: the closing handshake ends the connection."""

    def expire(self) -> None:
        """End by force: the drain timeout is over."""
        self.connection.close()
