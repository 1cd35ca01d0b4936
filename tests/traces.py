"""Literal traces, written by hand, with times in seconds from the signal."""

import dataclasses
import hashlib
import re

from lastcall.conformance.model.client_events import (
    ConnectionOpened,
    FrameSent,
    GoawayReceived,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
)
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerFinished,
    HandlerOrdered,
    LagMeasured,
    PlayEnded,
    ServerExited,
    SignalSent,
)
from lastcall.conformance.model.trace import Play, Trace

SIGNAL_AT_S = 10.0
PATTERN = b"lastcall\n"
BODY = {"length": 9, "sha256": hashlib.sha256(PATTERN).hexdigest()}
LAG = LagMeasured(int(0.3e9))
"""More than the limit allows."""


def at(seconds, event, width_s=0.0):
    """Return the event with its times: at most so many seconds after the signal, at the earliest ``width_s`` before that."""
    end_ns = round((SIGNAL_AT_S + seconds) * 1e9)
    return dataclasses.replace(event, begin_ns=end_ns - round(width_s * 1e9), end_ns=end_ns)


SIGNAL = at(0, SignalSent("SIGTERM", "shutdown"))


def trace(*events, protocol="h2", drain_s=4.0, **play):
    """Make a complete trace; an event without times is a measurement at its end."""
    end_ns = max((event.end_ns for event in events), default=0)
    ended = dataclasses.replace(PlayEnded(), begin_ns=end_ns, end_ns=end_ns)
    return Trace(Play("literal", "literal", protocol, "fast", drain_s=drain_s, **play), (*events, ended))


def opened(connection="a", seconds=-3.0):
    """An HTTP/2 connection: TCP, and the client's preface."""
    return (
        at(seconds, ConnectionOpened(connection, 40000)),
        at(seconds + 0.01, FrameSent(connection, "SETTINGS")),
    )


def held(request="r", connection="a", stream_id=1, seconds=-1.0):
    """A request that is in its handler."""
    return (
        at(seconds, RequestSent(request, connection, "GET", f"/hold/{request}", stream_id)),
        at(seconds + 0.1, HandlerEntered(request, "GET", f"/hold/{request}")),
    )


def released(request="r", seconds=1.0):
    """A handler that gets the order to finish, and finishes."""
    return (
        at(seconds, HandlerOrdered(request, "finish 9")),
        at(seconds + 0.01, HandlerFinished(request, 9)),
    )


def answered(request="r", seconds=1.02, status=200, framing="end_stream", headers=()):
    """A whole response with the pattern's body."""
    return (
        at(seconds, ResponseStarted(request, status, headers)),
        at(seconds, ResponseEnded(request, framing=framing, **BODY)),
    )


def ready(request="r0", connection="a", stream_id=1, seconds=-2.0):
    """A request to the route without a gate, served at once."""
    return (
        at(seconds, RequestSent(request, connection, "GET", "/ready", stream_id)),
        *answered(request, seconds + 0.1),
    )


def goaway(seconds, last, connection="a", error_code=0, stream_id=0):
    """A GOAWAY."""
    return at(seconds, GoawayReceived(connection, last, error_code, stream_id))


def exits(seconds, status=0):
    """The server's exit."""
    return at(seconds, ServerExited(status))


def judged(check, answer, *events, limits=DEFAULT, says="", rests_on=None, **play):
    """Judge a literal trace, and compare the judgement's answer, reason and evidence."""
    literal = trace(*events, **play)
    judgement = check(literal, limits)
    assert judgement.answer.value == answer, judgement
    assert re.search(says, judgement.because), judgement.because
    assert judgement.because.endswith("."), judgement.because
    assert all(any(event is known for known in literal.events) for event in judgement.events)
    if rests_on is not None:
        assert [type(event).__name__ for event in judgement.events] == rests_on, judgement.events
    return judgement
