"""Timed mode: a server whose handlers cannot speak to the gate is played with resources that take some time by themselves."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from lastcall.conformance.model import client_steps, timeline
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerFinished,
)

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.server import Timed
    from lastcall.conformance.model.step import Step
    from lastcall.conformance.model.timeline import Timeline


class Unwitnessed:
    """Replaces the steps of a timeline where no handler reports to the gate or is held by it."""

    def __init__(self, timed: Timed, steps: Timeline) -> None:
        self._timed = timed
        self._streaming = {step.request for step in steps if isinstance(step, timeline.SendChunk)}

    def instead_of(self, step: Step) -> Step | None:
        """Return the step to execute in place of a step; None if the resource does it by itself in time."""
        match step:
            case client_steps.Request():
                return dataclasses.replace(step, target=self._path(step))
            case timeline.BeginStreams():
                return dataclasses.replace(step, target=step.target or self._timed.slow)
            case timeline.SendChunk() | timeline.ReleaseHandler():
                return None
            case timeline.Await(fact=HandlerFinished() | HandlerCancelled() | HandlerFailed()):
                return None
        return step

    def takes_for_granted(self, fact: Event) -> bool:
        """Return whether a fact can only be assumed after some time: the entry of a handler."""
        return isinstance(fact, HandlerEntered)

    def _path(self, step: client_steps.Request) -> str:
        if step.target == client_steps.READY:
            return self._timed.ready
        if step.target:
            return step.target
        return self._timed.streaming if step.name in self._streaming else self._timed.slow
