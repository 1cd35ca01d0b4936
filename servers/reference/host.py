"""What HTTP and WebSockets need of where they are spoken, and no more: they know neither the server nor its sockets.

A :class:`Connection` is a host of sessions; for a WebSocket over HTTP/2 a stream is the host in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from lastcall.servers.reference.application import Application, Exchange, Headers
    from lastcall.servers.reference.session import Session
    from lastcall.servers.reference.websocket import WebSocket


class WebSocketHost(Protocol):
    """The place of one WebSocket: bytes out, the close, and a handler of the application."""

    @property
    def closing(self) -> bool:
        """Whether nothing may be written any more."""

    @property
    def secure(self) -> bool:
        """Whether it is inside TLS."""

    def write(self, data: bytes) -> None:
        """Send bytes; after the close they go nowhere."""

    async def writable(self) -> None:
        """Wait while the client is slower than we are."""

    def close(self) -> None:
        """Close in order."""

    def abort(self) -> None:
        """Give it up at once, whatever the client has not taken."""

    def take_over(self, websocket: WebSocket) -> None:
        """Give the client's bytes, and the drain, to a WebSocket from now on."""

    def start_handler(self, handler: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
        """Run a handler of the application, which the drain waits for."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back after some seconds."""

    def log(self, line: str) -> None:
        """Write a line to the server's log."""


class SessionHost(WebSocketHost, Protocol):
    """The place of one session: a connection, with what HTTP asks of it beside what a WebSocket does."""

    @property
    def age_s(self) -> float:
        """How long ago it was accepted, in seconds."""

    @property
    def setting_up(self) -> bool:
        """Whether the drain began between the client's first byte and its protocol, and not long ago."""

    def pause_reading(self) -> None:
        """Take no more from the client for now."""

    def resume_reading(self) -> None:
        """Take from the client again."""

    def has_unread(self) -> bool:
        """Return whether the kernel holds bytes of the client that came before the drain, and are served."""

    def reset(self) -> None:
        """Give it up with RST: no client can take that for an end in order."""

    def new_exchange(self, session: Session, stream_id: int, method: str, target: bytes, headers: Headers) -> Exchange:
        """Make an exchange of the server's kind."""

    def new_websocket(self, host: WebSocketHost, target: bytes, headers: Headers, handshake: Any = None) -> WebSocket:
        """Make a WebSocket of the server's kind, in this place or on a stream; ``handshake`` if not that of HTTP/1.1."""

    def run(self, exchange: Exchange) -> None:
        """Run the application for one request."""
