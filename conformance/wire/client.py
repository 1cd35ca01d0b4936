"""What a wire client is: intent in, bytes out; bytes in, events out.

A wire client has no clock and no socket. Its caller writes what :meth:`WireClient.flush` returns, passes what was read to
:meth:`WireClient.receive`, and puts times on the events. It judges nothing: it can send a request after a GOAWAY, or bytes
that are no request at all, because a scenario may be about that.
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
    """The server's bytes cannot be read any further. It becomes a ProtocolViolated event and never leaves a client."""


@dataclass(frozen=True)
class Outgoing:
    """A request to send. ``request`` is its name in the trace; ``whole=False`` if more of its body follows.

    ``protocol`` is the ``:protocol`` of an extended CONNECT (HTTP/2, RFC 8441).
    """

    request: str
    method: str = "GET"
    target: str = "/"
    headers: Headers = ()
    body: bytes = b""
    whole: bool = True
    protocol: str = ""


class WireClient(Protocol):
    """One client connection, of any version of HTTP.

    A request's name is used once on a connection (ValueError otherwise). After a ProtocolViolated the rest of the server's
    bytes are ignored; sending still works.
    """

    connection: str

    def start(self) -> None:
        """Queue what a client sends first: HTTP/2's preface and SETTINGS, nothing in HTTP/1.1."""

    def send_request(self, outgoing: Outgoing) -> None:
        """Queue a request, even after the server has announced its end."""

    def send_body(self, request: str, data: bytes, *, end: bool) -> None:
        """Queue more body for a request that was sent with ``whole=False``; ValueError once it has ended."""

    def begin_head(self, outgoing: Outgoing) -> None:
        """Queue the first half of a request's head, and nothing else until :meth:`finish_head`."""

    def finish_head(self, request: str) -> None:
        """Queue the second half of the head that was begun, and the body that goes with it."""

    def send_goodbye(self) -> None:
        """Queue GOAWAY (NO_ERROR, last stream 0), once; do nothing in HTTP/1.1."""

    def send_raw(self, data: bytes, what: str) -> None:
        """Queue any bytes. The client does not parse them: if they are a request, call ``expect`` for its response."""

    def expect(self, request: str, method: str = "GET") -> int | None:
        """Expect a response to a request that the caller writes by ``send_raw``; return its stream id (None in HTTP/1.1)."""

    def receive(self, data: bytes) -> list[Event]:
        """Read bytes and return their events, wherever the bytes are cut; never raises, whatever the bytes are."""

    def receive_end(self) -> list[Event]:
        """Read the end of the byte stream, which ends a close-delimited response and cuts any other; return the events."""

    def flush(self) -> tuple[bytes, list[Event]]:
        """Return all queued bytes, and the events that happen when they are written."""

    @property
    def open_requests(self) -> frozenset[str]:
        """The requests, sent or expected, whose response has neither ended nor been reset."""

    @property
    def draining(self) -> bool:
        """Whether the server has announced that it accepts no more requests on this connection."""


class Outbox:
    """Bytes that wait to be written, with the events that happen when they are."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._events: list[Event] = []

    def put(self, data: bytes, *events: Event) -> None:
        """Queue bytes and the events that happen when they are written."""
        self._data += data
        self._events += events

    def take(self) -> tuple[bytes, list[Event]]:
        """Return everything that is queued, and empty the queue."""
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
        """Return the event of its end."""
        return ResponseEnded(request=request, length=self.length, sha256=self._digest.hexdigest(), framing=framing)


def excerpt(data: bytes | bytearray) -> str:
    """Return the first bytes in printable form."""
    return repr(bytes(data[:EXCERPT]))
