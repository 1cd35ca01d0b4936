"""Checks of newcomers, of ordinary clients, and of readable bytes on literal traces."""

import pytest

from lastcall.conformance.checks import lame_duck, load, protocol
from lastcall.conformance.model.client_events import (
    ConnectionFailed,
    ConnectionOpened,
    FrameReceived,
    FrameSent,
    LoadAnswered,
    LoadFailed,
    LoadSent,
    ProtocolViolated,
    RequestSent,
    WebSocketAsked,
    WebSocketOpened,
)
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    ServerKilled,
    SuccessorReady,
)
from tests.ends import fin_received, reset_received
from tests.traces import LAG, SIGNAL, answered, at, exits, held, judged, opened

ALL = (
    lame_duck.newcomers_are_served_in_the_lame_duck,
    lame_duck.newcomers_after_the_signal,
    lame_duck.readiness_after_the_signal,
    load.requests_of_the_load_that_entered_are_answered,
    load.ordinary_client_through_a_restart,
    load.outage_of_a_restart,
    protocol.server_speaks_its_protocol,
)


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_without_a_shutdown_or_with_nothing_else_nothing_is_judged(check):
    judged(check, "cannot tell", *opened(), *held(), at(1, LoadSent("l")), at(1, LoadAnswered("l", 200)))
    judged(check, "cannot tell", *opened(), *held(), SIGNAL, lame_duck_s=2.0)


# --- newcomers ---


def newcomer(name, seconds, *, status=200, target="/hold/x"):
    sent = at(seconds + 0.02, RequestSent(name, name, "GET", target, 1))
    return (at(seconds, ConnectionOpened(name, 1)), sent, *answered(name, seconds + 0.1, status=status))


def refused(name, seconds):
    return at(seconds, ConnectionFailed(name, "refused"))


def test_new_connections_are_served_in_the_lame_duck_period():
    events = (SIGNAL, *newcomer("n", 0.5), refused("late", 1.9))
    says = "1 newcomers were served within the 2 s"
    judged(lame_duck.newcomers_are_served_in_the_lame_duck, "kept", *events, lame_duck_s=2.0, says=says)


def test_new_connections_are_not_served_in_the_lame_duck_period():
    events = (SIGNAL, refused("n", 0.5))
    says = r"not connected \(refused\), 0.50 s after"
    judged(lame_duck.newcomers_are_served_in_the_lame_duck, "broken", *events, lame_duck_s=2.0, says=says)
    for lost in (newcomer("n", 0.5, status=503), (*newcomer("n", 0.5)[:2], at(0.6, reset_received("n")))):
        judged(lame_duck.newcomers_are_served_in_the_lame_duck, "broken", SIGNAL, *lost, lame_duck_s=2.0, says="'n'")


def test_a_server_without_a_lame_duck_period_promises_nothing():
    events = (SIGNAL, refused("n", 0.5))
    judged(lame_duck.newcomers_are_served_in_the_lame_duck, "cannot tell", *events)
    judged(lame_duck.newcomers_are_served_in_the_lame_duck, "cannot tell", SIGNAL, refused("n", 1.8), lame_duck_s=2.0)
    silent = (SIGNAL, at(0.5, ConnectionOpened("n", 1)))
    judged(lame_duck.newcomers_are_served_in_the_lame_duck, "cannot tell", *silent, lame_duck_s=2.0, says="Nobody sent")


def test_the_fates_of_new_connections_have_their_times():
    met = (*newcomer("n1", 0.1), *newcomer("n2", 0.3), refused("n3", 0.6), refused("n4", 0.9))
    says = "From 0.10 s on answered with 200; from 0.60 s on refused, to 0.90 s"
    judged(lame_duck.newcomers_after_the_signal, "observed", SIGNAL, *met, says=says)


@pytest.mark.parametrize(
    ("end", "what"),
    [
        ((at(0.2, reset_received("n")),), "reset"),
        ((at(0.2, fin_received("n")),), "closed without"),
        ((), "not answered"),
    ],
)
def test_the_fate_of_a_new_connection_without_an_answer(end, what):
    judged(lame_duck.newcomers_after_the_signal, "observed", SIGNAL, *newcomer("n", 0.1)[:2], *end, says=what)


def test_readiness_is_observed():
    for status in (200, 503):
        events = (SIGNAL, *newcomer("n", 0.5, status=status, target="/ready"))
        judged(lame_duck.readiness_after_the_signal, "observed", *events, says=f"answered with {status}")


# --- the ordinary client ---


def load_request(request, seconds, *, status=200, error="", entered=True):
    end = LoadFailed(request, error, "gone") if error else LoadAnswered(request, status, 9, "HTTP/1.1")
    inside = [at(seconds + 0.01, HandlerEntered(request, "GET", f"/hold/{request}"))] if entered else []
    return (at(seconds, LoadSent(request)), *inside, at(seconds + 0.2, end))


THROUGH = (*load_request("l1", -1), *load_request("l2", -0.1), SIGNAL)


def test_a_load_that_loses_nothing_that_had_entered():
    events = (*THROUGH, *load_request("l3", 0.3, error="ConnectError", entered=False), *load_request("l4", 1))
    judged(load.requests_of_the_load_that_entered_are_answered, "kept", *events, protocol="h1", says="3 requests")


