"""What a session needs of its connection, and no more: HTTP and WebSockets know neither the server nor its sockets.

A :class:`Connection` hosts sessions; a WebSocket over HTTP/2 is hosted by its stream instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from lastcall.servers.reference.application import Application, Exchange, Headers
    from lastcall.servers.reference.session import Session
    from lastcall.servers.reference.websocket import WebSocket


class WebSocketHost(Protocol):
    """The host of one WebSocket: it sends bytes, closes, and runs a handler of the application."""

    @property
    def closing(self) -> bool:
        """Whether writing is over."""

    @property
    def secure(self) -> bool:
        """Whether the connection uses TLS."""

    def write(self, data: bytes) -> None:
        """Send bytes; after the close they are dropped."""

    async def writable(self) -> None:
        """Wait while the client reads more slowly than the server writes."""

    def close(self) -> None:
        """Close in order, so that the client gets all that was written."""

    def abort(self) -> None:
        """Close at once, even if the client has not received everything."""

    def take_over(self, websocket: WebSocket) -> None:
        """Hand the client's bytes and the drain over to a WebSocket from now on."""

    def start_handler(self, handler: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
        """Run a handler of the application; the drain waits for it."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call the callback after some seconds."""

    def log(self, line: str) -> None:
        """Write a line to the server's log."""


class SessionHost(WebSocketHost, Protocol):
    """The host of one session: a connection, with what HTTP needs beyond the needs of a WebSocket."""

    @property
    def age_s(self) -> float:
        """How long ago the connection was accepted, in seconds."""

    @property
    def setting_up(self) -> bool:
        """Whether the drain began after the client's first byte and before its protocol was known, less than a second ago."""

    def pause_reading(self) -> None:
        """Stop reading from the client for now."""

    def resume_reading(self) -> None:
        """Read from the client again."""

    def has_unread(self) -> bool:
        """Return whether the kernel holds bytes of the client that have not been read; they came in time to be served."""

    def reset(self) -> None:
        """Close with RST, which no client can mistake for an end in order."""

    def new_exchange(self, session: Session, stream_id: int, method: str, target: bytes, headers: Headers) -> Exchange:
        """Return an exchange of the class that the server's model names."""

    def new_websocket(self, host: WebSocketHost, target: bytes, headers: Headers, handshake: Any = None) -> WebSocket:
        """Return a WebSocket of the class that the model names, hosted here or by a stream.

        ``handshake`` replaces the opening handshake of HTTP/1.1.
        """

    def run(self, exchange: Exchange) -> None:
        """Run the application for one request."""
