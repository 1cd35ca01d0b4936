"""What makes a server: the model's own parts, or others in their place (a fault, a variant).

A suite boots a server for each play, so what speaks a protocol is imported when the first connection speaks it: h2, h11
and wsproto are a third of what it costs to start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.servers.reference.application import Exchange
from lastcall.servers.reference.connection import Connection
from lastcall.servers.reference.server import Server
from lastcall.servers.reference.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.servers.reference.application import Headers
    from lastcall.servers.reference.host import SessionHost, WebSocketHost
    from lastcall.servers.reference.session import Session
    from lastcall.servers.reference.websocket import WebSocket
    from lastcall.servers.reference.websocket_stream import StreamHandshake


def http1(connection: SessionHost) -> Session:
    """Speak HTTP/1.1 on a connection."""
    from lastcall.servers.reference.http1 import Http1  # noqa: PLC0415 - see above

    return Http1(connection)


def http2(connection: SessionHost) -> Session:
    """Speak HTTP/2 on a connection."""
    from lastcall.servers.reference.http2 import Http2  # noqa: PLC0415 - see above

    return Http2(connection)


def websocket(
    connection: WebSocketHost, target: bytes, headers: Headers, handshake: StreamHandshake | None = None
) -> WebSocket:
    """Give a connection, or a stream of HTTP/2, to a WebSocket."""
    from lastcall.servers.reference.websocket import WebSocket  # noqa: PLC0415 - see above

    return WebSocket(connection, target, headers, handshake)


@dataclass(frozen=True)
class Model:
    """What a server is made of; ``description`` says in one line what is different from the model.

    ``over`` are the protocols, as adapters call them, over which a variant differs at all, so that it is worth asking.
    """

    description: str = ""
    server: type[Server] = Server
    connection: type[Connection] = Connection
    http1: Callable[[SessionHost], Session] = http1
    http2: Callable[[SessionHost], Session] = http2
    exchange: type[Exchange] = Exchange
    websocket: Callable[..., WebSocket] = websocket
    supervisor: type[Supervisor] = Supervisor
    over: tuple[str, ...] = ("h1", "h2c")


MODEL = Model()
