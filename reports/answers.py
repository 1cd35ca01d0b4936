"""How an answer is shown: a symbol, a word and a code for its style, so that colour never carries it alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.verdict import BLAMING, Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastcall.conformance.model.verdict import Verdict


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
        """Whether it is shown without unfolding: something is wrong, with the server or with the play."""
        return self.rank <= SHOULD_BROKEN.rank


BROKEN = Shown("b", "✗", "broken", "A must or a promise was tested and did not hold.", 0)
HARNESS_ERROR = Shown("e", "‼", "harness error", "The harness failed; the server is not to blame.", 1)
SETUP_FAILED = Shown(
    "f", "!", "setup failed", "The play did not reach its question, or fails without the shutdown too.", 2
)
SHOULD_BROKEN = Shown(
    "s", "△", "should broken", "A should was tested and did not hold: that is shown, but fails no server.", 3
)
CANNOT_TELL = Shown("c", "?", "cannot tell", "The trace holds no evidence either way.", 4)
OBSERVED = Shown("o", "•", "observed", "There is no right or wrong: this is what the server did.", 5)
BLOCKED = Shown("x", "⊘", "blocked", "A check that this one depends on is broken.", 6, linked=False)
KEPT = Shown("k", "✓", "kept", "The rule was tested and held.", 7, linked=False)
NOT_SUPPORTED = Shown(
    "n", "\N{EN DASH}", "not supported", "Not played: the server does not claim what the question needs.", 8
)

LEGEND = (KEPT, BROKEN, SHOULD_BROKEN, OBSERVED, CANNOT_TELL, BLOCKED, NOT_SUPPORTED, SETUP_FAILED, HARNESS_ERROR)

_BY_ANSWER = {Answer(shown.word): shown for shown in LEGEND if shown is not SHOULD_BROKEN}


def shown(verdict: Verdict) -> Shown:
    """Return how a verdict is shown."""
    if verdict.answer is Answer.BROKEN and verdict.level not in BLAMING:
        return SHOULD_BROKEN
    return _BY_ANSWER[verdict.answer]


def known(verdicts: Iterable[Verdict]) -> int:
    """Return how many verdicts are broken as expected."""
    return sum(verdict.answer is Answer.BROKEN and verdict.expected is not None for verdict in verdicts)


@dataclass(frozen=True)
class Count:
    """How many verdicts of a play are shown in one way."""

    shown: Shown
    number: int

    def __str__(self) -> str:
        return f"{self.number} {self.shown.word}"


def counts(verdicts: Iterable[Verdict]) -> tuple[Count, ...]:
    """Return the verdicts counted by the way they are shown, what matters most first."""
    tally = Counter(map(shown, verdicts))
    return tuple(Count(way, tally[way]) for way in sorted(tally, key=lambda way: way.rank))


def headline(tally: tuple[Count, ...]) -> tuple[Count, ...]:
    """Return the counts that stand for a whole play: its worst answers, or how many rules it kept when none is worse."""
    worst = tuple(count for count in tally if count.shown.telling)
    return worst[:2] or tuple(count for count in tally if count.shown is KEPT) or tally[:1]
