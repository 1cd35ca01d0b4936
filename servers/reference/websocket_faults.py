"""Faults of WebSockets in the drain. The registry is faults.py."""

from __future__ import annotations

from lastcall.servers.reference.websocket import NORMAL, WebSocket

RESERVED = 1006
"""The code by which an application is told that no Close came: RFC 6455 section 7.4.1 keeps it off the wire."""


class NoCloseFrame(WebSocket):
    """Closes TCP at the signal, without a Close."""

    def begin_drain(self) -> None:
        """Close."""
        self.connection.close()


class ClosedAsNormal(WebSocket):
    """Says in its Close that the conversation is complete."""

    def send_close(self, _code: int) -> None:
        """Send the wrong code."""
        super().send_close(NORMAL)


class ReservedCloseCode(WebSocket):
    """Puts into its Close a code that must not be there."""

    def send_close(self, _code: int) -> None:
        """Write the frame that wsproto refuses to write."""
        self.connection.write(b"\x88\x02" + RESERVED.to_bytes(2, "big"))


class KeptOpen(WebSocket):
    """Takes no notice of the drain, until its timeout ends the connection."""

    def begin_drain(self) -> None:
        """Do nothing."""


class TcpKept(WebSocket):
    """Leaves it to the client to close TCP, or to end the stream, after the closing handshake."""

    def close_transport(self) -> None:
        """Do nothing."""

    def wait_for_close(self) -> None:
        """Wait for as long as the drain lasts."""


class WaitsForRudePeer(WebSocket):
    """Waits for the client's Close, for as long as that takes."""

    def wait_for_close(self) -> None:
        """Set no bound."""


class CutsMessage(WebSocket):
    """Gives the connection up at the signal, with what it has still to send."""

    def begin_drain(self) -> None:
        """Cut."""
        self.connection.abort()


class ApplicationNotTold(WebSocket):
    """Lets the application wait for messages on a WebSocket that is closed."""

    def end(self, _code: int) -> None:
        """Say nothing."""
        self.ended = True
