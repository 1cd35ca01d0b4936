"""WebSockets over HTTP/2 (RFC 8441), each on a stream of its own: the extended CONNECT, and how the stream ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperframe.frame import SettingsFrame

from lastcall.conformance.model.client_events import (
    WebSocketAsked,
    WebSocketOpened,
    WebSocketRefused,
)
from lastcall.conformance.wire.client import Outgoing
from lastcall.conformance.wire.h2_send import DEFAULT_WINDOW, H2Sender
from lastcall.conformance.wire.ws_conversation import Conversation

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire.h2_stream import Stream

_SUCCESS = range(200, 300)


class H2WebSockets(H2Sender):
    """The WebSockets of an HTTP/2 client.

    ``answers_close=False`` neither answers a Close nor ends a stream that the server has ended.
    """

    def __init__(
        self,
        connection: str,
        *,
        authority: str,
        scheme: str,
        initial_window: int = DEFAULT_WINDOW,
        replenish: bool = True,
    ) -> None:
        super().__init__(
            connection, authority=authority, scheme=scheme, initial_window=initial_window, replenish=replenish
        )
        self.answers_close = True
        self._offered: bool | None = None  # not known before the server's SETTINGS
        self._waiting: list[tuple[str, str]] = []

    def open_websocket(self, request: str, target: str) -> None:
        """Queue the extended CONNECT. It waits for the server's SETTINGS, and is not sent if they do not offer it."""
        if self._offered is None:
            self._waiting.append((request, target))
        elif self._offered:
            self._ask(request, target)
        else:
            self._outbox.put(b"", WebSocketRefused(request))

    def _learn_offer(self, settings: dict[int, int]) -> list[Event]:
        """Read from SETTINGS whether the server offers it, send the handshakes that waited, and return those refused."""
        # RFC 8441 §3: a client uses the extended CONNECT once it has received the parameter with the value 1
        offer = settings.get(SettingsFrame.ENABLE_CONNECT_PROTOCOL)
        self._offered = bool(self._offered) if offer is None else offer == 1
        waiting, self._waiting = self._waiting, []
        if not self._offered:
            return [WebSocketRefused(request) for request, _target in waiting]
        for request, target in waiting:
            self._ask(request, target)
        return []

    def _ask(self, request: str, target: str) -> None:
        # RFC 8441 §5: Sec-WebSocket-Key and Upgrade are not sent, since the extended CONNECT replaces them
        stream = self._open(request, "CONNECT")
        stream.asks_socket, stream.recorded_whole = True, False
        version = (("sec-websocket-version", "13"),)
        self._send_head(stream, Outgoing(request, "CONNECT", target, version, protocol="websocket"), end=False)
        self._outbox.put(b"", WebSocketAsked(request, self.connection, target, stream.stream_id))

    def _answered(self, stream: Stream) -> Event:
        """Return the event of the status that answers an extended CONNECT, and open the WebSocket on success."""
        if stream.status not in _SUCCESS:
            return WebSocketRefused(stream.request, stream.status)

        def say(data: bytes, *events: Event) -> None:
            stream.say(data, *events)
            self._send_unsent(stream)

        stream.socket = Conversation(stream.request, say, answers_close=self.answers_close)
        return WebSocketOpened(stream.request)

    def _end_our_half(self, stream: Stream) -> None:
        """End the client's half of a WebSocket's stream that the server has ended.

        RFC 6455 §7.1.1: the server closes first, which over HTTP/2 is END_STREAM (RFC 8441 §5).
        """
        if stream.asks_socket and self.answers_close and stream.accepts_body:
            stream.queue(b"", end=True)
            self._send_unsent(stream)
