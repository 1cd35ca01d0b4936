"""The ASGI application of docs/gate.md, called directly: the server's side is two queues, the gate is a real socket."""

import asyncio

import pytest

from lastcall.servers.apps.asgi import application

SCOPE = {"type": "http", "method": "GET", "path": "/hold/one", "query_string": b"", "headers": []}
WHOLE = {"type": "http.request", "body": b"", "more_body": False}
DISCONNECT = {"type": "http.disconnect"}


class Stage:
    """One gate, and one call of the application."""

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


def play(monkeypatch, story):
    async def run():
        async with asyncio.timeout(10), Stage() as server_session:
            monkeypatch.setenv("LASTCALL_GATE", server_session.address)
            await story(server_session)

    asyncio.run(run())


def test_a_finish_alone_is_one_piece_with_its_length(monkeypatch):
    async def story(server_session):
        await server_session.call(SCOPE | {"query_string": b"a=b"})
        assert await server_session.line() == "entered one GET /hold/one?a=b"
        server_session.order("finish 11")
        assert await server_session.line() == "finished 11"
        assert await server_session.line() == ""
        await server_session.task
        start, body = server_session.sent()
        assert (start["status"], dict(start["headers"])[b"content-length"]) == (200, b"11")
        assert body == {"type": "http.response.body", "body": b"lastcall\nla", "more_body": False}

    play(monkeypatch, story)


def test_pieces_go_on_where_the_last_one_ended(monkeypatch):
    async def story(server_session):
        await server_session.call()
        await server_session.line()
        for order, report in (("send 0", "sent 0"), ("send 100000", "sent 100000"), ("finish 2", "finished 100002")):
            server_session.order(order)
            assert await server_session.line() == report
        start, *pieces = server_session.sent()
        assert b"content-length" not in dict(start["headers"])
        assert [piece["more_body"] for piece in pieces] == [True, True, True, False]
        assert b"".join(piece["body"] for piece in pieces) == (b"lastcall\n" * 12000)[:100002]

    play(monkeypatch, story)


def test_the_body_is_read_when_that_is_ordered(monkeypatch):
    async def story(server_session):
        await server_session.call(
            SCOPE | {"method": "POST"}, {"type": "http.request", "body": b"abc", "more_body": True}
        )
        assert await server_session.line() == "entered one POST /hold/one"
        assert server_session.to_app.qsize() == 1
        server_session.order("read")
        server_session.to_app.put_nowait({"type": "http.request", "body": b"de"})
        assert await server_session.line() == "read 5"
        server_session.order("finish 0")
        assert await server_session.line() == "finished 0"

    play(monkeypatch, story)


def test_a_body_that_is_cut_is_not_said_to_be_read(monkeypatch):
    async def story(server_session):
        await server_session.call(SCOPE | {"method": "POST"}, DISCONNECT)
        await server_session.line()
        server_session.order("read")
        assert await server_session.line() == "disconnected"
        assert (await server_session.line()).startswith("failed ConnectionError")
        await server_session.task

    play(monkeypatch, story)


def test_a_disconnect_is_told_and_orders_are_still_obeyed(monkeypatch):
    async def story(server_session):
        await server_session.call()
        await server_session.line()
        server_session.to_app.put_nowait(DISCONNECT)
        assert await server_session.line() == "disconnected"
        server_session.order("finish 9")
        assert await server_session.line() == "finished 9"

    play(monkeypatch, story)


def test_a_cancelled_handler_only_closes(monkeypatch):
    async def story(server_session):
        await server_session.call()
        await server_session.line()
        server_session.task.cancel()
        assert await server_session.reader.read() == b""

    play(monkeypatch, story)


def test_a_gate_that_goes_fails_the_handler(monkeypatch):
    async def story(server_session):
        await server_session.call()
        await server_session.line()
        server_session.writer.close()
        with pytest.raises(EOFError):
            await server_session.task

    play(monkeypatch, story)


def test_the_lifespan_is_reported(monkeypatch):
    async def story(server_session):
        await server_session.call({"type": "lifespan"}, {"type": "lifespan.startup"})
        assert (await server_session.line()).endswith(" startup")
        server_session.to_app.put_nowait({"type": "lifespan.shutdown"})
        assert (await server_session.line()).endswith(" shutdown begun")
        assert [each["type"] for each in server_session.sent()] == ["lifespan.startup.complete"]
        server_session.order("proceed")
        assert (await server_session.line()).endswith(" shutdown ended")
        await server_session.task
        assert [each["type"] for each in server_session.sent()] == ["lifespan.shutdown.complete"]

    play(monkeypatch, story)


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
    assert [each["type"] for each in life] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    start, body = asyncio.run(answers(SCOPE | {"path": "/ready"}))
    assert (start["status"], body["body"]) == (200, b"ready\n")
    assert asyncio.run(answers(SCOPE | {"path": "/else"}))[0]["status"] == 404
    with pytest.raises((OSError, KeyError)):
        asyncio.run(answers(SCOPE))
