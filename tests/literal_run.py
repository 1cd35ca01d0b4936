"""A small run in literals: what the tests of the reports are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from lastcall.conformance.model.clauses import Clause
from lastcall.conformance.model.client_events import (
    ConnectionOpened,
    GoawayReceived,
    RequestSent,
    ResponseStarted,
)
from lastcall.conformance.model.event import Event
from lastcall.conformance.model.server import DefaultDrain, Drain
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    OutputWritten,
    PlayEnded,
    ServerExited,
    ServerReady,
    ServerStarted,
    SignalSent,
)
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.verdict import Answer, Level, Measured, Verdict
from lastcall.conformance.model.views import Fate
from lastcall.conformance.results.descriptions import CheckDescription, ScenarioDescription, ServerDescription
from lastcall.conformance.results.results import PlayResult, Results
from tests.ends import fin_received

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

E = TypeVar("E", bound=Event)

S = 1_000_000_000


def at(seconds: float, kind: type[E], **fields: Any) -> E:
    return kind(begin_ns=int(seconds * S), end_ns=int(seconds * S), **fields)


def a_trace(text: str = "quiet", lines: int = 1) -> Trace:
    return Trace(
        Play("one-request", "someone", "h2", "fast"),
        (
            at(0, ServerStarted, pid=7, argv=("someone", text)),
            at(0.5, ServerReady),
            at(1, ConnectionOpened, connection="a", local_port=9),
            at(7, RequestSent, request="one", connection="a", method="GET", target=f"/hold/{text}"),
            at(7.1, HandlerEntered, request="one"),
            at(8, SignalSent, signal="SIGTERM", purpose="shutdown"),
            at(8.1, GoawayReceived, connection="a", last_stream_id=1, error_code=0, debug=text),
            at(8.2, ResponseStarted, request="one", status=200, headers=(("server", text),)),
            *(at(8.3, OutputWritten, stream="stderr", text=text) for _ in range(lines)),
            at(8.4, fin_received, connection="a"),
            at(9, ServerExited, status=0),
            at(9, PlayEnded),
        ),
    )


def a_verdict(
    check: str, answer: str = "kept", level: str = "promise", because: str = "so it was", **fields: Any
) -> Verdict:
    return Verdict(check, Level(level), "in-flight", Answer(answer), because, **fields)


MEASURED = (Measured("exit", 1.0, 8.0),)


def a_play(
    server: str = "someone", protocol: str = "h2", verdicts: Iterable[Verdict] = (), **fields: Any
) -> PlayResult:
    return PlayResult(
        "one-request",
        server,
        protocol,
        trace="traces/one.jsonl",
        argv=("someone", "--port", "1"),
        fates={Fate.SERVED: 1, Fate.REFUSED: 0, Fate.AMBIGUOUS: 0, Fate.LOST: 1},
        duration_s=9.0,
        verdicts=tuple(verdicts),
        **fields,
    )


def the_results(
    *plays: PlayResult,
    servers: Sequence[str] = ("someone",),
    checks: Sequence[str] = ("server_exits_in_time",),
    text: str = "plain",
) -> Results:
    server = ServerDescription(
        version=f"1.0 {text}",
        installed=True,
        install=(f"get it {text}",),
        documentation="https://example.org/docs",
        speaks=("h2",),
        graceful_signal="SIGTERM",
        exit_statuses=(0,),
        drain=Drain(f"--drain {text}", "", default=DefaultDrain(7.5, "")),
    )
    scenario = ScenarioDescription(
        question=f"Is it served? {text}",
        module="scenarios.founding",
        protocols=("h2", "h2c"),
        steps=("Connect(connection=a)", *(f"Request(request=r{n})" for n in range(5)), f"Shutdown({text})"),
        drain="5 s",
        checks=dict.fromkeys(checks, Level.PROMISE),
    )
    link = "https://www.rfc-editor.org/rfc/rfc9113.html#section-6.8"
    return Results(
        started_at="2026-01-02T03:04:05+00:00",
        pace="fast",
        platform="Linux",
        suite_version="0.1.0",
        limits={"goaway_s": 1.0},
        servers=dict.fromkeys(servers, server),
        scenarios={"one-request": scenario},
        checks={name: CheckDescription(promise=f"It is promised. {text}", clause="in-flight") for name in checks},
        clauses={"in-flight": Clause("in-flight", "RFC 9113 §6.8", "", f"Streams can still complete. {text}", link)},
        plays=plays,
    )
