"""What a scenario is: one question, put to any server by a timeline and answered by checks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.check import Check
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.protocol import MULTIPLEXED, Protocol
from lastcall.conformance.model.step import Step
from lastcall.conformance.model.timeline import (
    SendChunk,
    Shutdown,
    Timeline,
)
from lastcall.conformance.model.timeline_rules import fault_of

if TYPE_CHECKING:
    from lastcall.conformance.model.server import (
        Feature,
        Server,
        Timed,
    )


class ScenarioError(ValueError):
    """A scenario contradicts itself; the message says which and how."""


@dataclass(frozen=True)
class Scenario:
    """One question.

    ``id`` is a slug that never changes; ``question`` is for the report. ``launch`` says how the server is started.
    ``needs_drain``: the question is about the drain timeout, so a server without one is not played.
    ``needs`` are the features, and ``needs_signal`` is the role of the further signal, that the question is about.
    ``streams_at_once`` is how many requests its timeline has in their handlers at a time on one HTTP/2 connection.
    """

    id: str
    question: str
    protocols: tuple[Protocol, ...]
    launch: LaunchPlan
    timeline: Timeline
    checks: tuple[Check, ...]
    needs_drain: bool = False
    needs: frozenset[Feature] = frozenset()
    needs_signal: str = ""
    streams_at_once: int = 1

    def __post_init__(self) -> None:
        """Raise :class:`ScenarioError` for a scenario that could not be played or judged."""
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise ScenarioError(f"scenario id {self.id!r}: lower-case words joined by hyphens are wanted")
        if fault := self._wrong_type():
            raise ScenarioError(f"scenario {self.id}: {fault}")
        if sum(isinstance(step, Shutdown) for step in self.timeline) != 1:
            raise ScenarioError(f"scenario {self.id}: its timeline needs exactly one Shutdown()")
        if fault := fault_of(self.timeline):
            raise ScenarioError(f"scenario {self.id}: {fault}")
        names = [check.id for check in self.checks]
        if not names or len(set(names)) != len(names):
            raise ScenarioError(f"scenario {self.id}: at least one check, and none twice, is wanted")

    def _wrong_type(self) -> str:
        """Return which field holds something else than it should, as a forgotten comma makes of a tuple; or nothing."""
        for name, kind in (("protocols", Protocol), ("timeline", Step), ("checks", Check)):
            values = getattr(self, name)
            if not isinstance(values, tuple):
                return f"{name!r} is a tuple, and not {values!r}; one alone is written with a comma: (one,)"
            for value in values:
                if not isinstance(value, kind):
                    advice = "; list functions that are decorated with @check" if kind is Check else ""
                    return f"{value!r} is no {kind.__name__.lower()}{advice}"
        if not self.protocols or not self.question:
            return "'protocols' and 'question' must not be empty"
        return "" if isinstance(self.launch, LaunchPlan) else f"'launch' is a LaunchPlan, and not {self.launch!r}"

    def why_not(self, server: Server, protocol: Protocol) -> str:
        """Return why the scenario is not played with this server over this protocol; empty if it is."""
        if because := self._why_not_over(server, protocol):
            return because
        if self.needs_drain and server.drain is None:
            return f"{server.name} documents no drain timeout"
        if because := self.launch.why_not(server):
            return because
        for feature in sorted(self.needs - server.features):
            return f"{server.name} does not claim {feature}"
        if self.needs_signal and self.needs_signal not in server.signals:
            return f"{server.name} documents no signal for this: {self.needs_signal}"
        return self._why_not_timed(server.name, server.timed) if server.timed else ""

    def _why_not_over(self, server: Server, protocol: Protocol) -> str:
        """Return why the scenario cannot be played over this protocol; empty if it can."""
        if protocol not in server.speaks:
            return f"{server.name} does not claim to speak {protocol}"
        most = server.streams_at_once if protocol in MULTIPLEXED else None
        if most is not None and most < self.streams_at_once:
            return f"{server.name} handles at most {most} requests of a connection at a time"
        return ""

    def _why_not_timed(self, name: str, timed: Timed) -> str:
        """Return why the timeline cannot be played without a gate that holds the handlers; empty if it can."""
        for step in self.timeline:
            if not step.can_be_timed:
                return f"{name} runs in timed mode, where nobody can do this: {type(step).__name__}"
            if isinstance(step, SendChunk) and not timed.streaming:
                return f"{name} runs in timed mode and names no streaming resource"
        return ""

    def checks_over(self, protocol: Protocol, *, timed: bool = False) -> tuple[Check, ...]:
        """Return the checks whose rules are about this protocol; ``timed`` if the server is played in timed mode."""
        return tuple(check for check in self.checks if check.is_about(protocol) and (timed or not check.only_timed))

    def steps_in_words(self) -> tuple[str, ...]:
        """Return the timeline as text, one line for each step."""
        return tuple(str(step) for step in self.timeline)


def steps(*parts: Step | list[Step]) -> Timeline:
    """Join steps, and lists of steps, into a timeline."""
    joined: list[Step] = []
    for part in parts:
        joined.extend(part if isinstance(part, list) else [part])
    return tuple(joined)
