"""The interface of a transport, which carries one connection of a client: TCP, TLS over TCP, QUIC.

A client connection (``connection.py``) exchanges bytes with a transport and never knows which one it has. The differences
are behind this interface: how a connection is opened, what has to precede the first byte of HTTP, when bytes arrived, in
which ways the connection ends, and how the client's side is closed. A transport records these facts itself, because only
it knows their times.

``transports.py`` says which transport a protocol has.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.harness.client.certificates import Certificates
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.launch import Launch
    from lastcall.conformance.model.protocol import Protocol


@dataclass(frozen=True)
class Endpoint:
    """The address and the protocol of a server: all that a connection to it has to know.

    ``directory`` is the server's own, where a unix socket would be. ``certificates`` are those that a client trusts; None
    for a protocol without TLS.
    """

    protocol: Protocol
    port: int
    directory: Path = Path()
    certificates: Certificates | None = None
    host: str = "127.0.0.1"

    @classmethod
    def of(cls, launch: Launch, certificates: Certificates) -> Endpoint:
        """Return the endpoint of a launch's server."""
        return cls(launch.protocol, launch.port, launch.directory, certificates, launch.host)


class Transport(abc.ABC):
    """A connection named ``name``.

    ``on_open`` is called when it can carry bytes, and before any byte is delivered, because the segment that ends the
    handshake may already hold the server's first bytes. ``on_bytes`` gets the bytes with the latest moment at which they
    arrived (on the monotonic clock, in nanoseconds); ``on_end`` is called once, at the end of the bytes. The earliest
    moment of both is ``unread_since_ns`` where the transport sets it, else the loop's previous look.
    """

    listens_on_tcp: ClassVar[bool] = False
    """Whether its server listens on the launch's port over TCP, so that the kernel's tables show the listening socket."""

    def __init__(
        self,
        name: str,
        recorder: Recorder,
        endpoint: Endpoint,
        *,
        on_open: Callable[[], None],
        on_bytes: Callable[[bytes, int], None],
        on_end: Callable[[int], None],
    ) -> None:
        self.name = name
        self.ended = False
        """The server has ended its side, or the connection could not be opened: no byte of HTTP can follow."""
        self.finished = False
        """No further event of the connection can come, not even its end."""
        self.failed = False
        """The connection could not be opened."""
        self.useless = False
        """What precedes HTTP has failed: HTTP cannot be spoken on it."""
        self.unread_since_ns = 0
        """Since when what is delivered now may have been unread; 0 where that is the loop's previous look.

        The loop's looks bound an arrival only while the loop looks for it: not while the connection is paused, not before
        its first read, and not where a turn left something unread.
        """
        self._recorder = recorder
        self._endpoint = endpoint
        self._on_open = on_open
        self._on_bytes = on_bytes
        self._on_end = on_end

    @abc.abstractmethod
    async def open(self, within_s: float, receive_buffer: int = 0) -> bool:
        """Open the connection, without a byte on it where that is possible; return whether that succeeded.

        A failure is recorded. ``receive_buffer`` is in bytes, 0 for the system's own.
        """

    @abc.abstractmethod
    async def start(self, within_s: float) -> bool:
        """Do what precedes HTTP, such as a TLS handshake; return whether that succeeded. A failure is recorded."""

    @abc.abstractmethod
    def send(self, data: bytes, events: list[Event]) -> None:
        """Send bytes. Their events are recorded when the kernel has taken the last of the bytes."""

    @abc.abstractmethod
    def pause(self) -> None:
        """Stop reading from the connection: buffers fill, and the server's writes come to a stop."""

    @abc.abstractmethod
    def resume(self) -> None:
        """Read from the connection again."""

    @abc.abstractmethod
    def close_our_side(self) -> None:
        """Close the client's side as the transport's rules say; read what the server may still send."""

    @abc.abstractmethod
    def abandon(self) -> bool:
        """Close the connection at the end of a play; return whether the server had not ended it by then."""

    def _seen(self, event: Event, at_ns: int) -> None:
        """Record what has arrived, at ``at_ns`` at the latest."""
        self._recorder.seen(event, end_ns=at_ns, since_ns=self.unread_since_ns)

    def _end_of_bytes(self, at_ns: int) -> None:
        if not self.ended:
            self.ended = True
            self._on_end(at_ns)
