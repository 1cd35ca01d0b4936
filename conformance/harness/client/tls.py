"""TLS over TCP: a handshake before HTTP, and a close_notify, which is a close of its own before the FIN.

TLS runs over memory buffers, because asyncio's own streams show neither the times of the bytes nor a close_notify.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from typing import Any

from lastcall.conformance.harness.client.tcp import TcpTransport
from lastcall.conformance.model.client_events import (
    CLIENT,
    CLOSE_NOTIFY,
    SERVER,
    ConnectionEnded,
    TlsEstablished,
    TlsFailed,
)


class TlsTransport(TcpTransport):
    """A connection that verifies the server's certificate and offers only its own protocol by ALPN."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._handshake: asyncio.Future[bool] | None = None
        self._closed_tls = False

    def _context(self) -> ssl.SSLContext:
        certificates, protocol = self._endpoint.certificates, self._endpoint.protocol
        if certificates is None:
            raise ValueError(f"{protocol} needs certificates that a client can trust")
        return certificates.shared_client_context(protocol.alpn)

    # --- the handshake ---

    async def start(self, within_s: float) -> bool:
        """Do the TLS handshake; return whether that succeeded. A failure is recorded."""
        self._tls = self._context().wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self._handshake = self._loop.create_future()
        self._shake_hands(time.monotonic_ns())
        try:
            async with asyncio.timeout(within_s):
                return await self._handshake
        except TimeoutError:
            self.useless = True
            self._recorder.did(TlsFailed(self.name, "timed out"))
            return False

    def _shake_hands(self, at_ns: int) -> None:
        tls, handshake = self._tls, self._handshake
        if tls is None or handshake is None or handshake.done():
            return
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._write_tls()
            return
        except ssl.SSLError as error:
            self._seen(TlsFailed(self.name, error.reason or str(error)), at_ns)
            self._write_tls()
            self.useless = True
            handshake.set_result(False)
            return
        self._write_tls()
        self._seen(TlsEstablished(self.name, tls.version() or "", tls.selected_alpn_protocol() or ""), at_ns)
        handshake.set_result(True)
        # Now and not when the waiting task runs: the segment that ended the handshake may hold HTTP's first bytes too.
        self._on_open()

    def _cut_off(self, at_ns: int) -> None:
        if self._handshake is not None and not self._handshake.done():
            self.useless = True
            self._seen(TlsFailed(self.name, "the connection ended"), at_ns)
            self._handshake.set_result(False)

    # --- reading ---

    def _received(self, data: bytes, at_ns: int) -> None:
        if self._tls is None:  # a silent connection, on which the client has not begun TLS
            self._on_bytes(data, at_ns)
            return
        self._incoming.write(data)
        self._shake_hands(at_ns)
        self._read_tls(self._tls, at_ns)

    def _read_tls(self, tls: ssl.SSLObject, at_ns: int) -> None:
        if self._closed_tls or self._handshake is None or not self._handshake.done():
            return
        try:
            while data := tls.read(65536):
                self._on_bytes(data, at_ns)
        except ssl.SSLWantReadError:
            self._write_tls()  # the TLS library may have an answer of its own, for example to a key update
            return
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # The memory buffer is never closed, so this end is always the server's close_notify and never a bare FIN.
            pass
        except ssl.SSLError as error:
            self._seen(TlsFailed(self.name, error.reason or str(error)), at_ns)
            self._closed_tls = True
            return
        self._closed_tls = True
        self._seen(ConnectionEnded(self.name, SERVER, CLOSE_NOTIFY), at_ns)
        self._end_of_bytes(at_ns)

    # --- writing ---

    def _encoded(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        # RFC 8446 §6.1: a close_notify closes one direction only, so the client may write after the server's.
        with contextlib.suppress(ssl.SSLError):
            self._tls.write(data)
        return self._outgoing.read()

    def _write_tls(self) -> None:
        if self._outgoing.pending:
            self._queue(self._outgoing.read(), [])

    def _take_leave(self) -> None:
        if self._tls is not None and self._handshake is not None and self._handshake.done():
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._queue(self._outgoing.read(), [ConnectionEnded(self.name, CLIENT, CLOSE_NOTIFY)])
