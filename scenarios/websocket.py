"""WebSockets that are open when the shutdown comes.

A WebSocket has no last response after which it could be closed: the server has to end it, and a Close frame tells its
client that this is no accident. Over HTTP/2 (RFC 8441) it is a stream beside others, which go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks import closing, serving, websocket
from lastcall.conformance.model.client_events import (
    FIN,
    SERVER,
    CloseReceived,
    ConnectionEnded,
    GoawayReceived,
    MessageReceived,
    ResponseEnded,
    WebSocketOpened,
)
from lastcall.conformance.model.client_steps import (
    ClosePolicy,
    Connect,
    OpenWebSocket,
    PauseReading,
    Request,
    ResumeReading,
)
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server import Feature
from lastcall.conformance.model.server_events import HandlerEntered, ServerExited
from lastcall.conformance.model.step import Duration, Step
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReleaseHandler,
    SendChunk,
    Shutdown,
)
from lastcall.scenarios.usual import ENDING, GOAWAY, HTTP1, HTTP2, IN_FLIGHT

if TYPE_CHECKING:
    from lastcall.conformance.model.check import Check

NEEDS = frozenset({Feature.WEBSOCKET})
NEEDS_H2 = frozenset({Feature.WEBSOCKET_H2})
LONG_MESSAGE = 1024 * 1024
"""As long as every server's default allows a message to be."""
MESSAGES = 8
"""Together more than the kernel's buffers hold, so that they cannot all have been sent to a client that does not read."""

CLOSE: tuple[Check, ...] = (
    websocket.websocket_close_is_sent,
    websocket.websocket_close_says_going_away,
    websocket.websocket_close_code_is_allowed,
    websocket.websocket_close_is_the_last_word,
    websocket.websocket_end_is_told_to_the_application,
    closing.connections_end_without_reset,
    closing.close_notify_precedes_fin,
)


END: tuple[Check, ...] = tuple(check for check in ENDING if check is not serving.requests_by_fate)
"""A WebSocket is no request that has a fate."""


def _in_use(name: str, close_policy: ClosePolicy, receive_buffer: int = 0) -> list[Step]:
    """Return the steps that open a WebSocket on a connection of its own and show that it works."""
    return [Connect(name, close_policy, receive_buffer=receive_buffer), OpenWebSocket(name), *_works(name)]


def _works(name: str) -> list[Step]:
    """Return the steps that show that a WebSocket works once it has been requested."""
    return [
        Await(WebSocketOpened(name)),
        Await(HandlerEntered(name)),
        SendChunk(name),
        Await(MessageReceived(name)),
    ]


WEBSOCKET_OPEN = Scenario(
    id="websocket-open",
    question=(
        "A WebSocket is open and idle when the shutdown comes. Does the server send a Close frame that says it is going"
        " away?"
    ),
    protocols=HTTP1,
    needs=NEEDS,
    launch=LaunchPlan(Duration(4, 10)),
    timeline=steps(
        _in_use("a", ClosePolicy.FOLLOWER),
        Shutdown(),
        Await(CloseReceived("a"), within="idle_close_s"),
        Await(ConnectionEnded("a", SERVER, FIN), within="after_response_close_s"),
        Await(ServerExited()),
    ),
    checks=(*CLOSE, websocket.websocket_tcp_closes_after_the_handshake, *END),
)

WEBSOCKET_RUDE_PEER = Scenario(
    id="websocket-rude-peer",
    question="The client of a WebSocket never answers the server's Close. Does the server exit in time all the same?",
    protocols=HTTP1,
    needs=NEEDS,
    launch=LaunchPlan(Duration(4, 10)),
    timeline=steps(
        _in_use("a", ClosePolicy.RUDE),
        Shutdown(),
        Await(CloseReceived("a"), within="idle_close_s"),
        Await(ServerExited()),
    ),
    checks=(*CLOSE, *END),
)

WEBSOCKET_MESSAGE_HALF_SENT = Scenario(
    id="websocket-message-half-sent",
    question="A message is half sent when the shutdown comes. Does the client get the rest, and then a Close frame?",
    protocols=HTTP1,
    needs=NEEDS,
    launch=LaunchPlan(Duration(4, 10)),
    timeline=steps(
        _in_use("a", ClosePolicy.FOLLOWER, receive_buffer=16 * 1024),
        PauseReading("a"),
        [SendChunk("a", LONG_MESSAGE)] * MESSAGES,
        Elapse(Duration(0.3, 3), "the messages fill all buffers"),
        Shutdown(),
        Elapse(Duration(0.2, 2), "the drain is under way when the client reads on"),
        ResumeReading("a"),
        Await(CloseReceived("a")),
        Await(ConnectionEnded("a", SERVER, FIN), within="after_response_close_s"),
        Await(ServerExited()),
    ),
    checks=(websocket.websocket_messages_are_whole, *CLOSE, *END),
)

WEBSOCKET_OVER_H2 = Scenario(
    id="websocket-over-h2",
    question=(
        "A WebSocket is open on an HTTP/2 stream, beside a request in its handler, when the shutdown comes. Does the"
        " server send a Close frame that says it is going away, and serve the request?"
    ),
    protocols=HTTP2,
    needs=NEEDS_H2,
    launch=LaunchPlan(Duration(4, 10)),
    timeline=steps(
        Connect("a"),
        Request("a", "beside"),
        Await(HandlerEntered("beside")),
        OpenWebSocket("a", "socket"),
        _works("socket"),
        Shutdown(),
        Await(GoawayReceived("a"), within="goaway_s"),
        Await(CloseReceived("socket"), within="idle_close_s"),
        ReleaseHandler("beside"),
        Await(ResponseEnded("beside")),
        Await(ResponseEnded("socket"), within="after_response_close_s"),
        Await(ServerExited()),
    ),
    checks=(*IN_FLIGHT, *CLOSE, websocket.websocket_stream_ends_after_the_handshake, *GOAWAY, *ENDING),
)

WEBSOCKET_OVER_H2_RUDE_PEER = Scenario(
    id="websocket-over-h2-rude-peer",
    question=(
        "The client of a WebSocket over HTTP/2 never answers the server's Close and never ends its stream. Does the"
        " server exit in time all the same?"
    ),
    protocols=HTTP2,
    needs=NEEDS_H2,
    launch=LaunchPlan(Duration(4, 10)),
    timeline=steps(
        _in_use("a", ClosePolicy.RUDE),
        Shutdown(),
        Await(CloseReceived("a"), within="idle_close_s"),
        Await(ServerExited()),
    ),
    checks=(*CLOSE, *END),
)
