"""The protocols in which a play can be played, each with its transport and its security.

A protocol is a value that holds every fact about it: code tests ``protocol.multiplexes`` or ``protocol in HTTP2``, never
the name. So every rule about a version or a security also covers a protocol that is added later (HTTP/3, or one over
another transport). No server gains a protocol in this way: a server speaks what its adapter lists.

To add one: :func:`register` it, and register its transport beside it (``register_transport`` in
``conformance/harness/client/transports.py``) and a wire client for its version of HTTP
(``conformance/harness/client/connection.py``) if these are new too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, order=True)
class Protocol:
    """A version of HTTP over a transport; two of the same ``name`` are equal.

    ``name`` stands in node ids, stored files and reports, and never changes. ``version`` is the major version of HTTP.
    ``transport`` is the name of what carries it (``tcp``, ``quic``), ``tls`` whether it is encrypted, ``alpn`` its name
    in ALPN. ``multiplexes``: it carries several requests at a time, each with a stream id of its own. ``byte_stream``: a
    connection is one ordered stream of bytes, as over TCP or a unix socket; over QUIC it is not.
    """

    name: str
    version: int = field(compare=False)
    transport: str = field(default="tcp", compare=False)
    tls: bool = field(default=False, compare=False)
    alpn: str = field(default="", compare=False)
    multiplexes: bool = field(default=False, compare=False)
    byte_stream: bool = field(default=True, compare=False)

    H1: ClassVar[Protocol]
    """HTTP/1.1 over TCP."""
    H1_TLS: ClassVar[Protocol]
    """HTTP/1.1 over TLS (ALPN ``http/1.1``)."""
    H2: ClassVar[Protocol]
    """HTTP/2 over TLS (ALPN ``h2``)."""
    H2C: ClassVar[Protocol]
    """HTTP/2 over TCP with prior knowledge."""

    def __str__(self) -> str:
        return self.name

    @property
    def http(self) -> str:
        """The version of HTTP as people write it: ``HTTP/1.1``, ``HTTP/2``."""
        return "HTTP/1.1" if self.version == 1 else f"HTTP/{self.version}"


class ProtocolError(ValueError):
    """No protocol has this name; the message lists the registered ones."""


PROTOCOLS: dict[str, Protocol] = {}
"""Every protocol that is registered, by its name."""


def register(protocol: Protocol) -> Protocol:
    """Register a protocol, so that stored files and node ids can name it; raises ValueError for a second of its name."""
    if PROTOCOLS.setdefault(protocol.name, protocol) is not protocol:
        raise ValueError(f"a protocol named {protocol.name!r} is registered already")
    return protocol


def protocol_named(name: str) -> Protocol:
    """Return the registered protocol of this name; raises :class:`ProtocolError` where there is none."""
    if name not in PROTOCOLS:
        raise ProtocolError(f"there is no protocol {name!r}; these are known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


@dataclass(frozen=True)
class ProtocolSet:
    """The protocols that share a property, which is read from each protocol and not from a list.

    So a protocol that is registered later can belong to it too. It is meant for rules; an adapter lists what it speaks.
    """

    title: str
    holds: Callable[[Protocol], bool]

    def __contains__(self, protocol: Protocol) -> bool:
        return self.holds(protocol)

    def __iter__(self) -> Iterator[Protocol]:
        """Yield the registered protocols that belong to it."""
        return (protocol for protocol in PROTOCOLS.values() if self.holds(protocol))


HTTP1 = ProtocolSet("HTTP/1.1", lambda protocol: protocol.version == 1)
HTTP2 = ProtocolSet("HTTP/2", lambda protocol: protocol.version == 2)  # noqa: PLR2004 - the version is the number
MULTIPLEXED = ProtocolSet("multiplexed", lambda protocol: protocol.multiplexes)
OVER_TLS = ProtocolSet("over TLS", lambda protocol: protocol.tls and protocol.byte_stream)
"""The protocols whose byte stream TLS closes by a close_notify. QUIC contains TLS but has no close_notify."""

H1 = Protocol.H1 = register(Protocol("h1", version=1))
H1_TLS = Protocol.H1_TLS = register(Protocol("h1-tls", version=1, tls=True, alpn="http/1.1"))
H2 = Protocol.H2 = register(Protocol("h2", version=2, tls=True, alpn="h2", multiplexes=True))
H2C = Protocol.H2C = register(Protocol("h2c", version=2, multiplexes=True))
