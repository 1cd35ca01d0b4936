"""The player: what a step does, what the trace records of it, and whose fault a failure is."""

import asyncio
import dataclasses
import os

import pytest

from lastcall.conformance.harness.client.clients import Clients, TimelineError
from lastcall.conformance.harness.client.transport import Endpoint
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.play import QUIET_S
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.client_events import (
    BodyReceived,
    ConnectionFailed,
    ConnectionOpened,
    RequestEnded,
    ResponseEnded,
)
from lastcall.conformance.model.client_steps import (
    READY,
    Close,
    ClosePolicy,
    Connect,
    Request,
    SendBody,
)
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import (
    AwaitExpired,
    HandlerEntered,
    HandlerFinished,
    HandlerOrdered,
    HandlerReported,
    HarnessFailed,
    LagMeasured,
    ListenerClosed,
    OutputWritten,
    PlayEnded,
    PortChecked,
    ServerExited,
    ServerKilled,
    ServerReady,
    ServerStarted,
    SetupFailed,
    SignalSent,
    StepBegun,
)
from lastcall.conformance.model.step import Duration, Pace
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReadBody,
    ReleaseHandler,
    SendChunk,
    Shutdown,
)
from lastcall.conformance.model.trace_file import load
from tests.ends import abandoned, fin_received, fin_sent, kinds
from tests.support import ONE_HELD, PATIENT, QUICK, gated, keep_busy, perform, program


@pytest.fixture(scope="module")
def environment():
    with Environment() as environment:
        yield environment


@pytest.fixture
def played(environment, tmp_path):
    """Play a timeline against a server that behaves, or against the one given."""

    def play(*timeline, server=None, limits=PATIENT, **fields):
        scenario = dataclasses.replace(ONE_HELD, timeline=steps(*timeline)) if timeline else ONE_HELD
        case = Case(scenario, server or gated(tmp_path), Protocol.H1, Pace.FAST, limits, "1.2", **fields)
        (trace,) = play_all(environment, [case], tmp_path)
        stored = load(tmp_path / case.trace)
        assert (stored.play, stored.events) == (trace.play, trace.events)
        return trace

    return play


def test_play_from_its_start_to_its_end(played):
    trace = played()
    assert kinds(trace.events, ServerStarted, ServerReady, SignalSent, ServerExited, PortChecked, PlayEnded) == [
        ServerStarted, ServerReady, SignalSent, ServerExited, PortChecked, PlayEnded
    ]  # fmt: skip
    assert trace.complete
    assert [step.text for step in trace.of(StepBegun)] == list(ONE_HELD.steps_in_words())
    assert kinds(trace.events, LagMeasured, ListenerClosed) == [ListenerClosed, LagMeasured]
    assert not kinds(trace.events, AwaitExpired, ServerKilled, SetupFailed, HarnessFailed)


def test_trace_begins_with_all_that_a_judge_needs(played):
    play = played().play
    assert (play.scenario, play.server, play.protocol, play.pace) == ("one-held", "gated-none", "h1", "fast")
    assert (play.version, play.graceful_signal, play.drain_s, play.exit_statuses) == ("1.2", "SIGTERM", 3, (0,))
    assert play.limits == PATIENT.as_dict()
    assert play.steps == ONE_HELD.steps_in_words()
    assert not play.control


def test_drain_timeout_is_none_for_a_server_that_has_none(played, tmp_path):
    assert played(server=gated(tmp_path, drain=None)).play.drain_s is None


def test_shutdown_comes_when_the_handler_is_inside_and_the_release_when_it_was_sent(played):
    trace = played()
    entered, signal = trace.first(HandlerEntered("a")), trace.first(SignalSent(purpose="shutdown"))
    released, ended = trace.first(HandlerOrdered("a", "finish 9")), trace.first(ResponseEnded("a"))
    assert precedes(entered, signal)
    assert precedes(signal, released)
    # The response's span may begin at the look before the order: only their sequence is certain.
    assert trace.line_of(released) < trace.line_of(ended)
    assert trace.first(SignalSent()).signal == "SIGTERM"


