"""Several worker processes: whether each drains what it holds, and whether the first process exits last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, names
from lastcall.conformance.checks.serving import owed, served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import (
    ConnectionAccepted,
    ServerExited,
    ServerStarted,
    WorkerSignalled,
)
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import in_flight, requests, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import RequestView

Pids = tuple[int, ...]

_ONE_WORKER = cannot_tell("The requests in flight were not seen to be in the hands of more than one process.")


def by_worker(trace: Trace, sent: list[RequestView]) -> dict[Pids, list[RequestView]]:
    """Return requests by the process that held their connection, where that was seen."""
    held = {accepted.connection: accepted.pids for accepted in trace.of(ConnectionAccepted)}
    workers: dict[Pids, list[RequestView]] = {}
    for request in sent:
        if request.connection in held:
            workers.setdefault(held[request.connection], []).append(request)
    return workers


def _killed(trace: Trace) -> list[WorkerSignalled]:
    return [event for event in trace.of(WorkerSignalled) if event.signal == "SIGKILL"]


def _lost(workers: dict[Pids, list[RequestView]], *evidence: Event) -> Judgement | None:
    """Return what a worker lost, or None if each served all that it held."""
    for pids, held in workers.items():
        lost = [request for request in held if not served(request)]
        if lost:
            ends = [end for request in lost[:3] for end in (request.entered, request.over, request.cut) if end]
            because = (
                f"Worker {' '.join(map(str, pids))} lost {len(lost)} of the {len(held)} that it held: {names(lost)}."
            )
            return broken(because, *evidence, *ends)
    return None


@check(clauses.WORKERS_DRAIN, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def every_worker_serves_what_it_holds(trace: Trace, limits: Limits) -> Judgement:
    """Every worker process answers the requests that were in its handlers at the shutdown.

    The shutdown has to reach all workers, and no worker may be ended because it is slower than the others.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    workers = by_worker(trace, owed(trace, limits, signal))
    if len(workers) < 2:  # noqa: PLR2004 - one worker alone proves nothing
        return _ONE_WORKER
    seen = [event for event in trace.of(ConnectionAccepted) if event.pids in workers]
    shares = ", ".join(str(len(held)) for held in workers.values())
    return _lost(workers, signal) or kept(f"{len(workers)} workers served what they held: {shares}.", signal, *seen)


@check(clauses.WORKERS_DRAIN, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def siblings_of_a_lost_worker_serve_what_they_hold(trace: Trace, limits: Limits) -> Judgement:
    """When a worker is lost during the drain, the other workers still answer what they hold.

    A worker that runs out of memory takes its own requests with it. It need not take more.
    """
    signal, killed = shutdown(trace), _killed(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = owed(trace, limits, signal)
    if not killed:
        lost = [request for request in subjects if not served(request)]
        because = f"{names(lost)} were lost before any worker was."
        return broken(because, signal) if lost else cannot_tell("No worker was lost during the drain.")
    workers = by_worker(trace, subjects)
    siblings = {pids: held for pids, held in workers.items() if not {event.pid for event in killed} & set(pids)}
    if not siblings:
        return cannot_tell("No other worker had a request in its handler.")
    held = [request for share in siblings.values() for request in share]
    after = [request for request in held if request.released and precedes(killed[0], request.released)]
    if not after:
        return cannot_tell("The siblings' handlers were released before the worker was lost.")
    return _lost(siblings, *killed) or kept(f"The siblings served {names(held)}.", *killed)


@check(clauses.FIRST_PROCESS_LAST, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def first_process_outlives_its_workers(trace: Trace, _limits: Limits) -> Judgement:
    """The process that gets the signal exits when its workers have nothing more to serve, and not before.

    A supervisor waits for this exit; then it starts a successor and kills what is left.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    first = {started.pid for started in trace.of(ServerStarted)}
    others = [event for event in trace.of(ConnectionAccepted) if not first & set(event.pids)]
    if not others:
        return cannot_tell("No connection was seen in the hands of another process than the first.")
    subjects = [request for request in in_flight(trace) if served(request) and request.released]
    end = next(iter(trace.of(ServerExited)), None)
    if end is None or not subjects:
        return cannot_tell("No request in flight was served, or the first process did not end.")
    # A response that was released after that exit and still arrived came from a process that was still there.
    behind = [r for r in subjects if r.released and r.ended and precedes(end, r.released)]
    if behind:
        because = f"The first process exited while {names(behind)} were still in their handlers, and served later."
        return broken(because, signal, end, *(r.ended for r in behind[:3] if r.ended))
    return kept(f"The first process exited after {names(subjects)} had been answered.", others[0], end)


@check(clauses.WORKERS_DRAIN, level=Level.OBSERVE, impact=Impact.MANNERS)
def requests_by_worker(trace: Trace, _limits: Limits) -> Judgement:
    """How the requests were spread over the worker processes."""
    workers = by_worker(trace, list(requests(trace)))
    if shutdown(trace) is None or not workers:
        return cannot_tell("No connection was seen in the hands of a process.")
    shares = sorted((len(held) for held in workers.values()), reverse=True)
    return observed(f"{len(workers)} processes held {', '.join(map(str, shares))} of the requests.")
