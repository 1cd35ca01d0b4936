"""A timeline that could never be played is refused when it is made, in a line that names the step and what is missing."""

import pytest

from lastcall.conformance.model.client_events import (
    GoawayReceived,
    LoadAnswered,
    MessageReceived,
    ResponseEnded,
    StreamsEnded,
)
from lastcall.conformance.model.client_steps import (
    BeginHead,
    BreakSilence,
    Close,
    Connect,
    FinishHead,
    OpenWebSocket,
    PauseReading,
    Ping,
    Request,
    ResumeReading,
    SendBody,
    SendTrailers,
)
from lastcall.conformance.model.server_events import (
    ConnectionAccepted,
    HandlerEntered,
    HandlerFinished,
    HandlerReported,
    ServerExited,
    SignalSent,
    SuccessorReady,
)
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    BeginLoad,
    BeginLoop,
    BeginStreams,
    Elapse,
    EndLoops,
    FindWorkers,
    HoldHook,
    ReadBody,
    ReleaseHandler,
    ReleaseHook,
    SendChunk,
    Signal,
    SignalWorker,
    StartSuccessor,
)
from lastcall.conformance.model.timeline_rules import fault_of
from lastcall.registry import find

ONE = (Connect("one"), Request("one"))

WRONG = {
    "no earlier step sends a request 'onne'; is 'one' meant?": (*ONE, Await(HandlerEntered("onne"))),
    "no earlier step sends a request 'two'": (*ONE, ReleaseHandler("two")),
    "no earlier step opens a connection 'onne'; is 'one' meant?": (Connect("one"), Request("onne")),
    "no earlier step opens a connection 'two'": (*ONE, Ping("two")),
    "no earlier step opens a connection 'three'": (*ONE, FindWorkers(), Await(ConnectionAccepted("three"))),
    "the connection 'one' is opened twice": (*ONE, Connect("one")),
    "and 'one' is used twice": (*ONE, Request("one")),
    "the request 'r' goes to /ready, whose handler is not held": (
        Connect("one"),
        Request("one", "r", "/ready"),
        SendChunk("r"),
    ),
    "whose handler is not held": (Connect("one"), Request("one", "r", "/ready"), Await(HandlerEntered("r"))),
    "no earlier ReleaseHandler() releases the handler of 'one'": (*ONE, Await(HandlerFinished("one"))),
    "no earlier ReadBody() orders the handler of 'one' to read": (*ONE, Await(HandlerReported("one", "read 5"))),
    "no earlier SendChunk() orders the handler of 'one' to send 12 bytes": (
        *ONE,
        SendChunk("one", 9),
        Await(HandlerReported("one", "sent 12")),
    ),
    "'one' is no WebSocket": (*ONE, Await(MessageReceived("one"))),
    "there is no limit 'goawy_s'; is 'goaway_s' meant?": (*ONE, Await(ServerExited(), within="goawy_s")),
    "there is no role 'relod'; is 'reload' meant?": (Signal("relod"),),
    "it needs HoldHook() before it": (ReleaseHook(),),
    "it needs BeginLoop() or BeginLoad() or BeginStreams() before it": (EndLoops(),),
    "no earlier step opens a connection 'streams'": (*ONE, BeginStreams("streams", "more")),
    "no earlier BeginStreams() has begun any": (*ONE, Await(StreamsEnded("one"))),
    "it needs FindWorkers() before it": (*ONE, SignalWorker("one", "kill")),
    "the head of 'one' was sent whole": (*ONE, FinishHead("one")),
    "the request 'one' was sent whole": (*ONE, SendBody("one", b"more")),
    "Request(whole=False) leaves it open": (*ONE, SendTrailers("one")),
    "the connection 'one' was not paused": (*ONE, ResumeReading("one")),
    "the connection 'one' was not opened silently": (*ONE, BreakSilence("one")),
    "the handler of 'one' is released already": (*ONE, ReleaseHandler("one"), SendChunk("one")),
    "the client has closed the connection 'one' before": (Connect("one"), Close("one"), Request("one")),
    "there is no role 'kil'; is 'kill' meant?": (*ONE, FindWorkers(), SignalWorker("one", "kil")),
    "SignalSent is the harness's own, and nothing to wait for": (*ONE, Await(SignalSent(purpose="shutdown"))),
    "no earlier load sends a request 'zz-1-1'; its requests are called load-1": (
        BeginLoad("load"),
        Await(LoadAnswered("zz-1-1")),
    ),
    "no earlier step sends a request": (Connect("one"), Await(HandlerEntered())),
    "no earlier step opens a connection": (Await(GoawayReceived()),),
    "no load has begun": (BeginLoop("loop"), Await(LoadAnswered("loop-1"))),
    "no successor has been started": (Await(SuccessorReady()),),
    "a successor is started already": (StartSuccessor(), StartSuccessor()),
    "no earlier FindWorkers() looks for it": (*ONE, Await(ConnectionAccepted("one"))),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_can_never_come_is_refused(fault):
    timeline = WRONG[fault]
    assert fault_of(timeline) == f"{timeline[-1]}: {fault_of(timeline).removeprefix(f'{timeline[-1]}: ')}"
    assert fault in fault_of(timeline)
    assert fault_of(timeline[:-1]) == "", "the last step alone is wrong"


RIGHT = [
    (
        *ONE,
        Await(HandlerEntered("one")),
        ReleaseHandler("one"),
        Await(HandlerFinished("one")),
        Await(ResponseEnded("one")),
    ),
    (*ONE, ReadBody("one"), Await(HandlerReported("one", "read 5")), Await(HandlerReported("one", "disconnected"))),
    (*ONE, SendChunk("one", 12), Await(HandlerReported("one", "sent 12"))),
    (Connect("one", silent=True), BreakSilence("one"), PauseReading("one"), ResumeReading("one")),
    (Connect("one"), BeginHead("one"), FinishHead("one"), ReleaseHandler("one")),
    (Connect("one"), Request("one", body=b"1", whole=False), SendBody("one"), SendTrailers("one")),
    (Connect("one"), OpenWebSocket("one"), Await(MessageReceived("one")), ReleaseHandler("one")),
    (BeginLoop("loop"), Await(HandlerEntered("loop-1")), Await(HandlerFinished("loop-1")), EndLoops()),
    (
        Connect("one"),
        BeginStreams("one", "more"),
        Await(HandlerEntered("more-1")),
        Await(StreamsEnded("one")),
        EndLoops(),
    ),
    (BeginLoad("load"), Await(LoadAnswered()), Await(HandlerFinished()), EndLoops()),
    (HoldHook(), ReleaseHook(), StartSuccessor(), Await(SuccessorReady())),
    (*ONE, FindWorkers(), Await(ConnectionAccepted("one")), SignalWorker("one", "pause"), Signal("again")),
    (Elapse(Duration(1, 1), "time is under test"), Await(ServerExited(), within="exit_slack_s"), Await(ServerExited())),
]


@pytest.mark.parametrize("timeline", RIGHT, ids=lambda timeline: type(timeline[-1]).__name__)
def test_what_can_come_is_accepted(timeline):
    assert fault_of(timeline) == ""


def test_every_scenario_of_ours_can_be_played():
    assert {
        scenario.id: fault_of(scenario.timeline)
        for scenario in find().scenarios.values()
        if fault_of(scenario.timeline)
    } == {}
