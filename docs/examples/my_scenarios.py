"""A scenario of your own: pytest --server mine.toml my_scenarios.py."""

from lastcall.conformance.checks.delivery import in_flight_requests_are_served
from lastcall.conformance.checks.ending import server_exits_in_time
from lastcall.conformance.model.client_steps import Connect, Request
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.server_events import HandlerEntered, ServerExited
from lastcall.conformance.model.step import Duration
from lastcall.conformance.model.timeline import Await, ReleaseHandler, Shutdown

TWO_CONNECTIONS = Scenario(
    id="mine-two-connections",
    question="Are requests on two connections answered when the server stops?",
    protocols=(Protocol.H1, Protocol.H1_TLS),
    launch=LaunchPlan(Duration(5, 20)),
    timeline=steps(
        Connect("a"),
        Connect("b"),
        Request("a", "one"),
        Request("b", "two"),
        Await(HandlerEntered("one")),
        Await(HandlerEntered("two")),
        Shutdown(),
        ReleaseHandler("one"),
        ReleaseHandler("two"),
        Await(ServerExited()),
    ),
    checks=(in_flight_requests_are_served, server_exits_in_time),
)
