"""Traces: what is written is what is read back, whatever it is; and what is no trace is refused with its line."""

import dataclasses
import json
import pickle
import sys
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastcall.conformance.model.client_events import (
    ConnectionEnded,
    ConnectionOpened,
    FrameSent,
    GoawayReceived,
    ResponseEnded,
    ResponseStarted,
    StreamReset,
)
from lastcall.conformance.model.event import Event, UnknownEvent, precedes
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    PlayEnded,
    ServerExited,
    SignalSent,
)
from lastcall.conformance.model.timeline import Await
from lastcall.conformance.model.trace import (
    FORMAT,
    Play,
    Trace,
)
from lastcall.conformance.model.trace_file import (
    EVENTS,
    TraceError,
    event_from_json,
    event_line,
    load,
    play_from_json,
    play_line,
)
from tests.ends import fin_received
from tests.support import dump

PLAY = Play("one", "mine", "h2", "fast", exit_statuses=(0, -15), limits={"boot_s": 1.5}, steps=("Connect(a)",))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WHOLE = st.integers(-(2**31), 2**63)
BY_TYPE = {
    str: TEXT,
    int: WHOLE,
    bool: st.booleans(),
    int | None: st.none() | WHOLE,
    bool | None: st.none() | st.booleans(),
    tuple[str, ...]: st.lists(TEXT, max_size=3).map(tuple),
    tuple[int, ...]: st.lists(WHOLE, max_size=3).map(tuple),
    tuple[tuple[str, str], ...]: st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
}


def any_of(kind):
    hints = typing.get_type_hints(kind, vars(sys.modules[kind.__module__]))
    return st.builds(kind, **{item.name: BY_TYPE[hints[item.name]] for item in dataclasses.fields(kind)})


ANY_EVENT = st.one_of([any_of(kind) for kind in EVENTS.values()])


def test_every_event_class_is_known_by_its_name():
    subclasses = {kind.__name__ for kind in Event.__subclasses__()}
    assert set(EVENTS) == subclasses - {"UnknownEvent"}
    assert len(EVENTS) > 40


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_every_field_has_a_default_so_that_an_event_can_be_a_pattern(kind):
    assert kind().fits(kind())
    assert kind.__doc__


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_event_comes_back_from_its_line(kind):
    @given(any_of(kind))
    @settings(max_examples=15, deadline=None)
    def comes_back(event):
        line = event_line(event)
        assert line.count("\n") == 1
        assert line.isascii()
        assert event_from_json(json.loads(line)) == event

    comes_back()


