"""What a check is: a pure function of a trace and the limits, with its clause, its level and its impact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lastcall.conformance.model.limits import Limits
from lastcall.conformance.model.trace import Trace
from lastcall.conformance.model.verdict import Impact, Judgement, Level

if TYPE_CHECKING:
    from lastcall.conformance.model.clauses import Clause
    from lastcall.conformance.model.protocol import Protocol, ProtocolSet

Rule: TypeAlias = Callable[[Trace, Limits], Judgement]
"""The function of a check; its docstring is the promise."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A rule, the clause it comes from, how binding it is, and what it costs a client when it is broken.

    ``level`` and ``impact`` belong to the rule and are the same in every scenario: a rule that binds more in one
    situation than in another is two checks.
    ``blocked_by``: when one of these is broken on the same play, this check would only repeat it.
    ``over``: the protocols that the rule is about; empty if it is about all.
    ``decisive``: its "broken" rests on an event that was seen, not on one that never came. So "broken" stands by itself
    and is never blocked. "Kept" can be blocked, since after another broken promise that event may be missed by chance.
    ``needs_gate``: it rests on what handlers report to the gate, so in timed mode it cannot be decided.
    ``only_timed``: it is judged in timed mode only, in place of the checks that need the gate.
    ``holds_without_shutdown``: the rule holds without a shutdown too, so the control is also judged by it: if it is broken
    there, the shutdown is not the cause.
    """

    judge: Rule
    clause: Clause
    level: Level
    impact: Impact
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

    def is_about(self, protocol: Protocol) -> bool:
        """Return whether the rule is about this protocol."""
        return not self.over or protocol in self.over

    def __call__(self, trace: Trace, limits: Limits) -> Judgement:
        """Judge a trace."""
        return self.judge(trace, limits)


def check(
    clause: Clause,
    *,
    level: Level,
    impact: Impact,
    blocked_by: tuple[Check, ...] = (),
    over: ProtocolSet | tuple[Protocol, ...] = (),
    decisive: bool = False,
    needs_gate: bool = False,
    only_timed: bool = False,
    holds_without_shutdown: bool = False,
) -> Callable[[Rule], Check]:
    """Return a decorator that makes a :class:`Check` of a function."""

    def decorate(rule: Rule) -> Check:
        return Check(
            judge=rule,
            clause=clause,
            level=level,
            impact=impact,
            blocked_by=blocked_by,
            over=over,
            decisive=decisive,
            needs_gate=needs_gate,
            only_timed=only_timed,
            holds_without_shutdown=holds_without_shutdown,
        )

    return decorate
