"""TLS as bytes in, bytes out: asyncio's own TLS can neither half-close nor leave the order of closing to us."""

from __future__ import annotations

import contextlib
import ssl

READ_SIZE = 65536


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """Make the context of a server that offers HTTP/2 and HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class Tls:
    """One connection's TLS. What it has to send is taken with :meth:`outgoing`."""

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
        """Take bytes from the wire and give the plain text in them; raises ssl.SSLError."""
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
        """Put plain text into what is to be sent."""
        self._object.write(data)

    def close_notify(self) -> None:
        """Put our close_notify into what is to be sent; the client's is not waited for."""
        if not self.established:
            return
        with contextlib.suppress(ssl.SSLError):  # it is SSLWantReadError while the client's has not come
            self._object.unwrap()

    def outgoing(self) -> bytes:
        """Take the bytes that are to be sent."""
        return self._to_client.read()
