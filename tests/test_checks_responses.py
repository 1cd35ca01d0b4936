"""How responses are put on the wire in the drain, over either protocol, on literal traces."""

import pytest

from lastcall.conformance.checks import http1_responses, http2_responses
from lastcall.conformance.model.client_events import (
    FrameReceived,
    ResponseStarted,
    StreamReset,
)
from tests.traces import SIGNAL, answered, at, held, judged, opened, ready, released

FIELDS = http2_responses.responses_carry_no_connection_fields
ENDS = http2_responses.nothing_follows_the_end_of_a_stream
RESETS = http2_responses.finished_streams_are_not_reset
FRAMING = http1_responses.responses_have_one_framing
FINAL = http1_responses.close_is_not_contradicted
CHECKS = (FIELDS, ENDS, RESETS, FRAMING, FINAL)
BUSY = (*opened(), *held(), SIGNAL, *released())


def frame(kind, seconds, stream_id=1, flags=(), connection="a"):
    return at(seconds, FrameReceived(connection, kind, stream_id, flags))


def with_headers(*headers):
    return (*BUSY, *answered(headers=headers))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_without_a_shutdown_nothing_is_judged(check):
    judged(check, "cannot tell", *opened(), *held(), *answered(), says="not sent its shutdown signal")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_response_of_before_the_shutdown_is_no_evidence(check):
    before = ready()[0], at(-1.9, ResponseStarted("r0", 200, (("connection", "close"),))), ready()[2]
    judged(check, "cannot tell", *opened(), *before, SIGNAL)


# --- HTTP/2 ---


def test_a_response_without_fields_of_a_connection():
    judged(FIELDS, "kept", *with_headers(("content-type", "text/plain")), says="'r'", rests_on=["ResponseStarted"])


@pytest.mark.parametrize("name", ["connection", "Keep-Alive", "transfer-encoding", "upgrade", "proxy-connection"])
def test_a_response_with_a_field_of_a_connection(name):
    judgement = judged(FIELDS, "broken", *with_headers((name, "x")), rests_on=["ResponseStarted"])
    assert name in judgement.because


def test_a_stream_that_is_left_alone_after_its_end():
    last = frame("DATA", 1.02, flags=("END_STREAM",))
    others = frame("DATA", 1.1, 3), frame("DATA", 1.1, 1, connection="b"), frame("WINDOW_UPDATE", 1.1)
    judged(ENDS, "kept", *BUSY, last, *answered(), *others, rests_on=["ResponseEnded"])


@pytest.mark.parametrize("kind", ["DATA", "HEADERS"])
@pytest.mark.parametrize("end", [("DATA", ("END_STREAM",)), ("HEADERS", ("END_STREAM",)), ("RST_STREAM", ())])
def test_a_stream_on_which_something_follows(kind, end):
    ended = frame(end[0], 1.02, flags=end[1])
    # They may have come in one piece, so that their times are the same: the order of the wire tells.
    events = (*BUSY, ended, *answered(), frame(kind, 1.02))
    judged(ENDS, "broken", *events, says=f"{kind} on stream 1", rests_on=["FrameReceived", "FrameReceived"])


def test_the_rest_of_a_header_block_is_no_further_frame():
    block = frame("HEADERS", 1.02, flags=("END_STREAM",)), frame("CONTINUATION", 1.02, flags=("END_HEADERS",))
    judged(ENDS, "kept", *BUSY, *block, *answered())


def test_a_reset_after_a_whole_response():
    judged(RESETS, "kept", *BUSY, *answered(), says="left as they had ended")
    judged(RESETS, "kept", *BUSY, *answered(), at(1.1, StreamReset("r", 0, "NO_ERROR")))
    judged(RESETS, "broken", *BUSY, *answered(), at(1.1, StreamReset("r", 8, "CANCEL")), says="CANCEL")


# --- HTTP/1.1 ---

LENGTH, CHUNKED = ("Content-Length", "9"), ("Transfer-Encoding", "chunked")
CLOSE = ("Connection", "X-Note, Close")


@pytest.mark.parametrize("headers", [(LENGTH,), (CHUNKED,), ()])
def test_a_body_that_is_framed_once_or_by_the_close(headers):
    judged(FRAMING, "kept", *with_headers(*headers), rests_on=["ResponseStarted"], protocol="h1")


def test_a_body_that_is_framed_twice():
    judged(FRAMING, "broken", *with_headers(LENGTH, CHUNKED), says="both", protocol="h1")


def test_close_and_nothing_else():
    judged(FINAL, "kept", *with_headers(CLOSE, LENGTH), says="'r' said close", protocol="h1")
    judged(FINAL, "cannot tell", *with_headers(("Keep-Alive", "timeout=5")), protocol="h1")


@pytest.mark.parametrize("offer", [("Keep-Alive", "timeout=5"), ("connection", "keep-alive")])
def test_close_and_an_offer_beside_it(offer):
    judged(FINAL, "broken", *with_headers(CLOSE, offer), says="says close, and", protocol="h1")
