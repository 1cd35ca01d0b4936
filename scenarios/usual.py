"""The checks that nearly every scenario lists."""

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
from lastcall.conformance.model.protocol import Protocol

if TYPE_CHECKING:
    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.client_events import Headers

HTTP1 = (Protocol.H1, Protocol.H1_TLS)
HTTP2 = (Protocol.H2, Protocol.H2C)

IN_FLIGHT: tuple[Check, ...] = (
    serving.in_flight_requests_are_served,
    timed.slow_requests_are_answered,
    serving.in_flight_handlers_are_not_cancelled,
    serving.responses_are_whole,
    delivery.requests_are_processed_once,
)
"""What a request in its handler is owed."""

GOAWAY: tuple[Check, ...] = (
    goaway.goaway_is_sent,
    goaway.goaway_precedes_close,
    goaway.goaway_says_no_error,
    goaway.goaway_is_on_stream_zero,
    goaway.goaway_is_prompt,
    goaway.goaway_comes_in_two_phases,
    goaway.last_stream_id_never_increases,
    goaway.last_stream_id_covers_processed_streams,
    goaway.streams_in_flight_are_not_reset,
    http2_responses.responses_carry_no_connection_fields,
    http2_responses.nothing_follows_the_end_of_a_stream,
    http2_responses.finished_streams_are_not_reset,
    goaway_order.sequence_of_goaways,
    goaway_order.listener_and_goaway,
)
"""What HTTP/2 tells a client about a shutdown."""

CLOSING: tuple[Check, ...] = (
    closing.busy_connections_close_after_their_last_response,
    closing.connections_end_without_reset,
    closing.close_notify_precedes_fin,
)
"""How the connections end."""

SAYS_CLOSE: tuple[Check, ...] = (
    http1.responses_in_flight_say_close,
    http1.close_option_is_obeyed,
    http1_responses.close_is_not_contradicted,
    http1_responses.responses_have_one_framing,
)
"""What HTTP/1.1 tells a client about a shutdown."""

SPEAKS: tuple[Check, ...] = (protocol.server_speaks_its_protocol,)
"""What every scenario asks in which the server sends anything."""

ENDING: tuple[Check, ...] = (
    *SPEAKS,
    ending.server_exits_in_time,
    ending.server_exits_once_drained,
    ending.exit_status_is_documented,
    ending.server_prints_no_stack_trace,
    resource_use.log_is_not_flooded,
    ending.server_leaves_no_process_behind,
    ending.port_is_free_after_exit,
    closing.listener_closes,
    serving.requests_by_fate,
)
"""How the process ends, which every scenario asks."""

FORCED_END: tuple[Check, ...] = (
    ending.drain_timeout_is_granted_in_full,
    ending.drain_timeout_ends_the_server,
    serving.cut_responses_look_cut,
    ending.server_leaves_no_process_behind,
    ending.port_is_free_after_exit,
    ending.exit_status_after_a_forced_end,
    serving.held_handlers_at_the_end,
    closing.listener_closes,
    serving.requests_by_fate,
)
"""How the process ends when its drain timeout is over before its handlers are."""


def beside_a_successor(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return the checks without the one for a free port, which a successor uses."""
    return tuple(check for check in checks if check is not ending.port_is_free_after_exit)


def announced(length: int) -> Headers:
    """Return the field with which a client announces the length of its body, which some servers insist on."""
    return (("content-length", str(length)),)


UNVISITED: tuple[Check, ...] = tuple(
    check for check in ENDING if check not in (protocol.server_speaks_its_protocol, serving.requests_by_fate)
)
"""What can be asked about the end when no client was connected."""
