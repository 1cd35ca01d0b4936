"""The probe: a client with manners, that sees every frame and judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.channel import Channel
from lastcall.conformance.model.client_steps import ClosePolicy, Connect
from lastcall.conformance.wire.client import Outgoing
from lastcall.conformance.wire.h1 import H1Client
from lastcall.conformance.wire.h2 import H2Client
from lastcall.conformance.wire.ws import WebSocketClient

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.client_steps import OpenWebSocket
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.wire.client import WireClient


class Probe:
    """One connection, in one protocol, as a :class:`Connect` step describes it."""

    def __init__(self, step: Connect, recorder: Recorder, protocol: Protocol, port: int) -> None:
        self.close_policy = step.close_policy
        self.wire = _wire(step, protocol, port)
        self._step = step
        self._port = port
        self._recorder = recorder
        self._channel = Channel(
            step.connection, recorder, on_open=self._start, on_bytes=self._received, on_end=self._ended
        )

    @property
    def over(self) -> bool:
        """Whether nothing more can be received."""
        return self._channel.ended or self._channel.useless

    @property
    def silent_for_good(self) -> bool:
        """Whether the server's FIN or RST has come: not even that can be received any more."""
        return self._channel.finished

    @property
    def failed_to_connect(self) -> bool:
        """Whether there never was a connection."""
        return self._channel.failed

    async def connect(self, limits: Limits, tls: ssl.SSLContext | None) -> bool:
        """Connect, do the TLS handshake and send the preface; a silent one stops after TCP. A failure tells False."""
        if not await self._channel.connect(self._port, limits.connect_s, self._step.receive_buffer):
            return False
        return self._step.silent or await self.speak(limits, tls)

    async def speak(self, limits: Limits, tls: ssl.SSLContext | None) -> bool:
        """Do the TLS handshake and send the preface; tell whether that succeeded. It cannot where the server has closed."""
        if self._channel.ended:
            return False
        if tls is not None:
            return await self._channel.start_tls(tls, limits.connect_s)
        self._start()
        return True

    def tell(self, intent: Callable[[WireClient], object]) -> None:
        """Let the wire client do something, and send what it has to send."""
        intent(self.wire)
        self._flush()

    def tell_http2(self, intent: Callable[[H2Client], object]) -> None:
        """Let an HTTP/2 client do what only HTTP/2 has; raises TypeError over HTTP/1.1."""
        if not isinstance(self.wire, H2Client):
            raise TypeError(f"{self.wire.connection!r} is not an HTTP/2 connection")
        intent(self.wire)
        self._flush()

    def open_websocket(self, step: OpenWebSocket) -> None:
        """Ask for a WebSocket: over HTTP/2 on a stream, over HTTP/1.1 the connection is its own from then on."""
        answers_close = self.close_policy is not ClosePolicy.RUDE
        if isinstance(self.wire, H2Client):
            self.wire.answers_close = answers_close
            self.tell_http2(lambda wire: wire.open_websocket(step.name, step.path))
            return
        if not isinstance(self.wire, H1Client):
            raise TypeError(f"{self.wire.connection!r} is a WebSocket already")
        self.wire = WebSocketClient(step.connection, authority=f"localhost:{self._port}", answers_close=answers_close)
        self.tell(lambda wire: wire.send_request(Outgoing(step.name, target=step.path)))

    def pause(self) -> None:
        """Stop reading from the socket."""
        self._channel.pause()

    def resume(self) -> None:
        """Read on."""
        self._channel.resume()

    def close(self) -> None:
        """Close the client's side: GOAWAY in HTTP/2, then close_notify, then FIN."""
        self.wire.send_goodbye()
        self._flush()
        self._channel.close_our_side()

    def abandon(self) -> bool:
        """Stop waiting; tell whether the server had not ended the connection by then."""
        return self._channel.abandon()

    def _start(self) -> None:
        self.wire.start()
        self._flush()

    def _received(self, data: bytes, at_ns: int) -> None:
        self._recorder.seen(*self.wire.receive(data), end_ns=at_ns)
        self._flush()
        if self.close_policy is ClosePolicy.POLITE and self.wire.draining and not self.wire.open_requests:
            self.close()

    def _ended(self, at_ns: int) -> None:
        self._recorder.seen(*self.wire.receive_end(), end_ns=at_ns)
        if self.close_policy is not ClosePolicy.RUDE:
            self._channel.close_our_side()

    def _flush(self) -> None:
        data, events = self.wire.flush()
        if data or events:
            self._channel.write(data, events)


def _wire(step: Connect, protocol: Protocol, port: int) -> WireClient:
    authority = f"localhost:{port}"
    if protocol.version == 1:
        return H1Client(step.connection, authority=authority)
    return H2Client(
        step.connection,
        authority=authority,
        scheme="https" if protocol.tls else "http",
        initial_window=step.window,
        replenish=step.replenish,
    )
