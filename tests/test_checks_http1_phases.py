"""Checks of HTTP/1.1 requests that the shutdown overtakes, on literal traces."""

import pytest

from lastcall.conformance.checks import http1_phases as checks
from lastcall.conformance.model.client_events import (
    BytesSent,
    ConnectionOpened,
    InformationalReceived,
    RequestEnded,
    RequestSent,
    ResponseStarted,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerOrdered,
    HandlerReported,
)
from tests.ends import abandoned, fin_received, fin_sent, reset_received
from tests.traces import LAG, SIGNAL, answered, at, exits, held, judged, ready, released

SAYS = (("Connection", "close"),)
OPEN = at(-3, ConnectionOpened("a"))
BUSY = (OPEN, *held(stream_id=0), SIGNAL, *released())
OVERTAKEN = checks.overtaken_requests_are_answered_or_untouched
LAST = checks.last_responses_say_close
EXPECTED = checks.expectations_are_answered
WHOLE = checks.uploads_reach_their_handlers_whole
SURVIVES = checks.responses_survive_what_is_sent_late


@pytest.mark.parametrize("check", [OVERTAKEN, LAST, EXPECTED, WHOLE, SURVIVES], ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", OPEN, *held(), *answered(headers=SAYS), says="not sent", protocol="h1")


# --- overtaken ---

IDLE = (OPEN, *ready(stream_id=0), SIGNAL)
SENT = at(0.02, RequestSent("r", "a", "GET", "/hold/r"))
ENTERED = at(0.03, HandlerEntered("r", "GET", "/hold/r"))
TOLD = at(0.04, HandlerOrdered("r", "finish 9"))
RAN = (SENT, ENTERED, TOLD)
FIN = at(0.1, fin_received("a"))


def test_overtaken_and_answered_or_untouched():
    judged(OVERTAKEN, "kept", *IDLE, *RAN, *answered(seconds=0.05), FIN, says="1 of 1 answered, 0 untouched")
    judged(OVERTAKEN, "kept", *IDLE, SENT, FIN, says="0 of 1 answered, 1 untouched")
    judged(OVERTAKEN, "kept", *IDLE, SENT, at(0.1, reset_received("a")), says="1 untouched")
    judged(OVERTAKEN, "kept", *IDLE, SENT, *answered(seconds=0.05, status=503), FIN, says="1 of 1 answered")


@pytest.mark.parametrize("end", [FIN, at(0.1, reset_received("a"))], ids=["fin", "reset"])
def test_processed_and_not_answered(end):
    judged(
        OVERTAKEN,
        "broken",
        *IDLE,
        *RAN,
        end,
        says="'r' was processed, and not",
        rests_on=["SignalSent", "RequestSent", "HandlerEntered", type(end).__name__],
    )


def test_answered_in_part():
    judged(OVERTAKEN, "broken", *IDLE, SENT, at(0.05, ResponseStarted("r", 200)), FIN, says="answered in part")


def test_left_without_an_answer_hangs_on_the_clock():
    events = (*IDLE, *RAN, at(8, abandoned("a")))
    judged(OVERTAKEN, "broken", *events, says="'r' was processed")
    judged(OVERTAKEN, "cannot tell", *events, LAG)


def test_a_server_that_crashed_has_left_nothing_alone():
    judged(OVERTAKEN, "cannot tell", *IDLE, SENT, FIN, exits(0.1, -9), says="ended as no graceful stop does")
    judged(OVERTAKEN, "broken", *IDLE, *RAN, FIN, exits(0.1, -9))
    judged(OVERTAKEN, "kept", *IDLE, SENT, FIN, exits(0.1, -15), exit_statuses=(0, -15))


def test_processed_and_answered_as_if_it_were_not():
    events = (*IDLE, *RAN, *answered(seconds=0.05, status=503), FIN)
    judged(OVERTAKEN, "broken", *events, says="handler of 'r' ran, and its client was given status 503")


def test_a_pipelined_request_that_was_not_yet_in_its_handler_is_overtaken():
    waiting = at(-0.5, RequestSent("next", "a"))
    late = (at(1.1, HandlerEntered("next")), at(1.1, HandlerOrdered("next", "finish 9")), at(1.2, fin_received("a")))
    judged(OVERTAKEN, "kept", waiting, *BUSY, *answered(), at(1.2, fin_received("a")), says="1 untouched")
    judged(OVERTAKEN, "broken", waiting, *BUSY, *answered(), *late, says="'next' was processed")


def test_what_is_not_overtaken():
    judged(OVERTAKEN, "cannot tell", *BUSY, *answered(), says="No request was on its way")
    judged(OVERTAKEN, "cannot tell", *IDLE, FIN)


def test_a_handler_that_the_timeline_held_or_released_too_late_is_not_judged():
    judged(OVERTAKEN, "cannot tell", *IDLE, SENT, ENTERED, FIN)
    judged(OVERTAKEN, "cannot tell", *IDLE, SENT, ENTERED, at(3.9, HandlerOrdered("r", "finish 9")), FIN)
    late = (SENT, ENTERED, at(3.9, HandlerOrdered("r", "finish 9")), at(4, fin_received("a")))
    judged(OVERTAKEN, "broken", *IDLE, *late, drain_s=None)


def test_who_closes_first_waives_the_answer():
    judged(OVERTAKEN, "cannot tell", *IDLE, *RAN, at(0.06, fin_sent("a")), FIN)


def test_a_connection_that_was_gone_before_the_signal_is_no_matter():
    gone = (OPEN, *ready(stream_id=0), at(-0.5, fin_received("a")), SIGNAL, SENT, ENTERED, TOLD)
    judged(OVERTAKEN, "cannot tell", *gone)


# --- last responses ---

CLOSED = at(1.2, fin_received("a"))


def test_the_last_says_close_or_does_not():
    judged(LAST, "kept", *BUSY, *answered(headers=SAYS), CLOSED, rests_on=["ResponseStarted"])
    judged(LAST, "broken", *BUSY, *answered(), CLOSED, says="'r' was the last", rests_on=["ResponseStarted"])


def test_only_the_last_of_a_connection_counts():
    after = ready("later", "a", 0, 1.05)
    closing = (after[0], *answered("later", 1.1, headers=SAYS))
    judged(LAST, "kept", *BUSY, *answered(), *closing, CLOSED, says="'later' said close")
    judged(LAST, "broken", *BUSY, *answered(headers=SAYS), *after, CLOSED, says="'later' was the last")


def test_a_connection_that_the_server_did_not_close_may_have_had_more_to_come():
    judged(LAST, "cannot tell", *BUSY, *answered(), at(8, abandoned("a")))
    judged(LAST, "cannot tell", *BUSY, *answered(), at(1.1, fin_sent("a")), CLOSED)


def test_a_head_that_was_written_before_the_signal_could_not_know():
    order = at(-0.2, HandlerOrdered("r", "finish 900000"))
    slow = (OPEN, *held(stream_id=0), order, SIGNAL, *answered())
    judged(LAST, "cannot tell", *slow, CLOSED)
    raced = (OPEN, *ready("s", "a", 0, -0.05)[:1], SIGNAL, *answered("s"))
    judged(LAST, "cannot tell", *raced, CLOSED)


# --- 100 (Continue) ---

WAITS = at(-1, RequestSent("r", "a", "POST", "/hold/r", whole=False, expects=True))
EXPECTING = (OPEN, WAITS, at(-0.9, HandlerEntered("r", "POST", "/hold/r")), SIGNAL)
READ = at(0.2, HandlerOrdered("r", "read"))
BODY = at(1.2, BytesSent("a", 9, "body of r"))


def test_continue_or_answer_in_the_drain():
    continued = at(0.3, InformationalReceived("r", 100))
    judged(EXPECTED, "kept", *EXPECTING, READ, continued, BODY, rests_on=["InformationalReceived"])
    judged(EXPECTED, "kept", *EXPECTING, READ, at(0.3, ResponseStarted("r", 417)), rests_on=["ResponseStarted"])


def test_continue_before_the_signal():
    early = (at(-0.5, HandlerOrdered("r", "read")), at(-0.4, InformationalReceived("r", 100)))
    judged(EXPECTED, "kept", *EXPECTING[:-1], *early, SIGNAL, BODY)


@pytest.mark.parametrize("late", [(), (at(1.3, InformationalReceived("r", 100)),)], ids=["never", "after the body"])
def test_the_body_was_waited_for(late):
    rests_on = ["SignalSent", "HandlerOrdered", "BytesSent"]
    judged(EXPECTED, "broken", *EXPECTING, READ, BODY, *late, says="1.00 s long", rests_on=rests_on)
    judged(EXPECTED, "cannot tell", *EXPECTING, READ, BODY, *late, LAG)


def test_a_wait_that_was_short_or_cut_tells_nothing():
    judged(EXPECTED, "cannot tell", *EXPECTING, READ, at(0.4, BytesSent("a", 9, "body of r")))
    judged(EXPECTED, "cannot tell", *EXPECTING, READ, at(0.5, fin_received("a")), BODY)
    judged(EXPECTED, "cannot tell", *EXPECTING, READ)


def test_no_client_waited_or_the_handler_did_not_read():
    plain = at(-1, RequestSent("r", "a", "POST", "/hold/r", whole=False))
    judged(EXPECTED, "cannot tell", OPEN, plain, *EXPECTING[2:], READ, BODY)
    judged(EXPECTED, "cannot tell", *EXPECTING, BODY)


# --- uploads ---

ENDED = at(0.3, RequestEnded("r", 18))


def test_read_to_the_last_byte_or_not():
    for report, answer in (("read 18", "kept"), ("read 9", "broken"), ("read 0", "broken")):
        read = at(0.4, HandlerReported("r", report))
        judged(WHOLE, answer, *BUSY, ENDED, read, *answered())
    judged(WHOLE, "broken", *BUSY, ENDED, at(0.4, HandlerReported("r", "read 9")), says="'r' read 9 bytes of the 18")


def test_an_upload_that_was_over_before_never_ended_or_was_not_read():
    read = at(0.4, HandlerReported("r", "read 18"))
    judged(WHOLE, "cannot tell", *BUSY, at(-0.5, RequestEnded("r", 18)), read)
    judged(WHOLE, "cannot tell", *BUSY, read)
    judged(WHOLE, "cannot tell", *BUSY, ENDED, at(0.4, HandlerReported("r", "sent 18")))
    judged(WHOLE, "cannot tell", *BUSY, ENDED, at(0.35, HandlerCancelled("r")))


# --- what is sent late ---

LATE = at(1.01, RequestSent("late", "a", "GET", "/ready"))


def test_read_to_the_end_although_more_was_sent():
    judged(SURVIVES, "kept", *BUSY, LATE, *answered(), CLOSED, says="'r' could be read", rests_on=["ResponseEnded"])


@pytest.mark.parametrize("end", [reset_received("a"), fin_received("a")], ids=["reset", "fin"])
def test_cut_although_the_handler_had_given_all(end):
    events = (*BUSY, LATE, at(1.02, ResponseStarted("r", 200)), at(1.2, end))
    judged(SURVIVES, "broken", *events, says="'r' was cut 1.20 s after")


def test_what_is_no_matter_of_late_bytes():
    judged(SURVIVES, "cannot tell", *BUSY, *answered(), CLOSED, says="No client sent")
    unfinished = (*BUSY[:-1], at(1.1, HandlerFailed("r", "cut")), LATE, CLOSED)
    judged(SURVIVES, "cannot tell", *unfinished, says="its handler or its connection")
    judged(SURVIVES, "cannot tell", *BUSY, LATE, at(8, abandoned("a")), says="its handler or its connection")
