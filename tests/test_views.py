"""Views of a trace, by connection and by request: what was open, what was in flight, and each request's fate."""

import pytest

from lastcall.conformance.model.client_events import (
    BytesSent,
    ConnectionFailed,
    ConnectionOpened,
    FrameSent,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    StreamReset,
    TlsEstablished,
    TlsFailed,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerOrdered,
    ServerExited,
    ServerKilled,
    SignalSent,
)
from lastcall.conformance.model.views import Fate, connections, exited, fate, in_flight, requests, shutdown
from tests.ends import close_notify_received, fin_received, fin_sent, reset_received
from tests.traces import SIGNAL, answered, at, exits, goaway, held, opened, ready, released, trace


def connection(*events, name="a"):
    return next(view for view in connections(trace(*events)) if view.name == name)


def request(*events, name="r"):
    return next(view for view in requests(trace(*events)) if view.name == name)


# --- the shutdown and the exit ---


def test_the_shutdown_is_the_signal_of_that_purpose():
    second = at(1, SignalSent("SIGTERM", "second"))
    assert shutdown(trace(second, SIGNAL)) is SIGNAL
    assert shutdown(trace(second)) is None


def test_a_signal_to_a_server_that_had_certainly_died_is_no_shutdown():
    assert shutdown(trace(exits(-0.1), SIGNAL)) is None
    assert shutdown(trace(at(0.001, ServerExited(0), width_s=0.002), SIGNAL)) is SIGNAL


def test_an_exit_after_the_harness_killed_is_not_the_servers():
    end = exits(1)
    assert exited(trace(end)) is end
    assert exited(trace(at(1, ServerKilled()), exits(1.1, -9))) is None
    assert exited(trace()) is None


# --- connections ---


def test_connections_come_in_the_order_in_which_they_were_tried():
    recorded = trace(at(1, ConnectionFailed("b", "refused")), *opened("a"))
    assert [view.name for view in connections(recorded)] == ["b", "a"]
    assert connections(recorded)[0].failed.reason == "refused"


def test_the_first_end_counts():
    notify, fin, reset = at(1, close_notify_received("a")), at(2, fin_received("a")), at(3, reset_received("a"))
    assert connection(*opened(), reset, fin, notify).ended is notify
    assert connection(*opened(), reset, fin).ended is fin
    assert connection(*opened()).ended is None


@pytest.mark.parametrize(
    ("ours", "theirs", "by_us"),
    [
        (at(1, fin_sent("a")), None, True),
        (None, at(1, fin_received("a")), False),
        (at(1, fin_sent("a")), at(2, fin_received("a")), True),
        (at(2, fin_sent("a")), at(1, fin_received("a")), False),
        (at(1, fin_sent("a")), at(1.01, fin_received("a"), width_s=0.02), True),
        (at(1, fin_sent("a")), at(1, fin_received("a")), True),
    ],
    ids=["only us", "only they", "we first", "they first", "their span holds ours", "same time"],
)
def test_which_side_closed_first(ours, theirs, by_us):
    ends = [event for event in (ours, theirs) if event]
    assert connection(*opened(), *ends).ended_by_us() is by_us


@pytest.mark.parametrize(
    ("events", "stood"),
    [
        ((), True),
        ((at(0.1, fin_received("a")),), True),
        ((at(-0.1, fin_received("a")),), False),
        ((at(-0.1, fin_sent("a")),), False),
        ((at(0.1, fin_received("a"), width_s=0.1),), True),
        ((at(0.1, fin_received("a"), width_s=0.11),), False),
    ],
)
def test_what_stood_when_the_signals_span_began(events, stood):
    assert connection(*opened(), *events).open_at(SIGNAL) is stood


def test_what_was_opened_after_or_across_it_did_not_stand():
    assert not connection(at(0.1, ConnectionOpened("a"))).open_at(SIGNAL)
    assert not connection(at(0.1, ConnectionOpened("a"), width_s=0.2)).open_at(SIGNAL)


@pytest.mark.parametrize(
    ("spoken", "silent"),
    [
        (None, True),
        (FrameSent("a", "SETTINGS"), False),
        (TlsEstablished("a"), False),
        (TlsFailed("a"), False),
        (BytesSent("a", 3, "noise"), False),
        (RequestSent("r", "a"), False),
        (RequestSent("r", "b"), True),
    ],
)
def test_silent_is_not_one_byte(spoken, silent):
    events = [at(-1, spoken)] if spoken else []
    assert connection(at(-3, ConnectionOpened("a")), *events).silent is silent


def test_idle_is_open_with_every_request_answered_and_none_after():
    assert connection(*opened(), *ready()).idle_at(SIGNAL)
    assert not connection(*opened(), *held()).idle_at(SIGNAL)
    assert not connection(*opened(), *ready(), at(1, RequestSent("z", "a"))).idle_at(SIGNAL)
    assert not connection(*opened(), *ready(seconds=-0.05)).idle_at(SIGNAL)
    assert connection(*opened(), *ready()).used_before(SIGNAL)
    assert not connection(*opened(), *ready(seconds=1)).used_before(SIGNAL)
    assert connection(*opened(), *ready(), *ready("z", seconds=1)).used_before(SIGNAL)


