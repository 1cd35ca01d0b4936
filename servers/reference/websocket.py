"""WebSockets, with wsproto: the ASGI side, and the Close that announces the drain to a client.

Over HTTP/1.1 a WebSocket has a whole connection, over HTTP/2 one stream; either is its host.
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

    AsgiMessage = MutableMapping[str, Any]

CLOSE_WAIT_S = 1.0
"""How long the client has to answer our Close; then its connection is closed anyway."""
NORMAL, GOING_AWAY, NO_CODE, NO_CLOSE, INTERNAL_ERROR = 1000, 1001, 1005, 1006, 1011
FORBIDDEN, INTERNAL_SERVER_ERROR, SERVICE_UNAVAILABLE = 403, 500, 503


class WebSocket:
    """One WebSocket; it takes the place of the session on its connection or stream."""

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
        self._messages: asyncio.Queue[AsgiMessage] = asyncio.Queue()

    def start(self) -> None:
        """Take the connection over from HTTP, and start the application, which accepts or rejects the handshake."""
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
        """Process bytes from the client."""
        try:
            self.ws.receive_data(data)
            for event in self.ws.events():
                self._handle(event)
        except RemoteProtocolError:
            self.connection.close()

    def client_ended(self) -> None:
        """Close too: a client that closes TCP reads nothing more."""
        self.connection.close()

    def lost(self) -> None:
        """Handle the loss of the connection, and report it to the application."""
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
        """Answer the client's Close, or take it as the answer to ours; then close the transport."""
        if not self.close_sent:
            # RFC 6455 section 5.5.1: an endpoint that receives a Close and has not sent one answers with a Close
            self._write(event.response())
        self.end(self.close_sent or event.code or NO_CODE)
        self.close_transport()

    def close_transport(self) -> None:
        """Close TCP."""
        # RFC 6455 section 5.5.1: when both sides have sent a Close, the server closes TCP at once
        self.connection.close()

    def _write(self, event: Event) -> None:
        self.connection.write(self.ws.send(event))

    # the application

    async def run(self, application: Application) -> None:
        """Run the application, and close a WebSocket that it leaves open."""
        code = INTERNAL_ERROR
        try:
            await application(self._scope(), self._messages.get, self.send)
            code = NORMAL
        except asyncio.CancelledError:
            return  # the caller that cancels a handler also ends its connection
        except ClientGoneError:
            pass
        except Exception as error:  # noqa: BLE001 - the application may raise anything
            self.connection.log(f"error in the application: {error!r}")
        if not self.ended:
            self.close(code)

    async def send(self, message: AsgiMessage) -> None:
        """Send a message of the application; raises ClientGoneError."""
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
        """Complete the opening handshake; in a drain, reject it with 503 instead."""
        if self.draining:
            self._reject(SERVICE_UNAVAILABLE)
            raise ClientGoneError("the server is about to stop")
        self.accepted = True
        self._write(AcceptConnection())

    def close(self, code: int) -> None:
        """Begin the closing handshake, which the client has a second to complete."""
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
        """Report the end to the application, once."""
        if not self.ended:
            self.ended = True
            self._messages.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})

    def _scope(self) -> AsgiMessage:
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
        """Return none: a WebSocket has no response to wait for."""
        return []

    def begin_drain(self) -> None:
        """Send the client a Close that says that the server goes away."""
        if self.draining:
            return
        self.draining = True
        if self.accepted:
            # RFC 6455 section 7.4.1: a server that goes down closes with 1001
            self.close(GOING_AWAY)

    def close_if_over(self) -> None:
        """Do nothing: the closing handshake ends the connection."""

    def expire(self) -> None:
        """End by force: the drain timeout is over."""
        self.connection.close()
