"""Checks of connections on literal traces: what each answers, and at which edge."""

import pytest

from lastcall.conformance.checks import closing as checks
from lastcall.conformance.checks.serving import in_flight_requests_are_served
from lastcall.conformance.model.client_events import (
    BytesSent,
    ConnectionFailed,
    ConnectionOpened,
    RequestSent,
    StreamReset,
    TlsEstablished,
    TlsFailed,
)
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    ListenerClosed,
    OrphansFound,
    ServerKilled,
)
from tests.ends import abandoned, close_notify_received, fin_received, fin_sent, reset_received
from tests.traces import LAG, SIGNAL, answered, at, exits, goaway, held, judged, opened, ready, released

SILENT = at(-3, ConnectionOpened("a"))
IDLE = (*opened(), *ready(), SIGNAL)
BUSY = (*opened(), *held(), SIGNAL)
SERVED = (*released(), *answered())
ALL = (
    checks.idle_connections_close_promptly,
    checks.unused_connections_close_promptly,
    checks.silent_connections_close_promptly,
    checks.busy_connections_close_after_their_last_response,
    checks.connections_end_without_reset,
    checks.close_notify_precedes_fin,
    checks.listener_closes,
    checks.new_connections_meet_a_clear_fate,
    checks.fate_of_new_connections,
)
PROMPT = (
    (checks.idle_connections_close_promptly, IDLE),
    (checks.unused_connections_close_promptly, (*opened(), SIGNAL)),
    (checks.silent_connections_close_promptly, (SILENT, SIGNAL)),
)
each_prompt = pytest.mark.parametrize(("check", "events"), PROMPT, ids=lambda value: getattr(value, "id", ""))


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *opened(), *held(), *SERVED, at(2, fin_received("a")), says="not sent")


# --- idle, unused and silent connections ---


@each_prompt
def test_prompt_to_the_limit_and_not_beyond(check, events):
    judged(
        check,
        "kept",
        *events,
        at(2.5, fin_received("a")),
        says="'a' .* 2.50 s",
        rests_on=["SignalSent", "ConnectionEnded"],
    )
    judged(
        check, "broken", *events, at(2.51, fin_received("a")), says="2.51 s", rests_on=["SignalSent", "ConnectionEnded"]
    )


@each_prompt
def test_a_span_that_reaches_into_the_limit_favours_the_server(check, events):
    judged(check, "kept", *events, at(2.8, fin_received("a"), width_s=0.4))


@each_prompt
def test_an_end_within_the_look_that_the_signal_was_sent_in(check, events):
    *before, signal = events
    wide = at(0.001, signal, width_s=0.002)
    judged(check, "kept", *before, wide, at(0.0005, reset_received("a"), width_s=0.0015))


@each_prompt
def test_close_notify_is_a_close(check, events):
    judged(check, "kept", *events, at(0.1, close_notify_received("a")), at(9, fin_received("a")))


@each_prompt
def test_a_late_harness_proves_nothing(check, events):
    judged(check, "cannot tell", *events, at(3, fin_received("a")), LAG, says="its clock")
    judged(check, "cannot tell", *events, at(8, abandoned("a")), LAG, says="its clock")


@each_prompt
def test_still_open_when_the_play_was_over(check, events):
    judged(check, "broken", *events, at(8, abandoned("a")), says="'a' was still open")


@each_prompt
def test_still_open_in_a_play_that_was_shorter_than_the_limit(check, events):
    judged(check, "cannot tell", *events, at(0.7, abandoned("a")), says="before the limit")


@each_prompt
def test_what_ended_before_the_signal_or_by_the_client_is_not_judged(check, events):
    *before, signal = events
    judged(check, "cannot tell", *before, at(-0.1, fin_received("a")), signal)
    judged(check, "cannot tell", *events, at(0.1, fin_sent("a")), at(3, fin_received("a")))
    judged(check, "cannot tell", *events, at(0.1, fin_sent("a")), at(0.15, fin_received("a"), width_s=0.1))


@each_prompt
def test_a_request_after_the_signal_makes_it_another_question(check, events):
    judged(check, "cannot tell", *events, at(0.1, RequestSent("z", "a", stream_id=9)), at(4, fin_received("a")))


def test_the_slow_one_of_two_is_named():
    events = (*opened("a"), *opened("b"), SIGNAL, at(0.1, fin_received("a")), at(3, fin_received("b")))
    judged(checks.unused_connections_close_promptly, "broken", *events, says="'b' was closed 3.00 s")


def test_a_connection_with_an_open_request_is_not_idle():
    judged(checks.idle_connections_close_promptly, "cannot tell", *BUSY, at(3, fin_received("a")))


