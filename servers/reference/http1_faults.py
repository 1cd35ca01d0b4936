"""Faults of HTTP/1.1 in single phases of a request, and of how its connections close. The registry is faults.py."""

from __future__ import annotations

import h11

from lastcall.servers.reference.application import Exchange
from lastcall.servers.reference.connection import Connection
from lastcall.servers.reference.http1 import Http1


class ProcessesAfterClose(Http1):
    """Says close, but serves the requests that the client has sent after that one."""

    def close_finished(self) -> None:
        """Go on with requests that have arrived or arrive later."""
        rest, _ended = self.h11.trailing_data
        self.h11 = h11.Connection(h11.SERVER)
        if rest:
            self.receive(rest)


class DropsLateRequests(Http1):
    """Starts the application for a request that became whole in the drain, and closes its connection."""

    def run(self, exchange: Exchange) -> None:
        """Start the application, and in the drain close the connection."""
        super().run(exchange)
        if self.draining:
            self.connection.close()


class IgnoresExpectation(Http1):
    """Sends no 100 (Continue) in the drain, so that client and server wait for each other."""

    def body_wanted(self, exchange: Exchange) -> None:
        """Send nothing in the drain."""
        if not self.draining:
            super().body_wanted(exchange)


class KeepAliveGoesOn(Http1):
    """Serves one request after another on a connection that was busy at the signal, as long as requests arrive."""

    def persists(self) -> bool:
        """Return that another request may follow, even in a drain."""
        return self.h11.their_state is h11.DONE

    def close_finished(self) -> None:
        """Go on with the next request."""
        self.h11.start_next_cycle()
        self._handle_events()


class LosesUploads(Exchange):
    """Loses the part of a request's body that arrives in the drain, and treats the request as whole."""

    def body_arrived(self, data: bytes, counted: int) -> None:
        """Store the piece, or in the drain lose it."""
        super().body_arrived(b"" if self.session.draining else data, counted)


class ClosesWithoutLingering(Connection):
    """Closes both sides at once: the kernel answers later bytes with RST, and drops bytes that are not sent yet."""

    def linger(self) -> None:
        """Close the socket without reading on."""
        self.end()


class ClosesWithInputUnread(ClosesWithoutLingering):
    """Reads nothing in the drain, and closes with input unread: the kernel sends RST at once."""

    def begin_drain(self) -> None:
        """Stop reading."""
        super().begin_drain()
        self.pause_reading()

    def resume_reading(self) -> None:
        """Read again, except in the drain."""
        if not self.draining:
            super().resume_reading()


class WaitsForClientToClose(Connection):
    """Waits for the client's FIN without a limit."""

    def linger(self) -> None:
        """Read and discard until the client closes."""
        if self.client_ended:
            self.end()
        else:
            self.resume_reading()
