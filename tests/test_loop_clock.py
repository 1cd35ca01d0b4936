"""The loop's clock: when the loop looked, and how late it was."""

import asyncio
import itertools
import os
import time
from types import SimpleNamespace

from lastcall.conformance.harness import loop_clock
from lastcall.conformance.harness.loop_clock import HEARTBEAT_S, LoopClock, loop_factory
from tests.support import keep_busy


def watched(work):
    clock = LoopClock()
    with asyncio.Runner(loop_factory=loop_factory(clock)) as runner:
        return runner.run(work(clock))


def test_looks_follow_each_other_and_are_no_further_apart_than_the_heartbeat_allows():
    async def work(clock):
        loop, looks = asyncio.get_running_loop(), []
        for _ in range(20):
            turn = loop.create_future()
            loop.call_soon(turn.set_result, None)
            await turn
            looks.append((clock.previous_ns, clock.current_ns))
        return looks

    looks = watched(work)
    assert all(previous <= current for previous, current in looks)
    assert all(before[1] <= after[1] for before, after in itertools.pairwise(looks))
    assert looks[-1][1] <= time.monotonic_ns()


def test_idle_loop_still_looks():
    async def work(clock):
        begin_ns, over = clock.current_ns, asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(10 * HEARTBEAT_S, over.set_result, None)
        await over
        return clock.previous_ns - begin_ns

    assert watched(work) > 0


def test_what_keeps_the_loop_busy_is_its_lag():
    async def work(clock):
        begin_ns = time.monotonic_ns()
        await asyncio.sleep(0)
        keep_busy(0.1)
        beaten = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(2 * HEARTBEAT_S, beaten.set_result, None)
        await beaten
        return clock.worst_lag_since(begin_ns), clock.worst_lag_since(time.monotonic_ns())

    worst_ns, since_now_ns = watched(work)
    assert worst_ns > 80_000_000
    assert since_now_ns == 0


def test_span_of_a_look_covers_the_time_since_the_look_before():
    async def work(clock):
        await asyncio.sleep(0)
        before_ns = time.monotonic_ns()
        keep_busy(0.05)
        await asyncio.sleep(0)
        return before_ns, clock.previous_ns, clock.current_ns

    before_ns, previous_ns, current_ns = watched(work)
    assert previous_ns <= before_ns
    assert current_ns >= before_ns + 50_000_000


def test_look_that_handles_nothing_says_whether_something_is_ready():
    async def work(clock):
        reading, writing = os.pipe()
        came = asyncio.get_running_loop().create_future()

        def read():
            os.read(reading, 10)
            came.set_result(None)

        asyncio.get_running_loop().add_reader(reading, read)
        quiet = clock.nothing_has_happened()
        os.write(writing, b"x")
        disturbed = clock.nothing_has_happened()
        await came
        asyncio.get_running_loop().remove_reader(reading)
        os.close(reading)
        os.close(writing)
        return quiet, disturbed, came.done()

    assert watched(work) == (True, False, True)


def test_what_comes_between_a_look_and_the_reading_of_the_clock_is_in_no_earlier_span(monkeypatch):
    reading, writing = os.pipe()
    other, waking = os.pipe()
    came_ns, seen = [], []

    def late_clock():
        # The thread loses its processor between the kernel's answer and the clock, and meanwhile something comes.
        if seen and not came_ns:
            os.write(writing, b"x")
            came_ns.append(time.monotonic_ns())
        return time.monotonic_ns()

    async def work(clock):
        loop, over = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def came():
            os.read(reading, 1)
            seen.append((clock.previous_ns, clock.current_ns))
            over.set_result(None)

        loop.add_reader(reading, came)
        loop.add_reader(other, lambda: os.read(other, 1))
        monkeypatch.setattr(loop_clock, "time", SimpleNamespace(monotonic_ns=late_clock))
        seen.append("from now on")
        os.write(waking, b"x")
        await over
        loop.remove_reader(reading)
        loop.remove_reader(other)

    watched(work)
    for end in (reading, writing, other, waking):
        os.close(end)
    previous_ns, _current_ns = seen[1]
    assert previous_ns <= came_ns[0]


def test_quiet_moment_is_the_next_one_when_nothing_happens():
    async def work(clock):
        return await clock.quiet_moment(20.0)

    assert watched(work) < 5e9


def test_quiet_moment_that_does_not_come_is_not_waited_for_beyond_its_time():
    async def work(clock):
        reading, writing = os.pipe()
        # It is always there to be read, and every turn takes its time: a loop that is never quiet.
        os.write(writing, b"x")
        asyncio.get_running_loop().add_reader(reading, keep_busy, 0.005)
        began_ns = time.monotonic_ns()
        took_ns = await clock.quiet_moment(0.05)
        passed_ns = time.monotonic_ns() - began_ns
        asyncio.get_running_loop().remove_reader(reading)
        os.close(reading)
        os.close(writing)
        return took_ns, passed_ns

    took_ns, passed_ns = watched(work)
    assert 50_000_000 <= took_ns <= passed_ns < 1_000_000_000
