"""What a check is: a pure function of a trace and the limits, with the clause that its rule comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lastcall.conformance.model.limits import Limits
from lastcall.conformance.model.trace import Trace
from lastcall.conformance.model.verdict import Finding, Level

if TYPE_CHECKING:
    from lastcall.conformance.model.clauses import Clause
    from lastcall.conformance.model.protocol import Protocol, ProtocolSet

Judgement: TypeAlias = Callable[[Trace, Limits], Finding]


@dataclass(frozen=True)
class Check:
    """A pure function of (trace, limits), the clause its rule comes from, and the checks it takes for granted.

    ``blocked_by``: when one of these is broken on the same play, this check would only repeat it.
    ``on_sight``: its "broken" rests on something seen, not on something that never came; so it stands by itself and is
    not blocked. Its "kept" is: what a server does on its way to a broken promise may be seen or not by chance.
    ``over``: the protocols that the rule is about; empty if it is about all.
    ``witness``: it rests on what handlers tell the gate, so in timed mode nobody can tell.
    ``only_timed``: it is asked in timed mode alone, in place of those.
    ``anytime``: the rule holds without a shutdown too, so the control is judged by it: who breaks it there does not break
    it by shutting down.
    """

    judge: Judgement
    clause: Clause
    blocked_by: tuple[Check, ...] = ()
    over: ProtocolSet | tuple[Protocol, ...] = ()
    decisive: bool = False
    needs_gate: bool = False
    only_timed: bool = False
    holds_without_shutdown: bool = False

    @property
    def id(self) -> str:
        """The check's stable name."""
        return getattr(self.judge, "__name__", "")

    @property
    def promise(self) -> str:
        """What is expected: the whole docstring, which is written for the author of a server."""
        return " ".join((self.judge.__doc__ or "").split())

    def __call__(self, trace: Trace, limits: Limits) -> Finding:
        """Judge a trace."""
        return self.judge(trace, limits)


def check(
    clause: Clause,
    *blocked_by: Check,
    over: ProtocolSet | tuple[Protocol, ...] = (),
    decisive: bool = False,
    needs_gate: bool = False,
    only_timed: bool = False,
    holds_without_shutdown: bool = False,
) -> Callable[[Judgement], Check]:
    """Make a :class:`Check` of a function."""

    def decorate(judge: Judgement) -> Check:
        return Check(judge, clause, blocked_by, over, decisive, needs_gate, only_timed, holds_without_shutdown)

    return decorate


@dataclass(frozen=True)
class Asked:
    """A check at the level at which a scenario asks it."""

    check: Check
    level: Level


def must(asked: Check) -> Asked:
    """Ask it as the RFC's MUST."""
    return Asked(asked, Level.MUST)


def promise(asked: Check) -> Asked:
    """Ask it as what every graceful shutdown owes, or what the server documents."""
    return Asked(asked, Level.PROMISE)


def should(asked: Check) -> Asked:
    """Ask it as the RFC's SHOULD, or as good practice."""
    return Asked(asked, Level.SHOULD)


def observe(asked: Check) -> Asked:
    """Record it; no answer is wrong."""
    return Asked(asked, Level.OBSERVE)
