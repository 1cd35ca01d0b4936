"""GOAWAY checks on literal traces: what each answers, and at which edge."""

import pytest

from lastcall.conformance.checks import goaway as checks
from lastcall.conformance.model.client_events import (
    RequestSent,
    StreamReset,
    WebSocketAsked,
    WebSocketOpened,
)
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerOrdered,
    LagMeasured,
)
from tests.ends import abandoned, close_notify_received, fin_received, fin_sent, reset_received
from tests.traces import LAG, SIGNAL, answered, at, goaway, held, judged, opened, ready, released

OPEN = 2**31 - 1
BUSY = (*opened(), *held(), SIGNAL)
SERVED = (*released(), *answered())
CHECKS = (
    checks.goaway_is_sent,
    checks.goaway_precedes_close,
    checks.goaway_says_no_error,
    checks.goaway_is_prompt,
    checks.goaway_comes_in_two_phases,
    checks.streams_in_flight_are_not_reset,
    checks.raced_streams_meet_a_clear_fate,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *opened(), *held(), goaway(0.1, 1), says="not sent its shutdown signal")


# --- goaway_is_sent ---


def test_goaway_on_the_busy_connection_is_sent():
    judged(checks.goaway_is_sent, "kept", *BUSY, goaway(0.1, OPEN), says="on 'a'", rests_on=["GoawayReceived"])


def test_no_goaway_on_one_of_two_busy_connections_names_that_one():
    events = (*opened("a"), *opened("b"), *held("x", "a"), *held("y", "b"), SIGNAL, goaway(0.1, 1))
    fin = at(0.2, fin_received("b"))
    judged(checks.goaway_is_sent, "broken", *events, fin, says="on 'b', which", rests_on=["ConnectionEnded"])


def test_of_many_connections_five_are_named():
    for count, says in ((5, "'a4', which"), (6, "'a4' and 1 more, which")):
        names = [f"a{number}" for number in range(count)]
        events = [event for name in names for event in (*opened(name), *held(f"r{name}", name))]
        judged(checks.goaway_is_sent, "broken", *events, SIGNAL, says=says)


def test_no_busy_connection_is_owed_a_goaway():
    judged(checks.goaway_is_sent, "cannot tell", *opened(), *ready(), SIGNAL)


def test_a_handler_whose_entering_overlaps_the_signal_makes_no_connection_busy():
    entered = at(0.005, HandlerEntered("r"), width_s=0.01)
    judged(checks.goaway_is_sent, "cannot tell", *opened(), held()[0], entered, SIGNAL, at(0.1, fin_received("a")))


def test_a_goaway_before_the_signal_is_none_of_the_shutdown():
    early = goaway(-0.5, OPEN)
    judged(checks.goaway_is_sent, "cannot tell", *opened(), *held(), early, SIGNAL, at(2, fin_received("a")))


def test_a_client_that_closed_first_is_owed_no_goaway():
    judged(checks.goaway_is_sent, "cannot tell", *BUSY, at(0.1, fin_sent("a")), at(0.2, fin_received("a")))


# --- goaway_precedes_close ---


def test_idle_connection_gets_goaway_before_its_end():
    events = (*opened(), *ready(), SIGNAL, goaway(0.1, 1), at(0.1, fin_received("a")))
    judged(checks.goaway_precedes_close, "kept", *events, says="'a'", rests_on=["GoawayReceived"])


def test_the_connection_that_ended_without_goaway_is_named():
    events = (
        *opened("a"),
        *opened("b"),
        SIGNAL,
        goaway(0.1, 0),
        at(0.2, fin_received("a")),
        at(0.2, reset_received("b")),
    )
    judged(checks.goaway_precedes_close, "broken", *events, says="ended 'b' without", rests_on=["ConnectionEnded"])


def test_a_connection_that_never_ended_tells_nothing():
    judged(checks.goaway_precedes_close, "cannot tell", *opened(), SIGNAL, at(5, abandoned("a")))


def test_a_connection_closed_before_the_signal_is_not_judged():
    judged(checks.goaway_precedes_close, "cannot tell", *opened(), at(-0.1, fin_received("a")), SIGNAL)


def test_an_end_that_the_signal_caused_within_one_look_is_judged():
    # The recorder's look before the signal is where the spans of both begin.
    signal = at(0.001, SIGNAL, width_s=0.002)
    fin = at(0.0005, fin_received("a"), width_s=0.0015)
    judged(checks.goaway_precedes_close, "broken", *opened(), signal, fin)


def test_a_client_that_closed_first_or_may_have_is_not_judged():
    for fin in (at(0.2, fin_received("a")), at(0.2, fin_received("a"), width_s=0.15)):
        judged(checks.goaway_precedes_close, "cannot tell", *opened(), SIGNAL, at(0.1, fin_sent("a")), fin)


