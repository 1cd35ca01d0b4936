"""What nearly every scenario asks, at the levels at which it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks import (
    closing,
    delivery,
    ending,
    goaway,
    goaway_order,
    http1,
    http1_responses,
    http2_responses,
    protocol,
    resource_use,
    serving,
    timed,
)
from lastcall.conformance.model.check import (
    Asked,
    must,
    observe,
    promise,
    should,
)
from lastcall.conformance.model.protocol import Protocol

if TYPE_CHECKING:
    from lastcall.conformance.model.client_events import Headers

HTTP1 = (Protocol.H1, Protocol.H1_TLS)
HTTP2 = (Protocol.H2, Protocol.H2C)

IN_FLIGHT: tuple[Asked, ...] = (
    promise(serving.in_flight_requests_are_served),
    promise(timed.slow_requests_are_answered),
    promise(serving.in_flight_handlers_are_not_cancelled),
    promise(serving.responses_are_whole),
    promise(delivery.requests_are_processed_once),
)
"""What a request in its handler is owed."""

GOAWAY: tuple[Asked, ...] = (
    should(goaway.goaway_is_sent),
    should(goaway.goaway_precedes_close),
    promise(goaway.goaway_says_no_error),
    must(goaway.goaway_is_on_stream_zero),
    should(goaway.goaway_is_prompt),
    should(goaway.goaway_comes_in_two_phases),
    must(goaway.last_stream_id_never_increases),
    must(goaway.last_stream_id_covers_processed_streams),
    promise(goaway.streams_in_flight_are_not_reset),
    must(http2_responses.responses_carry_no_connection_fields),
    must(http2_responses.nothing_follows_the_end_of_a_stream),
    should(http2_responses.finished_streams_are_not_reset),
    observe(goaway_order.sequence_of_goaways),
    observe(goaway_order.listener_and_goaway),
)
"""What HTTP/2 tells a client of a shutdown."""

CLOSING: tuple[Asked, ...] = (
    should(closing.busy_connections_close_after_their_last_response),
    should(closing.connections_end_without_reset),
    must(closing.close_notify_precedes_fin),
)
"""How the connections end."""

SAYS_CLOSE: tuple[Asked, ...] = (
    should(http1.responses_in_flight_say_close),
    must(http1.close_option_is_obeyed),
    should(http1_responses.close_is_not_contradicted),
    must(http1_responses.responses_have_one_framing),
)
"""What HTTP/1.1 tells a client of a shutdown."""

SPEAKS: tuple[Asked, ...] = (must(protocol.server_speaks_its_protocol),)
"""What every scenario asks in which the server says anything."""

ENDING: tuple[Asked, ...] = (
    *SPEAKS,
    promise(ending.server_exits_in_time),
    should(ending.server_exits_once_drained),
    promise(ending.exit_status_is_documented),
    should(ending.server_prints_no_stack_trace),
    should(resource_use.log_is_not_flooded),
    promise(ending.server_leaves_no_process_behind),
    promise(ending.port_is_free_after_exit),
    observe(closing.listener_closes),
    observe(serving.requests_by_fate),
)
"""How the process ends, which every scenario asks."""

FORCED_END: tuple[Asked, ...] = (
    promise(ending.drain_timeout_is_granted_in_full),
    promise(ending.drain_timeout_ends_the_server),
    promise(serving.cut_responses_look_cut),
    promise(ending.server_leaves_no_process_behind),
    promise(ending.port_is_free_after_exit),
    observe(ending.exit_status_after_a_forced_end),
    observe(serving.held_handlers_at_the_end),
    observe(closing.listener_closes),
    observe(serving.requests_by_fate),
)
"""How the process ends when its drain timeout is over before its handlers are."""


def beside_a_successor(asked: tuple[Asked, ...]) -> tuple[Asked, ...]:
    """Leave out what cannot be asked when a successor serves on the port: whether the port is free."""
    return tuple(each for each in asked if each.check is not ending.port_is_free_after_exit)


def announced(length: int) -> Headers:
    """Give the field by which a client says how long the body will be, which some servers insist on."""
    return (("content-length", str(length)),)


UNVISITED: tuple[Asked, ...] = tuple(
    asked for asked in ENDING if asked.check not in (protocol.server_speaks_its_protocol, serving.requests_by_fate)
)
"""What can be asked of the end when nobody was connected."""
