"""Clients that run by themselves: their events in the trace, and their end."""

import dataclasses

import pytest

from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.judging.judge import why_control_fails
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.client_events import (
    ConnectionOpened,
    GoawayReceived,
    GoawaySent,
    LoadAnswered,
    LoadFailed,
    LoadSent,
    RequestSent,
    ResponseEnded,
    StreamsEnded,
)
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import PROTOCOLS, Protocol
from lastcall.conformance.model.scenario import steps
from lastcall.conformance.model.server_events import (
    ApplicationReported,
    HandlerEntered,
    HandlerFinished,
    HandlerOrdered,
    HarnessFailed,
    ServerExited,
    SetupFailed,
    SignalSent,
)
from lastcall.conformance.model.step import Duration, Pace
from lastcall.conformance.model.timeline import (
    Await,
    BeginLoad,
    BeginLoop,
    BeginStreams,
    Elapse,
    EndLoops,
    ReleaseHandler,
    Shutdown,
    Signal,
)
from lastcall.registry import find
from lastcall.servers.reference_server import REFERENCE
from tests.ends import fin_sent
from tests.support import ONE_HELD, PATIENT, gated

A_WHILE = Elapse(Duration(0.3, 0.3), "requests come")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    with Environment() as environment:

        def play(*timeline, server=REFERENCE, protocol=Protocol.H1, control=False, **fields):
            folder = tmp_path_factory.mktemp("traces")
            scenario = dataclasses.replace(ONE_HELD, timeline=steps(*timeline), protocols=(protocol,), **fields)
            case = Case(scenario, server, protocol, Pace.FAST, PATIENT, "1", control)
            (trace,) = play_all(environment, [case], folder)
            assert not trace.of(HarnessFailed), trace.of(HarnessFailed)
            return trace

        yield play


def loop(**fields):
    return (
        BeginLoop("loop", **fields),
        Await(HandlerFinished()),
        A_WHILE,
        EndLoops(),
        Shutdown(),
        Await(ServerExited()),
    )


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=str)
def test_a_loop_keeps_its_connection_and_every_request_is_whole(played, protocol):
    trace = played(*loop(), protocol=protocol)
    names = [sent.request for sent in trace.of(RequestSent)]
    assert len(names) > 1
    assert names == [f"loop-{number}" for number in range(1, len(names) + 1)]
    assert [ended.request for ended in trace.of(ResponseEnded)] == names
    assert [opened.connection for opened in trace.of(ConnectionOpened)] == ["loop/1"]


@pytest.mark.parametrize("protocol", [Protocol.H1, Protocol.H2])
def test_a_fresh_loop_opens_a_connection_for_each_request_and_closes_it_itself(played, protocol):
    trace = played(*loop(fresh=True), protocol=protocol)
    connections = [opened.connection for opened in trace.of(ConnectionOpened)]
    assert connections == [f"loop/{number}" for number in range(1, len(connections) + 1)]
    assert len(connections) == len(trace.of(RequestSent)) > 1
    assert [closed.connection for closed in trace.all(fin_sent())] == connections
    assert bool(trace.of(GoawaySent)) == (protocol is Protocol.H2)


def test_a_request_of_a_loop_is_held_for_as_long_as_it_says(played):
    trace = played(*loop(held_s=0.2))
    entered, released = trace.of(HandlerEntered)[0], trace.of(HandlerOrdered)[0]
    sent = trace.of(RequestSent)[0]
    assert entered.request == released.request == sent.request == "loop-1"
    assert released.order == "finish 9"
    assert released.begin_ns - sent.begin_ns >= 0.19e9


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=str)
def test_the_ordinary_clients_are_answered_in_the_protocol_of_the_play(played, protocol):
    trace = played(
        BeginLoad("load", clients=2), Await(HandlerFinished()), A_WHILE, EndLoops(), Shutdown(), protocol=protocol
    )
    answers = trace.of(LoadAnswered)
    assert {(answer.status, answer.length) for answer in answers} == {(200, 9)}
    assert {answer.version for answer in answers} == {f"HTTP/{'2' if protocol.version > 1 else '1.1'}"}
    assert {answer.request.rpartition("-")[0] for answer in answers} == {"load-1", "load-2"}
    assert {answer.request for answer in answers} == {sent.request for sent in trace.of(LoadSent)}
    assert not trace.of(LoadFailed)


