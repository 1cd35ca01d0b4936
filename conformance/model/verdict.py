"""The answers a check can give, and what is kept of each."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event


class Level(enum.StrEnum):
    """How binding a check's rule is."""

    MUST = "must"
    """The RFC says MUST (or MUST NOT)."""
    PROMISE = "promise"
    """Requests in flight are served, the shutdown ends in time, and what the server's own documentation says."""
    SHOULD = "should"
    """The RFC says SHOULD, or practice expects it."""
    OBSERVE = "observe"
    """There is no right answer: it is recorded and shown."""


BLAMING = (Level.MUST, Level.PROMISE)
"""The levels at which a broken check fails a server."""


class Impact(enum.StrEnum):
    """What a broken check costs a client; the worst comes first. It says nothing of how sure the rule is: the level does."""

    LOSES_REQUESTS = "loses requests"
    """A request is lost, cut or refused, or its client cannot know what became of it."""
    MISLEADS_CLIENTS = "misleads clients"
    """A client believes what is not so: a cut that looks whole, a false "not processed"."""
    HANGS = "hangs"
    """Something does not end or does not go on, and holds up a client, a successor or the end of the process."""
    MANNERS = "manners"
    """The rest: nobody loses anything by it, but it is not done so."""


class Answer(enum.StrEnum):
    """What is known after a check. Nothing later turns one answer into another."""

    KEPT = "kept"
    """The rule was put to the test and held."""
    BROKEN = "broken"
    """The rule was put to the test and did not hold."""
    OBSERVED = "observed"
    """Only for ``observe``: this is what the server did."""
    CANNOT_TELL = "cannot tell"
    """The trace holds no evidence either way."""
    BLOCKED = "blocked"
    """A check that this one depends on is broken, so that this one would only say the same again."""
    NOT_SUPPORTED = "not supported"
    """The server does not claim what the scenario needs."""
    SETUP_FAILED = "setup failed"
    """The play never came to its question, or its control (the same timeline without the shutdown) fails too."""
    HARNESS_ERROR = "harness error"
    """The harness failed; the server is not to blame."""


@dataclass(frozen=True)
class Measured:
    """A duration that was compared with a limit, in seconds; shown in the report with how near it came."""

    what: str
    value_s: float
    limit_s: float | None = None


@dataclass(frozen=True)
class Judgement:
    """What a check says of one trace: its answer, why in one sentence, and the events it rests on."""

    answer: Answer
    because: str
    events: tuple[Event, ...] = ()
    measured: tuple[Measured, ...] = ()


def kept(because: str, *events: Event, measured: tuple[Measured, ...] = ()) -> Judgement:
    """Say that the rule was put to the test and held."""
    return Judgement(Answer.KEPT, because, events, measured)


def broken(because: str, *events: Event, measured: tuple[Measured, ...] = ()) -> Judgement:
    """Say that the rule was put to the test and did not hold."""
    return Judgement(Answer.BROKEN, because, events, measured)


def observed(because: str, *events: Event, measured: tuple[Measured, ...] = ()) -> Judgement:
    """Say what the server did, where no answer is the right one."""
    return Judgement(Answer.OBSERVED, because, events, measured)


def cannot_tell(because: str, *events: Event, measured: tuple[Measured, ...] = ()) -> Judgement:
    """Say which evidence is missing."""
    return Judgement(Answer.CANNOT_TELL, because, events, measured)


@dataclass(frozen=True)
class KnownDeviation:
    """Why a broken check is no surprise: what is known of the server. ``date`` is since when, as YYYY-MM-DD."""

    reason: str
    upstream: str
    date: str


@dataclass(frozen=True)
class Verdict:
    """One check's answer on one play, as it is stored. ``evidence`` are line numbers of the stored trace.

    ``expected`` stands beside a broken one that is known; it changes nothing of the verdict.
    """

    check: str
    level: Level
    clause: str
    answer: Answer
    because: str
    evidence: tuple[int, ...] = ()
    measured: tuple[Measured, ...] = ()
    impact: Impact | None = None
    """None in results that were stored before checks had an impact."""
    expected: KnownDeviation | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        record = vars(self) | {"measured": tuple(map(vars, self.measured))}
        if self.expected is None:
            del record["expected"]  # for readers to whom its presence alone means something
        return record
