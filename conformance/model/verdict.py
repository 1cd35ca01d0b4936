"""The answers of a check, and what is stored of each."""

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
    """Requests in flight are served, the shutdown ends in time, and the server does what its own documentation says."""
    SHOULD = "should"
    """The RFC says SHOULD, or practice expects it."""
    OBSERVE = "observe"
    """There is no right answer: the behaviour is recorded and shown."""


BLAMING = (Level.MUST, Level.PROMISE)
"""The levels at which a broken check fails a server."""


class Impact(enum.StrEnum):
    """What a broken check costs a client, the worst first. How sure the rule is, is said by the level and not by this."""

    LOSES_REQUESTS = "loses requests"
    """A request is lost, cut or refused, or its client cannot know its fate."""
    MISLEADS_CLIENTS = "misleads clients"
    """A client is led to a false belief: a cut response that looks whole, a false "not processed"."""
    HANGS = "hangs"
    """Something does not end or does not go on, and holds up a client, a successor or the end of the process."""
    MANNERS = "manners"
    """The rest: bad practice that costs no client anything."""


class Answer(enum.StrEnum):
    """The result of a check. Nothing later turns one answer into another."""

    KEPT = "kept"
    """The rule was tested and held."""
    BROKEN = "broken"
    """The rule was tested and did not hold."""
    OBSERVED = "observed"
    """Only at level ``observe``: the verdict describes what the server did."""
    CANNOT_TELL = "cannot tell"
    """The trace holds no evidence either way."""
    BLOCKED = "blocked"
    """A check that this one depends on is broken, so this one would only repeat it."""
    NOT_SUPPORTED = "not supported"
    """The server does not have what the scenario needs, according to its adapter."""
    SETUP_FAILED = "setup failed"
    """The play did not reach its question, or its control (the same timeline without the shutdown) fails too."""
    HARNESS_ERROR = "harness error"
    """The harness failed; the server is not to blame."""


@dataclass(frozen=True)
class Measured:
    """A duration that was compared with a limit, in seconds; the report shows how near they are."""

    what: str
    value_s: float
    limit_s: float | None = None


@dataclass(frozen=True)
class Judgement:
    """What a check says about one trace: its answer, the reason in one sentence, and the events it rests on."""

    answer: Answer
    because: str
    events: tuple[Event, ...] = ()
    measured: tuple[Measured, ...] = ()


def kept(because: str, *events: Event, measured: tuple[Measured, ...] = ()) -> Judgement:
    """Return the judgement that the rule was tested and held."""
    return Judgement(Answer.KEPT, because, events, measured)


def broken(because: str, *events: Event, measured: tuple[Measured, ...] = ()) -> Judgement:
    """Return the judgement that the rule was tested and did not hold."""
    return Judgement(Answer.BROKEN, because, events, measured)


def observed(because: str, *events: Event, measured: tuple[Measured, ...] = ()) -> Judgement:
    """Return the judgement that describes what the server did, where no answer is the right one."""
    return Judgement(Answer.OBSERVED, because, events, measured)


def cannot_tell(because: str, *events: Event, measured: tuple[Measured, ...] = ()) -> Judgement:
    """Return the judgement that names the missing evidence."""
    return Judgement(Answer.CANNOT_TELL, because, events, measured)


@dataclass(frozen=True)
class KnownDeviation:
    """Why a broken check was expected: a known deviation of the server. ``date`` is since when, as YYYY-MM-DD."""

    reason: str
    upstream: str
    date: str


@dataclass(frozen=True)
class Verdict:
    """One check's answer on one play, as it is stored. ``evidence`` are line numbers of the stored trace.

    ``expected`` is the known deviation behind a broken one; it does not change the verdict.
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
