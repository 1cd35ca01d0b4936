"""WebSockets that are open when the shutdown comes.

A WebSocket has no last response after which it could be closed: it is the server that has to end it, and a Close frame is
how its client is told that this is no accident.
"""

from __future__ import annotations

from conformance.checks import closing, serving, websocket
from conformance.scenario import Asked, Scenario, must, promise, should, steps
from conformance.server import Feature
from conformance.timeline import (
    Await,
    Connect,
    Duration,
    Elapse,
    Manners,
    OpenWebSocket,
    PauseReading,
    ResumeReading,
    SendChunk,
    Shutdown,
    Step,
)
from conformance.trace import CloseReceived, FinReceived, HandlerEntered, MessageReceived, ServerExited, WebSocketOpened
from scenarios.usual import ENDING, HTTP1

NEEDS = frozenset({Feature.WEBSOCKET})
LONG_MESSAGE = 1024 * 1024
"""As long as a message may be with every server's default."""
MESSAGES = 8
"""Together more than the kernel's buffers hold, so that they cannot all have been sent to a client that does not read."""

CLOSE: tuple[Asked, ...] = (
    should(websocket.websocket_close_is_sent),
    should(websocket.websocket_close_says_going_away),
    must(websocket.websocket_close_code_is_allowed),
    must(websocket.websocket_close_is_the_last_word),
    promise(websocket.websocket_end_is_told_to_the_application),
    should(closing.connections_end_without_reset),
    must(closing.close_notify_precedes_fin),
)


END: tuple[Asked, ...] = tuple(asked for asked in ENDING if asked.check is not serving.requests_by_fate)
"""A WebSocket is no request that has a fate."""


def _in_use(name: str, manners: Manners, receive_buffer: int = 0) -> list[Step]:
    """Open a WebSocket, and see that it works."""
    return [
        Connect(name, manners, receive_buffer=receive_buffer),
        OpenWebSocket(name),
        Await(WebSocketOpened(name)),
        Await(HandlerEntered(name)),
        SendChunk(name),
        Await(MessageReceived(name)),
    ]


WEBSOCKET_OPEN = Scenario(
    id="websocket-open",
    question="A WebSocket is open and idle when the shutdown comes. Is it closed with a Close that says so?",
    protocols=HTTP1,
    needs=NEEDS,
    drain=Duration(4, 10),
    timeline=steps(
        _in_use("a", Manners.FOLLOWER),
        Shutdown(),
        Await(CloseReceived("a"), within="idle_close_s"),
        Await(FinReceived("a"), within="after_response_close_s"),
        Await(ServerExited()),
    ),
    checks=(*CLOSE, should(websocket.websocket_tcp_closes_after_the_handshake), *END),
)

WEBSOCKET_RUDE_PEER = Scenario(
    id="websocket-rude-peer",
    question="The client of a WebSocket never answers the server's Close. Does the shutdown end in time all the same?",
    protocols=HTTP1,
    needs=NEEDS,
    drain=Duration(4, 10),
    timeline=steps(
        _in_use("a", Manners.RUDE),
        Shutdown(),
        Await(CloseReceived("a"), within="idle_close_s"),
        Await(ServerExited()),
    ),
    checks=(*CLOSE, *END),
)

WEBSOCKET_MESSAGE_HALF_SENT = Scenario(
    id="websocket-message-half-sent",
    question="A message is half sent when the shutdown comes. Does its client get the rest, and then a Close?",
    protocols=HTTP1,
    needs=NEEDS,
    drain=Duration(4, 10),
    timeline=steps(
        _in_use("a", Manners.FOLLOWER, receive_buffer=16 * 1024),
        PauseReading("a"),
        [SendChunk("a", LONG_MESSAGE)] * MESSAGES,
        Elapse(Duration(0.3, 3), "the messages fill what buffers there are"),
        Shutdown(),
        Elapse(Duration(0.2, 2), "the drain is under way when the client reads on"),
        ResumeReading("a"),
        Await(CloseReceived("a")),
        Await(FinReceived("a"), within="after_response_close_s"),
        Await(ServerExited()),
    ),
    checks=(promise(websocket.websocket_messages_are_whole), *CLOSE, *END),
)