def test_ordinary_clients_report_what_the_server_does_to_them(played, tmp_path):
    deaf = gated(tmp_path, "dies", drain=None)
    trace = played(
        BeginLoad("load", clients=1, held_s=0),
        Await(HandlerFinished()),
        Shutdown(),
        Await(ServerExited()),
        Elapse(Duration(0.2, 0.2), "nobody is there any more", beyond_exit=True),
        EndLoops(),
        server=deaf,
    )
    failed = trace.of(LoadFailed)
    assert failed[-1].error == "ConnectError"
    assert len(trace.of(LoadSent)) == len(failed) + len(trace.of(LoadAnswered))


# --- streams, one after another ---

RACING = (
    Connect("a"),
    Request("a", "in-flight"),
    Await(HandlerEntered("in-flight")),
    Shutdown(),
    BeginStreams("a", "raced"),
    Await(StreamsEnded("a"), within="idle_close_s"),
    ReleaseHandler("in-flight"),
    Await(ServerExited()),
)


def sent_streams(trace):
    return [sent.request for sent in trace.of(RequestSent) if sent.request.startswith("raced-")]


def last_goaway(trace):
    return next((goaway for goaway in trace.of(GoawayReceived) if not goaway.excludes_nothing), None)


def test_streams_are_opened_from_the_signal_until_the_server_names_its_last_one(played):
    trace = played(*RACING, protocol=Protocol.H2C)
    (ended,) = trace.of(StreamsEnded)
    names = sent_streams(trace)
    assert names == [f"raced-{number}" for number in range(1, len(names) + 1)]
    assert (ended.connection, ended.name, ended.sent, ended.by_server) == ("a", "raced", len(names), True)
    sent, final = trace.first(RequestSent("raced-1")), last_goaway(trace)
    assert precedes(trace.first(SignalSent()), sent)
    assert not precedes(final, sent), "the first one is sent before anything that the signal causes can be read"
    assert final.end_ns <= ended.end_ns


def test_streams_end_with_their_connection(played):
    trace = played(*RACING, server=find().servers["reference+exits-at-once"], protocol=Protocol.H2C)
    (ended,) = trace.of(StreamsEnded)
    assert ended.by_server
    assert ended.sent == len(sent_streams(trace)) >= 1


def test_streams_that_are_never_answered_are_no_more_than_may_be_open_at_once(played):
    server = find().servers["reference+raced-stream-dropped"]
    timeline = (*RACING[:4], BeginStreams("a", "raced", at_once=3), A_WHILE, EndLoops(), *RACING[6:])
    trace = played(*timeline, server=server, protocol=Protocol.H2C)
    (ended,) = trace.of(StreamsEnded)
    assert not ended.by_server
    unanswered = set(sent_streams(trace)) - {each.request for each in trace.of(ResponseEnded)}
    assert len(unanswered) == 3


@pytest.mark.parametrize("protocol", [Protocol.H1, Protocol.H2])
def test_streams_go_on_until_the_timeline_ends_them_and_in_a_control_all_are_served(played, protocol):
    timeline = (Connect("a"), BeginStreams("a", "raced"), Await(HandlerFinished()), A_WHILE, EndLoops(), Shutdown())
    trace = played(*timeline, protocol=protocol, control=True)
    (ended,) = trace.of(StreamsEnded)
    names = sent_streams(trace)
    assert (ended.sent, ended.by_server) == (len(names), False)
    assert len(names) > 4
    assert {each.request for each in trace.of(ResponseEnded)} == set(names)
    assert why_control_fails(trace) == ""


RELOADING = dataclasses.replace(REFERENCE, signals={"reload": "SIGTERM"})
"""A server whose reload is its end."""


def test_from_a_reload_on_a_missing_fact_is_for_the_checks(played):
    never = Await(ApplicationReported(report="never"), within="goaway_s")
    trace = played(Signal("reload"), Await(ServerExited()), never, Shutdown(), server=RELOADING)
    assert not trace.of(SetupFailed)
    assert [signal.purpose for signal in trace.of(SignalSent)] == ["reload"], "there was nobody to shut down any more"
    assert trace.complete


def test_without_a_reload_the_same_is_a_setup_that_failed(played):
    trace = played(Await(ApplicationReported(report="never"), within="goaway_s"), Shutdown())
    assert trace.of(SetupFailed)


def test_control_of_a_reload_is_played_without_it(played):
    timeline = (BeginLoop("loop"), Await(HandlerFinished()), Signal("reload"), A_WHILE, EndLoops(), Shutdown())
    trace = played(*timeline, server=RELOADING, control=True)
    assert not trace.of(SignalSent)
    assert why_control_fails(trace) == ""
