"""Ports that the harness owns, and what the kernel says about them; no connection is made for it."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"

RANGE = range(20000, 32000)
"""Below Linux's range for outgoing connections (32768 and up), so that no client's port can occupy one of these."""

_LISTEN = "0A"
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _DUMP_REQUEST, _ERROR, _DONE = 4, 20, 0x301, 2, 3
_HEAD_BYTES, _QUERY_BYTES = 16, 56


class NoPortError(RuntimeError):
    """No free port was found."""


@contextlib.contextmanager
def own_port() -> Iterator[int]:
    """Yield a TCP port on loopback that no other run of lastcall on this machine gets meanwhile.

    The lock is a socket in Linux's abstract namespace. The kernel removes it with its process, however that ends.
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
    """Return whether a new server could listen on the port now (as servers do, with SO_REUSEADDR)."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
            candidate.listen(1)
        except OSError:
            return False
    return True


class LookAtPorts(NamedTuple):
    """What the kernel said of the ports that are listened on, at some time between two moments."""

    before_ns: int
    after_ns: int
    ports: frozenset[int] | None


def listening_ports() -> frozenset[int] | None:
    """Return the TCP ports on which any process listens, according to the kernel; None where it does not list them."""
    try:
        return frozenset(port for family in _FAMILIES for port in _ask_for_listeners(family))
    except (OSError, AttributeError):
        return _listening_by_tables()


def _ask_for_listeners(family: int) -> Iterator[int]:
    """Yield the ports of the listening sockets only: the tables in /proc hold all connections, and take ten times as long.

    https://man7.org/linux/man-pages/man7/sock_diag.7.html; raises OSError if the kernel does not answer.
    """
    states = 1 << int(_LISTEN, 16)
    query = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, states).ljust(_QUERY_BYTES, b"\0")
    head = struct.pack("=IHHII", _HEAD_BYTES + len(query), _SOCK_DIAG_BY_FAMILY, _DUMP_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(1.0)
        kernel.send(head + query)
        while True:
            for kind, body in _messages(kernel.recv(65536)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError(-struct.unpack_from("=i", body)[0], "the kernel does not list its sockets")
                # Four bytes of family, state, timer and retransmissions, then the local port in network order.
                yield struct.unpack_from("!H", body, 4)[0]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the messages of a netlink datagram: each begins with its length and its kind, and is padded to four bytes."""
    while len(data) >= _HEAD_BYTES:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, data[_HEAD_BYTES:length]
        data = data[(length + 3) & ~3 :]


def _listening_by_tables() -> frozenset[int] | None:
    ports: set[int] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        ports.update(int(row.split()[1].rpartition(":")[2], 16) for row in rows if row.split()[3] == _LISTEN)
    return frozenset(ports) or None
