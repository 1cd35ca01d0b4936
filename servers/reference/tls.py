"""TLS as bytes in, bytes out: asyncio's own TLS can neither half-close nor let the server decide the order of the close."""

from __future__ import annotations

import contextlib
import ssl

READ_SIZE = 65536


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """Return the context of a server that offers HTTP/2 and HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class Tls:
    """The TLS of one connection. :meth:`outgoing` returns the bytes that it has to send."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._from_client = ssl.MemoryBIO()
        self._to_client = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._from_client, self._to_client, server_side=True)
        self.established = False
        self.client_closed = False
        """The client has sent close_notify: nothing more comes from it, but it may still read."""

    @property
    def alpn(self) -> str:
        """The protocol chosen in the handshake; empty if the client offered none."""
        return self._object.selected_alpn_protocol() or ""

    def receive(self, data: bytes) -> bytes:
        """Return the plain text in bytes from the wire; raises ssl.SSLError."""
        self._from_client.write(data)
        pieces = []
        try:
            if not self.established:
                self._object.do_handshake()
                self.established = True
            while piece := self._object.read(READ_SIZE):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.client_closed = True
        else:
            self.client_closed = True
        return b"".join(pieces)

    def encrypt(self, data: bytes) -> None:
        """Add plain text to the bytes to be sent."""
        self._object.write(data)

    def close_notify(self) -> None:
        """Add our close_notify to the bytes to be sent, without waiting for the client's."""
        if not self.established:
            return
        with contextlib.suppress(ssl.SSLError):  # SSLWantReadError while the client's has not arrived
            self._object.unwrap()

    def outgoing(self) -> bytes:
        """Return the bytes to be sent, and forget them."""
        return self._to_client.read()
