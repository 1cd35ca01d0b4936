"""Converts events of older versions of the trace format into this version.

One line stays one event, because verdicts cite their evidence by line number.

Version 2: one class of event, which says who ended a connection and how, replaces six classes; where there is no stream,
as in HTTP/1.1, a stream id is null in place of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lastcall.conformance.model.client_events import ABANDONED, CLIENT, CLOSE_NOTIFY, FIN, RESET, SERVER

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDS = {
    "FinReceived": (SERVER, FIN),
    "ResetReceived": (SERVER, RESET),
    "CloseNotifyReceived": (SERVER, CLOSE_NOTIFY),
    "FinSent": (CLIENT, FIN),
    "CloseNotifySent": (CLIENT, CLOSE_NOTIFY),
    "ConnectionAbandoned": (CLIENT, ABANDONED),
}
_WITHOUT_A_STREAM = ("RequestSent", "WebSocketAsked")


def upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of an event of version 1 as one of this version."""
    kind = record["event"]
    if kind in _ENDS:
        by, how = _ENDS[kind]
        return {**record, "event": "ConnectionEnded", "by": by, "how": how}
    # A request or a WebSocket never has stream 0, which is the connection's own.
    if kind in _WITHOUT_A_STREAM and record.get("stream_id") == 0:
        return {**record, "stream_id": None}
    return dict(record)
