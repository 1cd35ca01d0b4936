"""The transport of each protocol: one table, by the name of the transport and whether it is encrypted.

A package that brings a transport registers it with :func:`register_transport`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.tcp import TcpTransport
from lastcall.conformance.harness.client.tls import TlsTransport

if TYPE_CHECKING:
    from lastcall.conformance.harness.client.transport import Endpoint, Transport
    from lastcall.conformance.model.protocol import Protocol

TRANSPORTS: dict[tuple[str, bool], type[Transport]] = {("tcp", False): TcpTransport, ("tcp", True): TlsTransport}
"""The transports that are registered, by their name in a protocol and by its ``tls``."""


def register_transport(name: str, transport: type[Transport], *, tls: bool) -> type[Transport]:
    """Return the transport, registered for protocols with this ``transport`` and ``tls``; raises ValueError for a second."""
    known = TRANSPORTS.setdefault((name, tls), transport)
    if known is not transport:
        raise ValueError(f"the transport {name} {_security(tls=tls)} is registered already: {known.__name__}")
    return transport


def tcp_port_of(endpoint: Endpoint) -> int:
    """Return the TCP port on which the server of an endpoint listens; 0 where it listens elsewhere."""
    return endpoint.port if transport_of(endpoint.protocol).listens_on_tcp else 0


def transport_of(protocol: Protocol) -> type[Transport]:
    """Return the transport of a protocol; raises LookupError where there is none."""
    key = protocol.transport, protocol.tls
    if key not in TRANSPORTS:
        security = _security(tls=protocol.tls)
        raise LookupError(f"no client has the transport of {protocol}: {protocol.transport} {security}")
    return TRANSPORTS[key]


def _security(*, tls: bool) -> str:
    return "with TLS" if tls else "without TLS"
