"""A connection becomes a WebSocket: by the step, and over HTTP/1.1 alone."""

import asyncio
import socket

import pytest

from conformance.limits import DEFAULT
from conformance.registry import find
from conformance.server import Protocol
from conformance.stage.bill import Bill
from conformance.stage.house import House
from conformance.stage.probe import Probe
from conformance.stage.recorder import Recorder
from conformance.stage.watch import Watch
from conformance.timeline import Connect, OpenWebSocket, Pace
from conformance.trace import (
    CloseReceived,
    CloseSent,
    FinReceived,
    HandlerEntered,
    HandlerReported,
    MessageReceived,
    Play,
    RequestSent,
    ResponseStarted,
    ServerExited,
    SignalSent,
    WebSocketAsked,
    WebSocketOpened,
)

FOUND = find()
TOLD = (
    CloseReceived,
    CloseSent,
    FinReceived,
    HandlerEntered,
    MessageReceived,
    RequestSent,
    ResponseStarted,
    ServerExited,
    SignalSent,
    WebSocketAsked,
    WebSocketOpened,
)


def test_the_whole_life_of_a_websocket(tmp_path):
    scenario, server = FOUND.scenarios["websocket-open"], FOUND.servers["reference"]
    with House() as house:
        (trace,) = house.play_all([Bill(scenario, server, Protocol.H1, Pace.FAST, DEFAULT)], tmp_path)
    first = ["WebSocketAsked", "WebSocketOpened"]
    names = [type(event).__name__ for event in trace.events if isinstance(event, TOLD)]
    assert [name for name in names if name != "HandlerEntered"] == [
        *first,
        "MessageReceived",
        "SignalSent",
        "CloseReceived",
        "CloseSent",
        "FinReceived",
        "ServerExited",
    ]
    assert trace.of(HandlerEntered)[0].fits(HandlerEntered("a", "WEBSOCKET", "/ws/a"))
    assert [event.report for event in trace.of(HandlerReported)] == ["sent 9", "closed 1001"]


def test_http2_connections_do_not_become_websockets():
    async def ask(listener):
        recorder = Recorder(Play("s", "s", "h2c", "fast"), Watch())
        probe = Probe(Connect("a"), recorder, Protocol.H2C, listener.getsockname()[1])
        assert await probe.connect(DEFAULT, None)
        try:
            probe.open_websocket(OpenWebSocket("a"))
        finally:
            probe.abandon()

    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TypeError, match=r"not an HTTP/1\.1"):
        asyncio.run(ask(listener))
