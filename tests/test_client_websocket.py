"""A WebSocket by the step: over HTTP/1.1 the connection becomes one, over HTTP/2 a stream does."""

import asyncio
import socket

import pytest

from lastcall.conformance.harness.client.connection import ClientConnection
from lastcall.conformance.harness.client.transport import Endpoint
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.loop_clock import LoopClock
from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.client_events import (
    CloseReceived,
    CloseSent,
    MessageReceived,
    RequestSent,
    ResponseStarted,
    WebSocketAsked,
    WebSocketOpened,
)
from lastcall.conformance.model.client_steps import Connect, OpenWebSocket
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerFinished,
    HandlerReported,
    ServerExited,
    SignalSent,
)
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.trace import Play
from lastcall.registry import find
from tests.ends import fin_received, kind_of

FOUND = find()
TOLD = (
    CloseReceived,
    CloseSent,
    fin_received,
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
    with Environment() as environment:
        (trace,) = play_all(environment, [Case(scenario, server, Protocol.H1, Pace.FAST, DEFAULT)], tmp_path)
    first = ["WebSocketAsked", "WebSocketOpened"]
    names = [type(event).__name__ for event in trace.events if kind_of(event) in TOLD]
    # The handler's gate, the client's socket and the process are three sources: each has an order of its own.
    assert [name for name in names if name not in ("HandlerEntered", "ServerExited")] == [
        *first,
        "MessageReceived",
        "SignalSent",
        "CloseReceived",
        "CloseSent",
        "ConnectionEnded",
    ]
    assert names.count("ServerExited") == 1
    assert trace.of(HandlerEntered)[0].fits(HandlerEntered("a", "WEBSOCKET", "/ws/a"))
    assert [event.report for event in trace.of(HandlerReported)] == ["sent 9", "closed 1001"]


def test_the_whole_life_of_a_websocket_over_http2(tmp_path):
    scenario, server = FOUND.scenarios["websocket-over-h2"], FOUND.servers["reference"]
    with Environment() as environment:
        (trace,) = play_all(environment, [Case(scenario, server, Protocol.H2C, Pace.FAST, DEFAULT)], tmp_path)
    of_socket = [event for event in trace.events if getattr(event, "request", "") == "socket"]
    names = [type(event).__name__ for event in of_socket if not type(event).__name__.startswith("Handler")]
    assert names == [
        "WebSocketAsked",
        "WebSocketOpened",
        "MessageReceived",
        "CloseReceived",
        "CloseSent",
        "ResponseEnded",
        "RequestEnded",
    ]
    assert trace.of(WebSocketAsked)[0].fits(WebSocketAsked("socket", "a", "/ws/socket", 3))
    assert [event.report for event in trace.of(HandlerReported)] == ["sent 9", "closed 1001"]
    assert [event.request for event in trace.of(RequestSent)] == ["beside"]
    assert [event.request for event in trace.of(HandlerFinished)] == ["beside"]


def test_a_websocket_does_not_become_another():
    async def ask_twice(listener):
        recorder = Recorder(Play("s", "s", "h1", "fast"), LoopClock())
        opened = ClientConnection(Connect("a"), recorder, Endpoint(Protocol.H1, listener.getsockname()[1]))
        assert await opened.connect(DEFAULT)
        try:
            opened.open_websocket(OpenWebSocket("a"))
            opened.open_websocket(OpenWebSocket("a", "b"))
        finally:
            opened.abandon()

    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TypeError, match="a WebSocket already"):
        asyncio.run(ask_twice(listener))