def test_a_client_that_followed_the_servers_fin_is_judged():
    events = (*opened(), SIGNAL, at(0.2, fin_received("a"), width_s=0.1), at(0.21, fin_sent("a")))
    judged(checks.goaway_precedes_close, "broken", *events)


# --- goaway_says_no_error ---


def test_no_error_is_kept():
    judged(checks.goaway_says_no_error, "kept", *BUSY, goaway(0.1, OPEN), goaway(0.5, 1), says="2 GOAWAY")


def test_another_code_is_named_with_its_connection():
    events = (*opened("a"), *opened("b"), SIGNAL, goaway(0.1, 0), goaway(0.1, 0, "b", error_code=2))
    judged(checks.goaway_says_no_error, "broken", *events, says="code 2 on 'b'", rests_on=["GoawayReceived"])


def test_no_goaway_says_nothing():
    judged(checks.goaway_says_no_error, "cannot tell", *BUSY)


def test_an_error_before_the_signal_is_not_the_shutdowns():
    events = (*opened(), goaway(-0.5, 0, error_code=11), SIGNAL)
    judged(checks.goaway_says_no_error, "cannot tell", *events)
    judged(checks.goaway_comes_in_two_phases, "cannot tell", *events)


# --- goaway_is_on_stream_zero ---


def test_stream_zero():
    judged(checks.goaway_is_on_stream_zero, "kept", *BUSY, goaway(0.1, 1), rests_on=["GoawayReceived"])
    judged(checks.goaway_is_on_stream_zero, "broken", *BUSY, goaway(0.1, 1, stream_id=1), says="stream 1 of 'a'")
    judged(checks.goaway_is_on_stream_zero, "cannot tell", *BUSY)


# --- goaway_is_prompt ---


def test_prompt_to_the_limit_and_not_beyond():
    judgement = judged(checks.goaway_is_prompt, "kept", *BUSY, goaway(1.0, OPEN), says="1.00 s")
    assert judgement.measured[0].limit_s == 1.0
    assert judgement.measured[0].value_s == 1.0
    judged(checks.goaway_is_prompt, "broken", *BUSY, goaway(1.01, OPEN), rests_on=["SignalSent", "GoawayReceived"])


def test_a_span_that_reaches_into_the_limit_favours_the_server():
    judged(checks.goaway_is_prompt, "kept", *BUSY, at(1.2, goaway(0, OPEN), width_s=0.3))


def test_a_late_goaway_seen_by_a_late_harness_proves_nothing():
    judged(checks.goaway_is_prompt, "cannot tell", *BUSY, goaway(3, OPEN), LAG, says="its clock proves nothing")


def test_a_harness_that_was_exactly_as_late_as_allowed_is_believed():
    judged(checks.goaway_is_prompt, "broken", *BUSY, goaway(3, OPEN), LagMeasured(int(0.25e9)))


def test_the_late_one_of_two_connections_is_named():
    events = (*opened("a"), *opened("b"), *held("x", "a"), *held("y", "b"), SIGNAL, goaway(0.1, 1), goaway(2, 1, "b"))
    judged(checks.goaway_is_prompt, "broken", *events, says="on 'b' came 2.00 s")


def test_without_goaway_or_with_one_from_before_nothing_is_prompt():
    judged(checks.goaway_is_prompt, "cannot tell", *BUSY)
    judged(checks.goaway_is_prompt, "cannot tell", *opened(), *held(), goaway(-0.5, OPEN), SIGNAL)


# --- goaway_comes_in_two_phases ---


def test_two_phases():
    judged(checks.goaway_comes_in_two_phases, "kept", *BUSY, goaway(0.1, OPEN), goaway(0.2, 1))
    judged(checks.goaway_comes_in_two_phases, "broken", *BUSY, goaway(0.1, 1), says="on 'a' already says .* 1")
    judged(checks.goaway_comes_in_two_phases, "cannot tell", *BUSY)


# --- last_stream_id_never_increases ---


def test_a_falling_or_equal_last_stream_id():
    judged(checks.last_stream_id_never_increases, "kept", *BUSY, goaway(0.1, OPEN), goaway(0.2, 1), goaway(0.3, 1))


def test_a_growing_last_stream_id_is_shown_by_its_pair():
    events = (*opened("a"), *opened("b"), SIGNAL, *(goaway(s, n, "a") for s, n in ((0.1, 3), (0.2, 1))))
    grown = (goaway(0.1, 1, "b"), goaway(0.2, 3, "b"))
    judgement = judged(checks.last_stream_id_never_increases, "broken", *events, *grown, says="'b' .* from 1 to 3")
    assert judgement.events == grown


def test_one_goaway_on_each_connection_cannot_grow():
    events = (*opened("a"), *opened("b"), SIGNAL, goaway(0.1, 1, "a"), goaway(0.2, 3, "b"))
    judged(checks.last_stream_id_never_increases, "cannot tell", *events)


