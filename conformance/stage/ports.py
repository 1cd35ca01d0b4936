"""Ports that the harness owns, and what the kernel says of them, without connecting to them."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"

RANGE = range(20000, 32000)
"""Below Linux's range for outgoing connections (32768 and up), so that no client's port can ever be in the way."""

_LISTEN = "0A"


class NoPortError(RuntimeError):
    """No free port was found."""


@contextlib.contextmanager
def own_port() -> Iterator[int]:
    """Own a TCP port on loopback for a while; no other run of lastcall on this machine gets it meanwhile.

    The claim is a socket in Linux's abstract namespace, which goes with the process that holds it, however that ends.
    Raises :class:`NoPortError` if a hundred random ports are all taken.
    """
    for port in random.sample(RANGE, 100):
        with contextlib.ExitStack() as held:
            if _claimed(port, held) and can_listen(port):
                keep = held.pop_all()
                break
    else:
        raise NoPortError(f"no free port among 100 tried in {RANGE.start} to {RANGE.stop} on {HOST}")
    with keep:
        yield port


def _claimed(port: int, held: contextlib.ExitStack) -> bool:
    claim = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    try:
        claim.bind(f"\0lastcall-port-{port}")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True


def can_listen(port: int) -> bool:
    """Tell whether a new server could listen on the port now (as servers do, with SO_REUSEADDR)."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
            candidate.listen(1)
        except OSError:
            return False
    return True


def listening_ports() -> frozenset[int] | None:
    """Give the TCP ports that some process listens on, from the kernel's table; None where there is no such table."""
    ports: set[int] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        ports.update(int(row.split()[1].rpartition(":")[2], 16) for row in rows if row.split()[3] == _LISTEN)
    return frozenset(ports) or None
