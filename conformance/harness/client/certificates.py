"""A certificate authority for one run, made by trustme: only the run's own clients trust it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """A certificate for ``localhost`` and ``127.0.0.1`` on disk, and the authority that signed it.

    The key is PKCS#8, the one form that every server reads.
    """

    cert: Path
    key: Path
    authority: Path
    _shared: dict[str, ssl.SSLContext] = field(default_factory=dict, init=False, repr=False, compare=False)

    def client_context(self, alpn: str) -> ssl.SSLContext:
        """Return a new client context that verifies the server and offers ``alpn`` alone; none if that is empty.

        A client that offers two protocols would leave the choice of the protocol under test to the server.
        """
        context = ssl.create_default_context(cafile=str(self.authority))
        if alpn:
            context.set_alpn_protocols([alpn])
        return context

    def shared_client_context(self, alpn: str) -> ssl.SSLContext:
        """Return a context like :meth:`client_context`, but the same one each time, since making one takes milliseconds."""
        if alpn not in self._shared:
            self._shared[alpn] = self.client_context(alpn)
        return self._shared[alpn]


def make_certificates(folder: Path) -> Certificates:
    """Make an authority and a certificate, write them into the folder, and return their paths."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    made = Certificates(folder / "cert.pem", folder / "key.pem", folder / "authority.pem")
    made.cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    made.key.chmod(0o600)
    authority.cert_pem.write_to_path(made.authority)
    return made
