"""The transport of each protocol: one table, by the name of the transport and whether it is encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.tcp import TcpTransport
from lastcall.conformance.harness.client.tls import TlsTransport

if TYPE_CHECKING:
    from lastcall.conformance.harness.client.transport import Endpoint, Transport
    from lastcall.conformance.model.protocol import Protocol

TRANSPORTS: dict[tuple[str, bool], type[Transport]] = {("tcp", False): TcpTransport, ("tcp", True): TlsTransport}
"""The transports, by their name in a protocol and by its ``tls``. A package that brings one adds it here."""


def tcp_port_of(endpoint: Endpoint) -> int:
    """Return the TCP port on which the server of an endpoint listens; 0 where it listens elsewhere."""
    return endpoint.port if transport_of(endpoint.protocol).listens_on_tcp else 0


def transport_of(protocol: Protocol) -> type[Transport]:
    """Return the transport of a protocol; raises LookupError where there is none."""
    key = protocol.transport, protocol.tls
    if key not in TRANSPORTS:
        security = "with TLS" if protocol.tls else "without TLS"
        raise LookupError(f"no client has the transport of {protocol}: {protocol.transport} {security}")
    return TRANSPORTS[key]
