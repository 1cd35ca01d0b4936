"""A byte stream over a socket of the kernel: its bytes, and the ways in which the connection ends.

FIN, RST and "the client stopped waiting" are different events: a suite that takes its own time-out for the server's close
would let a server pass that never closes. The socket is read by ``recvmsg`` for the kernel's receive times, which asyncio's
own streams do not show. A layer between the stream and HTTP, such as TLS, is a subclass's.

FIN and RST carry no time, so they are as exact as the looks of the loop. Three rules keep the true moment in the span:

* A turn of the loop reads until the kernel has nothing more. A FIN that arrives in one segment with data is then read in
  the same turn, and its span begins where the data's begins. A turn later it would begin at a look that came after it.
* Where the loop did not look (before the first read, after a turn that left something unread), what is read
  may be as old as the last moment at which nothing was there: ``unread_since_ns``, until a read finds nothing.
* What the client does itself takes time too: its span begins before the call and ends after it.
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

READS_A_TURN = 16
"""Of up to 64 KiB: a server that sends without end must not keep the loop from everything else."""
_REASONS = {ConnectionRefusedError: "refused", ConnectionResetError: "reset", TimeoutError: "timed out"}


class StreamTransport(Transport, abc.ABC):
    """A connection over a stream socket; the subclass says which kind of socket, and where to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loop = asyncio.get_running_loop()
        self._socket = self._make_socket()
        self._open = False
        self._sent_fin = False
        self._reading = False
        self._reset_by_ns = 0
        """When a send met the server's RST, and took from the kernel what a read would have said of it; 0 if none did."""
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
        self._read_on(began_ns)
        return True

    async def start(self, within_s: float) -> bool:  # noqa: ARG002 - nothing precedes HTTP here
        """Begin HTTP."""
        self._on_open()
        return True

    # --- reading ---

    def _read_on(self, since_ns: int) -> None:
        """Begin to look for what arrives; what is there already may have arrived since ``since_ns``."""
        self.unread_since_ns = self.unread_since_ns or since_ns
        self._reading = True
        self._loop.add_reader(self._socket, self._readable)
        # A look would not say that nothing was there; a read does, and from then on looks bound what comes.
        self._loop.call_soon(self._readable)

    def _stop_reading(self) -> None:
        self._reading = False
        self._loop.remove_reader(self._socket)

    def _readable(self) -> None:
        """Read what there is, until there is nothing more."""
        for _read in range(READS_A_TURN):
            # Whoever is given the bytes may let go of the connection.
            if not self._reading:
                return
            try:
                data, at_ns = arrival.receive(self._socket)
            except BlockingIOError:
                self.unread_since_ns = 0
                return
            except OSError:
                self._over(RESET, time.monotonic_ns())
                return
            if not data:
                self._end_of_stream(time.monotonic_ns())
                return
            self._received(data, at_ns)
        self.unread_since_ns = self.unread_since_ns or self._recorder.earliest_ns

    def _end_of_stream(self, at_ns: int) -> None:
        """Take note of an end: FIN, unless a send has met the RST and taken the error from this read."""
        if self._reset_by_ns:
            self._over(RESET, min(at_ns, self._reset_by_ns))
        else:
            self._over(FIN, at_ns)

    def _received(self, data: bytes, at_ns: int) -> None:
        """Handle bytes that were read from the socket."""
        self._on_bytes(data, at_ns)

    def _over(self, how: str, at_ns: int) -> None:
        """Record that the server closed (FIN) or reset the connection; nothing can arrive after either."""
        self.finished = True
        self._stop_reading()
        self._seen(ConnectionEnded(self.name, SERVER, how), at_ns)
        self._cut_off(at_ns)
        if how == RESET:
            self._release()
        self._end_of_bytes(at_ns)

    def _cut_off(self, at_ns: int) -> None:
        """Record that what precedes HTTP (a TLS handshake) has failed, if it was still under way."""

    def pause(self) -> None:
        """Stop reading from the socket: the kernel's buffers fill, and the server's writes come to a stop."""
        if self._open and self._reading:
            self._stop_reading()

    def resume(self) -> None:
        """Read from the socket again; what arrived meanwhile counts as if it arrived now.

        It may be as old as the pause. But a span that begins there would leave open whether a full buffer, which is what
        a pause is for, stood at the signal. The kernel could say more (TCP_INFO for a FIN, FIONREAD for bytes).
        """
        if self._open and not self.finished and not self._reading:
            self._read_on(self._recorder.earliest_ns)

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
            # The kernel reports an RST once. If send() gets the error, the next read returns b"", as after a FIN. Later sends
            # get EPIPE, as does the first one if a FIN came before the RST: then the FIN is the end.
            if isinstance(error, ConnectionResetError):
                self._reset_by_ns = self._reset_by_ns or time.monotonic_ns()
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
        began_ns = time.monotonic_ns()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._recorder.did(ConnectionEnded(self.name, CLIENT, FIN), since_ns=began_ns)

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
            self._stop_reading()
            self._loop.remove_writer(self._socket)
        self._open = False
        self._socket.close()


def _reason(error: OSError) -> str:
    return _REASONS.get(type(error), error.strerror or type(error).__name__)
