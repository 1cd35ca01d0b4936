"""One connection of a client: it follows its close policy, records every frame, and judges nothing.

A :class:`Transport` carries it, and a :class:`WireClient` speaks HTTP on it; both are looked up by the protocol.

Why a close policy: what a client does changes what the server does. After GOAWAY some servers wait for the client to close
first, for their whole idle time-out; after close_notify an asyncio server waits up to 30 s for the client's. So the client's
behaviour is part of the scenario, and the trace shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.transports import transport_of
from lastcall.conformance.model.client_steps import ClosePolicy, Connect
from lastcall.conformance.wire.client import Outgoing
from lastcall.conformance.wire.h1 import H1Client
from lastcall.conformance.wire.h2 import H2Client
from lastcall.conformance.wire.ws import WebSocketClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lastcall.conformance.harness.client.transport import Endpoint
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.client_steps import OpenWebSocket
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.wire.client import WireClient


class ClientConnection:
    """One connection, in one protocol, as a :class:`Connect` step describes it."""

    def __init__(self, step: Connect, recorder: Recorder, endpoint: Endpoint) -> None:
        self.close_policy = step.close_policy
        self.wire = _wire_client(step, endpoint)
        self._step = step
        self._endpoint = endpoint
        self._recorder = recorder
        self._transport = transport_of(endpoint.protocol)(
            step.connection, recorder, endpoint, on_open=self._start, on_bytes=self._received, on_end=self._ended
        )

    @property
    def over(self) -> bool:
        """Whether nothing more can be received."""
        return self._transport.ended or self._transport.useless

    @property
    def silent_for_good(self) -> bool:
        """Whether nothing more can be received, not even an end of the connection."""
        return self._transport.finished

    @property
    def failed_to_connect(self) -> bool:
        """Whether there never was a connection."""
        return self._transport.failed

    async def connect(self, limits: Limits) -> bool:
        """Open the connection and begin to speak; return whether that succeeded. A silent connection is only opened."""
        if not await self._transport.open(limits.connect_s, self._step.receive_buffer):
            return False
        return self._step.silent or await self.speak(limits)

    async def speak(self, limits: Limits) -> bool:
        """Send what a client sends first (TLS handshake, HTTP/2 preface); return whether that succeeded.

        It fails if the server has closed already.
        """
        return not self._transport.ended and await self._transport.start(limits.connect_s)

    def tell(self, intent: Callable[[WireClient], object]) -> None:
        """Call the wire client, and send the bytes that it has queued."""
        intent(self.wire)
        self._flush()

    def tell_http2(self, intent: Callable[[H2Client], object]) -> None:
        """Call the wire client for something that only HTTP/2 has; raises TypeError over HTTP/1.1."""
        if not isinstance(self.wire, H2Client):
            raise TypeError(f"{self.wire.connection!r} is not an HTTP/2 connection")
        intent(self.wire)
        self._flush()

    def open_websocket(self, step: OpenWebSocket) -> None:
        """Send the opening handshake of a WebSocket: over HTTP/2 on a stream, over HTTP/1.1 on the whole connection."""
        answers_close = self.close_policy is not ClosePolicy.RUDE
        if isinstance(self.wire, H2Client):
            self.wire.answers_close = answers_close
            self.tell_http2(lambda wire: wire.open_websocket(step.name, step.path))
            return
        if not isinstance(self.wire, H1Client):
            raise TypeError(f"{self.wire.connection!r} is a WebSocket already")
        self.wire = WebSocketClient(
            step.connection, authority=f"localhost:{self._endpoint.port}", answers_close=answers_close
        )
        self.tell(lambda wire: wire.send_request(Outgoing(step.name, target=step.path)))

    def pause(self) -> None:
        """Stop reading."""
        self._transport.pause()

    def resume(self) -> None:
        """Read again."""
        self._transport.resume()

    def close(self) -> None:
        """Close the client's side: GOAWAY in HTTP/2, then what the transport needs."""
        self.wire.send_goodbye()
        self._flush()
        self._transport.close_our_side()

    def abandon(self) -> bool:
        """Close without a word to the server; return whether the server had not ended the connection by then."""
        return self._transport.abandon()

    def _start(self) -> None:
        self.wire.start()
        self._flush()

    def _received(self, data: bytes, at_ns: int) -> None:
        # The events are recorded before the wire client's answers are sent (a PING's, a SETTINGS'): this is their order.
        self._seen(self.wire.receive(data), at_ns)
        self._flush()
        if self.close_policy is ClosePolicy.POLITE and self.wire.draining and not self.wire.open_requests:
            self.close()

    def _ended(self, at_ns: int) -> None:
        self._seen(self.wire.receive_end(), at_ns)
        if self.close_policy is not ClosePolicy.RUDE:
            self._transport.close_our_side()

    def _seen(self, events: Iterable[Event], at_ns: int) -> None:
        self._recorder.seen(*events, end_ns=at_ns, since_ns=self._transport.unread_since_ns)

    def _flush(self) -> None:
        data, events = self.wire.flush()
        if data or events:
            self._transport.send(data, events)


def _http1(step: Connect, endpoint: Endpoint) -> WireClient:
    return H1Client(step.connection, authority=f"localhost:{endpoint.port}")


def _http2(step: Connect, endpoint: Endpoint) -> WireClient:
    return H2Client(
        step.connection,
        authority=f"localhost:{endpoint.port}",
        scheme="https" if endpoint.protocol.tls else "http",
        initial_window=step.window,
        replenish=step.replenish,
    )


WIRE_CLIENTS: dict[int, Callable[[Connect, Endpoint], WireClient]] = {1: _http1, 2: _http2}
"""The wire client for each version of HTTP."""


def _wire_client(step: Connect, endpoint: Endpoint) -> WireClient:
    version = endpoint.protocol.version
    if version not in WIRE_CLIENTS:
        raise LookupError(f"no client speaks HTTP/{version}, which {endpoint.protocol} is")
    return WIRE_CLIENTS[version](step, endpoint)
