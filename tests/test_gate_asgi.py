"""The ASGI application of docs/gate.md, called directly: the server's side is two queues, the gate is a real socket."""

import asyncio

import pytest

from lastcall.servers.apps.asgi import application

SCOPE = {"type": "http", "method": "GET", "path": "/hold/one", "query_string": b"", "headers": []}
WHOLE = {"type": "http.request", "body": b"", "more_body": False}
DISCONNECT = {"type": "http.disconnect"}


class GatedApplication:
    """One call of the application, with the gate that it reports to."""

    async def __aenter__(self):
        self.accepted = asyncio.Queue()
        self.gate = await asyncio.start_server(lambda *pair: self.accepted.put_nowait(pair), "127.0.0.1", 0)
        host, port = self.gate.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        self.to_app, self.from_app = asyncio.Queue(), asyncio.Queue()
        return self

    async def __aexit__(self, *_):
        self.gate.close()
        self.writer.close()

    async def call(self, scope=SCOPE, first=WHOLE):
        self.to_app.put_nowait(first)
        self.task = asyncio.ensure_future(application(scope, self.to_app.get, self.from_app.put))
        self.reader, self.writer = await self.accepted.get()

    async def line(self):
        return (await self.reader.readline()).decode().rstrip("\n")

    def order(self, line):
        self.writer.write(line.encode() + b"\n")

    def sent(self):
        return [self.from_app.get_nowait() for _ in range(self.from_app.qsize())]


def converse(monkeypatch, conversation):
    async def run():
        async with asyncio.timeout(10), GatedApplication() as gated:
            monkeypatch.setenv("LASTCALL_GATE", gated.address)
            await conversation(gated)

    asyncio.run(run())


def test_a_finish_alone_is_one_piece_with_its_length(monkeypatch):
    async def conversation(gated):
        await gated.call(SCOPE | {"query_string": b"a=b"})
        assert await gated.line() == "entered one GET /hold/one?a=b"
        gated.order("finish 11")
        assert await gated.line() == "finished 11"
        assert await gated.line() == ""
        await gated.task
        start, body = gated.sent()
        assert (start["status"], dict(start["headers"])[b"content-length"]) == (200, b"11")
        assert body == {"type": "http.response.body", "body": b"lastcall\nla", "more_body": False}

    converse(monkeypatch, conversation)


def test_pieces_go_on_where_the_last_one_ended(monkeypatch):
    async def conversation(gated):
        await gated.call()
        await gated.line()
        for order, report in (("send 0", "sent 0"), ("send 100000", "sent 100000"), ("finish 2", "finished 100002")):
            gated.order(order)
            assert await gated.line() == report
        start, *pieces = gated.sent()
        assert b"content-length" not in dict(start["headers"])
        assert [piece["more_body"] for piece in pieces] == [True, True, True, False]
        assert b"".join(piece["body"] for piece in pieces) == (b"lastcall\n" * 12000)[:100002]

    converse(monkeypatch, conversation)


def test_the_body_is_read_on_an_order(monkeypatch):
    async def conversation(gated):
        await gated.call(SCOPE | {"method": "POST"}, {"type": "http.request", "body": b"abc", "more_body": True})
        assert await gated.line() == "entered one POST /hold/one"
        assert gated.to_app.qsize() == 1
        gated.order("read")
        gated.to_app.put_nowait({"type": "http.request", "body": b"de"})
        assert await gated.line() == "read 5"
        gated.order("finish 0")
        assert await gated.line() == "finished 0"

    converse(monkeypatch, conversation)


def test_a_body_that_is_cut_is_not_reported_as_read(monkeypatch):
    async def conversation(gated):
        await gated.call(SCOPE | {"method": "POST"}, DISCONNECT)
        await gated.line()
        gated.order("read")
        assert await gated.line() == "disconnected"
        assert (await gated.line()).startswith("failed ConnectionError")
        await gated.task

    converse(monkeypatch, conversation)


def test_a_disconnect_is_reported_and_orders_are_still_executed(monkeypatch):
    async def conversation(gated):
        await gated.call()
        await gated.line()
        gated.to_app.put_nowait(DISCONNECT)
        assert await gated.line() == "disconnected"
        gated.order("finish 9")
        assert await gated.line() == "finished 9"

    converse(monkeypatch, conversation)


def test_a_cancelled_handler_only_closes(monkeypatch):
    async def conversation(gated):
        await gated.call()
        await gated.line()
        gated.task.cancel()
        assert await gated.reader.read() == b""

    converse(monkeypatch, conversation)


def test_a_gate_that_goes_fails_the_handler(monkeypatch):
    async def conversation(gated):
        await gated.call()
        await gated.line()
        gated.writer.close()
        with pytest.raises(EOFError):
            await gated.task

    converse(monkeypatch, conversation)


def test_the_lifespan_is_reported(monkeypatch):
    async def conversation(gated):
        await gated.call({"type": "lifespan"}, {"type": "lifespan.startup"})
        assert (await gated.line()).endswith(" startup")
        gated.to_app.put_nowait({"type": "lifespan.shutdown"})
        assert (await gated.line()).endswith(" shutdown begun")
        assert [message["type"] for message in gated.sent()] == ["lifespan.startup.complete"]
        gated.order("proceed")
        assert (await gated.line()).endswith(" shutdown ended")
        await gated.task
        assert [message["type"] for message in gated.sent()] == ["lifespan.shutdown.complete"]

    converse(monkeypatch, conversation)


@pytest.mark.parametrize("address", [None, "127.0.0.1:1"])
def test_without_a_gate_the_rest_works(monkeypatch, address):
    monkeypatch.delenv("LASTCALL_GATE", raising=False)
    if address:
        monkeypatch.setenv("LASTCALL_GATE", address)

    async def answers(scope, *messages):
        to_app, from_app = asyncio.Queue(), asyncio.Queue()
        for message in messages:
            to_app.put_nowait(message)
        await application(scope, to_app.get, from_app.put)
        return [from_app.get_nowait() for _ in range(from_app.qsize())]

    life = asyncio.run(answers({"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))
    assert [message["type"] for message in life] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    start, body = asyncio.run(answers(SCOPE | {"path": "/ready"}))
    assert (start["status"], body["body"]) == (200, b"ready\n")
    assert asyncio.run(answers(SCOPE | {"path": "/else"}))[0]["status"] == 404
    with pytest.raises((OSError, KeyError)):
        asyncio.run(answers(SCOPE))
