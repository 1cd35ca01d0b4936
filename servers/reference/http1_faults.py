"""Faults of HTTP/1.1 in single phases of a request, and of how its connections close. The registry is faults.py."""

from __future__ import annotations

import h11

from lastcall.servers.reference.application import Exchange
from lastcall.servers.reference.connection import Connection
from lastcall.servers.reference.http1 import Http1


class ProcessesAfterClose(Http1):
    """Says close, and yet serves the requests that the client sends behind it."""

    def close_finished(self) -> None:
        """Go on with what has come already, or comes later."""
        rest, _ended = self.h11.trailing_data
        self.h11 = h11.Connection(h11.SERVER)
        if rest:
            self.receive(rest)


class DropsLateRequests(Http1):
    """Gives the application a request that became whole in the drain, and closes the connection under it."""

    def run(self, exchange: Exchange) -> None:
        """Close, since there is a drain."""
        super().run(exchange)
        if self.draining:
            self.connection.close()


class IgnoresExpectation(Http1):
    """Lets a client that waits for 100 (Continue) wait in the drain, and waits itself for the body."""

    def body_wanted(self, exchange: Exchange) -> None:
        """Say nothing in the drain."""
        if not self.draining:
            super().body_wanted(exchange)


class KeepAliveGoesOn(Http1):
    """Serves one request after the other on a connection that was busy at the signal, for as long as they come."""

    def persists(self) -> bool:
        """Say that another request may follow."""
        return self.h11.their_state is h11.DONE

    def close_finished(self) -> None:
        """Go on."""
        self.h11.start_next_cycle()
        self._handle_events()


class LosesUploads(Exchange):
    """Loses what comes of a request's body in the drain, and takes the request for whole."""

    def body_arrived(self, data: bytes, counted: int) -> None:
        """Lose it, in the drain."""
        super().body_arrived(b"" if self.session.draining else data, counted)


class ClosesWithoutLingering(Connection):
    """Closes both sides at once: the kernel answers what still comes with RST, and drops what is still to be sent."""

    def linger(self) -> None:
        """Give the socket up."""
        self.end()


class ClosesWithInputUnread(ClosesWithoutLingering):
    """Reads nothing more in the drain, and closes over it: the kernel says RST at once."""

    def begin_drain(self) -> None:
        """Stop reading."""
        super().begin_drain()
        self.pause_reading()

    def resume_reading(self) -> None:
        """Read on, but not in the drain."""
        if not self.draining:
            super().resume_reading()


class WaitsForClientToClose(Connection):
    """Waits for the client's FIN, for as long as that takes."""

    def linger(self) -> None:
        """Read and discard until the client closes."""
        if self.client_ended:
            self.end()
        else:
            self.resume_reading()
