"""Finds which process of the server holds a connection, in the kernel's tables, and signals only that process.

A server does not say which of its workers has accepted a connection. Linux does: the server's end of a connection is a row
in ``/proc/net/tcp`` with an inode, and the process that has accepted it has that inode among its open files. A connection
that still waits in the listener's queue has no inode.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.model.client_events import ConnectionOpened
from lastcall.conformance.model.server_events import ConnectionAccepted, WorkerSignalled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lastcall.conformance.harness.process.server_process import ServerProcess
    from lastcall.conformance.harness.recorder import Recorder

SIGNALS: Mapping[str, str] = {"pause": "SIGSTOP", "resume": "SIGCONT", "kill": "SIGKILL"}


class Workers:
    """The processes of one server, identified by the connections that they hold."""

    def __init__(self, recorder: Recorder, process: ServerProcess, port: int) -> None:
        self._recorder = recorder
        self._process = process
        self._port = port

    def find(self) -> None:
        """Record, for each open connection that a process holds, which processes hold it."""
        began_ns = time.monotonic_ns()
        inodes = _inodes_by_client_port(self._port)
        holders = _holders(inodes.values(), self._process.members())
        opened = self._recorder.trace.of(ConnectionOpened)
        self._recorder.did(
            *(
                ConnectionAccepted(connection.connection, holders[inodes[connection.local_port]])
                for connection in opened
                if inodes.get(connection.local_port) in holders
            ),
            since_ns=began_ns,
        )

    def signal(self, connection: str, role: str) -> bool:
        """Signal the process that :meth:`find` recorded for a connection; return False if there is none or it has ended."""
        accepted = self._recorder.trace.all(ConnectionAccepted(connection))
        if not accepted or accepted[-1].pids[0] not in self._process.members():
            return False
        pid = accepted[-1].pids[0]
        began_ns = time.monotonic_ns()
        try:
            os.kill(pid, signal.Signals[SIGNALS[role]])
        except ProcessLookupError:
            return False
        self._recorder.did(WorkerSignalled(connection, pid, SIGNALS[role]), since_ns=began_ns)
        return True


def _inodes_by_client_port(port: int) -> dict[int, str]:
    """Return the inodes of the server's ends of connections, by the port at the client's end."""
    inodes: dict[int, str] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for row in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                _number, local, remote, _state, *others = row.split()
                inode = others[5]
                if int(local.rpartition(":")[2], 16) == port and inode != "0":
                    inodes[int(remote.rpartition(":")[2], 16)] = inode
    return inodes


def _holders(inodes: Iterable[str], pids: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """Return, for each of these sockets by its inode, the processes that have it open."""
    links = {f"socket:[{inode}]": inode for inode in inodes}
    holders: dict[str, tuple[int, ...]] = {}
    for pid in pids:
        # A process may end, or close a file, while it is looked at.
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inode = links.get(str(descriptor.readlink()))
                    if inode is not None and pid not in holders.get(inode, ()):
                        holders[inode] = (*holders.get(inode, ()), pid)
    return holders
