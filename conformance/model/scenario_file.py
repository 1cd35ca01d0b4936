"""A scenario as data, stored at the head of a trace, so that its timeline can be played again after the scenario is gone.

A step is an object with its class under ``step`` and the fields that differ from their defaults; a fact that is awaited is
an event without times. Bytes are compressed, since some bodies are one letter a million times.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import zlib
from typing import TYPE_CHECKING, Any

from lastcall.conformance.model import client_steps, timeline
from lastcall.conformance.model.event import Event, set_fields
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, ScenarioError
from lastcall.conformance.model.server import Feature
from lastcall.conformance.model.step import Duration, Step
from lastcall.conformance.model.trace_file import event_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.protocol import Protocol

STEPS: Mapping[str, type[Step]] = {
    name: value
    for module in (client_steps, timeline)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Step) and value is not Step
}


def scenario_as_json(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as plain data, without its id, which the head of the trace has already."""
    return {
        "question": scenario.question,
        "launch": _plain(scenario.launch),
        "timeline": [step_as_json(step) for step in scenario.timeline],
        "checks": [check.id for check in scenario.checks],
        "needs_drain": scenario.needs_drain,
        "needs": sorted(scenario.needs),
        "needs_signal": scenario.needs_signal,
        "streams_at_once": scenario.streams_at_once,
    }


def scenario_from_json(
    name: str, record: Mapping[str, Any], protocol: Protocol, checks: Mapping[str, Check]
) -> tuple[Scenario, list[str]]:
    """Return the scenario that was stored under a name, and the ids of its checks that no longer exist.

    ``checks`` are the existing ones, by id. Raises :class:`ScenarioError` if the record cannot be read.
    """
    try:
        known = [checks[check] for check in record["checks"] if check in checks]
        scenario = Scenario(
            id=name,
            question=record["question"],
            protocols=(protocol,),
            launch=_launch(record["launch"]),
            timeline=tuple(step_from_json(step) for step in record["timeline"]),
            checks=tuple(known),
            needs_drain=record["needs_drain"],
            needs=frozenset(Feature(feature) for feature in record["needs"]),
            needs_signal=record["needs_signal"],
            streams_at_once=record["streams_at_once"],
        )
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
        if isinstance(error, ScenarioError):
            raise
        raise ScenarioError(f"scenario {name}: what the trace holds of it cannot be read ({error})") from error
    return scenario, [check for check in record["checks"] if check not in checks]


def step_as_json(step: Step) -> dict[str, Any]:
    """Return a step as plain data: its class, and the fields that differ from their defaults."""
    values = {item.name: getattr(step, item.name) for item in dataclasses.fields(step)}
    defaults = {item.name: item.default for item in dataclasses.fields(step)}
    return {"step": type(step).__name__} | {
        name: _plain(value) for name, value in values.items() if value != defaults[name]
    }


def step_from_json(record: Mapping[str, Any]) -> Step:
    """Return the step that :func:`step_as_json` has described; raises KeyError for a class that does not exist."""
    kind = STEPS[record["step"]]
    defaults = {item.name: item.default for item in dataclasses.fields(kind)}
    return kind(**{name: _value(value, defaults[name]) for name, value in record.items() if name != "step"})


def _plain(value: Any) -> Any:
    match value:
        case Event():
            return {"event": type(value).__name__} | {name: _plain(content) for name, content in set_fields(value)}
        case bytes():
            return {"packed": base64.b64encode(zlib.compress(value)).decode("ascii")}
        case enum.Enum():
            return value.value
        case tuple():
            return [_plain(part) for part in value]
        case _ if dataclasses.is_dataclass(value):
            return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    return value


def _value(value: Any, default: Any) -> Any:
    match value:
        case {"event": str()}:
            return event_from_json(value)
        case {"packed": str(text)}:
            return zlib.decompress(base64.b64decode(text))
        case {"fast_s": fast_s, "issue_s": issue_s}:
            return Duration(fast_s, issue_s)
        case [*parts]:
            return tuple(_value(part, None) for part in parts)
    return type(default)(value) if isinstance(default, enum.Enum) else value


def _launch(record: Mapping[str, Any]) -> LaunchPlan:
    # An option that is not known is refused: left out, another timeline would be played than the one that was stored.
    plan = LaunchPlan(**{name: _value(value, None) for name, value in record.items()})
    if not isinstance(plan.drain, Duration):
        raise ValueError(f"its drain is {plan.drain!r}, and no duration")  # noqa: TRY004 - bad input of a file
    return plan
