"""The kernel's time of arrival for bytes.

``SO_TIMESTAMPNS`` is the time at which a segment reached the socket, whatever the client was doing then: within 0.1 ms on
loopback, where a loop under foreign load is several milliseconds late. It needs ``recvmsg``; several segments that are read
at once carry the time of the last one; a FIN and a RST carry none; and the first message lacks it unless some socket on the
machine has the option on, so :data:`KEEP_ON` keeps one open. Linux only: elsewhere the loop's own times are used.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

_OPTION = getattr(socket, "SO_TIMESTAMPNS", 35)
_TIMESPEC = struct.Struct("@qq")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size)
AVAILABLE = sys.platform == "linux"


def enable(sock: socket.socket) -> None:
    """Make the kernel record receive times for a socket."""
    if AVAILABLE:
        sock.setsockopt(socket.SOL_SOCKET, _OPTION, 1)


KEEP_ON = socket.socket()
enable(KEEP_ON)


def receive(sock: socket.socket, size: int = 65536) -> tuple[bytes, int]:
    """Read from a socket, and return the bytes with the latest moment at which they arrived, on the monotonic clock."""
    data, ancillary, _flags, _address = sock.recvmsg(size, _ROOM)
    # Whatever passes between the two readings makes the moment later, never earlier than it was.
    wall_ns = time.time_ns()
    now_ns = time.monotonic_ns()
    # The kernel's times are on CLOCK_REALTIME, which may be set at any time, so the difference is read again each time.
    offset_ns = wall_ns - now_ns
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _OPTION and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            return data, min(now_ns, seconds * 1_000_000_000 + nanoseconds - offset_ns)
    return data, now_ns
