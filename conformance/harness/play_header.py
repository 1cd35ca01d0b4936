"""The head of a trace: which case was played, where and when, and all that a judge has to know about the server."""

from __future__ import annotations

import dataclasses
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lastcall import __version__
from lastcall.conformance.model.scenario_file import scenario_as_json
from lastcall.conformance.model.trace import Play

if TYPE_CHECKING:
    from lastcall.conformance.model.case import Case


def play_header(case: Case) -> Play:
    """Return the head of the case's trace."""
    server = case.server
    return Play(
        scenario=case.scenario.id,
        server=server.name,
        protocol=str(case.protocol),
        pace=str(case.pace),
        control=case.control,
        version=case.version,
        graceful_signal=server.graceful_signal,
        drain_s=case.promised_drain_s,
        drain_documented=case.drain_documented,
        exit_statuses=server.exit_statuses,
        limits=case.limits.as_dict(),
        steps=case.scenario.steps_in_words(),
        recipe=scenario_as_json(case.scenario),
        slow_s=server.timed.slow_s if server.timed else 0.0,
        platform=platform.platform(),
        suite_version=__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        **dataclasses.asdict(case.options),
    )