# --- last_stream_id_covers_processed_streams ---


def test_a_processed_stream_is_covered():
    judged(checks.last_stream_id_covers_processed_streams, "kept", *BUSY, goaway(0.1, 1), rests_on=["GoawayReceived"])


def test_a_processed_stream_that_is_not_covered():
    events = (*opened(), *held("x", stream_id=1), *held("y", stream_id=3), SIGNAL, goaway(0.1, 1))
    kinds = ["HandlerEntered", "GoawayReceived"]
    judged(checks.last_stream_id_covers_processed_streams, "broken", *events, says="stream 3", rests_on=kinds)


def test_a_stream_that_was_answered_without_a_gate_counts_as_processed():
    events = (*opened(), *ready(stream_id=1), SIGNAL, goaway(0.1, 0))
    judged(checks.last_stream_id_covers_processed_streams, "broken", *events, says="stream 1")


def test_a_stream_that_the_server_itself_turned_away_does_not():
    sent, (started, ended) = at(-2, RequestSent("r0", "a", stream_id=1)), answered("r0", -1.9, status=503)
    events = (*opened(), sent, started, ended, SIGNAL, goaway(0.1, 0))
    judged(checks.last_stream_id_covers_processed_streams, "cannot tell", *events)


def test_refusing_a_processed_stream():
    events = (*BUSY, at(0.2, StreamReset("r", 7, "REFUSED_STREAM")))
    judged(checks.last_stream_id_covers_processed_streams, "broken", *events, says="'r' was refused")


def websocket_over_h2(stream_id):
    opening = at(-1, WebSocketAsked("w", "a", "/ws/w", stream_id))
    return (*opened(), opening, at(-0.9, WebSocketOpened("w")), SIGNAL)


def test_a_websocket_over_http2_counts_as_processed():
    check = checks.last_stream_id_covers_processed_streams
    judged(check, "kept", *websocket_over_h2(3), goaway(0.1, 3), rests_on=["GoawayReceived"])
    judged(check, "broken", *websocket_over_h2(3), goaway(0.1, 1), says="stream 3")
    refused = at(0.2, StreamReset("w", 7, "REFUSED_STREAM"))
    judged(check, "broken", *websocket_over_h2(3), refused, says="'w' was refused")
    judged(check, "cannot tell", *websocket_over_h2(None), goaway(0.1, 0))


def test_a_handler_entered_while_the_goaway_came_is_no_evidence():
    entered = at(0.105, HandlerEntered("r"), width_s=0.01)
    events = (*opened(), SIGNAL, at(0.05, RequestSent("r", "a", stream_id=3)), entered, goaway(0.1, 1))
    judged(checks.last_stream_id_covers_processed_streams, "cannot tell", *events)


# --- streams_above_last_stream_id_are_not_processed ---


def late(*events):
    return (*opened(), SIGNAL, goaway(0.1, 1), at(0.2, RequestSent("r", "a", stream_id=3)), *events)


def test_a_late_stream_left_alone():
    events = late(at(1, fin_received("a")))
    judged(
        checks.streams_above_last_stream_id_are_not_processed, "kept", *events, says="'r'", rests_on=["GoawayReceived"]
    )


def test_a_late_stream_processed_all_the_same():
    kinds = ["GoawayReceived", "HandlerEntered"]
    entered = at(0.3, HandlerEntered("r"))
    judged(
        checks.streams_above_last_stream_id_are_not_processed, "broken", *late(entered), says="stream 3", rests_on=kinds
    )


def test_a_late_stream_answered_without_a_gate():
    events = late(*answered("r", 0.3))
    judged(checks.streams_above_last_stream_id_are_not_processed, "broken", *events, says="stream 3")


def test_what_was_processed_before_the_goaway_is_not_praised_here():
    events = (*opened(), *held(stream_id=3), SIGNAL, goaway(0.1, 1))
    judged(checks.streams_above_last_stream_id_are_not_processed, "cannot tell", *events)


def test_a_covered_stream_is_not_above():
    events = (
        *opened(),
        SIGNAL,
        goaway(0.1, 3),
        at(0.2, RequestSent("r", "a", stream_id=3)),
        at(0.3, HandlerEntered("r")),
    )
    judged(checks.streams_above_last_stream_id_are_not_processed, "cannot tell", *events)


# --- streams_in_flight_are_not_reset ---


def test_a_stream_that_is_served_was_not_reset():
    judged(checks.streams_in_flight_are_not_reset, "kept", *BUSY, goaway(0.1, 1), *SERVED, rests_on=["ResponseEnded"])


