"""Checks of HTTP/1.1's connection option close on literal traces."""

import pytest

from lastcall.conformance.checks import http1 as checks
from lastcall.conformance.model.client_events import (
    ConnectionOpened,
    RequestSent,
    ResponseStarted,
)
from lastcall.conformance.model.server_events import HandlerEntered
from tests.ends import abandoned, fin_received, fin_sent
from tests.traces import LAG, SIGNAL, answered, at, held, judged, released

SAYS = (("Connection", "close"),)
OPEN = at(-3, ConnectionOpened("a"))
BUSY = (OPEN, *held(stream_id=0), SIGNAL, *released())
CLOSING = (*BUSY, *answered(headers=SAYS))
SAID, OBEYED = checks.responses_in_flight_say_close, checks.close_option_is_obeyed


@pytest.mark.parametrize("check", [SAID, OBEYED], ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", OPEN, *held(), *answered(headers=SAYS), says="not sent", protocol="h1")


# --- said ---


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "x ,CLOSE"])
@pytest.mark.parametrize("name", ["connection", "Connection"])
def test_close_is_said_in_any_case_and_list(name, value):
    judged(SAID, "kept", *BUSY, *answered(headers=((name, value),)), says="'r'", rests_on=["ResponseStarted"])


@pytest.mark.parametrize(
    "headers", [(), (("connection", "keep-alive"),), (("connection", "closed"),), (("x", "close"),)]
)
def test_close_is_not_said(headers):
    judged(SAID, "broken", *BUSY, *answered(headers=headers), says="'r'", rests_on=["ResponseStarted"])


def test_the_one_of_two_that_does_not_say_it_is_named():
    other = (at(-3, ConnectionOpened("b")), *held("s", "b", 0))
    events = (*other, *BUSY, *released("s"), *answered("r", headers=SAYS), *answered("s"))
    judged(SAID, "broken", *events, says="close on 's'")


def test_a_head_that_went_out_before_or_as_the_signal_came_could_not_know():
    for started in (at(-0.1, ResponseStarted("r", 200)), at(0.01, ResponseStarted("r", 200), width_s=0.02)):
        judged(SAID, "cannot tell", OPEN, *held(), started, SIGNAL)


# --- obeyed ---


def test_obeyed_to_the_limit_and_not_beyond():
    judged(OBEYED, "kept", *CLOSING, at(3.02, fin_received("a")), rests_on=["ResponseEnded", "ConnectionEnded"])
    judged(OBEYED, "broken", *CLOSING, at(3.03, fin_received("a")), says="'a' was closed 2.01 s")
    judged(OBEYED, "cannot tell", *CLOSING, at(4, fin_received("a")), LAG)


def test_a_response_that_the_close_itself_delimits():
    ended = (*BUSY, *answered(headers=SAYS, framing="close"), at(1.02, fin_received("a")))
    judged(OBEYED, "kept", *ended)


def test_left_open():
    judged(OBEYED, "broken", *CLOSING, at(8, abandoned("a")), says="'a' stayed open")
    judged(OBEYED, "cannot tell", *CLOSING, at(8, abandoned("a")), LAG)
    judged(OBEYED, "cannot tell", *CLOSING, at(2, abandoned("a")), says="before the limit")


def test_the_one_of_two_that_stays_open_is_named():
    other = (at(-3, ConnectionOpened("b")), *held("s", "b", 0), *released("s"), *answered("s", headers=SAYS))
    judged(
        OBEYED,
        "broken",
        *CLOSING,
        *other,
        at(1.1, fin_received("a")),
        at(8, abandoned("b")),
        says="'b' stayed",
    )


def test_no_response_said_close_or_the_client_closed_first():
    judged(OBEYED, "cannot tell", *BUSY, *answered(), at(1.1, fin_received("a")))
    for fin in (at(1.1, fin_received("a")), at(1.1, fin_received("a"), width_s=0.09)):
        judged(OBEYED, "cannot tell", *CLOSING, at(1.05, fin_sent("a")), fin)


PIPELINED = at(-0.5, RequestSent("next", "a"))


@pytest.mark.parametrize(
    "further",
    [at(1.1, HandlerEntered("next")), answered("next", 1.1)[0]],
    ids=["handler", "response"],
)
def test_a_further_request_is_not_processed(further):
    events = (*CLOSING, PIPELINED, further, at(1.2, fin_received("a")))
    judged(
        OBEYED, "broken", *events, says="'a' said close, and then", rests_on=["ResponseEnded", type(further).__name__]
    )


def test_a_further_request_that_is_left_alone_or_ran_already_is_fine():
    judged(OBEYED, "kept", *CLOSING, PIPELINED, at(1.2, fin_received("a")))
    judged(OBEYED, "kept", *CLOSING, PIPELINED, at(0.5, HandlerEntered("next")), at(1.2, fin_received("a")))
