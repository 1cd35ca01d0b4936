"""The ASGI WebSocket of docs/gate.md, called directly: the server's side is two queues, the gate is a real socket."""

import asyncio

import pytest

from tests.test_gate_asgi import converse

SCOPE = {"type": "websocket", "path": "/ws/one", "query_string": b"a=b"}
CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}


async def entered(gated):
    await gated.call(SCOPE, CONNECT)
    assert await gated.line() == "entered one WEBSOCKET /ws/one?a=b"
    assert gated.sent() == [ACCEPT]


def test_messages_are_of_the_pattern_and_a_finish_closes(monkeypatch):
    async def conversation(gated):
        await entered(gated)
        for order, report in (("send 11", "sent 11"), ("send 0", "sent 0"), ("finish 3", "finished 14")):
            gated.order(order)
            assert await gated.line() == report
        assert await gated.line() == ""
        await gated.task
        *messages, close = gated.sent()
        assert [message["bytes"] for message in messages] == [b"lastcall\nla", b"", b"las"]
        assert close == {"type": "websocket.close", "code": 1000}

    converse(monkeypatch, conversation)


def test_a_finish_of_nothing_only_closes(monkeypatch):
    async def conversation(gated):
        await entered(gated)
        gated.order("finish 0")
        assert await gated.line() == "finished 0"
        await gated.task
        assert [message["type"] for message in gated.sent()] == ["websocket.close"]

    converse(monkeypatch, conversation)


@pytest.mark.parametrize(("fields", "code"), [({"code": 1001}, 1001), ({}, 1005)])
def test_the_end_is_reported_with_its_code(monkeypatch, fields, code):
    async def conversation(gated):
        await entered(gated)
        gated.to_app.put_nowait({"type": "websocket.receive", "text": "unexpected"})
        gated.to_app.put_nowait({"type": "websocket.disconnect"} | fields)
        assert await gated.line() == f"closed {code}"
        assert await gated.line() == ""
        await gated.task

    converse(monkeypatch, conversation)


def test_after_a_failed_send_the_server_reports_why(monkeypatch):
    async def conversation(gated):
        gated.from_app = FailingQueue(gated)
        await gated.call(SCOPE, CONNECT)
        assert await gated.line() == "entered one WEBSOCKET /ws/one?a=b"
        gated.order("send 9")
        assert await gated.line() == "closed 1006"
        await gated.task

    converse(monkeypatch, conversation)


class FailingQueue:
    def __init__(self, gated):
        self.gated = gated

    async def put(self, message):
        if message["type"] == "websocket.send":
            self.gated.to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})
            raise ConnectionResetError


def test_an_error_in_the_handler_is_reported_and_raised(monkeypatch):
    async def conversation(gated):
        await entered(gated)
        gated.order("send nine")
        assert (await gated.line()).startswith("failed ValueError")
        with pytest.raises(ValueError, match="nine"):
            await gated.task

    converse(monkeypatch, conversation)


def test_a_cancelled_handler_closes_its_gate_without_a_report(monkeypatch):
    async def conversation(gated):
        await entered(gated)
        gated.task.cancel()
        assert await gated.line() == ""
        with pytest.raises(asyncio.CancelledError):
            await gated.task

    converse(monkeypatch, conversation)
