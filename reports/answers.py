"""How an answer is shown: a symbol, a word and a code for its style, so that colour never carries it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lastcall.reports.links import outward

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BLAMING = ("must", "promise")
"""The levels at which a broken check fails a server."""


@dataclass(frozen=True)
class Shown:
    """One way to answer, as it is shown. The lower its ``rank``, the more it matters to a reader."""

    code: str
    symbol: str
    word: str
    meaning: str
    rank: int
    linked: bool = True

    @property
    def telling(self) -> bool:
        """Whether it stands in view: something is wrong, with the server or with the play."""
        return self.rank <= SHOULD_BROKEN.rank


BROKEN = Shown("b", "✗", "broken", "A must or a promise was put to the test and did not hold.", 0)
HARNESS_ERROR = Shown("e", "‼", "harness error", "The harness failed; the server is not to blame.", 1)
SETUP_FAILED = Shown(
    "f", "!", "setup failed", "The play never came to its question, or fails without the shutdown too.", 2
)
SHOULD_BROKEN = Shown("s", "△", "should broken", "A should did not hold: it is shown, and fails nobody.", 3)
CANNOT_TELL = Shown("c", "?", "cannot tell", "The trace holds no evidence either way.", 4)
OBSERVED = Shown("o", "•", "observed", "There is no right answer: this is what the server did.", 5)
BLOCKED = Shown("x", "⊘", "blocked", "A check that this one depends on is broken.", 6, linked=False)
KEPT = Shown("k", "✓", "kept", "The rule was put to the test and held.", 7, linked=False)
NOT_SUPPORTED = Shown(
    "n", "\N{EN DASH}", "not supported", "Not asked: the server does not claim what the question needs.", 8
)

LEGEND = (KEPT, BROKEN, SHOULD_BROKEN, OBSERVED, CANNOT_TELL, BLOCKED, NOT_SUPPORTED, SETUP_FAILED, HARNESS_ERROR)

_BY_WORD = {shown.word: shown for shown in LEGEND if shown is not SHOULD_BROKEN}


def shown(verdict: Mapping[str, Any]) -> Shown:
    """Give how a verdict is shown. An answer that this page does not know keeps its own word."""
    answer, level = str(verdict["answer"]), verdict["level"]
    if answer == BROKEN.word and level not in BLAMING:
        return SHOULD_BROKEN
    return _BY_WORD.get(answer) or Shown(CANNOT_TELL.code, "?", answer, "", CANNOT_TELL.rank)


def known(verdicts: Iterable[Mapping[str, Any]]) -> int:
    """Count those that are broken and were known to be."""
    return sum(verdict["answer"] == BROKEN.word and "expected" in verdict for verdict in verdicts)


@dataclass(frozen=True)
class Expected:
    """Why an answer was no surprise: a known deviation. It stands beside the answer and changes nothing of it."""

    reason: str
    link: str
    date: str

    @classmethod
    def of(cls, verdict: Mapping[str, Any]) -> Expected | None:
        """Read it from a verdict; None if nothing is known of it."""
        told = verdict.get("expected")
        if not told:
            return None
        return cls(str(told.get("reason", "")), outward(told.get("upstream")), str(told.get("date", "")))


@dataclass(frozen=True)
class Count:
    """How many verdicts of a play are shown in one way."""

    shown: Shown
    number: int

    def __str__(self) -> str:
        return f"{self.number} {self.shown.word}"


def counts(verdicts: Iterable[Mapping[str, Any]]) -> tuple[Count, ...]:
    """Count verdicts by the way they are shown, what matters most first."""
    tally: dict[Shown, int] = {}
    for verdict in verdicts:
        each = shown(verdict)
        tally[each] = tally.get(each, 0) + 1
    return tuple(Count(each, tally[each]) for each in sorted(tally, key=lambda each: each.rank))


def headline(tally: tuple[Count, ...]) -> tuple[Count, ...]:
    """Give what stands in for a whole play: its worst answers, or how many rules it kept when none is worse."""
    worst = tuple(count for count in tally if count.shown.telling)
    return worst[:2] or tuple(count for count in tally if count.shown is KEPT) or tally[:1]
