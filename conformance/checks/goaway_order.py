"""In which order a server announces its end: the sequence of its GOAWAYs, and when it stops listening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, shutdown_goaways
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import HTTP2
from lastcall.conformance.model.server_events import ListenerClosed
from lastcall.conformance.model.verdict import Impact, Judgement, Level, cannot_tell, observed
from lastcall.conformance.model.views import connections, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.client_events import GoawayReceived
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace

_LONGEST = 3


@check(clauses.GOAWAY_TWO_PHASE, level=Level.OBSERVE, impact=Impact.MANNERS, over=HTTP2)
def sequence_of_goaways(trace: Trace, _limits: Limits) -> Judgement:
    """The GOAWAYs that a connection gets, in order: whether the last stream id is open first and exact in the end.

    Only the exact id lets a client know which of its requests it may safely send again.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    said: dict[str, list[Event]] = {}
    for connection in connections(trace):
        goaways = shutdown_goaways(connection, signal)
        if goaways:
            sequence = ", then ".join(_in_words(goaway) for goaway in goaways)
            said.setdefault(f"{len(goaways)} GOAWAY: {sequence}", []).append(goaways[-1])
    if not said:
        return cannot_tell("No GOAWAY came.")
    shown = [f"{sequence} (on {len(events)})" for sequence, events in list(said.items())[:_LONGEST]]
    return observed("; ".join(shown) + ".", signal, *(events[0] for events in said.values()))


def _in_words(goaway: GoawayReceived) -> str:
    last = "2^31-1" if goaway.excludes_nothing else str(goaway.last_stream_id)
    code = f" with code {goaway.error_code}" if goaway.error_code else ""
    return f"{last}{code}" + (f" {goaway.debug!r}" if goaway.debug else "")


@check(clauses.REFUSE_CLEARLY, level=Level.OBSERVE, impact=Impact.MANNERS, over=HTTP2)
def listener_and_goaway(trace: Trace, _limits: Limits) -> Judgement:
    """Which comes first, GOAWAY or the end of listening: while the server listens, a client that got GOAWAY may come back."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closed = next(iter(trace.of(ListenerClosed)), None)
    firsts = [goaways[0] for connection in connections(trace) if (goaways := shutdown_goaways(connection, signal))]
    first = min(firsts, key=lambda event: event.end_ns, default=None)
    if closed is None or first is None:
        return cannot_tell("No GOAWAY came, or the port was still listened on when the play was over.")
    if precedes(first, closed):
        after = measured("listening after the first GOAWAY", first, closed)
        return observed(f"It still listened for {after.value_s:.2f} s after GOAWAY.", first, closed, measured=(after,))
    if precedes(closed, first):
        after = measured("first GOAWAY after the listener's end", closed, first)
        return observed(
            f"GOAWAY came {after.value_s:.2f} s after it had ceased to listen.", closed, first, measured=(after,)
        )
    return observed("Both at the same time, as far as can be told.", closed, first)
