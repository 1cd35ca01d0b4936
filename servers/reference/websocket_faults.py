"""Faults of WebSockets in the drain. The registry is faults.py."""

from __future__ import annotations

from lastcall.servers.reference.websocket import NORMAL, WebSocket

RESERVED = 1006
"""The code that reports to an application that no Close came: RFC 6455 section 7.4.1 forbids it on the wire."""


class NoCloseFrame(WebSocket):
    """Closes TCP at the signal, without a Close."""

    def begin_drain(self) -> None:
        """Close the connection."""
        self.connection.close()


class ClosedAsNormal(WebSocket):
    """Sends a Close with 1000, as if the conversation were complete."""

    def send_close(self, _code: int) -> None:
        """Send the wrong code."""
        super().send_close(NORMAL)


class ReservedCloseCode(WebSocket):
    """Sends a Close with a code that must not appear on the wire."""

    def send_close(self, _code: int) -> None:
        """Write the frame that wsproto refuses to write."""
        self.connection.write(b"\x88\x02" + RESERVED.to_bytes(2, "big"))


class KeptOpen(WebSocket):
    """Ignores the drain, until the drain timeout ends the connection."""

    def begin_drain(self) -> None:
        """Do nothing."""


class TcpKept(WebSocket):
    """Waits for the client to close TCP, or to end the stream, after the closing handshake."""

    def close_transport(self) -> None:
        """Do nothing."""

    def wait_for_close(self) -> None:
        """Wait for as long as the drain lasts."""


class WaitsForRudePeer(WebSocket):
    """Waits for the client's Close without a limit."""

    def wait_for_close(self) -> None:
        """Set no limit."""


class CutsMessage(WebSocket):
    """Closes the connection at the signal, with bytes still to be sent."""

    def begin_drain(self) -> None:
        """Close the connection at once."""
        self.connection.abort()


class EndNotReported(WebSocket):
    """Does not report the end of a WebSocket to the application, which goes on waiting for messages."""

    def end(self, _code: int) -> None:
        """Note the end without a report."""
        self.ended = True
