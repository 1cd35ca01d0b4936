"""One TCP connection: with or without TLS, which protocol the client speaks, and how the connection is closed.

The close has a fixed order: close_notify, FIN, then read and discard until the client closes too. An editor must keep
it: a close without reading makes the kernel send RST, and the client may lose the response.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import ssl
import struct
import sys
import termios
from typing import TYPE_CHECKING, Any, cast

from lastcall.servers.reference.frames import PREFACE
from lastcall.servers.reference.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from lastcall.servers.reference.application import Application, Exchange, Headers
    from lastcall.servers.reference.host import SessionHost, WebSocketHost
    from lastcall.servers.reference.server import ReferenceServer
    from lastcall.servers.reference.session import Session
    from lastcall.servers.reference.websocket import WebSocket

LINGER_S = 1.0
"""How long the client has, after our FIN, to read and to close; what it still sends is read and discarded."""
SETUP_S = 1.0
"""How long, in a drain, a connection has to complete its TLS handshake or preface and to send its first request."""


class Connection(asyncio.Protocol):
    """One accepted connection; the server counts it until it is lost."""

    def __init__(self, server: ReferenceServer, sock: socket.socket) -> None:
        self.server = server
        self.socket = sock
        self.loop = asyncio.get_running_loop()
        self.opened_s = self.loop.time()
        self.tls = Tls(server.tls_context) if server.tls_context else None
        self.transport: asyncio.Transport | None = None
        self.session: Session | WebSocket | None = None
        self.draining = False
        self.closing = False
        self.client_ended = False
        self._heard = False
        self._unclaimed = b""  # plain text that came before the protocol was known
        self._setup_timer: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    @property
    def age_s(self) -> float:
        """How long ago the connection was accepted, in seconds."""
        return self.loop.time() - self.opened_s

    # bytes in

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; a connection from the backlog may already be in a drain."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=0)  # so that writable() means that the kernel has taken all bytes
        if self.closing:
            self.transport.abort()
        elif self.draining:
            self._drain_setup()

    def data_received(self, data: bytes) -> None:
        """Pass the client's bytes to the protocol; after our close they are discarded."""
        if self.closing:
            return
        self._heard = True
        if self.tls is None:
            self._receive(data)
            return
        try:
            plain = self.tls.receive(data)
        except ssl.SSLError:
            self._send_tls()  # the alert that says why
            self.close()
            return
        self._send_tls()
        if self.tls.established:
            self._receive(plain)
        if self.tls.client_closed:
            self._end_of_client()

    def eof_received(self) -> bool:
        """Handle the client's FIN: after our own FIN the connection is over; before it, the client can still read."""
        self.client_ended = True
        if self.closing and self.transport is not None:
            self.transport.close()
        else:
            self._end_of_client()
        return True

    def connection_lost(self, _error: Exception | None) -> None:
        """Remove the connection from the server."""
        self.closing = True
        self._cancel_setup_timer()
        self._writable.set()
        if self.session is not None:
            self.session.lost()
        self.server.connection_lost(self)

    def _end_of_client(self) -> None:
        if self.session is not None:
            self.session.client_ended()
        else:
            self.close()

    def _receive(self, plain: bytes) -> None:
        if self.session is not None:
            self.session.receive(plain)
            return
        self._unclaimed += plain
        protocol = self.choose_protocol()
        if protocol is None:
            return
        self.session = protocol(self)
        self.session.start()
        unclaimed, self._unclaimed = self._unclaimed, b""
        self.session.receive(unclaimed)
        if self.draining:
            self.session.begin_drain()

    def choose_protocol(self) -> Callable[[SessionHost], Session] | None:
        """Return the protocol that the client speaks; None while its first bytes do not decide that."""
        model = self.server.model
        if self.tls is not None:
            return model.http2 if self.tls.alpn == "h2" else model.http1
        # RFC 9113 section 3.3: a client with prior knowledge begins HTTP/2 over TCP with the connection preface
        if self._unclaimed.startswith(PREFACE):
            return model.http2
        return None if PREFACE.startswith(self._unclaimed) else model.http1

    # bytes out

    def write(self, data: bytes) -> None:
        """Send bytes; after our close they are dropped."""
        if self.closing or self.transport is None or not data:
            return
        if self.tls is None:
            self.transport.write(data)
        else:
            self.tls.encrypt(data)
            self._send_tls()

    def _send_tls(self) -> None:
        if self.tls is not None and self.transport is not None:
            self.transport.write(self.tls.outgoing())

    async def writable(self) -> None:
        """Wait while the client reads more slowly than the server writes."""
        await self._writable.wait()

    def pause_writing(self) -> None:
        """Note that the transport's buffer is full."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Note that the transport's buffer has room."""
        self._writable.set()

    def pause_reading(self) -> None:
        """Stop reading from the client for now."""
        if self.transport is not None and self.transport.is_reading():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read from the client again."""
        if self.transport is not None and not self.transport.is_closing() and not self.transport.is_reading():
            self.transport.resume_reading()

    # what the session needs of the server

    @property
    def secure(self) -> bool:
        """Whether the connection uses TLS."""
        return self.tls is not None

    def new_exchange(self, session: Session, stream_id: int, method: str, target: bytes, headers: Headers) -> Exchange:
        """Return an exchange of the class that the server's model names."""
        return self.server.model.exchange(session, stream_id, method, target, headers)

    def new_websocket(self, host: WebSocketHost, target: bytes, headers: Headers, handshake: Any = None) -> WebSocket:
        """Return a WebSocket of the class that the model names, hosted here or by a stream."""
        return self.server.model.websocket(host, target, headers, handshake)

    def take_over(self, websocket: WebSocket) -> None:
        """Hand the client's bytes and the drain over to a WebSocket from now on."""
        self.session = websocket

    def run(self, exchange: Exchange) -> None:
        """Run the application for one request."""
        self.server.run(exchange)

    def start_handler(self, handler: Callable[[Application], Coroutine[Any, Any, None]]) -> None:
        """Run a handler of the application; the drain waits for it."""
        self.server.handle(handler(self.server.application))

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call the callback after some seconds."""
        self.loop.call_later(delay_s, callback)

    def log(self, line: str) -> None:
        """Write a line to the server's log."""
        self.server.log(line)

    # the drain

    def begin_drain(self) -> None:
        """Drain the session; before its protocol is known, wait for it if the client has sent a byte, or else close."""
        self.draining = True
        if self.closing:
            return
        if self.session is not None:
            self.session.begin_drain()
        elif self.transport is not None:
            self._drain_setup()

    def _drain_setup(self) -> None:
        if self._heard or self.has_unread():
            self._setup_timer = self.loop.call_later(SETUP_S, self._end_setup)
        else:
            self.close_silent()

    def _end_setup(self) -> None:
        self._setup_timer = None
        if self.session is None:
            self.close_silent()
        else:
            self.session.close_if_over()

    def has_unread(self) -> bool:
        """Return whether the kernel holds bytes of the client that have not been read; they came in time to be served."""
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

    @property
    def setting_up(self) -> bool:
        """Whether the drain began after the client's first byte and before its protocol was known, less than a second ago."""
        return self._setup_timer is not None

    def close_silent(self) -> None:
        """Close a connection whose client has sent nothing, or too little to know its protocol."""
        self.close()

    # the close

    def close(self) -> None:
        """Close in order: close_notify, FIN, and then linger; nothing can be written after that."""
        if self.closing:
            return
        self.end_tls()
        self.leave_session()
        self.send_fin()
        self.linger()

    def leave_session(self) -> None:
        """Detach the session: nothing more is read or written for it."""
        self.closing = True
        self._cancel_setup_timer()
        if self.session is not None:
            self.session.lost()

    def end_tls(self) -> None:
        """Send close_notify, by which the client distinguishes an end from a cut."""
        # RFC 9112 section 9.8: a server attempts to exchange closure alerts before it closes the connection
        if self.tls is not None:
            self.tls.close_notify()
            self._send_tls()

    def send_fin(self) -> None:
        """Close our side of TCP, after the bytes still to be written: the client can read them all."""
        if self.transport is not None:
            try:
                self.transport.write_eof()
            except OSError:  # the client has reset the connection, which has not been read yet
                self.transport.abort()

    def linger(self) -> None:
        """Read and discard until the client closes too, for a while.

        RFC 9112 section 9.6: a server closes in stages. If it closes both sides at once, the kernel answers what the
        client still sends with RST, and the client can lose the response. Lingering goes on while sent bytes are not
        acknowledged.
        """
        if self.transport is None or self.client_ended:
            self.end()
        else:
            self.resume_reading()
            self.loop.call_later(LINGER_S, self._end_linger)

    def _end_linger(self) -> None:
        if self._unsent():
            self.loop.call_later(LINGER_S, self._end_linger)
        else:
            self.end()

    def _unsent(self) -> bool:
        if self.transport is None or self.transport.is_closing():
            return False
        queued = bytearray(4)
        fcntl.ioctl(self.socket, termios.TIOCOUTQ, queued)
        return bool(self.transport.get_write_buffer_size() or int.from_bytes(queued, sys.byteorder))

    def end(self) -> None:
        """Close the socket; the kernel still sends what is in its buffer."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close the socket at once, even if the client has not received everything."""
        self.leave_session()
        if self.transport is not None:
            self.transport.abort()

    def reset(self) -> None:
        """Close the socket with RST, which no client can mistake for an end in order."""
        self.leave_session()
        if self.transport is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

    def expire(self) -> None:
        """End by force: the drain timeout is over."""
        if self.session is not None and not self.closing:
            self.session.expire()
        else:
            self.close()

    def _cancel_setup_timer(self) -> None:
        if self._setup_timer is not None:
            self._setup_timer.cancel()
            self._setup_timer = None
