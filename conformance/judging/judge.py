"""From traces to verdicts. What is judged is on disk already, and judging it again gives the same verdicts.

For each check of a scenario, in this order:

1. Is there evidence at all? A failure of the harness is a "harness error" and a play that never came to its question is
   "setup failed", both for every check; a trace that was cut short is "cannot tell". None of this is ever "kept".
2. The check itself is called with the trace and the limits. If it raises, that is a "harness error": a check's own fault
   is never the server's.
3. Blocking: if a check that this one takes for granted is broken on the same play, this one is "blocked". A check that is
   ``decisive`` and broken rests on something seen, and stands.
4. The control: a must or a promise that is broken is blamed on the shutdown only if the same timeline without the shutdown
   goes well (:func:`why_control_fails`). A check that ``holds_without_shutdown`` is called on the control, too.

Rules that hold in here, and that an editor must not break:

* Judging is a pure function of (scenario, trace, limits, control). No clock, no file, no order of plays.
* Nothing later turns one answer into another: reports and expectations stand beside a verdict and never change it.
* The control is never asked for where it could not change an answer, since it is a play of its own
  (:func:`needs_control`).
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
        if not (check.decisive and judgement.answer is Answer.BROKEN):
            judgement = _blocked(check, judgements) or judgement
        if judgement.answer is Answer.BROKEN and check.level in BLAMING:
            judgement = _excused(check, judgement, control, limits)
        verdicts.append(_verdict(check, judgement, trace))
    return verdicts


def _excused(check: Check, judgement: Judgement, control: Trace | None, limits: Limits) -> Judgement:
    """Give what is said of a broken check if the control fails too; else the judgement itself."""
    if control is None:
        return judgement
    failed = why_control_fails(control) or _why_anytime(check, control, limits)
    if not failed:
        return judgement
    because = f"The same timeline without the shutdown fails too ({failed}), so this is not the shutdown's fault."
    return Judgement(Answer.SETUP_FAILED, because, judgement.events)


def needs_control(verdicts: list[Verdict]) -> bool:
    """Tell whether a must or a promise is broken, so that the blame has to be proved by a control."""
    return any(verdict.answer is Answer.BROKEN and verdict.level in BLAMING for verdict in verdicts)


def why_control_fails(control: Trace) -> str:
    """Say what went wrong in a timeline without a shutdown, or nothing if all went well."""
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


def _why_anytime(check: Check, control: Trace, limits: Limits) -> str:
    """Say how a check whose rule holds at any time is broken without a shutdown, or nothing if it is not."""
    step = next((each for each in control.of(StepBegun) if each.text.startswith("Shutdown(")), None)
    if not check.holds_without_shutdown or step is None:
        return ""
    # The control is judged as if the signal had been sent where the timeline has it.
    signal = SignalSent("", "shutdown", begin_ns=step.begin_ns, end_ns=step.end_ns)
    at = control.events.index(step) + 1
    pretended = Trace(control.play, (*control.events[:at], signal, *control.events[at:]))
    judgement = check(pretended, limits)
    return judgement.because.removesuffix(".") if judgement.answer is Answer.BROKEN else ""


def _why_cut(control: Trace, killed: ServerKilled) -> str:
    """Say what a server ended that nobody had asked it to end, or nothing."""
    for event in control.events:
        if isinstance(event, (CloseReceived, MessageCut)) and precedes(event, killed):
            return f"the WebSocket {event.request!r} was closed"
    given_up = {request.name for request in requests(control) if request.gave_up}
    for cancelled in control.of(HandlerCancelled):
        if precedes(cancelled, killed) and cancelled.request not in given_up:
            return f"the handler of {cancelled.request!r} was cancelled"
    return ""


def _why_unserved(control: Trace) -> str:
    """Say what a client could not read, or an ordinary client did not get, or nothing."""
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
