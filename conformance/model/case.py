"""A case: one scenario, one server, one protocol. It identifies everything that is played, stored, judged or reported.

:class:`CaseId` is the case by its names. They stand in pytest's node ids, in the paths of traces, and in results.json, and
stay valid after the scenario or the server is gone. :class:`Case` is the case by its values, ready to be played.
:class:`CaseCheck` is one check of a case. No other module composes or parses these names.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lastcall.conformance.model.client_steps import ClosePolicy, Connect, Request
from lastcall.conformance.model.timeline import Elapse, ReleaseHandler

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastcall.conformance.model.launch import LaunchOptions
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.server import Server
    from lastcall.conformance.model.step import Pace

_RUDE_S = 2.0
"""Roughly how long servers wait for a client that does not close its side."""


@dataclass(frozen=True, order=True)
class CaseId:
    """A case by its names."""

    server: str
    protocol: str
    scenario: str

    def __str__(self) -> str:
        return f"{self.scenario}{self.parameters}"

    @property
    def parameters(self) -> str:
        """What follows the name of a check in a node id of pytest: ``[hypercorn-h2]``."""
        return f"[{self.server}-{self.protocol}]"

    @property
    def slug(self) -> str:
        """The case in the anchors of reports: ``hypercorn-h2-one-request``, which nothing parses."""
        return f"{self.server}-{self.protocol}-{self.scenario}"

    @property
    def trace(self) -> PurePosixPath:
        """The path of the case's trace below the folder of traces."""
        return PurePosixPath(self.server, self.protocol, f"{self.scenario}.jsonl")

    @property
    def control(self) -> PurePosixPath:
        """The path of the trace of the case's control, below the folder of traces."""
        return PurePosixPath(self.server, self.protocol, f"{self.scenario}.control.jsonl")

    @classmethod
    def parse(cls, text: str, protocols: Iterable[str]) -> CaseId:
        """Return the case whose text :meth:`__str__` wrote; raises ValueError for any other text.

        The names of servers and protocols may both contain hyphens, so the longest protocol that matches counts:
        ``mine-h1-tls`` is the server ``mine`` over ``h1-tls``.
        """
        scenario, _, rest = text.partition("[")
        name, bracket, _ = rest.rpartition("]")
        for protocol in sorted(protocols, key=len, reverse=True):
            if bracket and name.endswith(f"-{protocol}"):
                return cls(name.removesuffix(f"-{protocol}"), protocol, scenario)
        raise ValueError(f"{text!r} is no case, such as one-request[hypercorn-h2]")

    @classmethod
    def of_node(cls, nodeid: str, protocols: Iterable[str]) -> CaseId:
        """Return the case of pytest's ``FILE::SCENARIO::CHECK[SERVER-PROTOCOL]``; raises ValueError for any other id."""
        parents, _, item = nodeid.rpartition("::")
        _check, bracket, parameters = item.partition("[")
        scenario = parents.rpartition("::")[2]
        return cls.parse(f"{scenario}{bracket}{parameters}", protocols)


@dataclass(frozen=True, order=True)
class CaseCheck:
    """One check of one case, by names; without a check it is the case as a whole."""

    case: CaseId
    check: str = ""

    def __str__(self) -> str:
        return f"{self.case}::{self.check}" if self.check else str(self.case)


@dataclass(frozen=True)
class Case:
    """A case by its values, with the pace and the limits of the run. ``control``: it is played without its shutdown."""

    scenario: Scenario
    server: Server
    protocol: Protocol
    pace: Pace
    limits: Limits
    version: str = ""
    control: bool = False

    @property
    def id(self) -> CaseId:
        """The case by its names, which it shares with its control."""
        return CaseId(self.server.name, str(self.protocol), self.scenario.id)

    @property
    def name(self) -> str:
        """The case's name in texts for people: ``one-request[hypercorn-h2]``, followed by ``control`` if it is one."""
        return f"{self.id}{' control' if self.control else ''}"

    @property
    def trace(self) -> PurePosixPath:
        """The path of its trace below the folder of traces."""
        return self.id.control if self.control else self.id.trace

    @property
    def without_shutdown(self) -> Case:
        """Its control."""
        return dataclasses.replace(self, control=True)

    @property
    def why_not(self) -> str:
        """Why the scenario is not played with this server over this protocol; empty if it is."""
        return self.scenario.why_not(self.server, self.protocol)

    @property
    def options(self) -> LaunchOptions:
        """The options that the server is started with."""
        return self.scenario.launch.options(self.server, self.pace)

    @property
    def drain_s(self) -> float:
        """The drain timeout to configure, in seconds; with ``default_drain`` only the time for which the play waits."""
        return self.scenario.launch.drain.at(self.pace)

    @property
    def promised_drain_s(self) -> float | None:
        """The drain timeout that the server has by its documentation, in seconds; None if it waits without a limit."""
        drain = self.server.drain
        if drain is None or not self.options.default_drain:
            return self.drain_s if drain else None
        return drain.default.seconds if drain.default else None

    @property
    def drain_documented(self) -> str:
        """The link to the documentation of :attr:`promised_drain_s`; empty if the server has no drain timeout."""
        drain = self.server.drain
        if drain is None:
            return ""
        return drain.default.documented if self.options.default_drain and drain.default else drain.documented

    @property
    def expected_s(self) -> float:
        """A rough estimate of the play's duration, in seconds: the time that it lets pass, and what the server waits for."""
        steps = self.scenario.timeline
        passing_s = sum(step.duration.at(self.pace) for step in steps if isinstance(step, Elapse))
        held = {step.name for step in steps if isinstance(step, Request) and not step.target}
        released = {step.request for step in steps if isinstance(step, ReleaseHandler)}
        drain_s = (self.promised_drain_s or 0.0) if held - released else 0.0
        rude = any(isinstance(step, Connect) and step.close_policy is ClosePolicy.RUDE for step in steps)
        return passing_s + self.options.lame_duck_s + drain_s + (_RUDE_S if rude else 0.0)
