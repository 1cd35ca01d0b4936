"""What HTTP/1.1 and HTTP/2 have in common: the requests on a connection, and how the connection ends in a drain.

A drain has three phases. ``begin_drain`` notes it, and ``announce_drain`` says so on the wire where the protocol can.
``over`` decides after every event whether nothing is in flight and nothing may follow. Then ``close_if_over`` closes the
connection, by a method of its own for each kind, so that a fault can keep one kind open.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lastcall.servers.reference.application import Exchange, Headers
    from lastcall.servers.reference.host import SessionHost


class Session(ABC):
    """The HTTP of one connection. In a drain it closes its connection as soon as nothing is in flight."""

    http_version = ""

    def __init__(self, connection: SessionHost) -> None:
        self.connection = connection
        self.draining = False
        self.requests = 0
        """How many requests the application has received."""
        self.busy_in_drain = False
        """Whether a request was in flight when the drain began, or arrived after that."""

    @property
    def scheme(self) -> str:
        """The scheme of its requests."""
        return "https" if self.connection.secure else "http"

    def log(self, line: str) -> None:
        """Write a line to the server's log."""
        self.connection.log(line)

    # bytes

    def start(self) -> None:  # noqa: B027 - HTTP/1.1 sends nothing first
        """Send what the server sends before the client's first byte."""

    @abstractmethod
    def receive(self, data: bytes) -> None:
        """Process bytes from the client."""

    @abstractmethod
    def client_ended(self) -> None:
        """Handle the end of the client's bytes."""

    def lost(self) -> None:
        """Handle the loss of the connection: nothing is sent or received any more."""
        for exchange in self.in_flight():
            exchange.lose_client()

    # requests

    @abstractmethod
    def in_flight(self) -> list[Exchange]:
        """Return the exchanges whose response has not ended."""

    def run(self, exchange: Exchange) -> None:
        """Start the application for a request."""
        self.requests += 1
        self.busy_in_drain |= self.draining
        self.connection.run(exchange)

    @abstractmethod
    def body_wanted(self, exchange: Exchange) -> None:
        """Note that the application waits for the request's body."""

    @abstractmethod
    def body_consumed(self, exchange: Exchange) -> None:
        """Note that the application has read all of the request's body that had arrived."""

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
        """Go on after the end of a response: with the next request, or with the close."""

    @abstractmethod
    def cut(self, exchange: Exchange) -> None:
        """End a response that is not whole, in a way that no client can mistake for a whole one."""

    # the drain

    def begin_drain(self) -> None:
        """Note the shutdown, announce it to the client, and close if nothing is in flight. A second call does nothing."""
        if self.draining:
            return
        self.draining = True
        self.busy_in_drain = bool(self.in_flight())
        self.announce_drain()
        self.close_if_over()

    def announce_drain(self) -> None:  # noqa: B027 - HTTP/1.1 can announce it only in a response
        """Announce the shutdown to the client, if the protocol can do so at once."""

    @abstractmethod
    def over(self) -> bool:
        """Return whether, in a drain, nothing is in flight and nothing may follow."""

    def close_if_over(self) -> None:
        """Close the connection if it drains and ``over`` says that its work is done."""
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
        """Close a connection on which no request has arrived."""
        self.close()

    def close(self) -> None:
        """Close the connection after the work is done."""
        self.connection.close()

    def expire(self) -> None:
        """End by force: the drain timeout is over."""
        for exchange in self.in_flight():
            self.cut(exchange)
        self.connection.close()
