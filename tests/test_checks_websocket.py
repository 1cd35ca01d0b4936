"""WebSocket checks on literal traces: what each answers, and at which edge."""

import dataclasses

import pytest

from lastcall.conformance.checks import websocket as checks
from lastcall.conformance.judging.judge import why_control_fails
from lastcall.conformance.model.client_events import (
    CloseReceived,
    CloseSent,
    ConnectionOpened,
    FrameSent,
    MessageCut,
    MessageReceived,
    ProtocolViolated,
    ResponseEnded,
    StreamReset,
    WebSocketAsked,
    WebSocketOpened,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerFinished,
    HandlerOrdered,
    HandlerReported,
    ServerKilled,
)
from tests.ends import fin_received, fin_sent
from tests.traces import LAG, SIGNAL, at, exits, judged, trace

OPEN = (
    at(-3, ConnectionOpened("a", 40000)),
    at(-2.9, WebSocketAsked("w", "a", "/ws/w")),
    at(-2.8, WebSocketOpened("w")),
    at(-2.8, HandlerEntered("w", "WEBSOCKET", "/ws/w")),
)
ASKED = (*OPEN, SIGNAL)
FIN = at(0.3, fin_received("a"))
ANSWER = at(0.2, CloseSent("w", 1001))
CHECKS = (
    checks.websocket_close_is_sent,
    checks.websocket_close_says_going_away,
    checks.websocket_close_code_is_allowed,
    checks.websocket_close_is_the_last_word,
    checks.websocket_tcp_closes_after_the_handshake,
    checks.websocket_stream_ends_after_the_handshake,
    checks.websocket_messages_are_whole,
    checks.websocket_end_is_told_to_the_application,
)


def close(code=1001, seconds=0.1):
    return at(seconds, CloseReceived("w", code))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *OPEN, close(), FIN, says="not sent its shutdown signal")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
@pytest.mark.parametrize(
    "events",
    [
        (*OPEN[:2], SIGNAL, close(), FIN),
        (OPEN[0], SIGNAL, at(0.1, WebSocketAsked("w", "a")), at(0.2, WebSocketOpened("w")), FIN),
        (*OPEN, at(-1, CloseReceived("w", 1000)), SIGNAL, FIN),
        (*OPEN, at(-1, fin_received("a")), SIGNAL),
        (*ASKED, at(0.1, fin_sent("a")), FIN),
        (*ASKED, at(0.1, ProtocolViolated("a", "a masked frame")), FIN),
    ],
    ids=["never opened", "opened later", "closed before", "ended before", "ended by its client", "not readable"],
)
def test_only_a_websocket_that_was_open_and_left_to_the_server_is_judged(check, events):
    judged(check, "cannot tell", *events)


# --- websocket_close_is_sent ---


def test_a_close_soon_after_the_signal_is_sent():
    judged(checks.websocket_close_is_sent, "kept", *ASKED, close(), rests_on=["SignalSent", "CloseReceived"])


def test_a_close_that_overlaps_the_signal_is_its_doing():
    overlapping = dataclasses.replace(close(seconds=0.01), begin_ns=SIGNAL.begin_ns)
    judged(checks.websocket_close_is_sent, "kept", *OPEN, SIGNAL, overlapping)


def test_an_end_without_a_close_is_broken():
    judged(
        checks.websocket_close_is_sent,
        "broken",
        *ASKED,
        FIN,
        says="without",
        rests_on=["SignalSent", "ConnectionEnded"],
    )


def test_a_late_close_is_broken_unless_the_harness_was_late():
    judged(checks.websocket_close_is_sent, "kept", *ASKED, close(seconds=2.4))
    judged(checks.websocket_close_is_sent, "broken", *ASKED, close(seconds=2.6), says="2.60 s after")
    judged(checks.websocket_close_is_sent, "cannot tell", *ASKED, close(seconds=2.6), LAG, says="harness")


