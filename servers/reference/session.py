"""What HTTP/1.1 and HTTP/2 have in common: a connection with requests on it, and how it ends in a drain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Exchange, Headers
    from lastcall.servers.reference.host import SessionHost


class Session(ABC):
    """One connection's HTTP. In a drain it asks for the close of its connection as soon as nothing is in flight."""

    http_version = ""

    def __init__(self, connection: SessionHost) -> None:
        self.connection = connection
        self.draining = False
        self.requests = 0
        """How many requests have been given to the application."""
        self.busy_in_drain = False
        """Whether a request was in flight at the drain's beginning, or came in after it."""

    @property
    def scheme(self) -> str:
        """The scheme of its requests."""
        return "https" if self.connection.secure else "http"

    def log(self, line: str) -> None:
        """Write a line to the server's log."""
        self.connection.log(line)

    # bytes

    def start(self) -> None:  # noqa: B027 - HTTP/1.1 has nothing to say first
        """Send what is sent before the client has said anything."""

    @abstractmethod
    def receive(self, data: bytes) -> None:
        """Take bytes of the client."""

    @abstractmethod
    def client_ended(self) -> None:
        """Know that the client will send no more bytes."""

    def lost(self) -> None:
        """Know that nothing can be sent or received any more, or will be."""
        for exchange in self.in_flight():
            exchange.lose_client()

    # requests

    @abstractmethod
    def in_flight(self) -> list[Exchange]:
        """Give the exchanges whose response has not ended."""

    def run(self, exchange: Exchange) -> None:
        """Give a request to the application."""
        self.requests += 1
        self.busy_in_drain |= self.draining
        self.connection.run(exchange)

    @abstractmethod
    def body_wanted(self, exchange: Exchange) -> None:
        """Know that the application waits for the request's body."""

    @abstractmethod
    def body_consumed(self, exchange: Exchange) -> None:
        """Know that the application has taken what had arrived of the request's body."""

    @abstractmethod
    def send_head(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Send the head of a response."""

    @abstractmethod
    async def send_body(self, exchange: Exchange, data: bytes, *, last: bool) -> None:
        """Send a piece of a response's body, with the response's end if it is the last; raises ClientGoneError."""

    @abstractmethod
    def send_end(self, exchange: Exchange) -> None:
        """Send the end of a response."""

    @abstractmethod
    def exchange_ended(self, exchange: Exchange) -> None:
        """Know that a response has ended, and do what comes after it."""

    @abstractmethod
    def cut(self, exchange: Exchange) -> None:
        """End a response that is not whole, in a way that no client can take for whole."""

    # the drain

    def begin_drain(self) -> None:
        """Take note of the shutdown, tell the client, and close if nothing is in flight. Once is enough."""
        if self.draining:
            return
        self.draining = True
        self.busy_in_drain = bool(self.in_flight())
        self.announce_drain()
        self.close_if_over()

    def announce_drain(self) -> None:  # noqa: B027 - HTTP/1.1 can only tell with a response
        """Tell the client of the shutdown, if the protocol has a way to do so at once."""

    @abstractmethod
    def over(self) -> bool:
        """Tell whether, in a drain, nothing is in flight and nothing may follow."""

    def close_if_over(self) -> None:
        """Close the connection if it has done its work."""
        if not self.draining or self.connection.closing or not self.over():
            return
        if self.busy_in_drain:
            self.close_finished()
        elif self.requests:
            self.close_idle()
        else:
            self.close_unused()

    def close_finished(self) -> None:
        """Close a connection whose last response has just ended."""
        self.close()

    def close_idle(self) -> None:
        """Close a connection that has been used and was idle when the drain began."""
        self.close()

    def close_unused(self) -> None:
        """Close a connection that no request has come on."""
        self.close()

    def close(self) -> None:
        """Close the connection after the work is done."""
        self.connection.close()

    def expire(self) -> None:
        """End by force: the drain timeout is over."""
        for exchange in self.in_flight():
            self.cut(exchange)
        self.connection.close()
