"""What a draining HTTP/2 connection owes, on literal traces: what each check answers, and at which edge."""

import pytest

from lastcall.conformance.checks import ending, goaway, handshakes, http2, serving
from lastcall.conformance.judging.judge import why_control_fails
from lastcall.conformance.model.client_events import (
    ConnectionOpened,
    FrameReceived,
    FrameSent,
    RequestEnded,
    RequestSent,
    ResponseStarted,
    StreamReset,
    TlsEstablished,
    TlsFailed,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerOrdered,
    HandlerReported,
    ServerKilled,
)
from lastcall.conformance.model.views import Fate, fate, in_flight, requests
from tests import traces
from tests.ends import abandoned, fin_received, fin_sent
from tests.traces import LAG, SIGNAL, answered, at, exits, held, judged, opened, released
from tests.traces import goaway as goaway_at

PINGS = http2.pings_are_answered_in_the_drain
SETTINGS = http2.settings_are_acknowledged_in_the_drain
WHOLE = http2.uploads_in_flight_are_read_whole
DATA = http2.data_of_discarded_streams_is_given_back
FIELDS = http2.fields_of_discarded_streams_are_decompressed
LATE = handshakes.late_handshakes_meet_a_clear_fate
BUSY = (*opened(), *held(), SIGNAL)
LEFT = at(5, abandoned("a"))


@pytest.mark.parametrize("check", [PINGS, SETTINGS, WHOLE, DATA, FIELDS, LATE], ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *opened(), *held(), says="not sent its shutdown signal")


# --- acknowledgements ---


def sent(frame, seconds, connection="a", **fields):
    return at(seconds, FrameSent(connection, frame, **fields))


def acknowledged(frame, seconds, connection="a"):
    return at(seconds, FrameReceived(connection, frame, flags=("ACK",)))


def test_a_ping_that_is_answered():
    kinds = ["FrameSent", "FrameReceived"]
    judgement = judged(
        PINGS, "kept", *BUSY, sent("PING", 0.5), acknowledged("PING", 0.6), says="0.10 s", rests_on=kinds
    )
    assert judgement.measured[0].limit_s == 1.0


def test_a_ping_that_is_not():
    judged(PINGS, "broken", *BUSY, sent("PING", 0.5), LEFT, says="PING on 'a' .* was not acknowledged")


def test_of_two_pings_the_second_is_not_answered_by_the_first_answer():
    events = (sent("PING", 0.5), acknowledged("PING", 0.6), sent("PING", 0.7), LEFT)
    judged(PINGS, "broken", *BUSY, *events, says="not acknowledged")


def test_a_ping_that_is_answered_late():
    judged(PINGS, "broken", *BUSY, sent("PING", 0.5), acknowledged("PING", 1.6), says="after 1.10 s")
    judged(PINGS, "kept", *BUSY, sent("PING", 0.5), acknowledged("PING", 1.5))
    judged(PINGS, "cannot tell", *BUSY, sent("PING", 0.5), acknowledged("PING", 1.6), LAG, says="clock proves nothing")


def test_a_connection_that_ended_soon_after_the_ping_proves_nothing():
    judged(PINGS, "cannot tell", *BUSY, sent("PING", 0.5), at(1.5, fin_received("a")), says="nothing left to wait for")
    judged(PINGS, "broken", *BUSY, sent("PING", 0.5), at(1.6, fin_received("a")))


def test_a_ping_before_the_signal_or_our_own_answer_is_not_judged():
    events = (*opened(), *held(), sent("PING", -0.5), SIGNAL, sent("PING", 0.5, flags=("ACK",)), LEFT)
    judged(PINGS, "cannot tell", *events, says="No PING was sent")


def test_settings_are_counted_from_the_preface_on():
    first = acknowledged("SETTINGS", -2.5)
    judged(SETTINGS, "broken", *opened(), first, *held(), SIGNAL, sent("SETTINGS", 0.5), LEFT)
    events = (*opened(), first, *held(), SIGNAL, sent("SETTINGS", 0.5), acknowledged("SETTINGS", 0.6))
    judged(SETTINGS, "kept", *events, says="SETTINGS was acknowledged")


# --- uploads ---


def upload(*events, reading=True):
    order = [at(-0.5, HandlerOrdered("u", "read"))] if reading else []
    return (
        *opened(),
        at(-1, RequestSent("u", "a", "POST", "/hold/u", 1, whole=False)),
        at(-0.9, HandlerEntered("u", "POST", "/hold/u")),
        *order,
        SIGNAL,
        *events,
    )


def data(seconds, length=100, stream_id=1):
    return at(seconds, FrameSent("a", "DATA", stream_id, length=length))


ALL = 65_535
ENDED = at(1, RequestEnded("u", 100))
READ = at(1.1, HandlerReported("u", "read 100"))


def test_an_upload_that_was_read():
    judged(WHOLE, "kept", *upload(data(0.9), ENDED, READ), says="'u' reached", rests_on=["HandlerReported"])


