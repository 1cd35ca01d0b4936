"""The origin behind proxies, without a proxy: it keeps the whole contract of docs/gate.md itself."""

import asyncio

import pytest

from lastcall.conformance.harness.client.clients import Clients
from lastcall.conformance.harness.client.transport import Endpoint
from lastcall.conformance.harness.contract import CONTRACT
from lastcall.conformance.harness.gate.gate import Gate
from lastcall.conformance.harness.gate.origin import Origin
from lastcall.conformance.harness.process.process_sessions import ProcessSessions
from lastcall.conformance.harness.process.server_process import ServerProcess
from lastcall.conformance.harness.server_session import ServerSession
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFinished,
    HandlerOrdered,
    HandlerReported,
)
from tests.support import QUICK, perform


def behind(work):
    """Run a coroutine function with an origin, its gate, and the recorder; return the events."""

    async def with_origin(recorder):
        gate = Gate(recorder)
        await gate.open()
        origin = Origin(gate.address)
        await origin.open()
        try:
            await work(origin, gate, recorder)
        finally:
            await origin.close()
            gate.close()

    return perform(with_origin)


@pytest.mark.parametrize("article", CONTRACT, ids=lambda article: article.__name__)
def test_origin_keeps_the_contract(article):
    process_sessions = ProcessSessions()

    async def work(origin, gate, recorder):
        port = int(origin.address.rpartition(":")[2])
        clients = Clients(recorder, Endpoint(Protocol.H1, port), QUICK)
        process = ServerProcess(process_sessions, recorder, port)
        await article(ServerSession(recorder, gate, process, clients, Protocol.H1, QUICK))
        clients.abandon()

    try:
        assert isinstance(behind(work), list)
    finally:
        process_sessions.close()


def speak(request, conduct):
    """Send a request by hand, go on as ``conduct`` says, and return the events."""

    async def work(origin, gate, recorder):
        reader, writer = await asyncio.open_connection(*origin.address.split(":"))
        writer.write(request)
        await conduct(reader, writer, gate, recorder)
        writer.close()

    return behind(work)


GET = b"GET /hold/r HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def test_handler_whose_client_closes_is_cancelled():
    async def conduct(_reader, writer, _gate, recorder):
        assert await recorder.wait(lambda: recorder.has(HandlerEntered("r")), 20)
        writer.close()
        assert await recorder.wait(lambda: recorder.has(HandlerCancelled("r")), 20)

    assert [type(event) for event in speak(GET, conduct)] == [HandlerEntered, HandlerCancelled]


def test_client_that_waits_for_100_gets_it():
    async def conduct(reader, writer, gate, recorder):
        gate.order("r", "read")
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        writer.write(b"hello")
        gate.order("r", "finish 9")
        assert b"HTTP/1.1 200" in await reader.read()
        assert recorder.has(HandlerReported("r", "read 5"))

    head = b"POST /hold/r HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    assert speak(head, conduct)


def test_orders_that_came_early_are_obeyed_in_their_order():
    async def conduct(reader, _writer, gate, recorder):
        for order in ("send 9", "send 1", "finish 0"):
            gate.order("r", order)
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        assert await recorder.wait(lambda: recorder.has(HandlerFinished("r", 10)), 20)

    kinds = [type(event) for event in speak(GET, conduct)]
    assert kinds[:4] == [HandlerEntered, HandlerOrdered, HandlerOrdered, HandlerOrdered]


@pytest.mark.parametrize("request_bytes", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x00\xa5", b"GET / HTTP/1.1\r\n", b""])
def test_what_is_no_request_reaches_no_handler_and_ends(request_bytes):
    async def conduct(reader, writer, _gate, _recorder):
        writer.write_eof()
        assert await reader.read() == b""

    assert speak(request_bytes, conduct) == []


def test_origin_that_closes_ends_what_it_still_holds():
    async def work(origin, _gate, recorder):
        reader, writer = await asyncio.open_connection(*origin.address.split(":"))
        writer.write(GET)
        assert await recorder.wait(lambda: recorder.has(HandlerEntered("r")), 20)
        await origin.close()
        assert await reader.read() == b""
        writer.close()

    assert HandlerEntered in [type(event) for event in behind(work)]


def test_connection_lasts_for_as_long_as_the_proxy_wants():
    async def conduct(reader, writer, gate, recorder):
        for name in ("one", "two"):
            writer.write(f"GET /hold/{name} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            gate.order(name, "finish 9")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(9) == b"lastcall\n"
            assert await recorder.wait(lambda: recorder.has(HandlerFinished(name, 9)), 20)  # noqa: B023 - awaited here

    assert speak(b"", conduct)
