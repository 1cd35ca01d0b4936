"""Several workers on one listening socket, under a process that serves nobody: it starts them and is the last to go.

The supervisor opens the port and the workers inherit it, so a connection that waits in the kernel's queue belongs to
none of them: who is told to stop accepts no more, and another one does.
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
    """The first process: what it is told, it tells its workers, and it ends when they have."""

    def __init__(self, command: Sequence[str], number: int, host: str, port: int) -> None:
        self.command = command
        self.number = number
        self.address = (host, port)
        self.loop = asyncio.get_running_loop()
        self.listener: socket.socket | None = None
        self.workers: dict[int, Process] = {}
        self.retired: set[int] = set()
        """The workers that have been told to stop because others take their place."""
        self.statuses: list[int] = []
        """How those ended that were told to stop, or could not be replaced, because everything stops."""
        self.stopping = False
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def log(self, line: str) -> None:
        """Write one line to stderr."""
        sys.stderr.write(f"supervisor: {line}\n")

    async def run(self) -> int:
        """Start the workers, wait until all have ended, and give the exit status."""
        self.listen()
        await self.start_workers()
        while self.workers:
            self._news.clear()
            await self._news.wait()
        return self.leave()

    def leave(self) -> int:
        """End as the workers did, if they ended alike and by their own doing; who waits knows them by this process alone."""
        status = self.statuses[0] if len(set(self.statuses)) == 1 else FAILED
        if status == -signal.SIGTERM:
            self.loop.remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        return status if status >= 0 else FAILED

    # workers

    def listen(self) -> None:
        """Open the port; nobody accepts yet."""
        self.listener = socket.create_server(self.address, backlog=BACKLOG)

    def close_listener(self) -> None:
        """Give up the supervisor's hold on the port: it is closed when the last worker has closed its own."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    async def start_workers(self) -> None:
        """Start as many workers as there are to be, and wait until each of them accepts connections."""
        await asyncio.gather(*(self.start_worker() for _number in range(self.number)))

    async def start_worker(self) -> None:
        """Start one worker. If it comes too late, because everything stops, it is told at once."""
        if self.listener is None:
            return
        listener = self.listener.fileno()
        worker = await asyncio.create_subprocess_exec(
            *self.command, "--listener", str(listener), pass_fds=[listener], stdout=asyncio.subprocess.PIPE
        )
        self.workers[worker.pid] = worker
        self.spawn(worker)
        said = await worker.stdout.readline() if worker.stdout else b""
        if self.stopping:
            self.tell([worker.pid], signal.SIGTERM)
        elif said.decode().strip() == READY:
            self.log(f"worker {worker.pid} serves")
        else:
            self.log(f"worker {worker.pid} has failed to start")
            self.on_signal(signal.SIGTERM)

    def spawn(self, worker: Process) -> None:
        """Watch over a worker."""
        task = self.loop.create_task(self.watch(worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def watch(self, worker: Process) -> None:
        """Wait for a worker's end. One that nobody has told to stop is replaced; its siblings have nothing to do with it."""
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
        """Take note of a worker that has ended since everything stops; the others go on draining."""
        self.log(f"worker {pid} ended with status {status}")

    def tell(self, pids: Iterable[int], number: int) -> None:
        """Send workers a signal; one that has gone already needs none."""
        for pid in pids:
            if pid in self.workers and self.workers[pid].returncode is None:
                # Not by the Process: its send_signal looks first whether it has ended, and takes the status from who waits.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    # signals

    def on_signal(self, number: int) -> None:
        """Pass the word on to who has not been told yet. The second time it forces the end, and so everybody hears it."""
        told = set() if self.stopping else self.retired
        self.stopping = True
        self.close_listener()
        self.tell(set(self.workers) - told, number)

    def on_reload(self) -> None:
        """Put new workers in the place of the old ones."""
        if not self.stopping:
            task = self.loop.create_task(self.reload())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def reload(self) -> None:
        """Start new workers, and tell the old ones to drain when the new ones accept: at no time does nobody accept."""
        old = list(self.workers)
        await self.start_workers()
        self.retire(old)

    def retire(self, pids: Iterable[int]) -> None:
        """Tell workers to drain, of which nothing more is expected."""
        self.retired |= set(pids)
        self.tell(pids, signal.SIGTERM)
