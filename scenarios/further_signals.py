"""A second signal comes while the server drains: the graceful one once more, or the one that forces the end.

Impatient supervisors and people send it. The server's documentation says what it does; but no signal may make a
response that was cut look whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks import closing, ending, process, serving
from lastcall.conformance.model.client_events import ResponseEnded, ResponseStarted
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import HandlerEntered, ServerExited
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import (
    Await,
    Elapse,
    ReleaseHandler,
    SendChunk,
    Shutdown,
    Signal,
)
from lastcall.scenarios.usual import SPEAKS

if TYPE_CHECKING:
    from lastcall.conformance.model.check import Check

BOTH = (Protocol.H1, Protocol.H2)

IN_FLIGHT_TWICE = steps(
    Connect("a"),
    Request("a", "held"),
    Connect("b"),
    Request("b", "half-sent"),
    Await(HandlerEntered("held")),
    Await(HandlerEntered("half-sent")),
    SendChunk("half-sent"),
    Await(ResponseStarted("half-sent")),
    Shutdown(),
    Elapse(Duration(0.5, 5), "the drain is under way when the second signal comes"),
)

ENDED_SOMEHOW: tuple[Check, ...] = (
    ending.server_leaves_no_process_behind,
    ending.port_is_free_after_exit,
    *SPEAKS,
    ending.exit_status_after_a_forced_end,
    closing.listener_closes,
    serving.requests_by_fate,
)

SECOND_SIGNAL = Scenario(
    id="second-signal",
    question=(
        "The graceful signal comes a second time while requests are in flight. Does the drain go on, or do cut"
        " responses look cut?"
    ),
    protocols=BOTH,
    launch=LaunchPlan(Duration(6, 30)),
    timeline=steps(
        *IN_FLIGHT_TWICE,
        Signal("again"),
        Elapse(Duration(1, 5), "the second signal has its effect, if it has one"),
        ReleaseHandler("held"),
        ReleaseHandler("half-sent"),
        Await(ResponseEnded("held")),
        Await(ResponseEnded("half-sent")),
        Await(ServerExited()),
    ),
    checks=(
        process.first_signal_alone_cuts_nothing,
        process.second_signal_makes_no_false_success,
        process.effect_of_a_second_signal,
        ending.server_exits_in_time,
        *ENDED_SOMEHOW,
    ),
)

FORCED_END = Scenario(
    id="forced-end",
    question=(
        "The signal that forces the end comes while requests are in flight. Does the process exit soon, and do cut"
        " responses look cut?"
    ),
    protocols=BOTH,
    launch=LaunchPlan(Duration(10, 60)),
    needs_signal="force",
    timeline=steps(*IN_FLIGHT_TWICE, Signal("force"), Await(ServerExited(), within="forced_end_s")),
    checks=(
        process.first_signal_alone_cuts_nothing,
        process.forcing_signal_ends_the_server,
        serving.cut_responses_look_cut,
        serving.held_handlers_at_the_end,
        *ENDED_SOMEHOW,
    ),
)
