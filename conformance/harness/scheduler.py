"""The scheduler: many plays at once in one environment.

Plays are limited by processor time and not by count: see :class:`BootLimiter`. The longest begin first, so that the
others run beside them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lastcall.conformance.harness.play import play

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path
    from typing import Any

    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.model.case import Case
    from lastcall.conformance.model.trace import Trace


def play_all(
    environment: Environment,
    cases: Sequence[Case],
    folder: Path,
    done: Callable[[Case, Trace], None] = lambda _case, _trace: None,
    alongside: Sequence[Coroutine[Any, Any, None]] = (),
) -> list[Trace]:
    """Play all cases at once, and return their traces in the order of the cases; ``done`` is called after every play.

    The coroutines ``alongside`` run at the same time.
    """
    return environment.run(_play_all(environment, cases, folder, done, alongside))


async def _play_all(
    environment: Environment,
    cases: Sequence[Case],
    folder: Path,
    done: Callable[[Case, Trace], None],
    alongside: Sequence[Coroutine[Any, Any, None]],
) -> list[Trace]:
    async def one(case: Case) -> Trace:
        trace = await play(environment, case, folder / case.trace)
        done(case, trace)
        return trace

    async with asyncio.TaskGroup() as group:
        for work in alongside:
            group.create_task(work)
        longest_first = sorted(range(len(cases)), key=lambda place: -cases[place].expected_s)
        tasks = {place: group.create_task(one(cases[place])) for place in longest_first}
    return [tasks[place].result() for place in range(len(cases))]
