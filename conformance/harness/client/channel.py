"""One TCP connection of a probe, with TLS or without: bytes, and the ways in which a connection ends.

FIN, RST, close_notify and "we stopped waiting" are different events here. The socket is read by ``recvmsg`` for the
kernel's receive times, and TLS runs over memory, because asyncio's own streams show neither.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING

from lastcall.conformance.harness.client import arrival
from lastcall.conformance.model.client_events import (
    CloseNotifyReceived,
    CloseNotifySent,
    ConnectionFailed,
    ConnectionOpened,
    FinReceived,
    FinSent,
    ResetReceived,
    TlsEstablished,
    TlsFailed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.event import Event

_REASONS = {ConnectionRefusedError: "refused", ConnectionResetError: "reset", TimeoutError: "timed out"}


class Channel:
    """A connection named ``name``.

    ``on_open`` is called when it can carry bytes: after TCP, or after the TLS handshake, and before any byte is
    delivered, because a server may speak in the very segment that ends its handshake. Bytes go to ``on_bytes``; the
    end of the byte stream calls ``on_end``, once.
    """

    def __init__(
        self,
        name: str,
        recorder: Recorder,
        *,
        on_open: Callable[[], None],
        on_bytes: Callable[[bytes, int], None],
        on_end: Callable[[int], None],
    ) -> None:
        self.name = name
        self.ended = False
        """The server has closed or reset its side, or the connection never came to be."""
        self.finished = False
        """FIN or RST has come: not a byte can follow."""
        self.failed = False
        """The connection never came to be."""
        self.useless = False
        """The TLS handshake did not succeed: nothing can be said on it."""
        self._recorder = recorder
        self._on_open = on_open
        self._on_bytes = on_bytes
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket()
        self._open = False
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._handshake: asyncio.Future[bool] | None = None
        self._closed_tls = False
        self._sent_fin = False
        self._was_reset = False
        self._unsent = bytearray()
        self._sent_events: list[Event] = []
        self._sent_since_ns = 0

    # --- opening ---

    async def connect(self, port: int, within_s: float, receive_buffer: int = 0) -> bool:
        """Connect; a failure is recorded, and tells False. ``receive_buffer`` is in bytes, 0 for the system's own."""
        self._socket.setblocking(False)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        arrival.enable(self._socket)
        began_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(within_s):
                await self._loop.sock_connect(self._socket, ("127.0.0.1", port))
        except OSError as error:
            self._recorder.did(ConnectionFailed(self.name, _reason(error)), since_ns=began_ns)
            self.ended = self.finished = self.failed = True
            self._socket.close()
            return False
        self._open = True
        self._recorder.did(ConnectionOpened(self.name, self._socket.getsockname()[1]), since_ns=began_ns)
        self._loop.add_reader(self._socket, self._readable)
        return True

    async def start_tls(self, context: ssl.SSLContext, within_s: float) -> bool:
        """Do the TLS handshake; a failure is recorded, and tells False."""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
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
            self._recorder.seen(TlsFailed(self.name, error.reason or str(error)), end_ns=at_ns)
            self._write_tls()
            self.useless = True
            handshake.set_result(False)
            return
        self._write_tls()
        self._recorder.seen(
            TlsEstablished(self.name, tls.version() or "", tls.selected_alpn_protocol() or ""), end_ns=at_ns
        )
        handshake.set_result(True)
        self._on_open()

    # --- reading ---

    def _readable(self) -> None:
        try:
            data, at_ns = arrival.receive(self._socket)
        except BlockingIOError:
            return
        except OSError:
            self._over(ResetReceived(self.name))
            return
        if not data:
            self._over(ResetReceived(self.name) if self._was_reset else FinReceived(self.name))
        elif self._tls is None:
            self._on_bytes(data, at_ns)
        else:
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
            self._write_tls()  # a key update may have made the TLS library answer
            return
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        except ssl.SSLError as error:
            self._recorder.seen(TlsFailed(self.name, error.reason or str(error)), end_ns=at_ns)
            self._closed_tls = True
            return
        self._closed_tls = True
        self._recorder.seen(CloseNotifyReceived(self.name), end_ns=at_ns)
        self._end_of_bytes(at_ns)

    def _over(self, how: Event) -> None:
        """Take note that the server closed (FIN) or reset the connection; nothing can arrive after either."""
        at_ns = time.monotonic_ns()
        self.finished = True
        self._loop.remove_reader(self._socket)
        self._recorder.seen(how, end_ns=at_ns)
        if self._handshake is not None and not self._handshake.done():
            self.useless = True
            self._recorder.seen(TlsFailed(self.name, "the connection ended"), end_ns=at_ns)
            self._handshake.set_result(False)
        if isinstance(how, ResetReceived):
            self._release()
        self._end_of_bytes(at_ns)

    def _end_of_bytes(self, at_ns: int) -> None:
        if not self.ended:
            self.ended = True
            self._on_end(at_ns)

    def pause(self) -> None:
        """Take nothing more from the socket: the kernel's buffers fill, and the server's writes come to a stop."""
        if self._open:
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Read on."""
        if self._open and not self.finished:
            self._loop.add_reader(self._socket, self._readable)

    # --- writing ---

    def write(self, data: bytes, events: list[Event]) -> None:
        """Send bytes. Their events are recorded when the last of the bytes has been given to the kernel."""
        if not self._open or self._sent_fin or self.useless:
            return
        if self._tls is not None:
            # After the server's close_notify one may still write: TLS 1.3 closes each side by itself.
            with contextlib.suppress(ssl.SSLError):
                self._tls.write(data)
            data = self._outgoing.read()
        self._queue(data, events)

    def _write_tls(self) -> None:
        if self._outgoing.pending:
            self._queue(self._outgoing.read(), [])

    def _queue(self, data: bytes, events: list[Event]) -> None:
        if not self._unsent:
            self._sent_since_ns = time.monotonic_ns()
        self._unsent += data
        self._sent_events += events
        self._writable()

    def _writable(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._writable)
            return
        except OSError as error:  # the peer is gone, which the reading side records
            # A send that meets the RST takes the error with it: what is read next is b"", as after a FIN.
            self._was_reset |= isinstance(error, ConnectionResetError)
            self._unsent.clear()
            self._sent_events.clear()
        if self._open:
            self._loop.remove_writer(self._socket)
        events, self._sent_events = self._sent_events, []
        self._recorder.did(*events, since_ns=self._sent_since_ns)

    # --- closing ---

    def close_our_side(self) -> None:
        """Close as TLS and TCP say: close_notify, then FIN; what the server still sends is read on."""
        if not self._open or self._sent_fin:
            return
        if self._tls is not None and self._handshake is not None and self._handshake.done():
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._queue(self._outgoing.read(), [CloseNotifySent(self.name)])
        self._sent_fin = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._recorder.did(FinSent(self.name))

    def abandon(self) -> bool:
        """Let go of the socket at the end of a play; tell whether the server had still not ended the connection."""
        waiting = self._open and not self.ended
        self._release()
        self.ended = self.finished = True
        return waiting

    def _release(self) -> None:
        if self._open:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._open = False
        self._socket.close()


def _reason(error: OSError) -> str:
    return _REASONS.get(type(error), error.strerror or type(error).__name__)
