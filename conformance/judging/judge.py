"""From traces to verdicts. A trace is on disk before it is judged, and judging it again gives the same verdicts.

For each check of a scenario, in this order:

1. Is there evidence at all? A failure of the harness is a "harness error" and a play that did not reach its question is
   "setup failed", both for every check; a trace that was cut short is "cannot tell". None of these is ever "kept".
2. The check is called with the trace and the limits. If it raises, that is a "harness error": a fault of a check never
   counts against the server.
3. Blocking: if a check that this one takes for granted is broken on the same play, this one is "blocked". A check that is
   ``decisive`` and broken rests on an event that was seen, and is not blocked.
4. The control: a broken must or promise is blamed on the shutdown only if the same timeline without the shutdown goes well
   (:func:`why_control_fails`). A check that ``holds_without_shutdown`` is also called on the control.

Why a control: an overload protection, a wrong route or a proxy's own limit loses a request in just the way of a bad shutdown.
Only the same timeline without the shutdown shows which of the two it was.

Rules that hold in here, and that an editor must not break:

* Judging is a pure function of (scenario, trace, limits, control). It uses no clock, no file, no order of plays.
* Nothing later turns one answer into another: reports and expectations stand beside a verdict and never change it.
* A control is played only where it can change an answer, because it takes as long as a play (:func:`needs_control`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.client_events import (
    CloseReceived,
    LoadFailed,
    MessageCut,
    ProtocolViolated,
)
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import protocol_named
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HarnessFailed,
    ServerExited,
    ServerKilled,
    SetupFailed,
    SignalSent,
    StepBegun,
)
from lastcall.conformance.model.trace import Trace
from lastcall.conformance.model.verdict import BLAMING, Answer, Judgement, Verdict, cannot_tell
from lastcall.conformance.model.views import Fate, fate, requests

if TYPE_CHECKING:
    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.scenario import Scenario


def judge(scenario: Scenario, trace: Trace, limits: Limits, control: Trace | None = None) -> list[Verdict]:
    """Return a verdict for each check of the scenario.

    ``control`` is the trace of the same timeline without its shutdown; with it, a broken must or promise becomes
    "setup failed" if the control fails too.
    """
    checks = scenario.checks_over(protocol_named(trace.play.protocol), timed=trace.play.slow_s > 0)
    judgements = {check.id: _judgement(check, trace, limits) for check in checks}
    verdicts = []
    for check in checks:
        judgement = judgements[check.id]
        # Blocking comes before the control: a check that is blocked is blamed on nobody, so it needs no excuse.
        if not (check.decisive and judgement.answer is Answer.BROKEN):
            judgement = _blocked(check, judgements) or judgement
        if judgement.answer is Answer.BROKEN and check.level in BLAMING:
            judgement = _excused(check, judgement, control, limits)
        verdicts.append(_verdict(check, judgement, trace))
    return verdicts


def _excused(check: Check, judgement: Judgement, control: Trace | None, limits: Limits) -> Judgement:
    """Return "setup failed" for a broken check if the control fails too; else the judgement itself."""
    if control is None:
        return judgement
    failed = why_control_fails(control) or _why_broken_in_control(check, control, limits)
    if not failed:
        return judgement
    because = f"The same timeline without the shutdown fails too ({failed}), so this is not the shutdown's fault."
    return Judgement(Answer.SETUP_FAILED, because, judgement.events)


def needs_control(verdicts: list[Verdict]) -> bool:
    """Return whether a must or a promise is broken, so that a control has to show whether the shutdown is the cause."""
    return any(verdict.answer is Answer.BROKEN and verdict.level in BLAMING for verdict in verdicts)


def why_control_fails(control: Trace) -> str:
    """Return what went wrong in a timeline without a shutdown; empty if nothing did.

    The server must still run when the control ends (the harness's SIGKILL shows that), and every request that was not held
    on purpose must have been served.
    """
    for failed in control.events:
        if isinstance(failed, (SetupFailed, HarnessFailed)):
            return failed.reason
    if not control.complete:
        return "its trace was cut short"
    killed = next(iter(control.of(ServerKilled)), None)
    if killed is None:
        return f"the server ended by itself ({', '.join(str(event.status) for event in control.of(ServerExited))})"
    for request in requests(control):
        held = request.entered is not None and request.released is None
        if not held and fate(control, request) not in (Fate.SERVED, Fate.GIVEN_UP):
            return f"request {request.name!r} was {fate(control, request)}"
    return _why_cut(control, killed) or _why_unserved(control)


def _why_broken_in_control(check: Check, control: Trace, limits: Limits) -> str:
    """Return how a check that holds without a shutdown is broken in the control; empty if it is not."""
    step = next((step for step in control.of(StepBegun) if step.text.startswith("Shutdown(")), None)
    if not check.holds_without_shutdown or step is None:
        return ""
    # Checks begin at the signal, which a control does not have: so it is judged as if one had been sent at that step.
    signal = SignalSent("", "shutdown", begin_ns=step.begin_ns, end_ns=step.end_ns)
    at = control.events.index(step) + 1
    pretended = Trace(control.play, (*control.events[:at], signal, *control.events[at:]))
    judgement = check(pretended, limits)
    return judgement.because.removesuffix(".") if judgement.answer is Answer.BROKEN else ""


def _why_cut(control: Trace, killed: ServerKilled) -> str:
    """Return which WebSocket or handler the server ended without a reason; empty if there is none."""
    for event in control.events:
        if isinstance(event, (CloseReceived, MessageCut)) and precedes(event, killed):
            return f"the WebSocket {event.request!r} was closed"
    given_up = {request.name for request in requests(control) if request.gave_up}
    for cancelled in control.of(HandlerCancelled):
        if precedes(cancelled, killed) and cancelled.request not in given_up:
            return f"the handler of {cancelled.request!r} was cancelled"
    return ""


def _why_unserved(control: Trace) -> str:
    """Return what a client could not read or an ordinary client did not get; empty if there is nothing."""
    for refused in control.of(LoadFailed):
        return f"the ordinary client got {refused.error} for {refused.request!r}"
    for violated in control.of(ProtocolViolated):
        return f"connection {violated.connection!r} could not be read: {violated.detail}"
    return ""


def _judgement(check: Check, trace: Trace, limits: Limits) -> Judgement:
    for failed in trace.of(HarnessFailed):
        return Judgement(Answer.HARNESS_ERROR, failed.reason, (failed,))
    for refused in trace.of(SetupFailed):
        return Judgement(Answer.SETUP_FAILED, refused.reason, (refused,))
    if not trace.complete:
        return cannot_tell("The trace was cut short, so what came after it is not known.")
    if trace.play.slow_s and check.needs_gate:
        return cannot_tell("In timed mode nobody inside the server tells when a handler runs, and this rests on it.")
    try:
        return check(trace, limits)
    except Exception as error:  # noqa: BLE001 - a check's own fault is never the server's
        return Judgement(Answer.HARNESS_ERROR, f"The check itself failed: {type(error).__name__}: {error}")


def _blocked(check: Check, judgements: dict[str, Judgement]) -> Judgement | None:
    for other in check.blocked_by:
        judgement = judgements.get(other.id)
        if judgement is not None and judgement.answer is Answer.BROKEN:
            return Judgement(Answer.BLOCKED, f"{other.id} is broken, and this would only say the same again.")
        deeper = _blocked(other, judgements)
        if deeper is not None:
            return deeper
    return None


def _verdict(check: Check, judgement: Judgement, trace: Trace) -> Verdict:
    return Verdict(
        check=check.id,
        level=check.level,
        impact=check.impact,
        clause=check.clause.id,
        answer=judgement.answer,
        because=judgement.because,
        evidence=tuple(sorted({trace.line_of(event) for event in judgement.events})),
        measured=judgement.measured,
    )
