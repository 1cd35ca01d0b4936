"""What carries one connection of a client, whatever it is: TCP, TLS over it, QUIC.

A client connection (``connection.py``) gives bytes to a transport and is given bytes; it never knows which transport it
has. What differs between them is behind this interface: how a connection is opened, what has to be said before the
first byte of HTTP, when bytes arrived, in which ways it ends, and how our side is closed. A transport records those
facts itself, because it alone knows their times.

Which transport a protocol has stands in ``transports.py``.
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
    """Where a server is reached, and in which protocol: what every connection to it has to know.

    ``directory`` is the server's own, where a socket of the file system would lie. ``certificates`` are what a client
    trusts; a protocol without TLS does without.
    """

    protocol: Protocol
    port: int
    directory: Path = Path()
    certificates: Certificates | None = None
    host: str = "127.0.0.1"

    @classmethod
    def of(cls, launch: Launch, certificates: Certificates) -> Endpoint:
        """Return where the server of a launch is reached."""
        return cls(launch.protocol, launch.port, launch.directory, certificates, launch.host)


class Transport(abc.ABC):
    """A connection named ``name``.

    ``on_open`` is called when it can carry bytes, and before any byte is delivered, because a server may speak in the
    very segment that ends its handshake. Bytes go to ``on_bytes`` with the latest moment at which they arrived (on the
    monotonic clock, in nanoseconds); the end of the bytes calls ``on_end``, once. Their earliest moment is that of
    ``unread_since_ns`` where the transport sets it, else the loop's previous look.
    """

    listens_on_tcp: ClassVar[bool] = False
    """Whether its server listens on the launch's port over TCP, which the kernel's tables and a successor can tell."""

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
        """The server has ended its side, or the connection never came to be: not a byte of HTTP can follow."""
        self.finished = False
        """No further word about the connection can come, not even about its end."""
        self.failed = False
        """The connection never came to be."""
        self.useless = False
        """What precedes HTTP did not succeed: nothing can be said on it."""
        self.unread_since_ns = 0
        """Since when what is delivered now may have lain unread; 0 where that is the loop's previous look.

        The loop's looks bound the time of an arrival only while the loop looks for it: not while the connection is
        paused, not before it was read from for the first time, and not where a turn did not read all there was.
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
        """Send bytes. Their events are recorded when the last of the bytes has been given to the kernel."""

    @abc.abstractmethod
    def pause(self) -> None:
        """Take nothing more from the connection: buffers fill, and the server's writes come to a stop."""

    @abc.abstractmethod
    def resume(self) -> None:
        """Read on."""

    @abc.abstractmethod
    def close_our_side(self) -> None:
        """Close as the transport's rules say; what the server still sends is read on, where it may still send."""

    @abc.abstractmethod
    def abandon(self) -> bool:
        """Let go of the connection at the end of a play; return whether the server had still not ended it."""

    def _seen(self, event: Event, at_ns: int) -> None:
        """Record what has arrived, at ``at_ns`` at the latest."""
        self._recorder.seen(event, end_ns=at_ns, since_ns=self.unread_since_ns)

    def _end_of_bytes(self, at_ns: int) -> None:
        if not self.ended:
            self.ended = True
            self._on_end(at_ns)