@pytest.mark.parametrize("code", [0, 2, 7, 8])
def test_any_reset_in_flight_breaks_it_with_or_without_a_drain_timeout(code):
    reset = at(0.2, StreamReset("r", code))
    for drain_s in (4.0, None):
        kinds = ["StreamReset"]
        judged(
            checks.streams_in_flight_are_not_reset, "broken", *BUSY, reset, drain_s=drain_s, says="'r'", rests_on=kinds
        )


def test_a_reset_when_the_drain_timeout_is_over():
    judged(checks.streams_in_flight_are_not_reset, "kept", *BUSY, at(3.75, StreamReset("r", 8)))
    judged(checks.streams_in_flight_are_not_reset, "broken", *BUSY, at(3.74, StreamReset("r", 8)))
    judged(checks.streams_in_flight_are_not_reset, "kept", *BUSY, at(0.1, StreamReset("r", 8)), drain_s=0.0)


def test_a_reset_after_the_whole_response_is_no_loss():
    judged(checks.streams_in_flight_are_not_reset, "kept", *BUSY, *SERVED, at(1.1, StreamReset("r", 0)))


def test_a_reset_before_the_signal_is_not_the_shutdowns():
    events = (*opened(), *held(), at(-0.1, StreamReset("r", 11)), SIGNAL)
    judged(checks.streams_in_flight_are_not_reset, "cannot tell", *events)


def test_a_stream_that_ends_with_its_connection_tells_nothing_of_resets():
    events = (*BUSY, goaway(0.1, 1), at(0.2, fin_received("a")))
    judged(checks.streams_in_flight_are_not_reset, "cannot tell", *events, says="'r'")


# --- raced_streams_meet_a_clear_fate ---


def raced(*events, sent_s=0.01):
    request = at(sent_s, RequestSent("raced", "a", stream_id=3))
    return (*opened(), *held(), SIGNAL, request, *events)


@pytest.mark.parametrize(
    "events",
    [
        (*answered("raced", 0.3),),
        (*answered("raced", 0.3, status=503),),
        (at(0.3, StreamReset("raced", 7)),),
        (goaway(0.3, 1),),
        (goaway(0.2, OPEN), goaway(0.3, 1)),
        (goaway(0.2, 1), at(0.3, StreamReset("raced", 8))),
    ],
)
def test_served_or_refused_is_clear(events):
    judged(checks.raced_streams_meet_a_clear_fate, "kept", *raced(*events), says="'raced' was (served|refused)")


@pytest.mark.parametrize(
    ("events", "became"),
    [
        ((), "ambiguous"),
        ((goaway(0.2, OPEN), at(0.3, fin_received("a"))), "ambiguous"),
        ((at(0.3, StreamReset("raced", 8)),), "ambiguous"),
        ((at(0.2, HandlerEntered("raced")), at(0.2, HandlerOrdered("raced", "finish 9"))), "lost"),
        ((answered("raced", 0.2)[0], at(0.3, StreamReset("raced", 7))), "lost"),
    ],
)
def test_neither_is_not(events, became):
    judgement = judged(checks.raced_streams_meet_a_clear_fate, "broken", *raced(*events), says=f"'raced' was {became}")
    assert judgement.events[1].request == "raced"


def many(*fates):
    """Streams that were opened one after another, each with what became of it."""
    return [
        event
        for number, became in enumerate(fates)
        for event in (
            at(0.01 + number / 1000, RequestSent(f"raced-{number}", "a", stream_id=3 + 2 * number)),
            *became(f"raced-{number}"),
        )
    ]


def served(name):
    return answered(name, 0.3)


def refused(name):
    return (at(0.3, StreamReset(name, 7)),)


def dropped(_name):
    return ()


def test_of_many_raced_streams_it_is_said_how_many_met_which_fate():
    check = checks.raced_streams_meet_a_clear_fate
    events = many(*[served] * 7, refused, refused)
    judged(check, "kept", *opened(), *held(), SIGNAL, *events, says="Of 9 streams 2 were refused and 7 were served")
    judged(
        check, "kept", *opened(), *held(), SIGNAL, *many(served, refused), says="'raced-0' was served; 'raced-1' was"
    )


def test_one_of_many_raced_streams_that_is_dropped_is_enough():
    events = many(*[served] * 7, dropped, refused)
    found = judged(
        checks.raced_streams_meet_a_clear_fate,
        "broken",
        *opened(),
        *held(),
        SIGNAL,
        *events,
        says="'raced-7' was ambig",
    )
    assert [getattr(event, "request", "") for event in found.events] == ["", "raced-7"]


def test_a_stream_sent_before_the_signal_or_after_the_end_is_not_raced():
    judged(checks.raced_streams_meet_a_clear_fate, "cannot tell", *BUSY)
    fin = at(0.2, close_notify_received("a"))
    judged(checks.raced_streams_meet_a_clear_fate, "cannot tell", *raced(fin, sent_s=0.3))
