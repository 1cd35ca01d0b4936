"""What a wire client is: intent in, bytes out; bytes in, events out.

A wire client has no clock and no socket. Its caller writes what :meth:`WireClient.flush` gives, hands it what was
read, and stamps the events with their times. It records and judges nothing: it may send a request after a GOAWAY,
or bytes that are no request at all, because that is what a scenario is about.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lastcall.conformance.model.client_events import ResponseEnded

if TYPE_CHECKING:
    from lastcall.conformance.model.client_events import Headers
    from lastcall.conformance.model.event import Event

EXCERPT = 40
"""How many of the offending bytes the detail of a violation shows."""


class ViolationError(Exception):
    """The server's bytes cannot be read any further; becomes ProtocolViolated and never leaves a client."""


@dataclass(frozen=True)
class Outgoing:
    """A request to send. ``request`` is its name in the trace; ``whole=False`` if more of its body follows.

    ``protocol`` is what a CONNECT asks for on its stream (HTTP/2, RFC 8441).
    """

    request: str
    method: str = "GET"
    target: str = "/"
    headers: Headers = ()
    body: bytes = b""
    whole: bool = True
    protocol: str = ""


class WireClient(Protocol):
    """One client connection of either protocol.

    A request's name is used once on a connection (ValueError otherwise). After a ProtocolViolated the rest of the
    server's bytes are ignored; sending goes on as asked.
    """

    connection: str

    def start(self) -> None:
        """Queue what a client says first: HTTP/2's preface and SETTINGS, nothing in HTTP/1.1."""

    def send_request(self, outgoing: Outgoing) -> None:
        """Queue a request, whatever has been received."""

    def send_body(self, request: str, data: bytes, *, end: bool) -> None:
        """Queue more body for a request that was sent with ``whole=False``; ValueError once it has ended."""

    def begin_head(self, outgoing: Outgoing) -> None:
        """Queue the first half of a request's head, and nothing else until :meth:`finish_head`."""

    def finish_head(self, request: str) -> None:
        """Queue the second half of the head that was begun, and the body that goes with it."""

    def send_goodbye(self) -> None:
        """Queue GOAWAY (NO_ERROR, last stream 0), once; does nothing in HTTP/1.1."""

    def send_raw(self, data: bytes, what: str) -> None:
        """Queue any bytes. The client does not look into them: if they ask for a response, say so by ``expect``."""

    def expect(self, request: str, method: str = "GET") -> int | None:
        """Await a response to a request that the caller writes by ``send_raw``; returns its stream (None in HTTP/1.1)."""

    def receive(self, data: bytes) -> list[Event]:
        """Read what arrived, however it was cut; never raises, whatever the bytes are."""

    def receive_end(self) -> list[Event]:
        """Read the end of the byte stream, which ends a close-delimited response and cuts every other."""

    def flush(self) -> tuple[bytes, list[Event]]:
        """Give all bytes to write now, and the events that writing them is."""

    @property
    def open_requests(self) -> frozenset[str]:
        """The requests sent or expected whose response has neither ended nor been reset."""

    @property
    def draining(self) -> bool:
        """Whether the server has told that it wants no more requests on this connection."""


class Outbox:
    """Bytes waiting to be written, with the events that they are."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._events: list[Event] = []

    def put(self, data: bytes, *events: Event) -> None:
        """Queue bytes and the events that happen when they are written."""
        self._data += data
        self._events += events

    def take(self) -> tuple[bytes, list[Event]]:
        """Give everything queued, once."""
        data, events = bytes(self._data), self._events
        self._data, self._events = bytearray(), []
        return data, events


class Body:
    """The length and digest of a response's body as it arrives."""

    def __init__(self) -> None:
        self.length = 0
        self._digest = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Count a piece."""
        self.length += len(data)
        self._digest.update(data)

    def ended(self, request: str, framing: str) -> ResponseEnded:
        """Give the event of its end."""
        return ResponseEnded(request=request, length=self.length, sha256=self._digest.hexdigest(), framing=framing)


def excerpt(data: bytes | bytearray) -> str:
    """Give the first bytes in printable form."""
    return repr(bytes(data[:EXCERPT]))