def test_an_upload_of_which_something_is_missing():
    short = at(1.1, HandlerReported("u", "read 99"))
    judged(WHOLE, "broken", *upload(ENDED, short), says="read 99 of 100", rests_on=["RequestEnded", "HandlerReported"])


def test_an_upload_that_stalls():
    judged(WHOLE, "broken", *upload(data(0.9, ALL), LEFT), says="could not be sent: the windows stayed shut")
    late = data(0.95, ALL, stream_id=3)
    judged(WHOLE, "broken", *upload(data(0.9), late, LEFT), rests_on=["FrameSent"])
    judged(WHOLE, "broken", *upload(ENDED, LEFT), says="had been sent but not read")
    judged(WHOLE, "cannot tell", *upload(ENDED, LEFT, LAG))


@pytest.mark.parametrize(
    "end",
    [fin_received("a"), ResponseStarted("u", 500), StreamReset("u", 8), HandlerCancelled("u")],
    ids=lambda event: type(event).__name__,
)
def test_an_upload_that_was_on_its_way_until_it_was_cut_did_not_stall(end):
    judged(WHOLE, "cannot tell", *upload(data(3.5, ALL), at(4, end), LEFT), says="nothing left to wait for")
    judged(WHOLE, "broken", *upload(data(2.9, ALL), at(4, end), LEFT), says="windows stayed shut")


def test_an_upload_whose_client_could_have_gone_on_did_not_stall():
    judged(WHOLE, "cannot tell", *upload(data(0.9), LEFT), says="though the windows allowed it")
    more = at(-2, FrameReceived("a", "SETTINGS", detail="INITIAL_WINDOW_SIZE=70000 MAX_FRAME_SIZE=16384"))
    judged(WHOLE, "broken", more, *upload(data(0.9, ALL), LEFT))
    judged(WHOLE, "cannot tell", more, window(-2, 1), *upload(data(0.9, ALL), LEFT))
    judged(WHOLE, "cannot tell", *upload(data(0.9, ALL), window(1, 5), window(1, 5, 1), LEFT))
    judged(WHOLE, "broken", *upload(data(0.9, ALL), window(1, 5), LEFT))


def test_what_was_sent_before_the_signal_or_is_not_being_read_is_no_upload_in_flight():
    judged(WHOLE, "cannot tell", *upload(ENDED, LEFT, reading=False))
    early = (at(-0.6, RequestEnded("u", 100)), *upload(READ))
    judged(WHOLE, "cannot tell", *early)


# --- DATA of discarded streams ---


def discarded(*events, last=1, length=65_535):
    late = at(0.5, RequestSent("late", "a", "POST", "/hold/late", 3, whole=False))
    return upload(goaway_at(0.1, last), late, data(0.51, length, 3), *events)


def window(seconds, increment, stream_id=0):
    return at(seconds, FrameReceived("a", "WINDOW_UPDATE", stream_id, detail=f"increment={increment}"))


def test_data_that_was_given_back():
    events = discarded(window(0.6, 65_535), data(0.7, 100), ENDED, READ)
    judged(DATA, "kept", *events, says="went on", rests_on=["FrameSent", "RequestEnded"])


def test_data_that_was_not():
    judged(DATA, "broken", *discarded(LEFT), says="used up the window of 'a', and 'u' stalled")
    judged(DATA, "broken", *discarded(window(0.6, 100), data(0.7), LEFT), says="stalled")
    judged(DATA, "cannot tell", *discarded(at(1.2, fin_received("a"))))


def test_a_window_that_was_not_used_up_is_no_test():
    judged(DATA, "cannot tell", *discarded(data(0.7), ENDED, length=65_534))
    judged(DATA, "cannot tell", *discarded(data(0.7), ENDED, length=0), says="No discarded DATA used up")
    wide = (window(-2, 1), *discarded(data(0.7), ENDED))
    judged(DATA, "cannot tell", *wide)
    judged(DATA, "broken", window(-2, 70_000, stream_id=1), *discarded(LEFT))


def test_an_upload_that_had_nothing_more_to_send_is_no_test():
    judged(DATA, "cannot tell", *discarded(ENDED))


def test_a_stream_that_is_covered_or_was_entered_is_not_discarded():
    judged(DATA, "cannot tell", *discarded(LEFT, last=3))
    judged(DATA, "cannot tell", *discarded(at(0.6, HandlerEntered("late")), LEFT))


# --- fields of discarded streams ---


def trailers(*events, last=1, sent_s=0.5):
    late = at(sent_s, RequestSent("late", "a", "GET", "/hold/late", 3))
    return upload(goaway_at(0.1, last), late, at(0.7, FrameSent("a", "HEADERS", 1, detail="trailers")), *events)


def test_trailers_that_were_understood():
    judged(FIELDS, "kept", *trailers(READ), says="understood", rests_on=["FrameSent", "HandlerReported"])


