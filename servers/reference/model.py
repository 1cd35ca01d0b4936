"""Which classes make a server: the model's own, or others in their place (a fault, a variant)."""

from __future__ import annotations

from dataclasses import dataclass

from servers.reference.application import Exchange
from servers.reference.connection import Connection
from servers.reference.http1 import Http1
from servers.reference.http2 import Http2
from servers.reference.server import Server
from servers.reference.supervisor import Supervisor
from servers.reference.websocket import WebSocket


@dataclass(frozen=True)
class Model:
    """What a server is made of; ``description`` says in one line what is different from the model.

    ``over`` are the protocols, as adapters call them, over which a variant differs at all, so that it is worth asking.
    """

    description: str = ""
    server: type[Server] = Server
    connection: type[Connection] = Connection
    http1: type[Http1] = Http1
    http2: type[Http2] = Http2
    exchange: type[Exchange] = Exchange
    websocket: type[WebSocket] = WebSocket
    supervisor: type[Supervisor] = Supervisor
    over: tuple[str, ...] = ("h1", "h2c")


MODEL = Model()