def test_half_a_request_is_neither_unused_nor_silent():
    events = (SILENT, at(-2, BytesSent("a", 10, "half a head")), SIGNAL, at(5, fin_received("a")))
    judged(checks.unused_connections_close_promptly, "cannot tell", *events)
    judged(checks.silent_connections_close_promptly, "cannot tell", *events)


def test_a_silent_connection_that_outlives_the_server_was_the_kernels():
    gone = (SILENT, SIGNAL, exits(2.5), at(2.8, abandoned("a")))
    judged(checks.silent_connections_close_promptly, "cannot tell", *gone)
    left = (*gone, at(3.3, OrphansFound((7,), ("worker",))))
    judged(checks.silent_connections_close_promptly, "broken", *left)


# --- busy_connections_close_after_their_last_response ---

LAST = checks.busy_connections_close_after_their_last_response


def test_closed_after_the_last_response_to_the_limit_and_not_beyond():
    judgement = judged(
        LAST, "kept", *BUSY, *SERVED, at(3.02, fin_received("a")), rests_on=["ResponseEnded", "ConnectionEnded"]
    )
    assert judgement.measured[0].value_s == 2.0
    judged(LAST, "broken", *BUSY, *SERVED, at(3.03, fin_received("a")), says="'a' was closed 2.01 s")


def test_open_after_the_last_response():
    judged(LAST, "broken", *BUSY, *SERVED, at(8, abandoned("a")), says="'a' stayed open")
    judged(LAST, "cannot tell", *BUSY, *SERVED, at(8, abandoned("a")), LAG)
    judged(LAST, "cannot tell", *BUSY, *SERVED, at(1.5, abandoned("a")), says="before the limit")


def test_a_polite_client_that_closed_first_leaves_nothing_to_judge():
    for fin in (at(1.1, fin_received("a")), at(1.1, fin_received("a"), width_s=0.09)):
        judged(LAST, "cannot tell", *BUSY, *SERVED, at(1.05, fin_sent("a")), fin)


def test_the_last_response_may_be_a_raced_streams():
    raced = (at(0.1, RequestSent("raced", "a", stream_id=3)), at(0.2, HandlerEntered("raced")))
    judged(LAST, "kept", *BUSY, *raced, *SERVED, *answered("raced", 3.5), at(3.6, fin_received("a")))
    judged(LAST, "cannot tell", *BUSY, *raced, *SERVED, at(4, fin_received("a")))


def test_a_refused_raced_stream_is_not_waited_for():
    raced = (at(0.1, RequestSent("raced", "a", stream_id=3)), goaway(0.2, 1))
    judged(LAST, "kept", *BUSY, *raced, *SERVED, at(1.1, fin_received("a")))


def test_a_lost_response_is_another_checks_matter():
    judged(LAST, "cannot tell", *BUSY, at(0.1, fin_received("a")))


# --- connections_end_without_reset ---

ORDERLY = checks.connections_end_without_reset


def test_fin_or_close_notify_is_in_order_whatever_follows():
    for end in (fin_received("a"), close_notify_received("a")):
        judged(ORDERLY, "kept", *IDLE, at(0.1, end), at(0.2, reset_received("a")), says="'a'")


def test_the_reset_one_of_two_is_named():
    events = (*opened("a"), *opened("b"), SIGNAL, at(0.1, fin_received("a")), at(0.1, reset_received("b")))
    judged(ORDERLY, "broken", *events, says="'b' was reset", rests_on=["ConnectionEnded"])


@pytest.mark.parametrize(
    "events",
    [
        (*IDLE, at(8, abandoned("a"))),
        (*BUSY, at(0.1, reset_received("a"))),
        (*BUSY, at(0.1, fin_received("a"))),
        (SILENT, SIGNAL, at(0.1, reset_received("a"))),
        (*IDLE, at(0.1, fin_sent("a")), at(0.2, reset_received("a"))),
    ],
    ids=["open", "cut by reset", "cut by FIN", "silent", "client first"],
)
def test_no_verdict_hangs_on_how_a_kernel_ends_it(events):
    judged(ORDERLY, "cannot tell", *events)


# --- close_notify_precedes_fin ---

TLS = at(-2.9, TlsEstablished("a"))
NOTIFY = checks.close_notify_precedes_fin


def test_close_notify():
    judged(NOTIFY, "kept", *IDLE, TLS, at(0.1, close_notify_received("a")), rests_on=["ConnectionEnded"])
    judged(NOTIFY, "broken", *IDLE, TLS, at(0.1, fin_received("a")), says="on 'a'", rests_on=["ConnectionEnded"])


def test_the_truncated_one_of_two_is_named():
    events = (*opened("b"), at(-2.9, TlsEstablished("b")), TLS, *IDLE, at(0.1, close_notify_received("b")))
    judged(NOTIFY, "broken", *events, at(0.2, fin_received("a")), says="on 'a'")