@pytest.mark.parametrize("failed", [goaway_at(0.8, 1, error_code=9), at(0.8, StreamReset("u", 1))])
def test_trailers_that_were_taken_for_an_error(failed):
    judged(FIELDS, "broken", *trailers(failed, LEFT), says="'u' were taken for an error")


def test_trailers_that_led_nowhere():
    judged(FIELDS, "cannot tell", *trailers(LEFT), says="read to its end")
    judged(FIELDS, "cannot tell", *trailers(at(0.8, fin_received("a"))))


def test_an_end_in_order_after_the_trailers_were_read_is_no_error():
    judged(FIELDS, "kept", *trailers(READ, at(1.5, StreamReset("u", 0))))


def test_without_a_discarded_head_before_the_trailers_nothing_is_tested():
    judged(FIELDS, "cannot tell", *trailers(READ, last=3))
    judged(FIELDS, "cannot tell", *trailers(READ, sent_s=0.75))
    judged(FIELDS, "cannot tell", *upload(ENDED, READ))


# --- handshakes during the drain ---


def silent(*events):
    return (at(-0.5, ConnectionOpened("late", 40001)), SIGNAL, *events)


@pytest.mark.parametrize(
    "fate_of_it",
    [
        (at(0.01, fin_received("late")),),
        (at(0.3, TlsFailed("late", "the connection ended")), at(0.3, fin_received("late"))),
        (at(0.2, FrameSent("late", "SETTINGS")), goaway_at(0.3, 0, "late")),
        (at(0.2, FrameSent("late", "SETTINGS")), at(0.3, RequestSent("q", "late")), *answered("q", 0.4)),
        (at(0.2, TlsEstablished("late")), at(2.2, fin_received("late"))),
    ],
)
def test_a_close_a_goaway_or_an_answer_is_clear(fate_of_it):
    judged(LATE, "kept", *silent(*fate_of_it), says="closed, told or served")


def test_left_standing_is_not():
    spoke, left = at(0.2, FrameSent("late", "SETTINGS")), at(5, abandoned("late"))
    judged(LATE, "broken", *silent(spoke, left), says="neither closed nor told nor served")
    judged(LATE, "broken", *silent(spoke, at(2.3, fin_received("late"))), says="no answer for 2.10 s")
    judged(LATE, "broken", *silent(at(5, TlsFailed("late", "timed out")), left))
    judged(LATE, "cannot tell", *silent(spoke, at(1, abandoned("late"))), says="before the limit")
    judged(LATE, "cannot tell", *silent(spoke, at(2.3, fin_received("late")), LAG))


def test_a_connection_that_had_spoken_or_never_did_is_not_judged():
    judged(LATE, "cannot tell", *opened("late"), SIGNAL, goaway_at(0.1, 0, "late"))
    judged(LATE, "cannot tell", *silent(at(5, abandoned("late"))))
    judged(LATE, "cannot tell", *silent(at(0.1, fin_sent("late")))[1:])


# --- requests that the client gives up ---

GIVEN_UP = at(0.5, FrameSent("a", "RST_STREAM", 1))
WANTED = held("w", stream_id=3)
PAIR = (*opened(), *held("g"), *WANTED, SIGNAL, goaway_at(0.1, 3), GIVEN_UP)
END = (at(0.6, HandlerOrdered("g", "finish 9")), at(0.61, HandlerCancelled("g")))
SERVED = (*released("w"), *answered("w"))


def test_a_request_that_its_client_gives_up_is_owed_nothing():
    events = (*PAIR, *END, *SERVED, exits(1.5))
    recorded = traces.trace(*events)
    assert [fate(recorded, request) for request in requests(recorded)] == [Fate.GIVEN_UP, Fate.SERVED]
    assert [request.name for request in in_flight(recorded)] == ["w"]
    judged(serving.in_flight_requests_are_served, "kept", *events, says="1 of 1")
    judged(serving.in_flight_handlers_are_not_cancelled, "kept", *events)
    judged(goaway.streams_in_flight_are_not_reset, "kept", *events)
    judged(ending.server_exits_once_drained, "kept", *events)


def test_the_other_request_is_owed_its_response_all_the_same():
    judged(serving.in_flight_requests_are_served, "broken", *PAIR, *released("w"), at(1.2, fin_received("a")))


def test_a_reset_after_the_response_or_of_another_stream_gives_nothing_up():
    late = (*BUSY, *released(), *answered(), at(1.5, FrameSent("a", "RST_STREAM", 1)))
    other = (*BUSY, *released(), at(0.5, FrameSent("a", "RST_STREAM", 5)), *answered())
    for events in (late, other):
        assert [request.gave_up for request in requests(traces.trace(*events))] == [None]
        judged(serving.in_flight_requests_are_served, "kept", *events)


def test_a_control_in_which_the_client_gives_a_request_up_does_not_fail_by_that():
    control = traces.trace(
        *opened(), *held("g"), *WANTED, GIVEN_UP, *END, *SERVED, at(2, ServerKilled("the control is over"))
    )
    assert why_control_fails(control) == ""
