"""Lanes, axis and drawing: on literal traces of a few events."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from lastcall.conformance.model.client_events import (
    ConnectionEnded,
    ConnectionFailed,
    ConnectionOpened,
    GoawayReceived,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    StreamReset,
    TlsEstablished,
)
from lastcall.conformance.model.event import Event
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFinished,
    ListenerClosed,
    OutputWritten,
    ServerExited,
    ServerKilled,
    ServerReady,
    ServerStarted,
    SetupFailed,
    SignalSent,
)
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.verdict import Measured
from lastcall.reports.axis import APART, CUT, Point, lay
from lastcall.reports.drawing import GUTTER, PLOT, WIDTH, Drawing, draw
from lastcall.reports.lanes import CROWD, Lane, Lanes, lanes
from tests.ends import abandoned, fin_received, fin_sent, reset_received

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

E = TypeVar("E", bound=Event)

S = 1_000_000_000


def at(seconds: float, kind: Callable[..., E], **fields: Any) -> E:
    moment = int(seconds * S)
    return kind(begin_ns=moment, end_ns=moment, **fields)


def lanes_of(*events: Event, measured: Sequence[Measured] = ()) -> Lanes:
    return lanes(Trace(Play("one-request", "someone", "h2", "fast"), tuple(events)), measured)


SHUTDOWN = at(2, SignalSent, signal="SIGTERM", purpose="shutdown")


def a_served_request(
    name: str = "one", connection: str = "a", sent: float = 1.0, ended: float = 3.0
) -> tuple[Event, ...]:
    return (
        at(sent, RequestSent, request=name, connection=connection, method="GET", target=f"/hold/{name}"),
        at(sent + 0.1, HandlerEntered, request=name),
        at(ended - 0.2, HandlerFinished, request=name, length=9),
        at(ended - 0.1, ResponseStarted, request=name, status=200),
        at(ended, ResponseEnded, request=name, length=9),
    )


def kinds(lane: Lane) -> list[str]:
    return [mark.kind for mark in lane.markers]


def the(lanes_: Lanes, name: str) -> Lane:
    return next(lane for lane in lanes_.lanes if lane.name == name)


def test_there_is_a_lane_for_the_process_each_connection_and_each_request() -> None:
    play = lanes_of(at(0, ServerReady), at(0.5, ConnectionOpened, connection="a"), *a_served_request(), SHUTDOWN)
    assert [(lane.kind, lane.name) for lane in play.lanes] == [
        ("process", "server process"),
        ("connection", "a"),
        ("request", "one"),
    ]
    assert (play.signal, play.zero_ns) == ("SIGTERM", 2 * S)


def test_markers_carry_the_line_of_the_stored_trace() -> None:
    play = lanes_of(at(0, ServerReady), SHUTDOWN, at(3, ServerExited, status=0))
    assert [(marker.kind, marker.line) for marker in play.lanes[0].markers] == [("exit", 4)]


def test_zero_is_when_the_signal_began_so_that_no_effect_comes_before_it() -> None:
    signal = SignalSent(begin_ns=2 * S, end_ns=2 * S + 500, signal="SIGTERM", purpose="shutdown")
    assert lanes_of(at(0, ServerReady), signal).zero_ns == 2 * S


def test_a_play_is_drawn_from_the_moment_the_server_was_ready() -> None:
    play = lanes_of(at(0, ServerStarted, pid=1), at(4, ServerReady), at(5, ServerExited, status=0))
    assert (play.begin_ns, play.end_ns) == (4 * S, 5 * S)


def test_a_play_that_never_began_is_drawn_from_the_start_of_the_process() -> None:
    play = lanes_of(at(1, ServerStarted, pid=1), at(31, SetupFailed, reason="no 200"))
    assert play.begin_ns == 1 * S
    assert play.signal == ""
    assert kinds(play.lanes[0]) == ["refused"]


def test_no_event_at_all_is_still_a_process_lane() -> None:
    assert [lane.kind for lane in lanes_of().lanes] == ["process"]


@pytest.mark.parametrize(
    ("event", "kind", "text"),
    [
        (
            GoawayReceived(connection="a", last_stream_id=2**31 - 1, error_code=0),
            "goaway",
            "GOAWAY ≤2³¹\N{MINUS SIGN}1",
        ),
        (GoawayReceived(connection="a", last_stream_id=3, error_code=2), "goaway", "GOAWAY ≤3, error 2"),
        (fin_received(connection="a"), "fin", "FIN"),
        (reset_received(connection="a"), "reset", "RST"),
        (fin_sent(connection="a"), "ours", "client FIN"),
        (ConnectionEnded("a", "server", "connection_close", 0x100), "fin", "CONNECTION_CLOSE 0x100"),
        (ConnectionEnded("a", "server", "idle_timeout"), "open", "idle time-out"),
        (abandoned(connection="a"), "open", "still open"),
    ],
)
def test_the_events_of_a_connection_are_different_marks(event: Event, kind: str, text: str) -> None:
    marks = the(lanes_of(at(0, ConnectionOpened, connection="a"), event), "a").markers
    assert [(mark.kind, mark.text) for mark in marks] == [(kind, text)]


def test_a_connection_ends_where_the_server_first_ended_it() -> None:
    play = lanes_of(
        at(0, ConnectionOpened, connection="a"),
        at(1, TlsEstablished, connection="a", alpn="h2"),
        at(3, fin_received, connection="a"),
        at(9, ServerExited, status=0),
    )
    (bar,) = the(play, "a").bars
    assert (bar.begin_ns, bar.end_ns, bar.end) == (0, 3 * S, "")
    assert the(play, "a").note == "TLS, h2"


def test_a_connection_that_never_ended_is_open_to_the_end() -> None:
    (bar,) = the(lanes_of(at(0, ConnectionOpened, connection="a"), at(9, ServerExited, status=0)), "a").bars
    assert (bar.end_ns, bar.end) == (9 * S, "open")


def test_a_refused_connection_has_a_mark_and_no_bar() -> None:
    lane = the(lanes_of(at(1, ConnectionFailed, connection="new", reason="refused")), "new")
    assert lane.bars == ()
    assert [mark.text for mark in lane.markers] == ["refused"]


def test_a_served_request_has_its_handler_beneath_it() -> None:
    play = lanes_of(at(0, ConnectionOpened, connection="a"), *a_served_request())
    bars = {bar.kind: bar for bar in the(play, "one").bars}
    assert (bars["request"].begin_ns, bars["request"].end_ns, bars["request"].end) == (S, 3 * S, "whole")
    assert bars["response"].begin_ns == int(2.9 * S)
    assert (bars["handler"].begin_ns, bars["handler"].end_ns, bars["handler"].end) == (
        int(1.1 * S),
        int(2.8 * S),
        "finished",
    )


def test_a_lost_request_ends_with_its_connection_and_not_as_whole() -> None:
    play = lanes_of(
        at(0, ConnectionOpened, connection="a"),
        at(1, RequestSent, request="one", connection="a"),
        at(1.5, HandlerEntered, request="one"),
        SHUTDOWN,
        at(2.5, fin_received, connection="a"),
        at(3, HandlerCancelled, request="one"),
    )
    lane = the(play, "one")
    assert [(bar.kind, bar.end_ns, bar.end) for bar in lane.bars] == [
        ("request", int(2.5 * S), "none"),
        ("handler", 3 * S, "cancelled"),
    ]
    assert kinds(lane) == ["cancelled"]


def test_a_reset_stream_says_so() -> None:
    play = lanes_of(
        at(0, ConnectionOpened, connection="a"),
        at(1, RequestSent, request="one", connection="a"),
        at(2, StreamReset, request="one", error_code=7, error_name="REFUSED_STREAM"),
    )
    lane = the(play, "one")
    assert lane.bars[0].end == "reset"
    assert lane.markers[0].text == "RST_STREAM REFUSED_STREA"


def test_many_requests_share_one_lane_that_counts_them() -> None:
    requests = [event for number in range(CROWD) for event in a_served_request(f"r{number}")]
    lost = at(1, RequestSent, request="lost", connection="a")
    play = lanes_of(at(0, ConnectionOpened, connection="a"), *requests, lost)
    (crowd,) = (lane for lane in play.lanes if lane.kind == "crowd")
    assert (crowd.name, crowd.note) == (f"{CROWD + 1} requests", f"{CROWD} answered, 1 not")
    assert sum(bar.kind == "request" for bar in crowd.bars) == CROWD + 1
    assert not any(lane.kind == "request" for lane in play.lanes)


def test_lines_of_output_that_follow_one_another_are_one_mark() -> None:
    lines = [at(1 + number / 100, OutputWritten, stream="stderr", text=f"line {number}") for number in range(40)]
    marks = lanes_of(at(0, ServerReady), *lines, at(3, ListenerClosed)).lanes[0].markers
    assert [mark.label for mark in marks] == ["stderr \N{MULTIPLICATION SIGN}40", "listener closed"]
    assert "line 0" in marks[0].title
    assert len(marks[0].title) <= 400


def test_the_harness_kill_is_a_mark_of_its_own() -> None:
    play = lanes_of(at(0, ServerReady), at(9, ServerKilled, reason="time was up"), at(9.1, ServerExited, status=-9))
    assert [mark.text for mark in play.lanes[0].markers] == ["SIGKILL", "exit -9"]


def test_a_limit_stands_in_the_lane_of_what_it_bounds() -> None:
    events = (at(0, ServerReady), SHUTDOWN, at(3, ServerExited, status=0))
    bounds = lanes_of(*events, measured=[Measured("exit", 1.0, 8.0)]).lanes[0].bounds
    assert [(bound.at_ns, bound.limit_s, bound.what) for bound in bounds] == [(10 * S, 8.0, "exit")]


def test_a_limit_that_was_counted_from_a_response_is_drawn_from_there() -> None:
    play = lanes_of(
        at(0, ConnectionOpened, connection="a"),
        *a_served_request(ended=3),
        SHUTDOWN,
        at(4, fin_received, connection="a"),
        measured=[Measured("close of a", 1.0, 2.0)],
    )
    assert [bound.at_ns for bound in the(play, "a").bounds] == [5 * S]


@pytest.mark.parametrize("measure", [Measured("exit", 1.0), Measured("exit", 0.123, 8.0)])
def test_a_limit_whose_events_cannot_be_found_is_not_drawn(measure: Measured) -> None:
    play = lanes_of(at(0, ServerReady), SHUTDOWN, at(3, ServerExited, status=0), measured=[measure])
    assert all(lane.bounds == () for lane in play.lanes)


# --- the axis ----------------------------------------------------------------------------------------------------


def test_time_runs_evenly_where_there_is_room() -> None:
    axis = lay([Point(0), Point(S // 2), Point(S)], 1000)
    assert axis.places == pytest.approx((0, 500, 1000), abs=0.01)
    assert axis.at(S // 4) == pytest.approx(250, abs=0.01)


def test_marks_of_one_lane_are_set_apart_in_their_order() -> None:
    places = lay([Point(0), Point(500, 1), Point(500, 1), Point(501, 1), Point(S)], 1000).places
    assert all(later - sooner >= APART for sooner, later in pairwise(places[1:4]))


def test_marks_of_different_lanes_keep_the_order_of_time() -> None:
    places = lay([Point(0), Point(500, 1), Point(501, 2), Point(S)], 1000).places
    assert places[1] < places[2]


def test_a_quiet_stretch_is_cut_and_its_length_is_kept() -> None:
    axis = lay([Point(0), Point(S), Point(21 * S), Point(22 * S)], 1000)
    (cut,) = axis.cuts
    assert cut.seconds == 20
    assert cut.end - cut.begin == pytest.approx(CUT)
    assert axis.places[-1] == pytest.approx(1000, abs=0.01)


def test_ticks_name_zero_and_the_end_of_a_cut_and_none_within_it() -> None:
    axis = lay([Point(0), Point(S), Point(21 * S), Point(22 * S)], 1000)
    ticks = {tick.text: tick.at for tick in axis.ticks(S)}
    assert "0" in ticks
    assert "+20 s" in ticks
    assert not [text for text, place in ticks.items() if axis.cuts[0].begin < place < axis.cuts[0].end - 1]


def test_more_marks_than_there_is_room_for_are_squeezed_and_never_overflow() -> None:
    places = lay([Point(number, 1) for number in range(200)], 900).places
    assert max(places) <= 900.001
    assert list(places) == sorted(places)


def test_a_single_moment_is_an_axis() -> None:
    axis = lay([Point(7)], 900)
    assert axis.at(0) == axis.at(7) == axis.at(99) == 0


# --- the drawing -------------------------------------------------------------------------------------------------


@pytest.fixture
def drawing() -> Drawing:
    play = lanes_of(
        at(0, ServerReady),
        at(0.1, ConnectionOpened, connection="a"),
        *a_served_request(),
        SHUTDOWN,
        at(2.001, GoawayReceived, connection="a", last_stream_id=1, error_code=0),
        at(3.0001, fin_received, connection="a"),
        at(3.2, ServerExited, status=0),
    )
    return draw(play, blamed=[11])


def test_everything_stands_within_the_paper(drawing: Drawing) -> None:
    for row in drawing.rows:
        assert drawing.top <= row.y
        assert row.y + row.height <= drawing.bottom
        for span in row.spans:
            assert GUTTER <= span.x <= span.x + span.width <= WIDTH
        assert all(GUTTER <= sign.x <= GUTTER + PLOT + 1 for sign in row.signs)


def test_the_signal_stands_where_zero_is(drawing: Drawing) -> None:
    assert drawing.signal == "SIGTERM"
    assert drawing.zero == pytest.approx(next(tick.at for tick in drawing.ticks if tick.text == "0"))


def test_a_mark_on_which_a_broken_verdict_rests_is_ringed(drawing: Drawing) -> None:
    assert [sign.kind for row in drawing.rows for sign in row.signs if sign.blamed] == ["fin"]


def test_labels_in_one_lane_do_not_overlap(drawing: Drawing) -> None:
    for row in drawing.rows:
        boxes: list[tuple[float, float, float]] = []
        for label in (sign.label for sign in row.signs if sign.label):
            width = 6.5 * len(label.text)
            begin = label.x if label.anchor == "start" else label.x - width
            assert all(label.y != y or begin + width <= left or begin >= right for left, right, y in boxes)
            boxes.append((begin, begin + width, label.y))
        assert boxes or not row.signs


def test_the_drawing_has_a_title_in_words(drawing: Drawing) -> None:
    assert drawing.title == (
        "Timeline of the server's process and 1 connection until 1.20 s after SIGTERM; the events follow as a table."
    )


def test_a_crowd_is_a_path_for_each_outcome() -> None:
    requests = [event for number in range(CROWD + 1) for event in a_served_request(f"r{number}")]
    lost = at(1, RequestSent, request="lost", connection="a")
    rows = draw(lanes_of(at(0, ConnectionOpened, connection="a"), *requests, lost)).rows
    threads = dict(next(row.threads for row in rows if row.kind == "crowd"))
    assert {style: path.count("M") for style, path in threads.items()} == {
        "handler": CROWD + 1,
        "whole": CROWD + 1,
        "none": 1,
    }
