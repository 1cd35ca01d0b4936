"""The explanation of a verdict for a person; it can be pasted into a bug report as it is."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from lastcall.conformance.model.client_events import (
    BodyReceived,
    FrameReceived,
    FrameSent,
    LoadAnswered,
    LoadSent,
)
from lastcall.conformance.model.server_events import (
    ApplicationReported,
    LagMeasured,
    PlayEnded,
    ServerStarted,
    StepBegun,
)
from lastcall.conformance.model.views import shutdown
from lastcall.conformance.model.words import in_words, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.verdict import Verdict

_NOISE = (
    FrameReceived,
    FrameSent,
    BodyReceived,
    StepBegun,
    LagMeasured,
    PlayEnded,
    ServerStarted,
    ApplicationReported,
    LoadSent,
    LoadAnswered,
)
_MOST_LINES = 60
_WIDTH = 112


def explain(trace: Trace, verdict: Verdict, check: Check, *, stored_at: str, again: str, control: str) -> str:
    """Return what was expected, by which clause, what happened, and the lines of the trace that show it."""
    play = trace.play
    binding = ", ".join(filter(None, (verdict.level, verdict.impact)))
    title = f"{verdict.check} is {verdict.answer} ({binding})"
    what = f"{play.scenario} over {play.protocol} on {play.server} {play.version}, pace {play.pace}"
    argv = " ".join(argument for started in trace.of(ServerStarted) for argument in started.argv)
    parts = [
        printable(title),
        printable(what),
        "",
        *_labelled("expected", check.promise),
        *_labelled("clause", f"{check.clause}: {check.clause.rule} {check.clause.link}"),
        *_labelled("happened", verdict.because),
        *(_labelled("measured", _measured(verdict)) if verdict.measured else []),
        *_labelled("control", control),
        *_labelled("server", argv),
        *_labelled("trace", stored_at),
        *_labelled("again", again),
        "",
        "the timeline, in seconds from the signal (> marks what the verdict rests on; the number is the trace's line):",
        *timeline(trace, verdict.evidence),
    ]
    return "\n".join(parts)


def _labelled(label: str, text: str) -> list[str]:
    if not text:
        return []
    return textwrap.wrap(
        printable(text),
        _WIDTH,
        initial_indent=f"{label:<10}",
        subsequent_indent=" " * 10,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _measured(verdict: Verdict) -> str:
    times = (
        f"{time.what} {time.value_s:.3f} s" + (f" of {time.limit_s:g} s" if time.limit_s is not None else "")
        for time in verdict.measured[:8]
    )
    return "; ".join(times)


def timeline(trace: Trace, evidence: tuple[int, ...] = ()) -> Iterator[str]:
    """Yield the events that are worth reading, one a line; those of the evidence are marked and never left out."""
    signal = shutdown(trace)
    zero_ns = signal.end_ns if signal else 0
    shown = [
        (number, event) for number, event in trace.numbered() if number in evidence or not isinstance(event, _NOISE)
    ]
    middle = shown[_MOST_LINES // 2 : max(_MOST_LINES, len(shown)) - _MOST_LINES // 2]
    left_out = [number for number, _event in middle if number not in evidence]
    for number, event in shown:
        if number in left_out:
            if number == left_out[0]:
                yield f"  ... {len(left_out)} lines left out ..."
            continue
        mark = ">" if number in evidence else " "
        yield f"{mark} {(event.end_ns - zero_ns) / 1e9:+9.3f}  {number:>4}  {in_words(event)}"