def test_a_load_of_which_a_request_is_lost_in_its_handler():
    lost = (*load_request("l1", -1), *load_request("l2", -0.1, error="ReadError"), SIGNAL, *load_request("l3", 1))
    says = "1 requests .* 'l2' got ReadError: gone"
    judged(load.requests_of_the_load_that_entered_are_answered, "broken", *lost, protocol="h1", says=says)
    wrong = (*load_request("l1", -1), *load_request("l2", -0.1, status=503), SIGNAL, *load_request("l3", 1))
    judged(load.requests_of_the_load_that_entered_are_answered, "broken", *wrong, protocol="h1", says="status 503")


def test_an_answer_that_the_client_gave_up_waiting_for_hangs_on_the_clock():
    lost = (*load_request("l1", -1), *load_request("l2", -0.1, error="ReadTimeout"), SIGNAL, *load_request("l3", 1))
    judged(load.requests_of_the_load_that_entered_are_answered, "broken", *lost, protocol="h1")
    judged(load.requests_of_the_load_that_entered_are_answered, "cannot tell", *lost, LAG, protocol="h1")


def test_a_load_that_was_not_in_a_handler_at_the_signal_or_not_there_after_it_is_no_test():
    judged(load.requests_of_the_load_that_entered_are_answered, "cannot tell", *load_request("l1", -1), SIGNAL)
    outside = (at(-1, LoadSent("l1")), at(-0.9, LoadAnswered("l1", 404)), SIGNAL, *load_request("l2", 1))
    judged(load.requests_of_the_load_that_entered_are_answered, "cannot tell", *outside)


def test_answers_and_errors_of_an_application_are_counted():
    failed = (
        *load_request("l3", 0.3, error="ConnectError", entered=False),
        *load_request("l4", 0.2, error="ReadError"),
    )
    says = r"Answered: 2 with 200; refused: 1 ConnectError; failed midway: 1 ReadError \(1 of them in their handlers\)"
    judged(load.ordinary_client_through_a_restart, "observed", *THROUGH, *failed, says=says)


def test_the_outage_is_the_longest_time_without_an_answer():
    events = (*THROUGH, at(1.5, SuccessorReady()), *load_request("l3", 1.6), *load_request("l4", 2.0))
    judged(load.outage_of_a_restart, "observed", *events, says="was 1.70 s")
    judged(load.outage_of_a_restart, "cannot tell", *THROUGH, *load_request("l3", 1.6), says="No successor")
    last = (*load_request("l1", -1), at(0.1, LoadSent("l2")), at(0.3, LoadFailed("l2", "ReadError")))
    judged(load.outage_of_a_restart, "cannot tell", *last, SIGNAL, at(1.5, SuccessorReady()), says="after the signal")


# --- the protocol ---

READ = (*opened(), *held(), SIGNAL, *answered())


def test_bytes_that_could_be_read():
    judged(protocol.server_speaks_its_protocol, "kept", *READ, exits(2), rests_on=["ResponseStarted"])
    frame = (*opened(), at(-2, FrameReceived("a", "SETTINGS")), SIGNAL, exits(2))
    judged(protocol.server_speaks_its_protocol, "kept", *frame, rests_on=["FrameReceived"])
    socket = (*opened(), at(-2, WebSocketAsked("w", "a")), at(-1, WebSocketOpened("w")), SIGNAL, exits(2))
    judged(protocol.server_speaks_its_protocol, "kept", *socket, rests_on=["WebSocketOpened"])


@pytest.mark.parametrize("end", [(), (exits(2),), (at(2, ServerKilled("time")), exits(2, -9))])
def test_bytes_that_could_not(end):
    events = (*READ, at(1.5, ProtocolViolated("a", "unsolicited bytes")), *end)
    judged(protocol.server_speaks_its_protocol, "broken", *events, says="'a' could not be read: unsolicited bytes")


def test_a_server_that_was_ended_might_have_said_more():
    for end in ((), (exits(2, -9),), (at(2, ServerKilled("time")), exits(2, -9))):
        judged(protocol.server_speaks_its_protocol, "cannot tell", *READ, *end, says="end of its own")
    judged(protocol.server_speaks_its_protocol, "kept", *READ, exits(2, -15), exit_statuses=(-15,))


def test_a_server_that_said_nothing_was_not_read():
    judged(
        protocol.server_speaks_its_protocol, "cannot tell", *opened(), *held(), SIGNAL, exits(2), says="said nothing"
    )


def test_a_server_that_answers_in_http1_before_its_client_has_spoken_is_not_blamed():
    unspoken = (
        *READ,
        at(-3, ConnectionOpened("silent", 1)),
        at(0.7, ProtocolViolated("silent", "HTTP/1.1 400")),
        exits(2),
    )
    judged(protocol.server_speaks_its_protocol, "kept", *unspoken, protocol="h2c")
    spoken = (*READ, *opened("b"), at(-1, FrameSent("b", "SETTINGS")), at(0.7, ProtocolViolated("b", "?")), exits(2))
    judged(protocol.server_speaks_its_protocol, "broken", *spoken, protocol="h2c")
