"""WebSockets in the report's lanes: on literal traces of a few events."""

import pytest

from lastcall.conformance.model.client_events import (
    CloseReceived,
    CloseSent,
    ConnectionOpened,
    MessageCut,
    MessageReceived,
    WebSocketAsked,
    WebSocketOpened,
    WebSocketRefused,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerReported,
    ServerReady,
)
from lastcall.reports.lanes import lanes
from tests.ends import fin_received
from tests.traces import SIGNAL, at, trace

OPEN = (
    at(-4, ServerReady()),
    at(-3, ConnectionOpened("a")),
    at(-2.9, WebSocketAsked("w", "a", "/ws/w")),
    at(-2.8, WebSocketOpened("w")),
    at(-2.7, HandlerEntered("w")),
    SIGNAL,
)


def lane_of(*events):
    _process, connection, websocket = lanes(trace(*OPEN, *events)).lanes
    assert (connection.name, websocket.name, websocket.note) == ("a", "w", "WebSocket /ws/w")
    return websocket


def test_a_websocket_has_a_lane_of_its_own():
    end = at(0.4, HandlerReported("w", "closed 1001"))
    lane = lane_of(at(0.2, CloseReceived("w", 1001)), at(0.3, CloseSent("w", 1001)), at(0.35, fin_received("a")), end)
    assert [(bar.kind, bar.end, bar.end_ns) for bar in lane.bars] == [
        ("request", "whole", at(0.35, end).end_ns),
        ("handler", "finished", end.end_ns),
    ]
    assert [mark.text for mark in lane.markers] == ["Close 1001", "client Close"]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (CloseReceived("w", 0), "Close"),
        (MessageCut("w", 5), "cut"),
        (MessageReceived("w", 5), ""),
        (WebSocketRefused("w", 503), "503"),
    ],
)
def test_marks_of_a_websocket(event, text):
    (mark,) = lane_of(at(0.2, event)).markers
    assert mark.text == text


def test_a_handler_that_was_cancelled_or_never_ended():
    assert lane_of(at(0.2, HandlerCancelled("w"))).bars[1].end == "cancelled"
    assert lane_of(at(0.2, fin_received("a"))).bars[1].end == "open"
    assert lane_of(at(0.2, fin_received("a"))).bars[0].end == "none"
