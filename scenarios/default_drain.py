"""The drain timeout that nobody has configured: what a server comes with is what most of its users have."""

from __future__ import annotations

from conformance.checks import closing, ending, serving
from conformance.scenario import Scenario, observe, promise, steps
from conformance.server import Protocol
from conformance.timeline import Await, Connect, Duration, Elapse, Request, SendChunk, Shutdown, Step
from conformance.trace import HandlerEntered, ResponseStarted, ServerExited
from scenarios.usual import SPEAKS

ANOTHER_PIECE: list[Step] = [Elapse(Duration(0.4, 3), "the stream has another piece"), SendChunk("endless")]

DEFAULT_DRAIN = Scenario(
    id="default-drain",
    question="Nobody has configured a drain timeout. How long is waited for a response without end, and for a quiet one?",
    protocols=(Protocol.H1, Protocol.H2),
    drain=Duration(12, 100),
    default_drain=True,
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
        observe(ending.drain_when_nothing_is_configured),
        promise(ending.drain_timeout_is_granted_in_full),
        promise(ending.drain_timeout_ends_the_server),
        promise(serving.cut_responses_look_cut),
        promise(ending.server_leaves_no_process_behind),
        promise(ending.port_is_free_after_exit),
        *SPEAKS,
        observe(ending.exit_status_after_a_forced_end),
        observe(serving.held_handlers_at_the_end),
        observe(closing.listener_closes),
        observe(serving.requests_by_fate),
    ),
)