def test_a_close_that_never_came_is_broken_once_its_limit_has_passed():
    judged(checks.websocket_close_is_sent, "broken", *ASKED, at(5, ServerKilled("it had not exited")), says="No Close")
    judged(checks.websocket_close_is_sent, "cannot tell", *ASKED, at(1, ServerKilled("over")), says="before the limit")


# --- the code ---


@pytest.mark.parametrize(
    ("code", "going_away", "allowed"),
    [
        (1001, "kept", "kept"),
        (1012, "kept", "kept"),
        (1000, "broken", "kept"),
        (1011, "broken", "kept"),
        (0, "broken", "kept"),
        (4999, "broken", "kept"),
        (1005, "broken", "broken"),
        (1006, "broken", "broken"),
        (1015, "broken", "broken"),
        (999, "broken", "broken"),
        (5000, "broken", "broken"),
    ],
)
def test_the_code_of_the_close(code, going_away, allowed):
    judged(
        checks.websocket_close_says_going_away, going_away, *ASKED, close(code), says=str(code) if code else "no code|0"
    )
    judged(checks.websocket_close_code_is_allowed, allowed, *ASKED, close(code), says=str(code) if code else "none")


def test_without_a_close_there_is_no_code():
    judged(checks.websocket_close_says_going_away, "cannot tell", *ASKED, FIN)
    judged(checks.websocket_close_code_is_allowed, "cannot tell", *ASKED, FIN)


# --- websocket_tcp_closes_after_the_handshake ---


def test_tcp_is_closed_after_the_handshake():
    check = checks.websocket_tcp_closes_after_the_handshake
    judged(check, "kept", *ASKED, close(), ANSWER, FIN, rests_on=["CloseSent", "ConnectionEnded"])
    judged(check, "broken", *ASKED, close(), ANSWER, at(2.3, fin_received("a")), says="2.10 s after")
    judged(check, "broken", *ASKED, close(), ANSWER, exits(4), says="stayed open")
    judged(check, "cannot tell", *ASKED, close(), ANSWER, exits(1))
    judged(check, "cannot tell", *ASKED, close(), ANSWER, at(2.3, fin_received("a")), LAG)


def test_no_handshake_is_complete_without_the_clients_answer():
    judged(checks.websocket_tcp_closes_after_the_handshake, "cannot tell", *ASKED, close(), at(9, fin_received("a")))


# --- websocket_messages_are_whole ---

ORDER = at(-0.5, HandlerOrdered("w", "send 9"))
UNDER_WAY = (*OPEN, ORDER, SIGNAL)
SENT = at(-0.4, HandlerReported("w", "sent 9"))


def test_a_message_that_was_under_way_comes_whole():
    arrived = at(0.2, MessageReceived("w", 9))
    judged(checks.websocket_messages_are_whole, "kept", *UNDER_WAY, arrived, close(seconds=0.3))


def test_a_message_of_another_length_is_broken():
    judged(checks.websocket_messages_are_whole, "broken", *UNDER_WAY, at(0.2, MessageReceived("w", 8)), says="with 8")


def test_a_message_that_is_cut_is_broken():
    cut = at(0.3, MessageCut("w", 5))
    rests_on = ["HandlerOrdered", "MessageCut"]
    judged(checks.websocket_messages_are_whole, "broken", *UNDER_WAY, cut, FIN, says="after 5 of", rests_on=rests_on)


def test_a_message_handed_over_and_lost_is_broken():
    events = (*OPEN, ORDER, SENT, SIGNAL)
    judged(
        checks.websocket_messages_are_whole,
        "broken",
        *events,
        FIN,
        says="after 0 of",
        rests_on=["HandlerOrdered", "ConnectionEnded"],
    )


def test_a_close_in_place_of_a_message_that_was_not_begun_is_no_loss():
    judged(checks.websocket_messages_are_whole, "kept", *UNDER_WAY, close(), FIN)


def test_the_harnesss_own_kill_cuts_nothing():
    killed, cut = at(0.2, ServerKilled("over")), at(0.3, MessageCut("w", 5))
    judged(checks.websocket_messages_are_whole, "cannot tell", *UNDER_WAY, killed, cut, FIN)


