"""The boot limiter: how many servers boot at a time, and that a late harness gives up the last place."""

import asyncio
import contextlib

import pytest

from lastcall.conformance.harness.boot_limiter import BootLimiter

LATE_NS = 200_000_000


class Clock:
    """A clock whose lateness the test chooses."""

    def __init__(self, late_ns=0):
        self.late_ns = late_ns

    def worst_lag_since(self, _begin_ns):
        return self.late_ns


async def settle():
    for _turn in range(5):
        await asyncio.sleep(0)


async def boot_many(boot_limiter, number, hold, last=None):
    """Start so many boots, which wait for ``hold``; return the list of those that have begun, and their tasks."""
    begun = []

    async def one(name):
        async with boot_limiter:
            begun.append(name)
            if last is not None and len(begun) == number:
                last.set()
            await hold.wait()

    tasks = [asyncio.create_task(one(name)) for name in range(number)]
    await settle()
    return begun, tasks


@pytest.mark.parametrize(
    ("cores", "late_ns", "at_once"),
    [(1, 0, 1), (1, LATE_NS, 1), (2, 0, 2), (2, LATE_NS, 1), (4, 0, 4), (4, LATE_NS, 3)],
)
def test_last_core_is_used_only_while_the_harness_is_punctual(cores, late_ns, at_once):
    async def go():
        hold = asyncio.Event()
        begun, tasks = await boot_many(BootLimiter(Clock(late_ns), cores), 6, hold)
        first = list(begun)
        hold.set()
        await asyncio.gather(*tasks)
        return first, begun

    first, begun = asyncio.run(go())
    assert first == list(range(at_once))
    assert begun == list(range(6)), "first come, first served"


def test_place_that_was_refused_is_given_once_the_harness_is_punctual_again():
    async def go():
        clock, hold, last = Clock(LATE_NS), asyncio.Event(), asyncio.Event()
        begun, tasks = await boot_many(BootLimiter(clock, 2), 2, hold, last)
        while_late = list(begun)
        clock.late_ns = 0
        async with asyncio.timeout(10):
            await last.wait()
        hold.set()
        await asyncio.gather(*tasks)
        return while_late

    assert asyncio.run(go()) == [0]


def test_boot_that_fails_and_one_that_is_cancelled_while_it_waits_give_their_places_back():
    async def go():
        boot_limiter, hold = BootLimiter(Clock(), 1), asyncio.Event()
        with contextlib.suppress(ZeroDivisionError):
            async with boot_limiter:
                raise ZeroDivisionError
        _begun, (first, second) = await boot_many(boot_limiter, 2, hold)
        second.cancel()
        await asyncio.wait([second])
        hold.set()
        await first
        async with asyncio.timeout(10), boot_limiter:
            return second.cancelled()

    assert asyncio.run(go())


@pytest.mark.parametrize(("workers", "at_once"), [(None, 8), ("1", 8), ("2", 4), ("3", 2), ("8", 1), ("20", 1)])
def test_workers_of_a_distributed_run_share_the_cores(monkeypatch, workers, at_once):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    if workers:
        monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", workers)

    async def go():
        hold = asyncio.Event()
        begun, tasks = await boot_many(BootLimiter(Clock()), 10, hold)
        first = len(begun)
        hold.set()
        await asyncio.gather(*tasks)
        return first

    assert asyncio.run(go()) == at_once
