"""The protocols in which a play can be played, each with its transport and its security."""

from __future__ import annotations

import enum


class Protocol(enum.StrEnum):
    """A protocol with its transport; the value is what stands in node ids and reports."""

    H1 = "h1"
    """HTTP/1.1 over TCP."""
    H1_TLS = "h1-tls"
    """HTTP/1.1 over TLS (ALPN ``http/1.1``)."""
    H2 = "h2"
    """HTTP/2 over TLS (ALPN ``h2``)."""
    H2C = "h2c"
    """HTTP/2 over TCP with prior knowledge."""

    @property
    def tls(self) -> bool:
        """Whether it runs over TLS."""
        return self in (Protocol.H1_TLS, Protocol.H2)

    @property
    def version(self) -> int:
        """The major version of HTTP: 1 or 2."""
        return 2 if self in (Protocol.H2, Protocol.H2C) else 1