def test_signal_does_not_wait_for_long_for_a_quiet_moment_and_the_wait_is_lag(environment, tmp_path):
    case = Case(ONE_HELD, gated(tmp_path), Protocol.H1, Pace.FAST, PATIENT, "1.2")
    reading, writing = os.pipe()
    over = []

    async def disturb():
        # There is always something to read, and every turn of the loop takes its time.
        os.write(writing, b"x")
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        over.append(ended)
        loop.add_reader(reading, keep_busy, 0.005)
        await ended.wait()
        loop.remove_reader(reading)

    (trace,) = play_all(environment, [case], tmp_path, lambda _case, _trace: over[0].set(), [disturb()])
    os.close(reading)
    os.close(writing)
    begun = next(step for step in trace.of(StepBegun) if step.text == str(Shutdown()))
    signal, (lag,) = trace.first(SignalSent(purpose="shutdown")), trace.of(LagMeasured)
    assert QUIET_S * 1e9 <= signal.held_back_ns <= signal.end_ns - begun.begin_ns < 1e9
    assert lag.worst_ns >= signal.held_back_ns
    assert trace.complete


def test_graceful_signal_is_the_adapter_s(played, tmp_path):
    trace = played(Connect("a"), Shutdown(), Await(ServerExited()), server=gated(tmp_path, graceful_signal="SIGQUIT"))
    assert trace.first(SignalSent()).signal == "SIGQUIT"
    assert trace.first(ServerExited()).status == -3


def test_control_goes_the_same_way_without_the_signal(played):
    trace = played(control=True)
    assert trace.play.control
    assert not kinds(trace.events, SignalSent, ListenerClosed, PortChecked, AwaitExpired)
    assert [step.text for step in trace.of(StepBegun)] == list(ONE_HELD.steps_in_words())
    assert trace.first(ResponseEnded("a")).length == 9
    assert kinds(trace.events, ServerKilled, ServerExited) == [ServerKilled, ServerExited]
    assert trace.complete


def test_orders_and_pieces(played):
    trace = played(
        Connect("a"),
        Request("a", method="POST", body=b"one", whole=False),
        Await(HandlerEntered("a")),
        ReadBody("a"),
        SendBody("a", b"two", end=False),
        SendBody("a", b"three"),
        Await(HandlerReported("a", "read 11")),
        SendChunk("a", 5),
        Await(BodyReceived("a", length=5)),
        Shutdown(),
        ReleaseHandler("a", 6),
        Await(ResponseEnded("a", length=11)),
        Await(ServerExited()),
    )
    assert trace.complete
    assert trace.first(HandlerReported("a", "read 11"))
    assert trace.first(RequestEnded("a", length=11))


def test_pieces_of_a_response_arrive_as_they_are_ordered(played):
    trace = played(
        Connect("a"),
        Request("a"),
        Await(HandlerEntered("a")),
        SendChunk("a", 5),
        Await(BodyReceived("a", length=5)),
        Shutdown(),
        ReleaseHandler("a", 6),
        Await(ResponseEnded("a", length=11)),
        Await(ServerExited()),
    )
    assert trace.complete
    assert not kinds(trace.events, AwaitExpired)
    assert [order.order for order in trace.of(HandlerOrdered)] == ["send 5", "finish 6"]
    assert trace.first(HandlerFinished("a")).length == 11


def test_client_closes_at_its_step(played):
    trace = played(Connect("a"), Close("a"), Await(fin_received("a")), Shutdown(), Await(ServerExited()))
    assert kinds(trace.events, fin_sent, fin_received, SignalSent) == [fin_sent, fin_received, SignalSent]


def test_silent_connection_sends_nothing_and_is_abandoned_at_the_end(played):
    trace = played(Connect("a", ClosePolicy.RUDE, silent=True), Shutdown(), control=True)
    assert trace.first(ConnectionOpened("a"))
    assert kinds(trace.events, abandoned, fin_sent) == [abandoned]


def test_optional_fact_that_does_not_come_before_the_shutdown_is_done_without(played):
    trace = played(Connect("a"), Await(fin_received("a"), "goaway_s", optional=True), Shutdown(), Await(ServerExited()))
    assert kinds(trace.events, AwaitExpired, SetupFailed, SignalSent, PlayEnded) == [
        AwaitExpired,
        SignalSent,
        PlayEnded,
    ]


def test_elapsing_ends_early_when_the_server_is_gone(played):
    trace = played(Shutdown(), Elapse(Duration(300, 300), "nobody can wait that long"))
    assert trace.complete


