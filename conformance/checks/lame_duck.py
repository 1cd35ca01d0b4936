"""The time right after the signal: who is still let in, and what the readiness probe is told."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lastcall.conformance.checks.closing import new_connections
from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, names, seconds
from lastcall.conformance.checks.serving import served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import ConnectionFailed, ConnectionOpened
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import ConnectionView, requests, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace

_NOBODY_CAME = cannot_tell("Nobody connected after the signal.")


@check(clauses.LAME_DUCK, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def newcomers_are_served_in_the_lame_duck(trace: Trace, limits: Limits) -> Judgement:
    """Who comes while the server waits, as it was told, before it drains, is served like anybody before.

    The end of the time is left out: rounding and coarse ticks are no breach.
    """
    signal, lame_duck_s = shutdown(trace), trace.play.lame_duck_s
    if signal is None:
        return NO_SHUTDOWN
    until_ns = signal.begin_ns + int((lame_duck_s - limits.drain_early_s) * 1e9)
    came = [story for story in new_connections(trace, signal) if _came(story).end_ns < until_ns]
    if lame_duck_s <= 0 or not came:
        return cannot_tell("Nobody came in a time in which the server was told to go on accepting.")
    for story in came:
        if story.failed is not None:
            after_s = seconds(story.failed.begin_ns - signal.end_ns)
            because = (
                f"{story.name!r} was not connected ({story.failed.reason}), {max(0.0, after_s):.2f} s after the signal."
            )
            return broken(because, signal, story.failed)
    sent = [story for story in requests(trace) if precedes(signal, story.sent) and story.sent.end_ns < until_ns]
    # Over what was there before the signal a request may cross the close of its connection, so newcomers alone are judged.
    mine = [story for story in sent if story.connection in {each.name for each in came}]
    lost = [story for story in mine if not served(story)]
    if lost:
        ends = [event for event in (lost[0].sent, lost[0].entered, lost[0].over) if event]
        return broken(f"{names(lost)} came within the {lame_duck_s:g} s and were not served.", signal, *ends)
    if not mine:
        return cannot_tell("Nobody sent a request in a time in which the server was told to go on accepting.")
    return kept(f"{len(mine)} newcomers were served within the {lame_duck_s:g} s.", signal, mine[-1].sent)


def _came(story: ConnectionView) -> ConnectionOpened | ConnectionFailed:
    """Give the moment at which somebody came; every connection was tried."""
    return story.opened or story.failed or ConnectionFailed(story.name)


@check(clauses.REFUSE_CLEARLY, level=Level.OBSERVE, impact=Impact.LOSES_REQUESTS)
def newcomers_after_the_signal(trace: Trace, _limits: Limits) -> Judgement:
    """What clients meet that connect one after another from the signal on: until when they are served, and what then."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    came = sorted(new_connections(trace, signal), key=lambda story: _came(story).end_ns)
    if not came:
        return _NOBODY_CAME
    met = [(_met(story), measured("", signal, _came(story)).value_s) for story in came]
    changes = [met[0], *(now for before, now in itertools.pairwise(met) if before[0] != now[0])]
    told = "; ".join(f"from {at_s:.2f} s on {what}" for what, at_s in changes[:6])
    return observed(f"{told[0].upper()}{told[1:]}, to {met[-1][1]:.2f} s.", signal)


def _met(story: ConnectionView) -> str:
    if story.failed is not None:
        return story.failed.reason
    answered = [request.status for request in story.requests if request.ended]
    if answered:
        return f"answered with {answered[0]}"
    return "reset" if story.reset else "closed without an answer" if story.ended else "accepted and not answered"


@check(clauses.LAME_DUCK, level=Level.OBSERVE, impact=Impact.MISLEADS_CLIENTS)
def readiness_after_the_signal(trace: Trace, _limits: Limits) -> Judgement:
    """What somebody who asks whether the server is ready is told after the signal, while it still accepts."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    asked = [story for story in requests(trace) if story.sent.target == "/ready" and precedes(signal, story.sent)]
    if not asked:
        return cannot_tell("Nobody asked whether the server is ready after the signal.")
    told: list[Event] = [story.started for story in asked if story.started]
    answers = ", ".join(str(story.status) for story in asked if story.started) or "nothing"
    return observed(f"It was answered with {answers}.", signal, *told)
