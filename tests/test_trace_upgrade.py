"""Traces of version 1 are read as traces of this version, one line one event."""

import json
from pathlib import Path

import pytest

from lastcall.conformance.model.client_events import FrameSent, RequestSent, WebSocketAsked
from lastcall.conformance.model.trace import FORMAT
from lastcall.conformance.model.trace_file import event_from_json, load
from tests.ends import (
    abandoned,
    close_notify_received,
    close_notify_sent,
    fin_received,
    fin_sent,
    reset_received,
)

STORED = sorted((Path(__file__).parent / "samples" / "version-1").rglob("*.jsonl"))


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("FinReceived", fin_received),
        ("ResetReceived", reset_received),
        ("CloseNotifyReceived", close_notify_received),
        ("FinSent", fin_sent),
        ("CloseNotifySent", close_notify_sent),
        ("ConnectionAbandoned", abandoned),
    ],
)
def test_six_kinds_of_ends_have_become_one(name, end):
    stored = {"event": name, "begin_ns": 3, "end_ns": 4, "connection": "a"}
    assert event_from_json(stored, version=1) == end("a", begin_ns=3, end_ns=4)
    with pytest.raises(KeyError, match=name):
        event_from_json(stored)


def test_a_stream_id_of_0_that_meant_none_is_none():
    def read(name, **fields):
        return event_from_json({"event": name, "begin_ns": 3, "end_ns": 4, **fields}, version=1)

    assert read("RequestSent", request="r", stream_id=0) == RequestSent("r", begin_ns=3, end_ns=4)
    assert read("RequestSent", request="r", stream_id=1).stream_id == 1
    assert read("WebSocketAsked", request="w", stream_id=0) == WebSocketAsked("w", begin_ns=3, end_ns=4)
    assert read("FrameSent", frame="PING", stream_id=0) == FrameSent(frame="PING", begin_ns=3, end_ns=4)


@pytest.mark.parametrize("path", STORED, ids=[path.stem for path in STORED])
def test_one_line_is_one_event(path):
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    trace = load(path)
    assert lines[0]["play"]["format"] == 1
    assert trace.play.format == FORMAT
    assert len(trace.events) == len(lines) - 1
    assert [event.begin_ns for event in trace.events] == [line["begin_ns"] for line in lines[1:]]
    assert trace.complete
