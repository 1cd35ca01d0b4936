"""The state of one HTTP/2 stream in a client: both directions' windows, the body to send, the response so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.wire.client import Body
from lastcall.conformance.wire.h2_frames import MAX_FRAME

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire.ws_conversation import Conversation

REPLENISH_AT = 16 * 1024
"""A window is replenished after this many consumed bytes, or after half the window if that is less.

Ordinary clients do it in this way. A WINDOW_UPDATE for every DATA frame trips overload protections (Tomcat's
``overheadWindowUpdateThreshold``, https://tomcat.apache.org/tomcat-10.1-doc/config/http2.html).
"""


class ReceiveWindow:
    """How much the server may still send, and how much was consumed without a WINDOW_UPDATE so far."""

    def __init__(self, size: int) -> None:
        self._size = 0
        self._left = 0
        self._consumed = 0
        self.grow(size)

    def grow(self, increment: int) -> None:
        """Enlarge the window."""
        self._size += increment
        self._left += increment
        self._replenish_at = max(1, min(REPLENISH_AT, self._size // 2))

    def consume(self, length: int) -> bool:
        """Count bytes that arrived; return False if they exceed the window."""
        self._left -= length
        self._consumed += length
        return self._left >= 0

    def give_back(self, *, everything: bool) -> int:
        """Return the increment for a WINDOW_UPDATE, and count it as sent; 0 if too little was consumed yet.

        With ``everything`` any consumed byte is enough.
        """
        if not everything and self._consumed < self._replenish_at:
            return 0
        increment, self._consumed = self._consumed, 0
        self._left += increment
        return increment


class Stream:
    """One request and its response.

    ``ended``: the response's END_STREAM has arrived. ``reset``: a RST_STREAM was received or sent. ``status`` is 0 until the
    head of the final response has arrived. ``recorded_whole``: no RequestEnded is needed for the request any more.
    ``asks_socket``: it was opened to be a WebSocket. ``socket`` is the WebSocket's conversation once it is open.
    """

    def __init__(self, stream_id: int, request: str, method: str, *, send_window: int, receive_window: int) -> None:
        self.stream_id = stream_id
        self.request = request
        self.method = method
        self.send_window = send_window
        self.window = ReceiveWindow(receive_window)
        self.recorded_whole = True
        self.status = 0
        self.content_length: int | None = None
        self.body = Body()
        self.ended = False
        self.reset = False
        self.sent_length = 0
        self.end_sent = False
        self.asks_socket = False
        self.socket: Conversation | None = None
        self._unsent = bytearray()
        self._said: list[Event] = []
        self._end_asked = False

    @property
    def closed(self) -> bool:
        """Whether the server sends nothing more on it."""
        return self.ended or self.reset

    @property
    def accepts_body(self) -> bool:
        """Whether the end of the request's body has not been queued yet."""
        return not self._end_asked and not self.end_sent

    def queue(self, data: bytes, *, end: bool) -> None:
        """Add bytes to the body that waits to be sent."""
        self._unsent += data
        self._end_asked = end

    def say(self, data: bytes, *events: Event) -> None:
        """Add bytes of a WebSocket to those that wait to be sent, with the events that happen when they are."""
        if self.accepts_body:
            self._unsent += data
            self._said += events

    def said(self) -> list[Event]:
        """Return the events of the WebSocket's bytes, once all of these are sent."""
        if self._unsent:
            return []
        events, self._said = self._said, []
        return events

    def next_piece(self, connection_window: int) -> tuple[bytes, bool] | None:
        """Return the payload of the next DATA frame, and whether it is the last; None if there is none or it has to wait.

        It reduces the stream's own send window; the caller reduces the connection's.
        """
        if self.reset or self.end_sent:
            return None
        size = min(MAX_FRAME, len(self._unsent), max(0, connection_window), max(0, self.send_window))
        last = self._end_asked and size == len(self._unsent)
        if not size and not last:
            return None
        piece = bytes(self._unsent[:size])
        del self._unsent[:size]
        self.send_window -= size
        self.sent_length += size
        self.end_sent = last
        return piece, last