@given(st.lists(ANY_EVENT, max_size=6))
@settings(max_examples=40, deadline=None)
def test_trace_comes_back_from_disk(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("trace") / "one.jsonl"
    dump(Trace(PLAY, tuple(events)), path)
    stored = load(path)
    assert (stored.play, stored.events) == (PLAY, tuple(events))


@given(st.lists(ANY_EVENT, min_size=1, max_size=4), st.data())
@settings(max_examples=40, deadline=None)
def test_trace_that_was_cut_anywhere_after_its_play_keeps_its_whole_lines(tmp_path_factory, events, data):
    path = tmp_path_factory.mktemp("trace") / "cut.jsonl"
    whole = dump(Trace(PLAY, tuple(events)), path)
    text = path.read_bytes()
    cut = data.draw(st.integers(len(play_line(PLAY)), len(text)))
    path.write_bytes(text[:cut])
    stored = load(path).events
    assert stored == whole.events[: len(stored)]
    assert len(stored) == text[:cut].count(b"\n") - 1


GOOD = event_line(PlayEnded())


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", "", "empty, so not a trace"),
        ("no newline, so not a line", "", "empty, so not a trace"),
        ("nonsense\n", ":1", "not a line of a lastcall trace"),
        ("[]\n", ":1", "not a line of a lastcall trace"),
        (GOOD, ":1", "not a line of a lastcall trace"),
        ('{"play": {"format": 1}}\n', ":1", "missing"),
        (play_line(PLAY).replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}'), ":1", "newer than this lastcall"),
        (play_line(PLAY) + GOOD + '{"event": "AddedLater"}\n', ":3", "begin_ns"),
        (play_line(PLAY) + '{"event": 7, "begin_ns": 1}\n', ":2", "an event is named by a text, not 7"),
        (play_line(PLAY) + "{}\n" + GOOD, ":2", "event"),
        (play_line(PLAY) + "7\n", ":2", "not a line of a lastcall trace"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(tmp_path, text, line, why):
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TraceError) as refused:
        load(path)
    message = str(refused.value)
    assert message.startswith(f"{path}{line}:")
    assert why in message
    assert "\n" not in message


def test_events_and_fields_that_were_added_later_are_left_out_and_no_line_moves(tmp_path):
    opened, ended = ConnectionOpened("a", begin_ns=1, end_ns=2), PlayEnded(begin_ns=5, end_ns=6)
    play = json.loads(play_line(PLAY))
    play["play"]["tea"] = {"milk": False}
    added = {"event": "TeaServed", "connection": "a", "begin_ns": 3, "end_ns": 4}
    records = [play, opened.as_json() | {"tea": 1}, added, ended.as_json()]
    path = tmp_path / "later.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    stored = load(path)
    assert stored.play == PLAY
    assert stored.events == (opened, UnknownEvent("TeaServed", begin_ns=3, end_ns=4), ended)
    assert stored.line_of(stored.events[2]) == 4
    assert stored.complete
    assert not any(event.fits(kind()) for event in stored.events[1:2] for kind in EVENTS.values())
    assert event_line(stored.events[1]) == '{"event": "TeaServed", "begin_ns": 3, "end_ns": 4}\n'
    assert load(path).events == dump(stored, tmp_path / "again.jsonl").events == load(tmp_path / "again.jsonl").events


def test_a_fact_that_is_awaited_is_read_strictly():
    with pytest.raises(KeyError, match="TeaServed"):
        event_from_json({"event": "TeaServed"})
    with pytest.raises(TypeError, match="ConnectionOpened has no field 'tea'"):
        event_from_json({"event": "ConnectionOpened", "connection": "a", "tea": 1})


def test_bytes_that_are_no_text_are_refused_as_no_trace(tmp_path):
    path = tmp_path / "binary.jsonl"
    path.write_bytes(play_line(PLAY).encode() + b"\xff\xfe\n")
    with pytest.raises(TraceError, match=str(path)):
        load(path)


def test_line_separators_inside_a_text_do_not_cut_its_line(tmp_path):
    event = HandlerEntered("a\u2028b\u0085c\x0bd\x1ce")
    stored = dump(Trace(PLAY, (event,)), tmp_path / "odd.jsonl")
    assert load(tmp_path / "odd.jsonl").events == stored.events


def test_play_of_an_older_format_is_read():
    record = json.loads(play_line(PLAY))
    record["play"].pop("format")
    assert play_from_json(record).scenario == "one"


def at(begin_ns, end_ns):
    return PlayEnded(begin_ns=begin_ns, end_ns=end_ns)


def test_one_event_precedes_another_only_if_it_ended_before_the_other_began():
    assert precedes(at(0, 1), at(2, 3))
    assert not precedes(at(0, 2), at(2, 3))
    assert not precedes(at(0, 5), at(2, 3))
    assert not precedes(at(2, 3), at(0, 1))
    assert not precedes(at(1, 1), at(1, 1))


@given(*[st.integers(0, 50)] * 4)
def test_of_two_events_at_most_one_precedes_the_other(a, b, c, d):
    first, second = at(min(a, b), max(a, b)), at(min(c, d), max(c, d))
    assert not (precedes(first, second) and precedes(second, first))


def test_pattern_fits_by_the_fields_it_sets_and_never_by_times():
    event = ResponseStarted("a", 200, begin_ns=5, end_ns=6)
    assert event.fits(ResponseStarted())
    assert event.fits(ResponseStarted("a"))
    assert event.fits(ResponseStarted("a", 200, begin_ns=1, end_ns=2))
    assert not event.fits(ResponseStarted("b"))
    assert not event.fits(ResponseStarted("a", 503))
    assert not event.fits(ResponseEnded("a"))
    assert not event.fits(Event())


def test_a_pattern_can_set_a_number_to_zero():
    assert GoawayReceived("a", last_stream_id=5).fits(GoawayReceived("a")) is True
    assert GoawayReceived("a", last_stream_id=5).fits(GoawayReceived("a", last_stream_id=0)) is False
    assert StreamReset("a", error_code=7).fits(StreamReset("a", error_code=0)) is False
    assert ServerExited(9).fits(ServerExited(0)) is False
    assert ResponseEnded("a", length=9).fits(ResponseEnded("a", length=0)) is False


def test_a_field_that_is_set_to_its_default_is_set():
    assert FrameSent("a", "HEADERS", 1).fits(FrameSent("a"))
    assert not FrameSent("a", "HEADERS", 1).fits(FrameSent("a", stream_id=0))
    assert FrameSent("a", "SETTINGS").fits(FrameSent("a", stream_id=0))
    assert not FrameSent("a").fits(FrameSent(""))
    assert not ServerExited(0).fits(ServerExited(None))
    trace = Trace(PLAY, (FrameSent("a", "SETTINGS", begin_ns=1, end_ns=2), FrameSent("a", "HEADERS", 1)))
    assert trace.all(FrameSent(stream_id=0)) == [trace.events[0]]
    assert str(Await(FrameSent("a", stream_id=0))) == "Await(FrameSent(connection=a, stream_id=0))"


def test_an_event_is_made_like_a_dataclass():
    event = FrameSent("a", "HEADERS", length=9, begin_ns=3)
    assert event == FrameSent(connection="a", frame="HEADERS", length=9, begin_ns=3, stream_id=0)
    assert (event.flags, event.end_ns) == ((), 0)
    assert hash(event) == hash(dataclasses.replace(event, end_ns=0))
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(TypeError, match=r"^FrameSent has no field 'event'"):
        FrameSent("a", event="x")
    with pytest.raises(TypeError, match=r"^ServerExited has 1 fields by place, and 2 were given"):
        ServerExited(1, 2)
    with pytest.raises(TypeError, match=r"^FrameSent was given 'connection' twice"):
        FrameSent("a", connection="b")
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.length = 3


def test_trace_returns_events_by_class_by_pattern_and_by_line():
    opened, first, second = ConnectionOpened("a"), fin_received("a"), fin_received("b")
    trace = Trace(PLAY, (opened, first, second))
    assert trace.of(ConnectionEnded) == [first, second]
    assert trace.of(ConnectionEnded, ConnectionOpened) == [opened, first, second]
    assert trace.all(fin_received("b")) == [second]
    assert trace.first(fin_received()) is first
    assert trace.first(SignalSent()) is None
    assert [trace.line_of(event) for event in trace.events] == [2, 3, 4]


def test_line_of_distinguishes_equal_events_and_refuses_events_of_other_traces():
    twins = (fin_received("a"), fin_received("a"))
    assert [Trace(PLAY, twins).line_of(event) for event in twins] == [2, 3]
    with pytest.raises(KeyError):
        Trace(PLAY, twins).line_of(fin_received("a"))


def test_only_a_trace_that_ends_with_the_play_is_complete():
    assert Trace(PLAY, (fin_received("a"), PlayEnded())).complete
    assert not Trace(PLAY, ()).complete
    assert not Trace(PLAY, (PlayEnded(), fin_received("a"))).complete


def test_a_goaway_covers_what_was_or_might_have_been_processed():
    exact, announced = GoawayReceived("a", last_stream_id=3), GoawayReceived("a", last_stream_id=2**31 - 1)
    assert [exact.covers(stream_id) for stream_id in (1, 3, 5, None)] == [True, True, False, True]
    assert announced.covers(2**31 - 1)
    assert (exact.excludes_nothing, announced.excludes_nothing) == (False, True)
    assert announced.covers_more_than(exact)
    assert not exact.covers_more_than(announced)
    assert not exact.covers_more_than(exact)


@pytest.mark.parametrize("first", ['{"play": []}', '{"play": "a"}', "[]", "5", '{"events": {}}'])
def test_a_first_line_without_a_play_is_refused_by_its_line(first, tmp_path):
    path = tmp_path / "odd.jsonl"
    path.write_text(first + "\n", encoding="utf-8")
    with pytest.raises(TraceError, match=r"odd\.jsonl:1: not a line of a lastcall trace"):
        load(path)
