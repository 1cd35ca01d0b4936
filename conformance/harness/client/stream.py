"""A byte stream over a socket of the kernel: its bytes, and the ways in which the connection ends.

FIN, RST and "the client stopped waiting" are different events: a suite that takes its own time-out for the server's close
would let a server pass that never closes. The socket is read by ``recvmsg`` for the kernel's receive times, which asyncio's
own streams do not show. A layer between the stream and HTTP, such as TLS, is a subclass's.

Each callback reads once. So a FIN that arrives in one segment with data is read a turn after the data, and its span begins at
the look that delivered the data, although it may have arrived just before that look. The same holds for a FIN that arrives
while reading is paused. Such a span is later than the truth by at most that one turn, or that pause.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

from lastcall.conformance.harness.client import arrival
from lastcall.conformance.harness.client.transport import Transport
from lastcall.conformance.model.client_events import (
    CLIENT,
    FIN,
    RESET,
    SERVER,
    ConnectionEnded,
    ConnectionFailed,
    ConnectionOpened,
)

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event

_REASONS = {ConnectionRefusedError: "refused", ConnectionResetError: "reset", TimeoutError: "timed out"}


class StreamTransport(Transport, abc.ABC):
    """A connection over a stream socket; the subclass says which kind of socket, and where to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loop = asyncio.get_running_loop()
        self._socket = self._make_socket()
        self._open = False
        self._sent_fin = False
        self._was_reset = False
        self._unsent = bytearray()
        self._sent_events: list[Event] = []
        self._sent_since_ns = 0

    @abc.abstractmethod
    def _make_socket(self) -> socket.socket:
        """Return a socket of the kind that the transport needs."""

    @abc.abstractmethod
    def _address(self) -> Any:
        """Return where to connect to, in the form that the socket's family wants."""

    def _local_port(self) -> int:
        """Return the port of our side; 0 where there are no ports."""
        return 0

    # --- opening ---

    async def open(self, within_s: float, receive_buffer: int = 0) -> bool:
        """Connect; return whether that succeeded. A failure is recorded."""
        self._socket.setblocking(False)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        arrival.enable(self._socket)
        began_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(within_s):
                await self._loop.sock_connect(self._socket, self._address())
        except OSError as error:
            self._recorder.did(ConnectionFailed(self.name, _reason(error)), since_ns=began_ns)
            self.ended = self.finished = self.failed = True
            self._socket.close()
            return False
        self._open = True
        self._recorder.did(ConnectionOpened(self.name, self._local_port()), since_ns=began_ns)
        self._loop.add_reader(self._socket, self._readable)
        return True

    async def start(self, within_s: float) -> bool:  # noqa: ARG002 - nothing precedes HTTP here
        """Begin HTTP."""
        self._on_open()
        return True

    # --- reading ---

    def _readable(self) -> None:
        try:
            data, at_ns = arrival.receive(self._socket)
        except BlockingIOError:
            return
        except OSError:
            self._over(ConnectionEnded(self.name, SERVER, RESET))
            return
        if data:
            self._received(data, at_ns)
        else:
            self._over(ConnectionEnded(self.name, SERVER, RESET if self._was_reset else FIN))

    def _received(self, data: bytes, at_ns: int) -> None:
        """Handle bytes that were read from the socket."""
        self._on_bytes(data, at_ns)

    def _over(self, end: ConnectionEnded) -> None:
        """Record that the server closed (FIN) or reset the connection; nothing can arrive after either."""
        at_ns = time.monotonic_ns()
        self.finished = True
        self._loop.remove_reader(self._socket)
        self._recorder.seen(end, end_ns=at_ns)
        self._cut_off(at_ns)
        if end.how == RESET:
            self._release()
        self._end_of_bytes(at_ns)

    def _cut_off(self, at_ns: int) -> None:
        """Record that what precedes HTTP (a TLS handshake) has failed, if it was still under way."""

    def pause(self) -> None:
        """Stop reading from the socket: the kernel's buffers fill, and the server's writes come to a stop."""
        if self._open:
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Read from the socket again."""
        if self._open and not self.finished:
            self._loop.add_reader(self._socket, self._readable)

    # --- writing ---

    def send(self, data: bytes, events: list[Event]) -> None:
        """Send bytes. Their events are recorded when the kernel has taken the last of the bytes."""
        if self._open and not self._sent_fin and not self.useless:
            self._queue(self._encoded(data), events)

    def _encoded(self, data: bytes) -> bytes:
        """Return the bytes to write to the socket for these bytes of HTTP."""
        return data

    def _queue(self, data: bytes, events: list[Event]) -> None:
        # The events' span begins here: a full socket buffer may hold the bytes back for as long as the server does not read.
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
            # The kernel reports an RST once. If send() gets the error, the next read returns b"", as after a FIN.
            self._was_reset |= isinstance(error, ConnectionResetError)
            self._unsent.clear()
            self._sent_events.clear()
        if self._open:
            self._loop.remove_writer(self._socket)
        events, self._sent_events = self._sent_events, []
        self._recorder.did(*events, since_ns=self._sent_since_ns)

    # --- closing ---

    def close_our_side(self) -> None:
        """Close the layer inside the stream (TLS), then send FIN; what the server still sends is read."""
        if not self._open or self._sent_fin:
            return
        self._take_leave()
        self._sent_fin = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._recorder.did(ConnectionEnded(self.name, CLIENT, FIN))

    def _take_leave(self) -> None:
        """Send what has to precede our FIN, such as a close_notify."""

    def abandon(self) -> bool:
        """Close the socket at the end of a play; return whether the server had not ended the connection by then."""
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
