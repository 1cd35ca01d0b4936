"""Plain TCP under HTTP."""

from __future__ import annotations

import socket

from lastcall.conformance.harness.client.stream import StreamTransport


class TcpTransport(StreamTransport):
    """A connection over TCP to the endpoint's host and port."""

    listens_on_tcp = True

    def _make_socket(self) -> socket.socket:
        opened = socket.socket()
        # Nagle's algorithm would hold a small write back until the one before is acknowledged, and blur its time.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def _address(self) -> tuple[str, int]:
        return self._endpoint.host, self._endpoint.port

    def _local_port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port
