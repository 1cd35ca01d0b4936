"""Workers, identified by the connections that they hold: real processes, found in the kernel's tables."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from lastcall.conformance.harness.process.ports import own_port
from lastcall.conformance.harness.process.process_sessions import ProcessSessions
from lastcall.conformance.harness.process.server_process import ServerProcess
from lastcall.conformance.harness.process.workers import Workers
from lastcall.conformance.model.client_events import ConnectionOpened
from lastcall.conformance.model.server_events import (
    ConnectionAccepted,
    OutputWritten,
    WorkerSignalled,
)
from tests.support import perform

FORKED = r"""
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
for _worker in range(2):
    if os.fork() == 0:
        client, _ = listener.accept()
        os.write(1, f"accepted {os.getpid()} {client.getpeername()[1]}\n".encode())
        time.sleep(60)
print("forked", flush=True)
time.sleep(60)
"""
"""Two workers that accept one connection each, and a first process that accepts none."""


def on_stage(work):
    """Start the workers, connect to each, and leave one connection in the queue; then run a function with them."""

    async def server_session(recorder):
        process_sessions = ProcessSessions()
        with own_port() as port:
            process = ServerProcess(process_sessions, recorder, port)
            process.start([sys.executable, "-c", FORKED, str(port)], Path.cwd(), dict(os.environ))
            try:
                assert await recorder.wait(lambda: recorder.has(OutputWritten(text="forked")), 10)
                clients = {name: await connect(recorder, name, port) for name in ("a", "b", "queued")}
                accepted = {line.split()[2]: int(line.split()[1]) for line in await said(recorder)}
                pids = {name: accepted.get(str(client.getsockname()[1])) for name, client in clients.items()}
                await work(recorder, Workers(recorder, process, port), pids)
                for client in clients.values():
                    client.close()
            finally:
                await process.end("the test is over")
                process_sessions.close()

    return perform(server_session)


async def connect(recorder, name, port):
    client = socket.create_connection(("127.0.0.1", port))
    recorder.did(ConnectionOpened(name, client.getsockname()[1]))
    return client


async def said(recorder):
    def lines():
        return [written.text for written in recorder.trace.of(OutputWritten) if written.text.startswith("accepted")]

    assert await recorder.wait(lambda: len(lines()) > 1, 10)
    return lines()


def test_each_connection_is_found_in_the_process_that_accepted_it():
    async def find(recorder, workers, pids):
        workers.find()
        held = {accepted.connection: accepted.pids for accepted in recorder.trace.of(ConnectionAccepted)}
        accepted = {name: pid for name, pid in pids.items() if pid is not None}
        assert len(accepted) == 2
        assert held == {name: (pid,) for name, pid in accepted.items()}, "what waits in the queue is nobody's"

    on_stage(find)


def test_the_worker_of_a_connection_can_be_stopped_and_killed_alone():
    async def signal(recorder, workers, pids):
        first, second = (name for name, pid in pids.items() if pid is not None)
        assert not workers.signal(first, "kill"), "it has not been looked for"
        workers.find()
        assert workers.signal(first, "pause")
        assert workers.signal(first, "resume")
        assert workers.signal(first, "kill")
        await gone(pids[first])
        assert not workers.signal(first, "resume"), "it has ended"
        assert workers.signal(second, "resume")
        sent = [
            (signalled.connection, signalled.pid, signalled.signal) for signalled in recorder.trace.of(WorkerSignalled)
        ]
        assert [signal for _connection, _pid, signal in sent] == ["SIGSTOP", "SIGCONT", "SIGKILL", "SIGCONT"]
        assert {(connection, pid) for connection, pid, _signal in sent} == {
            (first, pids[first]),
            (second, pids[second]),
        }

    on_stage(signal)


async def gone(pid):
    """Wait until a process has ended: a pidfd also works for processes of others."""
    ended = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    asyncio.get_running_loop().add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(10):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


@pytest.mark.parametrize("role", ["pause", "kill"])
def test_no_process_is_signalled_for_a_connection_that_none_holds(role):
    async def signal(recorder, workers, _pids):
        workers.find()
        assert not workers.signal("queued", role) or recorder.has(ConnectionAccepted("queued"))
        assert not workers.signal("never", role)

    on_stage(signal)