@pytest.mark.parametrize(
    "events",
    [
        (*IDLE, at(0.1, fin_received("a"))),
        (*IDLE, TLS, at(0.1, reset_received("a"))),
        (*IDLE, TLS, at(0.1, fin_sent("a")), at(0.2, fin_received("a"))),
    ],
    ids=["no TLS", "reset", "client first"],
)
def test_no_orderly_end_to_judge(events):
    judged(NOTIFY, "cannot tell", *events)


def test_a_hard_cut_is_not_also_called_a_truncation():
    assert in_flight_requests_are_served in NOTIFY.blocked_by


# --- listener_closes ---


def test_when_the_listener_closed():
    judgement = judged(
        checks.listener_closes, "observed", SIGNAL, at(0.5, ListenerClosed(), width_s=0.1), says="0.40 s"
    )
    assert judgement.measured[0].value_s == pytest.approx(0.4)
    judged(checks.listener_closes, "cannot tell", SIGNAL)


# --- new connections ---

NEW = checks.new_connections_meet_a_clear_fate
CAME = (*opened("old"), SIGNAL, *opened("new", 0.5), at(0.6, RequestSent("n", "new", target="/ready", stream_id=1)))


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ((SIGNAL, at(0.5, ConnectionFailed("new", "refused"))), "not connected .refused"),
        ((*CAME, *answered("n", 0.7)), "answered .200"),
        ((*CAME, *answered("n", 0.7, status=503), at(0.7, reset_received("new"))), "answered .503"),
        ((*CAME, *answered("n", 4)), "answered .200"),
        ((*CAME, goaway(0.7, 0, "new"), at(0.7, fin_received("new"))), "refused"),
        ((*CAME, goaway(0.7, 0, "new"), at(0.7, reset_received("new"))), "refused"),
        ((*CAME, goaway(0.7, 0, "new"), at(4, fin_received("new"))), "refused"),
        ((*CAME, goaway(0.7, 2**31 - 1, "new"), goaway(1, 0, "new"), goaway(4, 0, "new")), "refused"),
        ((*CAME, at(0.7, StreamReset("n", 7)), at(4, fin_received("new"))), "refused"),
        ((*CAME, at(2.5, fin_received("new"))), "closed in order"),
        (
            (SIGNAL, *opened("new", 0.5), at(0.6, fin_received("new")), at(0.6, TlsFailed("new", "ended"))),
            "closed in order",
        ),
    ],
)
def test_a_clear_fate(events, says):
    judged(NEW, "kept", *events, says=says)
    judged(checks.fate_of_new_connections, "observed", *events, says=says)


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ((SIGNAL, at(0.5, ConnectionFailed("new", "reset"))), "not connected .reset"),
        ((*CAME, at(0.7, reset_received("new"))), "accepted and then reset"),
        ((*CAME, at(0.7, HandlerEntered("n")), at(0.8, fin_received("new"))), "processed and got no whole"),
        ((*CAME, answered("n", 0.7)[0], at(0.8, fin_received("new"))), "processed and got no whole"),
        ((*CAME, goaway(0.7, 2**31 - 1, "new"), at(0.8, reset_received("new"))), "accepted and then reset"),
    ],
)
def test_an_unclear_fate_whatever_the_harness_clock(events, says):
    for lag in ((), (LAG,)):
        judged(NEW, "broken", *events, *lag, says=f"'new' .*{says}")


@pytest.mark.parametrize(
    "events",
    [
        (*CAME, at(2.52, fin_received("new"))),
        (*CAME, at(2.52, StreamReset("n", 7))),
        (*CAME, at(8, ServerKilled("time was up"))),
    ],
)
def test_a_black_hole_is_a_matter_of_time(events):
    judged(NEW, "broken", *events, says="'new' was accepted and left without an answer")
    judged(NEW, "cannot tell", *events, LAG)


def test_a_certain_loss_goes_before_one_of_time():
    events = (*CAME, *opened("next", 0.8), at(0.9, reset_received("next")), at(8, abandoned("new")))
    judged(NEW, "broken", *events, LAG, says="'next' was accepted and then reset")


SECOND = at(0.6, RequestSent("m", "new", target="/ready", stream_id=3))


def test_of_two_requests_each_has_to_be_served_or_refused():
    both = (*CAME, SECOND, *answered("n", 0.7))
    judged(NEW, "kept", *both, goaway(0.8, 1, "new"), at(0.8, reset_received("new")), says="refused")
    judged(NEW, "broken", *both, goaway(0.8, 3, "new"), at(0.8, reset_received("new")), says="and then reset")
    judged(NEW, "broken", *both, goaway(0.8, 3, "new"), goaway(3, 1, "new"), says="for 2.[0-9]+ s")


def test_no_new_connection():
    judged(NEW, "cannot tell", *opened(), SIGNAL)
    judged(checks.fate_of_new_connections, "cannot tell", *opened(), SIGNAL)
