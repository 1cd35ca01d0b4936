"""The probe: a client with manners, that sees every frame and judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.stage.channel import Channel
from conformance.timeline import Manners
from conformance.wire.h1 import H1Client
from conformance.wire.h2 import H2Client

if TYPE_CHECKING:
    import ssl

    from conformance.limits import Limits
    from conformance.server import Protocol
    from conformance.stage.recorder import Recorder
    from conformance.wire.client import Outgoing, WireClient


class Probe:
    """One connection, in one protocol."""

    def __init__(self, name: str, recorder: Recorder, protocol: Protocol, port: int, manners: Manners) -> None:
        self.manners = manners
        self.wire = _wire(name, protocol, port)
        self._recorder = recorder
        self._port = port
        self._channel = Channel(name, recorder, on_open=self._start, on_bytes=self._received, on_end=self._ended)

    @property
    def over(self) -> bool:
        """Whether nothing more can be received."""
        return self._channel.ended

    @property
    def silent_for_good(self) -> bool:
        """Whether the server's FIN or RST has come: not even that can be received any more."""
        return self._channel.finished

    @property
    def failed_to_connect(self) -> bool:
        """Whether there never was a connection."""
        return self._channel.failed

    async def connect(self, limits: Limits, tls: ssl.SSLContext | None, *, silent: bool = False) -> bool:
        """Connect, do the TLS handshake and send the preface; ``silent`` stops after TCP. A failure tells False."""
        if not await self._channel.connect(self._port, limits.connect_s):
            return False
        if silent:
            return True
        if tls is not None:
            return await self._channel.start_tls(tls, limits.connect_s)
        self._start()
        return True

    def send_request(self, outgoing: Outgoing) -> None:
        """Send a request, whatever the server has said before."""
        self.wire.send_request(outgoing)
        self._flush()

    def send_body(self, request: str, body: bytes, *, end: bool) -> None:
        """Send more of a request's body."""
        self.wire.send_body(request, body, end=end)
        self._flush()

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
        if self.manners is Manners.POLITE and self.wire.draining and not self.wire.open_requests:
            self.close()

    def _ended(self, at_ns: int) -> None:
        self._recorder.seen(*self.wire.receive_end(), end_ns=at_ns)
        if self.manners is not Manners.RUDE:
            self._channel.close_our_side()

    def _flush(self) -> None:
        data, events = self.wire.flush()
        if data:
            self._channel.write(data, events)


def _wire(name: str, protocol: Protocol, port: int) -> WireClient:
    if protocol.version == 1:
        return H1Client(name, authority=f"localhost:{port}")
    return H2Client(name, authority=f"localhost:{port}", scheme="https" if protocol.tls else "http")