def test_fact_that_does_not_come_before_the_shutdown_ends_the_play(played):
    trace = played(Connect("a"), Await(fin_received("a"), "goaway_s"), Shutdown())
    assert trace.first(AwaitExpired(1)).impossible is False
    assert trace.first(SetupFailed()).reason == (
        "before the shutdown, this never came: Await(ConnectionEnded(connection=a, by=server, how=fin), within goaway)"
    )
    assert not kinds(trace.events, SignalSent)


def test_fact_that_does_not_come_after_the_shutdown_is_for_the_checks(played):
    trace = played(
        Connect("a"), Request("a"), Await(HandlerEntered("a")), Shutdown(), Await(BodyReceived("a"), "goaway_s")
    )
    assert trace.complete
    assert trace.first(AwaitExpired(4)).impossible is False
    assert trace.first(ServerKilled()).reason == "it had not exited by itself"


def test_fact_that_has_become_impossible_is_not_waited_for(played):
    patient = dataclasses.replace(PATIENT, before_shutdown_s=300.0)
    trace = played(
        Connect("a"), Request("a", target=READY), Await(fin_received("a")), Await(BodyReceived("a", 99)), Shutdown(),
        limits=patient,
    )  # fmt: skip
    assert trace.first(AwaitExpired()).impossible


def test_connection_that_fails_during_the_drain_is_recorded_and_the_play_goes_on(played):
    trace = played(Connect("a"), Shutdown(), Await(ServerExited()), Connect("b"))
    assert trace.first(ConnectionFailed("b")).reason == "refused"
    assert trace.complete


def test_server_that_ends_before_its_shutdown_is_not_signalled(played, tmp_path):
    server = gated(tmp_path, "dies")
    trace = played(
        Connect("a"), Request("a"), Await(HandlerEntered("a")), ReadBody("a"), Await(ServerExited()), Shutdown(),
        server=server,
    )  # fmt: skip
    assert trace.first(SetupFailed()).reason == "the server had ended before the shutdown, with status 7"


@pytest.mark.parametrize(
    ("step", "reason"),
    [(Request("b"), "no connection 'b' has been opened"), (SendBody("r"), "no request 'r' has been sent")],
)
def test_step_without_what_it_needs_is_a_harness_error(step, reason):
    async def work(recorder):
        with pytest.raises(TimelineError, match=reason):
            await Clients(recorder, Endpoint(Protocol.H1, 1), QUICK).execute(step)

    assert perform(work) == []


def test_adapter_that_fails_is_not_the_server_s_fault(played, tmp_path):
    def command(_launch):
        raise KeyError("oops")

    trace = played(server=gated(tmp_path, command=command))
    assert trace.first(HarnessFailed()).reason == "KeyError: 'oops'"


def test_server_has_a_home_of_its_own_its_files_and_little_else(played, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")
    text = "import os; print(os.getcwd() == os.environ['HOME'], open('mine.conf').read(), *sorted(os.environ))"
    files = lambda launch: {"mine.conf": f"drain={launch.drain_s:g}"}  # noqa: E731 - an adapter's field
    trace = played(server=program(tmp_path, "telling", text, files=files, environment={"MORE": "1"}), limits=QUICK)
    (line,) = [event.text for event in trace.of(OutputWritten)]
    assert line.startswith("True drain=3 ")
    assert "LASTCALL_GATE" in line
    assert "MORE" in line
    assert "SECRET_OF_THE_SHELL" not in line


def test_case_has_a_name_and_a_path(tmp_path):
    case = Case(ONE_HELD, gated(tmp_path), Protocol.H1_TLS, Pace.FAST, QUICK)
    assert case.name == "one-held[gated-none-h1-tls]"
    assert tmp_path / case.trace == tmp_path / "gated-none" / "h1-tls" / "one-held.jsonl"
    control = dataclasses.replace(case, control=True)
    assert control.name == "one-held[gated-none-h1-tls] control"
    assert control.trace.name == "one-held.control.jsonl"
    paced = dataclasses.replace(
        case, scenario=dataclasses.replace(ONE_HELD, launch=LaunchPlan(Duration(1, 20))), pace=Pace.ISSUE
    )
    assert paced.drain_s == 20
    assert isinstance(paced.scenario, Scenario)
