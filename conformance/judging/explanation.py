"""An account of a verdict for a person: it can be pasted into a bug report as it stands."""

from __future__ import annotations

import textwrap
from dataclasses import fields
from typing import TYPE_CHECKING

from lastcall.conformance.model.trace import (
    ApplicationReported,
    BodyReceived,
    Event,
    FrameReceived,
    FrameSent,
    LagMeasured,
    LoadAnswered,
    LoadSent,
    PlayEnded,
    ServerStarted,
    StepBegun,
    Trace,
)
from lastcall.conformance.model.views import shutdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastcall.conformance.model.scenario import Check
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


def account(trace: Trace, verdict: Verdict, check: Check, *, stored_at: str, again: str, control: str) -> str:
    """Tell what was expected, by which clause, what happened, and the lines of the trace that show it."""
    play = trace.play
    title = f"{verdict.check} is {verdict.answer} ({verdict.level})"
    what = f"{play.scenario} over {play.protocol} on {play.server} {play.version}, pace {play.pace}"
    argv = " ".join(word for started in trace.of(ServerStarted) for word in started.argv)
    parts = [
        _printable(title),
        _printable(what),
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
        _printable(text),
        _WIDTH,
        initial_indent=f"{label:<10}",
        subsequent_indent=" " * 10,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _measured(verdict: Verdict) -> str:
    times = (
        f"{each.what} {each.value_s:.3f} s" + (f" of {each.limit_s:g} s" if each.limit_s is not None else "")
        for each in verdict.measured[:8]
    )
    return "; ".join(times)


def timeline(trace: Trace, evidence: tuple[int, ...] = ()) -> Iterator[str]:
    """Give the events worth reading, one a line; those of the evidence are marked and never left out."""
    signal = shutdown(trace)
    zero_ns = signal.end_ns if signal else 0
    shown = [
        (number, event)
        for number, event in enumerate(trace.events, start=2)
        if number in evidence or not isinstance(event, _NOISE)
    ]
    middle = shown[_MOST_LINES // 2 : max(_MOST_LINES, len(shown)) - _MOST_LINES // 2]
    left_out = [number for number, _event in middle if number not in evidence]
    for number, event in shown:
        if number in left_out:
            if number == left_out[0]:
                yield f"  ... {len(left_out)} lines left out ..."
            continue
        mark = ">" if number in evidence else " "
        yield f"{mark} {(event.end_ns - zero_ns) / 1e9:+9.3f}  {number:>4}  {words(event)}"


def words(event: Event) -> str:
    """Put an event in words: its name, then what its fields say."""
    values = ((item, getattr(event, item.name)) for item in fields(event) if item.name not in ("begin_ns", "end_ns"))
    told = (f"{item.name}={_value(value)}" for item, value in values if value != item.default)
    return " ".join([type(event).__name__, *told])


def _printable(text: str) -> str:
    """Escape what a terminal might obey: servers choose much of what is shown here."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        value = ", ".join(": ".join(part) if isinstance(part, tuple) else str(part) for part in value)
    text = value if isinstance(value, str) else repr(value)
    text = _printable(text)
    text = text if len(text) <= 160 else text[:157] + "..."  # noqa: PLR2004 - a line is for a person
    return repr(text) if " " in text else text