def test_a_message_that_was_not_seen_is_not_known():
    judged(checks.websocket_messages_are_whole, "cannot tell", *UNDER_WAY, FIN, says="was not seen")


def test_messages_of_before_and_after_the_signal_are_not_under_way():
    before = (*OPEN, ORDER, at(-0.3, MessageReceived("w", 9)), SIGNAL)
    judged(checks.websocket_messages_are_whole, "cannot tell", *before, FIN, says="No message")
    after = (*ASKED, at(0.1, HandlerOrdered("w", "send 9")))
    judged(checks.websocket_messages_are_whole, "cannot tell", *after, FIN, says="No message")


def test_the_second_of_two_messages_is_the_one_under_way():
    first = (*OPEN, at(-0.9, HandlerOrdered("w", "send 9")), at(-0.8, MessageReceived("w", 9)))
    events = (*first, at(-0.5, HandlerOrdered("w", "finish 4")), SIGNAL)
    judged(checks.websocket_messages_are_whole, "kept", *events, at(0.1, MessageReceived("w", 4)), FIN)
    judged(checks.websocket_messages_are_whole, "broken", *events, at(0.1, MessageCut("w", 1)), FIN, says="the 4 bytes")


# --- websocket_end_is_told_to_the_application ---

CANCELLED = at(0.5, HandlerCancelled("w"))


def test_an_application_gets_a_disconnect():
    report = at(0.3, HandlerReported("w", "closed 1001"))
    check = checks.websocket_end_is_told_to_the_application
    judged(check, "kept", *ASKED, close(), FIN, report, exits(0.6), says="closed 1001")


def test_an_application_that_is_only_cancelled_gets_none():
    check = checks.websocket_end_is_told_to_the_application
    judged(check, "broken", *ASKED, close(), FIN, CANCELLED, exits(0.6), rests_on=["SignalSent", "HandlerCancelled"])


def test_a_server_without_a_drain_timeout_has_no_forced_end():
    check = checks.websocket_end_is_told_to_the_application
    judged(check, "broken", *ASKED, at(4.1, fin_received("a")), at(4.2, HandlerCancelled("w")), exits(5), drain_s=None)


def test_a_forced_end_needs_no_disconnect():
    check = checks.websocket_end_is_told_to_the_application
    forced = (at(4.0, fin_received("a")), at(4.1, HandlerCancelled("w")), exits(4.2))
    judged(check, "cannot tell", *ASKED, *forced)


def test_a_handler_that_ended_by_itself_needs_no_disconnect():
    check = checks.websocket_end_is_told_to_the_application
    for own in (HandlerFinished("w", 9), HandlerFailed("w", "OSError")):
        judged(check, "cannot tell", *ASKED, at(0.2, own), FIN, exits(0.5))


def test_without_an_exit_or_an_end_it_cannot_tell():
    check = checks.websocket_end_is_told_to_the_application
    judged(check, "cannot tell", *ASKED, FIN)
    judged(check, "cannot tell", *ASKED, CANCELLED, exits(0.6))


# --- the control ---


def test_a_websocket_that_is_closed_without_a_shutdown_excuses_the_server():
    killed = at(5, ServerKilled("the control is over"))
    assert why_control_fails(trace(*OPEN, killed)) == ""
    assert why_control_fails(trace(*OPEN, at(6, CloseReceived("w", 1001)), killed)) == ""
    for event in (close(), at(0.1, MessageCut("w", 5))):
        assert why_control_fails(trace(*OPEN, event, killed)) == "the WebSocket 'w' was closed"


# --- the last word ---

LAST = checks.websocket_close_is_the_last_word


def test_nothing_after_the_close():
    message = at(0.05, MessageReceived("w", 9))
    judged(LAST, "kept", *ASKED, message, close(), ANSWER, FIN, rests_on=["CloseReceived"], protocol="h1")


