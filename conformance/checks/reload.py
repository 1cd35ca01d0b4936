"""A reload under load: nobody who is served by the old workers, or comes while the new ones start, notices it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import measured, names, too_late, within
from lastcall.conformance.checks.serving import served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import ConnectionFailed, ConnectionOpened
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import (
    ConnectionAccepted,
    ServerExited,
    SignalSent,
)
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import Fate, connections, fate, requests

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import RequestView

_NO_RELOAD = cannot_tell("The server was not told to reload while it ran.")


def reload_signal(trace: Trace) -> SignalSent | None:
    """Give the signal that asked for the reload; None if the server had certainly exited before it."""
    signal = trace.first(SignalSent(purpose="reload"))
    dead = signal is not None and any(precedes(end, signal) for end in trace.of(ServerExited))
    return None if dead else signal


def _shutdown_signal(trace: Trace) -> SignalSent | None:
    return trace.first(SignalSent(purpose="shutdown"))


def _in_time(trace: Trace, story: RequestView) -> bool:
    """Tell whether a request was sent before the server was told to stop: what comes then is no affair of the reload."""
    end = _shutdown_signal(trace)
    return end is None or precedes(story.over or story.sent, end)


def _untouched(trace: Trace, story: RequestView) -> bool:
    """Tell whether a request met the end of its connection before anybody had processed it: it can be sent again."""
    # RFC 9112 §9.5: a connection may be closed at any time, also while the client sends its next request on it.
    carrier = next((each for each in connections(trace) if each.name == story.connection), None)
    ended = carrier is not None and carrier.ended is not None
    return ended and not story.over and story.entered is None and story.started is None


def _dropped_twice(trace: Trace, stories: list[RequestView]) -> list[RequestView]:
    """Give the requests that were dropped untouched, of a client whose request before had been dropped too."""
    found = []
    for client in dict.fromkeys(_client(story) for story in stories):
        mine = [story for story in stories if _client(story) == client]
        found += [
            again for first, again in itertools.pairwise(mine) if _dropped(trace, first) and _dropped(trace, again)
        ]
    return found


def _dropped(trace: Trace, story: RequestView) -> bool:
    """Tell whether a request met the end of its connection, and nothing told its client that it may be sent again."""
    return _untouched(trace, story) and fate(trace, story) is not Fate.REFUSED


def _client(story: RequestView) -> str:
    """Give the client whose connection it is: connections of one loop have its name in common."""
    return story.connection.partition("/")[0]


def _lost(trace: Trace, signal: SignalSent) -> list[RequestView]:
    """Give the requests of the time around the reload that have no good answer and cannot safely be sent again."""
    about = [story for story in requests(trace) if _in_time(trace, story) and not _over_before(story, signal)]
    return [
        story
        for story in about
        if not served(story) and fate(trace, story) is not Fate.REFUSED and not _untouched(trace, story)
    ]


def _over_before(story: RequestView, signal: SignalSent) -> bool:
    return story.over is not None and precedes(story.over, signal)


def _after(trace: Trace, signal: SignalSent) -> list[RequestView]:
    return [story for story in requests(trace) if precedes(signal, story.sent) and _in_time(trace, story)]


@check(clauses.RELOAD, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def requests_in_flight_survive_a_reload(trace: Trace, _limits: Limits) -> Judgement:
    """A request that is in an old worker's handler when the reload comes gets its response, with the handler's own status."""
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    inside = [r for r in requests(trace) if r.entered and precedes(r.entered, signal) and not _over_before(r, signal)]
    subjects = [story for story in inside if story.released and _in_time(trace, story)]
    later = [story for story in subjects if story.released and precedes(signal, story.released)]
    if not later:
        return cannot_tell("No request was in its handler at the reload and released after it.")
    for story in subjects:
        if not served(story):
            ends = [event for event in (story.entered, story.over, story.cut, story.started) if event]
            return broken(f"Request {story.name!r} was in its handler at the reload and was lost.", signal, *ends)
    return kept(f"{names(subjects)} were answered.", signal, *(story.ended for story in subjects if story.ended))


@check(
    clauses.RELOAD, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS, blocked_by=(requests_in_flight_survive_a_reload,)
)
def no_request_is_lost_in_a_reload(trace: Trace, limits: Limits) -> Judgement:
    """Of the requests that come before, during and after a reload every one is answered with the handler's own status.

    To be left waiting until the old workers are done is to be lost too: nobody waits for that. Not counted are attempts to
    connect that are refused, and a request that crosses the close of its connection, if nobody has processed it and its
    client, who tries again at once, is served then.
    """
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    after = _after(trace, signal)
    before = [story for story in requests(trace) if _over_before(story, signal) and served(story)]
    if not before or not after:
        return cannot_tell("No request was served before the reload, or none came after it.")
    stalled = _stalled(trace, limits, signal)
    lost = [story for story in _lost(trace, signal) if story not in stalled]
    if lost:
        story = lost[0]
        how = f"{story.name!r} was {_how(trace, story)}"
        found = (story.sent, story.entered, story.started, story.over, story.cut)
        because = f"{len(lost)} of {len(before) + len(after)} requests were lost: {how}."
        return broken(because, signal, *(event for event in found if event))
    twice = _dropped_twice(trace, after)
    if twice:
        ends = [story.ended for story in connections(trace) if story.name == twice[0].connection and story.ended]
        because = f"{len(twice)} requests were dropped of clients that had just been dropped: {names(twice)}."
        return broken(because, signal, twice[0].sent, *ends)
    if stalled:
        longest = max(_wait(trace, story, limits).value_s for story in stalled)
        because = (
            f"{len(stalled)} requests had no answer for {limits.new_connection_s:g} s, the longest for {longest:.2f} s."
        )
        waits = tuple(_wait(trace, story, limits) for story in stalled)
        return too_late(trace, limits, because, signal, stalled[0].sent, measures=waits)
    return kept(f"{len(after)} requests came after the reload, and none was lost.", signal, after[-1].sent)


def _wait(trace: Trace, story: RequestView, limits: Limits) -> Measured:
    """Measure how long a request has waited for its answer, or until its client gave it up."""
    carrier = next((each for each in connections(trace) if each.name == story.connection), None)
    given_up = carrier.closed_by_us if carrier is not None else None
    until = story.over or given_up or story.sent
    return measured(f"answer to {story.name}", story.sent, until, limits.new_connection_s)


def _stalled(trace: Trace, limits: Limits, signal: SignalSent) -> list[RequestView]:
    """Give the requests that came after the reload and were left without an answer for too long."""
    return [story for story in _after(trace, signal) if not within(_wait(trace, story, limits))]


def _how(trace: Trace, story: RequestView) -> str:
    if story.ended is not None and story.status is not None:
        return f"answered with {story.status}"
    return f"{fate(trace, story)}"


@check(clauses.RELOAD, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS)
def new_connections_are_accepted_throughout_a_reload(trace: Trace, limits: Limits) -> Judgement:
    """At no moment of a reload is a connection refused: the new listener stands before the old one goes, or it is the same.

    A refused client can come again, but not everybody does, and a balancer takes the server for dead.
    """
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    end = _shutdown_signal(trace)
    refused = [each for each in trace.of(ConnectionFailed) if not precedes(each, signal)]
    refused = [each for each in refused if end is None or precedes(each, end)]
    if refused:
        whole = measured("connections refused", refused[0], refused[-1])
        because = f"{len(refused)} connections failed ({refused[0].reason}), over {whole.value_s:.2f} s."
        if refused[0].reason == "timed out":
            return too_late(trace, limits, because, signal, *refused[:3])
        return broken(because, signal, refused[0], refused[-1], measured=(whole,))
    opened = [each for each in trace.of(ConnectionOpened) if precedes(signal, each)]
    opened = [each for each in opened if end is None or precedes(each, end)]
    if not opened:
        return cannot_tell("Nobody connected after the reload.")
    return kept(f"{len(opened)} connections were opened after the reload, none was refused.", signal, opened[-1])


@check(clauses.RELOAD, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def server_goes_on_after_a_reload(trace: Trace, _limits: Limits) -> Judgement:
    """After the reload the server serves as before, until it is told to stop."""
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    end, gone = _shutdown_signal(trace), next(iter(trace.of(ServerExited)), None)
    if gone is not None and (end is None or precedes(gone, end)):
        return broken(f"The server exited with status {gone.status}, though nobody had told it to stop.", signal, gone)
    answered = [story for story in _after(trace, signal) if served(story)]
    if end is None or not answered:
        return cannot_tell("No request was served between the reload and the shutdown.")
    last = max((story.ended for story in answered if story.ended), key=lambda event: event.end_ns)
    return kept(f"{len(answered)} requests were served between the reload and the shutdown.", signal, last)


@check(clauses.RELOAD, level=Level.OBSERVE, impact=Impact.MANNERS)
def effect_of_a_reload(trace: Trace, _limits: Limits) -> Judgement:
    """What a reload does to clients and processes: other processes serve, idle connections are closed, some are refused."""
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    changed = _processes(trace, signal)
    failed = [each for each in trace.of(ConnectionFailed) if precedes(signal, each) and _before_the_end(trace, each)]
    crossed = [story for story in _after(trace, signal) if _untouched(trace, story)]
    told = f"{changed}; {len(failed)} connections were refused; {len(crossed)} requests crossed the close of theirs"
    waits = [measured(f"answer to {r.name}", r.sent, r.ended) for r in _after(trace, signal) if r.ended]
    longest = max(waits, key=lambda wait: wait.value_s, default=None)
    if longest is None:
        return observed(f"{told}; nobody who came was answered.", signal, *failed[:1])
    told += f"; who came was answered within {longest.value_s:.2f} s"
    return observed(f"{told}.", signal, *failed[:1], measured=(longest,))


def _processes(trace: Trace, signal: SignalSent) -> str:
    seen = trace.of(ConnectionAccepted)
    before = {pid for each in seen if precedes(each, signal) for pid in each.pids}
    after = {pid for each in seen if precedes(signal, each) for pid in each.pids} - before
    if not before:
        return "Which processes serve is not known"
    return f"{len(after)} other processes serve" if after else "The same processes serve"


def _before_the_end(trace: Trace, event: Event) -> bool:
    end = _shutdown_signal(trace)
    return end is None or precedes(event, end)
