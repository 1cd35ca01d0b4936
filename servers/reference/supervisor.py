"""Several workers on one listening socket, under a supervisor that serves no requests: it starts them and exits last.

The supervisor opens the port and the workers inherit it, so a connection in the kernel's backlog belongs to no worker:
when one worker stops accepting, another one accepts it. So a reload loses no connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from lastcall.servers.reference.server import BACKLOG, READY

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Iterable, Sequence

FAILED = 1


class Supervisor:
    """The first process: it passes signals on to its workers, and exits when they have ended."""

    def __init__(self, command: Sequence[str], number: int, host: str, port: int) -> None:
        self.command = command
        self.number = number
        self.address = (host, port)
        self.loop = asyncio.get_running_loop()
        self.listener: socket.socket | None = None
        self.workers: dict[int, Process] = {}
        self.retired: set[int] = set()
        """The workers that a reload has replaced and signalled to stop."""
        self.statuses: list[int] = []
        """The exit statuses of the workers that ended after the server began to stop."""
        self.stopping = False
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def log(self, line: str) -> None:
        """Write one line to stderr."""
        sys.stderr.write(f"supervisor: {line}\n")

    async def run(self) -> int:
        """Start the workers, wait until all have ended, and return the exit status."""
        self.listen()
        await self.start_workers()
        while self.workers:
            self._news.clear()
            await self._news.wait()
        return self.leave()

    def leave(self) -> int:
        """Return the workers' exit status if all ended alike, or else 1; if all ended by SIGTERM, end by SIGTERM too.

        The supervisor's parent sees no other process than this one.
        """
        status = self.statuses[0] if len(set(self.statuses)) == 1 else FAILED
        if status == -signal.SIGTERM:
            self.loop.remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        return status if status >= 0 else FAILED

    # workers

    def listen(self) -> None:
        """Open the port; no worker accepts yet."""
        self.listener = socket.create_server(self.address, backlog=BACKLOG)

    def close_listener(self) -> None:
        """Close the supervisor's copy of the listening socket: the port closes when the last worker has closed its own."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    async def start_workers(self) -> None:
        """Start all workers, and wait until every one of them accepts connections."""
        await asyncio.gather(*(self.start_worker() for _number in range(self.number)))

    async def start_worker(self) -> None:
        """Start one worker. If the server has begun to stop meanwhile, the worker gets SIGTERM at once."""
        if self.listener is None:
            return
        listener = self.listener.fileno()
        worker = await asyncio.create_subprocess_exec(
            *self.command, "--listener", str(listener), pass_fds=[listener], stdout=asyncio.subprocess.PIPE
        )
        self.workers[worker.pid] = worker
        self.spawn(worker)
        first_line = await worker.stdout.readline() if worker.stdout else b""
        if self.stopping:
            self.send_signal([worker.pid], signal.SIGTERM)
        elif first_line.decode().strip() == READY:
            self.log(f"worker {worker.pid} serves")
        else:
            self.log(f"worker {worker.pid} has failed to start")
            self.on_signal(signal.SIGTERM)

    def spawn(self, worker: Process) -> None:
        """Start a task that watches a worker."""
        task = self.loop.create_task(self.watch(worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def watch(self, worker: Process) -> None:
        """Wait for a worker's end. Replace a worker that was not signalled to stop; the other workers are not affected."""
        status = await worker.wait()
        if self.stopping:
            self.statuses.append(status)
            self.ended_in_the_drain(worker.pid, status)
        elif worker.pid not in self.retired:
            self.log(f"worker {worker.pid} ended with status {status}, and is replaced")
            await self.start_worker()
        del self.workers[worker.pid]
        self._news.set()

    def ended_in_the_drain(self, pid: int, status: int) -> None:
        """Note the end of a worker while the server stops; the other workers go on draining."""
        self.log(f"worker {pid} ended with status {status}")

    def send_signal(self, pids: Iterable[int], number: int) -> None:
        """Send a signal to those of the workers that still run."""
        for pid in pids:
            if pid in self.workers and self.workers[pid].returncode is None:
                # Not by Process.send_signal: it polls the process first, and takes the exit status from the task that waits.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    # signals

    def on_signal(self, number: int) -> None:
        """Pass the signal on to the workers that do not drain yet; a second signal, which forces the end, goes to all."""
        draining = set() if self.stopping else self.retired
        self.stopping = True
        self.close_listener()
        self.send_signal(set(self.workers) - draining, number)

    def on_reload(self) -> None:
        """Start a reload, unless the server stops."""
        if not self.stopping:
            task = self.loop.create_task(self.reload())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def reload(self) -> None:
        """Start new workers, and drain the old ones when the new ones accept: some worker accepts at any time."""
        old = list(self.workers)
        await self.start_workers()
        self.retire(old)

    def retire(self, pids: Iterable[int]) -> None:
        """Drain workers that have been replaced."""
        self.retired |= set(pids)
        self.send_signal(pids, signal.SIGTERM)
