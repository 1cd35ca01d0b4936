"""Steps as text, which traces and reports show."""

import pytest

from lastcall.conformance.model.client_events import FrameReceived, ResponseEnded
from lastcall.conformance.model.client_steps import (
    Close,
    ClosePolicy,
    Connect,
    Request,
    SendBody,
)
from lastcall.conformance.model.server_events import ServerExited
from lastcall.conformance.model.step import Duration, Pace
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReadBody,
    ReleaseHandler,
    SendChunk,
    Shutdown,
)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Connect("a"), "Connect(connection=a)"),
        (Connect("a", ClosePolicy.RUDE, silent=True), "Connect(connection=a, close_policy=rude, silent=True)"),
        (Request("a"), "Request(connection=a)"),
        (Request("a", "one", "/ready"), "Request(connection=a, request=one, target=/ready)"),
        (SendBody("one", b"x", end=False), "SendBody(request=one, body=b'x', end=False)"),
        (SendBody("one", bytes(41)), "SendBody(request=one, body=41 bytes)"),
        (ReadBody("one"), "ReadBody(request=one)"),
        (SendChunk("one"), "SendChunk(request=one)"),
        (ReleaseHandler("one", 100), "ReleaseHandler(request=one, length=100)"),
        (Await(ServerExited()), "Await(ServerExited())"),
        (Await(ResponseEnded("one"), "new_connection_s"), "Await(ResponseEnded(request=one), within new_connection)"),
        (Await(ServerExited(), "goaway_s", optional=True), "Await(ServerExited(), within goaway, optional)"),
        (Await(FrameReceived("a", "SETTINGS", flags=("ACK",))), None),
        (Elapse(Duration(1, 10), "why not"), "Elapse(duration=1 s (10 s at the issue's pace), why=why not)"),
        (Elapse(Duration(0.5, 0.5), "so"), "Elapse(duration=0.5 s, why=so)"),
        (Shutdown(), "Shutdown()"),
        (Close("a"), "Close(connection=a)"),
    ],
)
def test_step_in_words(step, text):
    expected = text or "Await(FrameReceived(connection=a, frame=SETTINGS, flags=('ACK',)))"
    assert str(step) == expected


def test_request_is_named_by_its_connection_and_held_by_default():
    assert (Request("a").name, Request("a").path) == ("a", "/hold/a")
    assert (Request("a", "one").name, Request("a", "one").path) == ("one", "/hold/one")
    assert Request("a", "one", "/ready").path == "/ready"


def test_duration_is_that_of_the_pace():
    assert Duration(1, 10).at(Pace.FAST) == 1
    assert Duration(1, 10).at(Pace.ISSUE) == 10
