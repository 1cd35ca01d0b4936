"""A fault on the wire: bytes that are not HTTP. The registry is faults.py."""

from __future__ import annotations

from lastcall.servers.reference.http1 import Http1
from lastcall.servers.reference.http2 import Http2
from lastcall.servers.reference.session import Session

FAREWELL = b"the server is shutting down\n"


class SaysFarewellInPlainText(Session):
    """Writes a line of plain text on the connection before it closes."""

    def close(self) -> None:
        """Write the line in the drain, and close."""
        if self.draining:
            self.connection.write(FAREWELL)
        super().close()


class FarewellHttp1(SaysFarewellInPlainText, Http1):
    """HTTP/1.1 that ends in plain text."""


class FarewellHttp2(SaysFarewellInPlainText, Http2):
    """HTTP/2 that ends in plain text."""
