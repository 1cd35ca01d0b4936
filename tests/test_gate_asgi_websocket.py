"""The ASGI WebSocket of docs/gate.md, called directly: the server's side is two queues, the gate is a real socket."""

import asyncio

import pytest

from tests.test_gate_asgi import play

SCOPE = {"type": "websocket", "path": "/ws/one", "query_string": b"a=b"}
CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}


async def entered(stage):
    await stage.call(SCOPE, CONNECT)
    assert await stage.line() == "entered one WEBSOCKET /ws/one?a=b"
    assert stage.sent() == [ACCEPT]


def test_messages_are_of_the_pattern_and_a_finish_closes(monkeypatch):
    async def story(stage):
        await entered(stage)
        for order, report in (("send 11", "sent 11"), ("send 0", "sent 0"), ("finish 3", "finished 14")):
            stage.order(order)
            assert await stage.line() == report
        assert await stage.line() == ""
        await stage.task
        *messages, close = stage.sent()
        assert [message["bytes"] for message in messages] == [b"lastcall\nla", b"", b"las"]
        assert close == {"type": "websocket.close", "code": 1000}

    play(monkeypatch, story)


def test_a_finish_of_nothing_only_closes(monkeypatch):
    async def story(stage):
        await entered(stage)
        stage.order("finish 0")
        assert await stage.line() == "finished 0"
        await stage.task
        assert [message["type"] for message in stage.sent()] == ["websocket.close"]

    play(monkeypatch, story)


@pytest.mark.parametrize(("told", "code"), [({"code": 1001}, 1001), ({}, 1005)])
def test_the_end_is_reported_with_its_code(monkeypatch, told, code):
    async def story(stage):
        await entered(stage)
        stage.to_app.put_nowait({"type": "websocket.receive", "text": "not asked for"})
        stage.to_app.put_nowait({"type": "websocket.disconnect"} | told)
        assert await stage.line() == f"closed {code}"
        assert await stage.line() == ""
        await stage.task

    play(monkeypatch, story)


def test_who_cannot_send_waits_to_be_told_why(monkeypatch):
    async def story(stage):
        stage.from_app = FailingQueue(stage)
        await stage.call(SCOPE, CONNECT)
        assert await stage.line() == "entered one WEBSOCKET /ws/one?a=b"
        stage.order("send 9")
        assert await stage.line() == "closed 1006"
        await stage.task

    play(monkeypatch, story)


class FailingQueue:
    def __init__(self, stage):
        self.stage = stage

    async def put(self, message):
        if message["type"] == "websocket.send":
            self.stage.to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})
            raise ConnectionResetError


def test_an_error_in_the_handler_is_reported_and_raised(monkeypatch):
    async def story(stage):
        await entered(stage)
        stage.order("send nine")
        assert (await stage.line()).startswith("failed ValueError")
        with pytest.raises(ValueError, match="nine"):
            await stage.task

    play(monkeypatch, story)


def test_a_cancelled_handler_closes_its_gate_without_a_word(monkeypatch):
    async def story(stage):
        await entered(stage)
        stage.task.cancel()
        assert await stage.line() == ""
        with pytest.raises(asyncio.CancelledError):
            await stage.task

    play(monkeypatch, story)