# --- requests ---


def test_a_request_is_released_by_finish_alone():
    send = at(0.5, HandlerOrdered("r", "send 9"))
    assert request(*held(), send).released is None
    assert request(*held(), send, *released()).released.order == "finish 9"


def test_a_request_is_over_by_its_end_or_its_reset():
    reset = at(1, StreamReset("r", 8))
    assert request(*held(), reset).over is reset
    assert request(*held(), *answered(), reset).over.framing == "end_stream"
    assert request(*held()).over is None


def test_a_handler_is_cut_by_being_cancelled_or_by_an_error_but_not_by_the_harness():
    cancelled, failed = at(1, HandlerCancelled("r")), at(1, HandlerFailed("r", "gone"))
    assert request(*held(), cancelled).cut is cancelled
    assert request(*held(), failed).cut is failed
    assert request(*held(), cancelled, at(0.9, ServerKilled())).cut is None
    assert request(*held(), cancelled, at(1.1, ServerKilled())).cut is cancelled


def test_processed_is_entered_or_answered_with_success():
    assert isinstance(request(*held()).processed, HandlerEntered)
    assert isinstance(request(*ready("r")).processed, ResponseStarted)
    turned_away = (at(-1, RequestSent("r", "a")), *answered(status=503))
    assert request(*turned_away).processed is None


@pytest.mark.parametrize(
    ("events", "whole"),
    [
        ((at(1, fin_received("a")),), True),
        ((at(1, reset_received("a")),), False),
        ((at(1, fin_received("a")), at(2, reset_received("a"))), True),
        ((at(-2, TlsEstablished("a")), at(1, fin_received("a"))), False),
        ((at(-2, TlsEstablished("a")), at(1, close_notify_received("a")), at(2, fin_received("a"))), True),
        ((at(1, reset_received("b")), at(1, fin_received("a"))), True),
    ],
)
def test_an_error_of_the_transport_does_not_end_a_response(events, whole):
    ended = at(1, ResponseEnded("r", 4, "", "close"))
    assert (request(*held(), *events, ended).ended is ended) is whole
    chunked = at(1, ResponseEnded("r", 4, "", "chunked"))
    assert request(*held(), *events, chunked).ended is chunked


# --- in flight ---


def names_in_flight(*events):
    return [view.name for view in in_flight(trace(*opened(), *events))]


def test_in_flight_is_entered_before_the_signal_and_not_over():
    assert names_in_flight(*held("x"), *held("y", seconds=0.1), at(-1, RequestSent("z", "a")), SIGNAL) == ["x"]
    assert names_in_flight(*held("x")) == []


@pytest.mark.parametrize(
    "gone", [StreamReset("x", 8), ResponseEnded("x"), HandlerCancelled("x"), fin_received("a"), fin_sent("a")]
)
def test_what_was_over_before_the_signal_was_not_in_flight(gone):
    assert names_in_flight(*held("x"), at(-0.1, gone), SIGNAL) == []
    assert names_in_flight(*held("x"), at(0.1, gone), SIGNAL) == ["x"]
    assert names_in_flight(*held("x"), at(0.001, gone, width_s=0.002), SIGNAL) == ["x"]


# --- fates ---


@pytest.mark.parametrize(
    ("events", "became"),
    [
        (answered(), Fate.SERVED),
        (answered(status=500), Fate.SERVED),
        ((at(1, HandlerEntered("r")), at(1, HandlerOrdered("r", "finish 9"))), Fate.LOST),
        ((at(1, HandlerEntered("r")),), Fate.CUT),
        ((at(1, HandlerEntered("r")), at(3, ServerKilled())), Fate.HELD),
        ((at(1, HandlerEntered("r")), at(2, fin_received("b")), at(3, ServerKilled())), Fate.HELD),
        ((at(1, HandlerEntered("r")), at(3, ServerKilled()), at(3.1, reset_received("a"))), Fate.HELD),
        ((at(1, HandlerEntered("r")), at(2, fin_received("a")), at(3, ServerKilled())), Fate.CUT),
        ((at(1, HandlerEntered("r")), at(2, HandlerCancelled("r")), at(3, ServerKilled())), Fate.CUT),
        ((at(1, HandlerEntered("r")), at(2, StreamReset("r", 8)), at(3, ServerKilled())), Fate.CUT),
        ((answered()[0],), Fate.LOST),
        ((at(1, StreamReset("r", 7)),), Fate.REFUSED),
        ((at(1, StreamReset("r", 8)),), Fate.AMBIGUOUS),
        ((at(1, StreamReset("r", 7)), at(1, HandlerEntered("r"))), Fate.CUT),
        ((goaway(1, 1),), Fate.REFUSED),
        ((goaway(1, 3),), Fate.AMBIGUOUS),
        ((goaway(1, 1, "b"),), Fate.AMBIGUOUS),
        ((goaway(0.9, 2**31 - 1), goaway(1, 1)), Fate.REFUSED),
        ((), Fate.AMBIGUOUS),
    ],
)
def test_fates(events, became):
    recorded = trace(*opened("a"), *opened("b"), at(0.5, RequestSent("r", "a", stream_id=3)), *events)
    assert fate(recorded, requests(recorded)[0]) is became
