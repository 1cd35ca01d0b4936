"""The ASGI WebSocket of docs/gate.md, called directly: the server's side is two queues, the gate is a real socket."""

import asyncio

import pytest

from tests.test_gate_asgi import play

SCOPE = {"type": "websocket", "path": "/ws/one", "query_string": b"a=b"}
CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}


async def entered(server_session):
    await server_session.call(SCOPE, CONNECT)
    assert await server_session.line() == "entered one WEBSOCKET /ws/one?a=b"
    assert server_session.sent() == [ACCEPT]


def test_messages_are_of_the_pattern_and_a_finish_closes(monkeypatch):
    async def story(server_session):
        await entered(server_session)
        for order, report in (("send 11", "sent 11"), ("send 0", "sent 0"), ("finish 3", "finished 14")):
            server_session.order(order)
            assert await server_session.line() == report
        assert await server_session.line() == ""
        await server_session.task
        *messages, close = server_session.sent()
        assert [message["bytes"] for message in messages] == [b"lastcall\nla", b"", b"las"]
        assert close == {"type": "websocket.close", "code": 1000}

    play(monkeypatch, story)


def test_a_finish_of_nothing_only_closes(monkeypatch):
    async def story(server_session):
        await entered(server_session)
        server_session.order("finish 0")
        assert await server_session.line() == "finished 0"
        await server_session.task
        assert [message["type"] for message in server_session.sent()] == ["websocket.close"]

    play(monkeypatch, story)


@pytest.mark.parametrize(("told", "code"), [({"code": 1001}, 1001), ({}, 1005)])
def test_the_end_is_reported_with_its_code(monkeypatch, told, code):
    async def story(server_session):
        await entered(server_session)
        server_session.to_app.put_nowait({"type": "websocket.receive", "text": "not asked for"})
        server_session.to_app.put_nowait({"type": "websocket.disconnect"} | told)
        assert await server_session.line() == f"closed {code}"
        assert await server_session.line() == ""
        await server_session.task

    play(monkeypatch, story)


def test_who_cannot_send_waits_to_be_told_why(monkeypatch):
    async def story(server_session):
        server_session.from_app = FailingQueue(server_session)
        await server_session.call(SCOPE, CONNECT)
        assert await server_session.line() == "entered one WEBSOCKET /ws/one?a=b"
        server_session.order("send 9")
        assert await server_session.line() == "closed 1006"
        await server_session.task

    play(monkeypatch, story)


class FailingQueue:
    def __init__(self, server_session):
        self.server_session = server_session

    async def put(self, message):
        if message["type"] == "websocket.send":
            self.server_session.to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})
            raise ConnectionResetError


def test_an_error_in_the_handler_is_reported_and_raised(monkeypatch):
    async def story(server_session):
        await entered(server_session)
        server_session.order("send nine")
        assert (await server_session.line()).startswith("failed ValueError")
        with pytest.raises(ValueError, match="nine"):
            await server_session.task

    play(monkeypatch, story)


def test_a_cancelled_handler_closes_its_gate_without_a_word(monkeypatch):
    async def story(server_session):
        await entered(server_session)
        server_session.task.cancel()
        assert await server_session.line() == ""
        with pytest.raises(asyncio.CancelledError):
            await server_session.task

    play(monkeypatch, story)
