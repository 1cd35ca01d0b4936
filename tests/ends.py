"""The ways in which a connection ends, each by a name of its own: events for literal traces, and patterns."""

from lastcall.conformance.model.client_events import (
    ABANDONED,
    CLIENT,
    CLOSE_NOTIFY,
    FIN,
    RESET,
    SERVER,
    ConnectionEnded,
)


def fin_received(*connection, **fields):
    return ConnectionEnded(*connection, by=SERVER, how=FIN, **fields)


def reset_received(*connection, **fields):
    return ConnectionEnded(*connection, by=SERVER, how=RESET, **fields)


def close_notify_received(*connection, **fields):
    return ConnectionEnded(*connection, by=SERVER, how=CLOSE_NOTIFY, **fields)


def fin_sent(*connection, **fields):
    return ConnectionEnded(*connection, by=CLIENT, how=FIN, **fields)


def close_notify_sent(*connection, **fields):
    return ConnectionEnded(*connection, by=CLIENT, how=CLOSE_NOTIFY, **fields)


def abandoned(*connection, **fields):
    return ConnectionEnded(*connection, by=CLIENT, how=ABANDONED, **fields)


_ENDS = {
    (SERVER, FIN): fin_received,
    (SERVER, RESET): reset_received,
    (SERVER, CLOSE_NOTIFY): close_notify_received,
    (CLIENT, FIN): fin_sent,
    (CLIENT, CLOSE_NOTIFY): close_notify_sent,
    (CLIENT, ABANDONED): abandoned,
}


def kind_of(event):
    """The event's class; for a connection's end, the name of the function above that makes it."""
    return _ENDS[event.by, event.how] if isinstance(event, ConnectionEnded) else type(event)


def kinds(events, *wanted):
    """The kinds of the events, in order, of those that are wanted."""
    return [kind_of(event) for event in events if kind_of(event) in wanted]
