"""What every step of a timeline has, and the durations and limits that steps name."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import Literal


class Pace(enum.StrEnum):
    """How long the durations are in which time itself is under test."""

    FAST = "fast"
    """Shortens what is not under test."""
    ISSUE = "issue"
    """The durations of the founding issue, https://github.com/golang/go/issues/39776."""


@dataclass(frozen=True)
class Duration:
    """A duration in seconds at each pace."""

    fast_s: float
    issue_s: float

    def at(self, pace: Pace) -> float:
        """Return the duration at a pace, in seconds."""
        return self.issue_s if pace is Pace.ISSUE else self.fast_s

    def __str__(self) -> str:
        if self.fast_s == self.issue_s:
            return f"{self.fast_s:g} s"
        return f"{self.fast_s:g} s ({self.issue_s:g} s at the issue's pace)"


Limit = Literal[
    "before_shutdown_s",
    "goaway_s",
    "idle_close_s",
    "after_response_close_s",
    "acknowledgement_s",
    "new_connection_s",
    "forced_end_s",
    "",
]
"""The field of :class:`lastcall.conformance.model.limits.Limits` that bounds a wait.

Empty: ``before_shutdown_s`` before the shutdown, and after it the rest of the drain timeout with ``exit_slack_s``.
"""


_LONGEST_BODY = 40
"""Bytes of a body that are shown as they are."""


@dataclass(frozen=True)
class Step:
    """One step of a timeline, which the player executes."""

    @property
    def can_be_timed(self) -> bool:
        """Whether it can be done where handlers cannot be held (see :class:`lastcall.conformance.model.server.Timed`)."""
        return True

    def __str__(self) -> str:
        values = ((item, getattr(self, item.name)) for item in fields(self))
        shown = [f"{item.name}={_shortened(value)}" for item, value in values if value != item.default]
        return f"{type(self).__name__}({', '.join(shown)})"


def _shortened(value: object) -> object:
    """Return the value, or its length for a long body."""
    return f"{len(value)} bytes" if isinstance(value, bytes) and len(value) > _LONGEST_BODY else value
