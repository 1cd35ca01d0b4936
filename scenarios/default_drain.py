"""The server runs with its default drain timeout: most of its users have that one."""

from __future__ import annotations

from lastcall.conformance.checks import ending
from lastcall.conformance.model.client_events import ResponseStarted
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import HandlerEntered, ServerExited
from lastcall.conformance.model.step import Duration, Step
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    SendChunk,
    Shutdown,
)
from lastcall.scenarios.usual import FORCED_END, SPEAKS

ANOTHER_PIECE: list[Step] = [Elapse(Duration(0.4, 3), "the stream has another piece"), SendChunk("endless")]

DEFAULT_DRAIN = Scenario(
    id="default-drain",
    question="No drain timeout is configured. How long does the server wait for an endless response, and for a silent handler?",
    protocols=(Protocol.H1, Protocol.H2),
    launch=LaunchPlan(Duration(12, 100), default_drain=True),
    timeline=steps(
        Connect("a"),
        Request("a", "endless"),
        Await(HandlerEntered("endless")),
        SendChunk("endless"),
        Await(ResponseStarted("endless")),
        Connect("b"),
        Request("b", "quiet"),
        Await(HandlerEntered("quiet")),
        Elapse(Duration(0.5, 3), "the server has come to rest after its start"),
        Shutdown(),
        *[ANOTHER_PIECE] * 3,
        Await(ServerExited()),
    ),
    checks=(
        ending.drain_when_nothing_is_configured,
        *FORCED_END,
        *SPEAKS,
    ),
)
