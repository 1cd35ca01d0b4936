"""TCP, without anything between it and HTTP."""

from __future__ import annotations

import socket

from lastcall.conformance.harness.client.stream import StreamTransport


class TcpTransport(StreamTransport):
    """A connection over TCP to the endpoint's host and port."""

    listens_on_tcp = True

    def _make_socket(self) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _address(self) -> tuple[str, int]:
        return self._endpoint.host, self._endpoint.port

    def _local_port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port
