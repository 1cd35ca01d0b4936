"""The wire clients: protocols as state machines for one connection, without a clock and without a socket."""

from lastcall.conformance.wire.client import Outgoing, WireClient
from lastcall.conformance.wire.h1 import H1Client
from lastcall.conformance.wire.h2 import H2Client
from lastcall.conformance.wire.ws import WebSocketClient

__all__ = ["H1Client", "H2Client", "Outgoing", "WebSocketClient", "WireClient"]