@pytest.mark.parametrize("after", [at(0.1, MessageReceived("w", 9)), close(1000)])
def test_something_after_the_close(after):
    judged(LAST, "broken", *ASKED, close(), after, FIN, says="After its Close", protocol="h1")


def test_a_close_whose_connection_goes_on_is_not_known_to_be_the_last_word():
    judged(LAST, "cannot tell", *ASKED, close(), protocol="h1")
    judged(LAST, "cannot tell", *ASKED, FIN, protocol="h1")


# --- over HTTP/2, where a WebSocket is a stream ---

ON_STREAM = (OPEN[0], at(-2.9, WebSocketAsked("w", "a", "/ws/w", 3)), *OPEN[2:])
STREAM = (*ON_STREAM, SIGNAL)
END_STREAM = at(0.3, ResponseEnded("w", framing="end_stream"))
CANCEL = at(0.3, StreamReset("w", 8, "CANCEL"))
STREAM_ENDS = checks.websocket_stream_ends_after_the_handshake


def test_the_stream_ends_after_the_handshake():
    judged(STREAM_ENDS, "kept", *STREAM, close(), ANSWER, END_STREAM, rests_on=["CloseSent", "ResponseEnded"])
    late = at(2.3, ResponseEnded("w", framing="end_stream"))
    judged(STREAM_ENDS, "broken", *STREAM, close(), ANSWER, late, says="2.10 s after")
    judged(STREAM_ENDS, "cannot tell", *STREAM, close(), ANSWER, late, LAG)
    judged(STREAM_ENDS, "broken", *STREAM, close(), ANSWER, exits(4), says="stayed open")
    judged(STREAM_ENDS, "cannot tell", *STREAM, close(), END_STREAM, says="No closing handshake")


def test_neither_a_reset_nor_the_end_of_the_connection_is_the_end_of_a_stream():
    judged(
        STREAM_ENDS,
        "broken",
        *STREAM,
        close(),
        ANSWER,
        CANCEL,
        says="by a reset",
        rests_on=["CloseSent", "StreamReset"],
    )
    judged(STREAM_ENDS, "broken", *STREAM, close(), ANSWER, FIN, says="the end of its connection")


def test_a_stream_that_has_ended_in_order_may_be_reset():
    judged(STREAM_ENDS, "kept", *STREAM, close(), ANSWER, END_STREAM, at(0.4, StreamReset("w", 0, "NO_ERROR")))


@pytest.mark.parametrize("end", [END_STREAM, CANCEL])
def test_a_stream_that_ends_without_a_close_is_broken(end):
    rests_on = ["SignalSent", type(end).__name__]
    judged(checks.websocket_close_is_sent, "broken", *STREAM, end, says="The stream of 'w'", rests_on=rests_on)


def test_the_end_of_the_stream_is_the_end_though_its_connection_goes_on():
    judged(LAST, "kept", *STREAM, close(), ANSWER, END_STREAM)
    report, never = at(0.3, HandlerReported("w", "closed 1001")), (CANCELLED, exits(0.6))
    judged(checks.websocket_end_is_told_to_the_application, "kept", *STREAM, close(), END_STREAM, report)
    judged(checks.websocket_end_is_told_to_the_application, "broken", *STREAM, close(), END_STREAM, *never)
    lost = (*ON_STREAM, ORDER, SENT, SIGNAL, CANCEL)
    judged(checks.websocket_messages_are_whole, "broken", *lost, says="The stream ended after 0 of")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
@pytest.mark.parametrize(
    "events",
    [
        (*ON_STREAM, at(-1, ResponseEnded("w", framing="end_stream")), SIGNAL),
        (*ON_STREAM, at(-1, StreamReset("w", 8, "CANCEL")), SIGNAL),
        (*STREAM, at(0.1, FrameSent("a", "RST_STREAM", 3)), close(seconds=0.2), FIN),
    ],
    ids=["ended before", "reset before", "given up by its client"],
)
def test_only_a_stream_that_was_open_and_left_to_the_server_is_judged(check, events):
    judged(check, "cannot tell", *events)
