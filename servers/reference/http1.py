"""HTTP/1.1 on one connection, with h11: one request after another, and ``Connection: close`` in a drain.

HTTP/1.1 cannot announce the end of an idle connection: its only sign is ``Connection: close`` in a response. So in a drain
an idle connection is closed at once, but not while bytes of a request have arrived: a request that the server has begun
to receive is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11

from lastcall.servers.reference.application import ClientGoneError
from lastcall.servers.reference.session import Session

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Exchange, Headers
    from lastcall.servers.reference.host import SessionHost

UNREAD_LIMIT = 65536
"""How many bytes, of a request's body or of requests that follow, may wait in memory before reading pauses."""


def asks_for_websocket(headers: Headers) -> bool:
    """Return whether a request is the opening handshake of a WebSocket."""
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in headers)


class Http1(Session):
    """An HTTP/1.1 connection."""

    http_version = "1.1"

    def __init__(self, connection: SessionHost) -> None:
        super().__init__(connection)
        self.h11 = h11.Connection(h11.SERVER)
        self.exchange: Exchange | None = None
        self._ends_by_close = False
        """Whether only the end of the connection delimits the response in flight (HTTP/1.0)."""

    # bytes

    def receive(self, data: bytes) -> None:
        """Process bytes from the client."""
        if data:
            self.h11.receive_data(data)
            self._handle_events()
        self.close_if_over()

    def client_ended(self) -> None:
        """Handle the end of the client's bytes; the client may still read the response in flight."""
        self.h11.receive_data(b"")
        self._handle_events()
        if self.exchange is None:
            self.close()
        else:
            self.exchange.lose_client()

    def _handle_events(self) -> None:
        try:
            while not self.connection.closing:
                event = self.h11.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    break
                self._handle(event)
        except h11.RemoteProtocolError as error:
            self._refuse_bad_request(error.error_status_hint)
        self._throttle()

    def _handle(self, event: Any) -> None:
        if isinstance(event, h11.Request):
            headers = list(event.headers)
            if not self.draining and asks_for_websocket(headers):
                self.connection.new_websocket(self.connection, event.target, headers).start()
                return
            method = event.method.decode("ascii")
            self.exchange = self.connection.new_exchange(self, 0, method, event.target, headers)
            self.run(self.exchange)
        elif self.exchange is not None and isinstance(event, h11.Data):
            self.exchange.body_arrived(bytes(event.data), len(event.data))
        elif self.exchange is not None and isinstance(event, h11.EndOfMessage):
            self.exchange.end_request()

    def _refuse_bad_request(self, status: int) -> None:
        if self.exchange is None and self.h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [(b"connection", b"close"), (b"content-length", b"0")]
            self._send(h11.Response(status_code=status, headers=headers))
        self.close()

    def _throttle(self) -> None:
        unread = self.exchange.unread if self.exchange else 0
        if unread + len(self.h11.trailing_data[0]) > UNREAD_LIMIT:
            self.connection.pause_reading()
        else:
            self.connection.resume_reading()

    # requests

    def in_flight(self) -> list[Exchange]:
        """Return the exchange whose response has not ended, if there is one."""
        return [self.exchange] if self.exchange else []

    def body_wanted(self, exchange: Exchange) -> None:
        """Send 100 (Continue) if the client waits for it before it sends the body."""
        # RFC 9110 section 10.1.1: a server that wants the content answers the expectation with 100 (Continue)
        if exchange is self.exchange and self.h11.they_are_waiting_for_100_continue:
            self._send(h11.InformationalResponse(status_code=100, headers=[]))

    def body_consumed(self, exchange: Exchange) -> None:
        """Go on reading if reading was paused."""
        exchange.unread = 0
        if exchange is self.exchange:
            self._throttle()

    # responses

    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send the head of a response."""
        self._check(exchange)
        self._ends_by_close = self.h11.their_http_version != b"1.1" and b"content-length" not in dict(headers)
        headers = [*headers, *self.connection_header()]
        self._send(h11.Response(status_code=status, headers=headers))

    def connection_header(self) -> Headers:
        """Return ``Connection: close`` for a response that is known to be the last."""
        # RFC 9112 section 9.6: a server that intends to close the connection says close in the last response
        return [] if self.persists() else [(b"connection", b"close")]

    def persists(self) -> bool:
        """Return whether another request may follow: not in a drain, and not while this request is incomplete."""
        # RFC 9112 section 9.3: the server reads the whole request body, or closes the connection after the response
        return not self.draining and self.h11.their_state is h11.DONE

    async def send_body(self, exchange: Exchange, data: bytes, *, last: bool) -> None:
        """Send a piece of a response's body; the response to HEAD has none."""
        self._check(exchange)
        if data and exchange.method != "HEAD":
            self._send(h11.Data(data=data))
        if last:
            self.send_end(exchange)
        await self.connection.writable()
        if not last:
            self._check(exchange)

    def send_end(self, exchange: Exchange) -> None:
        """Send the end of a response."""
        self._check(exchange)
        self._send(h11.EndOfMessage())

    def _check(self, exchange: Exchange) -> None:
        if exchange is not self.exchange or self.connection.closing:
            raise ClientGoneError("the connection is closed")

    def _send(self, event: Any) -> None:
        self.connection.write(self.h11.send(event) or b"")

    def exchange_ended(self, exchange: Exchange) -> None:
        """Go on with the next request, or close after the last response."""
        if exchange is not self.exchange:
            return
        self.exchange = None
        if self.draining:
            # RFC 9112 section 9.6: after a response with close, the server processes no further request
            self.close_finished()
        elif self.h11.our_state is h11.DONE and self.h11.their_state is h11.DONE:
            self.h11.start_next_cycle()
            self._handle_events()
        else:
            self.close()

    def cut(self, exchange: Exchange) -> None:
        """Close the connection inside the response.

        A body that only the end of the connection delimits would look whole, so that connection is reset. A response
        that has not begun is not sent: 503 would say that the client may repeat the request, though the application may
        have acted on it.
        """
        if self._ends_by_close and exchange.response_begun:
            self.connection.reset()
        else:
            self.connection.close()
        exchange.end_response()

    # the drain

    def over(self) -> bool:
        """Return whether nothing is in flight, no request has partly arrived, and no first request is still expected."""
        if self.exchange is not None or self.h11.trailing_data[0]:
            return False
        return not self.connection.has_unread() and not (self.connection.setting_up and self.requests == 0)
