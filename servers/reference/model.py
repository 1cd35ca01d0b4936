"""What a server is made of: the model's own classes, or other classes in their place (a fault, a variant).

A suite boots a server for each play. So the module of a protocol is imported only when the first connection speaks that
protocol: h2, h11 and wsproto are a third of the cost of a start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.servers.reference.application import Exchange
from lastcall.servers.reference.connection import Connection
from lastcall.servers.reference.server import ReferenceServer
from lastcall.servers.reference.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.servers.reference.application import Headers
    from lastcall.servers.reference.host import SessionHost, WebSocketHost
    from lastcall.servers.reference.session import Session
    from lastcall.servers.reference.websocket import WebSocket
    from lastcall.servers.reference.websocket_stream import StreamHandshake


def http1(connection: SessionHost) -> Session:
    """Return an HTTP/1.1 session for a connection."""
    from lastcall.servers.reference.http1 import Http1  # noqa: PLC0415 - see above

    return Http1(connection)


def http2(connection: SessionHost) -> Session:
    """Return an HTTP/2 session for a connection."""
    from lastcall.servers.reference.http2 import Http2  # noqa: PLC0415 - see above

    return Http2(connection)


def websocket(
    connection: WebSocketHost, target: bytes, headers: Headers, handshake: StreamHandshake | None = None
) -> WebSocket:
    """Return a WebSocket for a connection, or for a stream of HTTP/2."""
    from lastcall.servers.reference.websocket import WebSocket  # noqa: PLC0415 - see above

    return WebSocket(connection, target, headers, handshake)


@dataclass(frozen=True)
class Model:
    """The classes of a server; ``description`` says in one line how it differs from the model.

    ``over`` names the protocols over which a variant differs from the model: the tests play it over no others.
    """

    description: str = ""
    server: type[ReferenceServer] = ReferenceServer
    connection: type[Connection] = Connection
    http1: Callable[[SessionHost], Session] = http1
    http2: Callable[[SessionHost], Session] = http2
    exchange: type[Exchange] = Exchange
    websocket: Callable[..., WebSocket] = websocket
    supervisor: type[Supervisor] = Supervisor
    over: tuple[str, ...] = ("h1", "h2c")


MODEL = Model()
