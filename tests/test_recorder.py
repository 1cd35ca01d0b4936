"""The recorder: spans, a file that is always up to date, and waiting for facts."""

import asyncio
import time

import pytest

from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.model.client_events import (
    ResponseStarted,
)
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import HandlerEntered, PlayEnded
from lastcall.conformance.model.trace_file import load
from tests.ends import fin_received
from tests.support import PLAY, keep_busy, perform


def test_every_event_is_on_disk_when_recording_it_returns(tmp_path):
    path = tmp_path / "deep" / "down" / "trace.jsonl"

    async def work(recorder):
        assert load(path).play == PLAY
        for number in range(3):
            recorder.did(HandlerEntered(f"r{number}"))
            assert load(path).events == tuple(recorder.events)

    assert len(perform(work, path)) == 3
    assert load(path).events[2].request == "r2"


def test_file_of_an_earlier_play_is_replaced(tmp_path):
    path = tmp_path / "trace.jsonl"

    async def work(recorder):
        recorder.did(PlayEnded())

    perform(work, path)
    perform(work, path)
    assert len(load(path).events) == 1


def test_what_was_seen_happened_since_the_loop_looked_before():
    async def work(recorder):
        await asyncio.sleep(0)
        keep_busy(0.05)
        await asyncio.sleep(0)
        recorder.seen(fin_received("a"))

    (event,) = perform(work)
    assert event.end_ns - event.begin_ns > 50_000_000


def test_what_was_seen_did_not_happen_after_the_time_given_for_it():
    async def work(recorder):
        at_ns = time.monotonic_ns()
        keep_busy(0.02)
        recorder.seen(fin_received("a"), end_ns=at_ns)
        recorder.seen(fin_received("b"), end_ns=recorder.begin_ns - 5)

    first, before_the_play = perform(work)
    assert first.begin_ns <= first.end_ns < 20_000_000
    assert before_the_play.begin_ns == before_the_play.end_ns == 0


def test_what_was_done_spans_from_when_it_was_begun():
    async def work(recorder):
        began_ns = time.monotonic_ns()
        keep_busy(0.02)
        recorder.did(fin_received("a"), since_ns=began_ns)
        recorder.did(fin_received("b"))

    first, second = perform(work)
    assert first.end_ns - first.begin_ns >= 20_000_000
    assert second.begin_ns == second.end_ns
    assert precedes(first, second)


def test_waiting_ends_with_the_fact():
    async def work(recorder):
        waiting = asyncio.ensure_future(recorder.wait(lambda: recorder.has(ResponseStarted("a", 200)), 20))
        await asyncio.sleep(0)
        recorder.did(ResponseStarted("a", 503))
        await asyncio.sleep(0)
        assert not waiting.done()
        recorder.did(ResponseStarted("a", 200))
        assert await waiting
        assert await recorder.wait(lambda: recorder.has(ResponseStarted("a", 200)), 0)

    assert len(perform(work)) == 2


def test_waiting_ends_with_its_time():
    async def work(recorder):
        assert not await recorder.wait(lambda: recorder.has(ResponseStarted("a")), 0.01)
        recorder.did(PlayEnded())

    assert len(perform(work)) == 1


def test_many_may_wait_and_one_that_gives_up_does_not_disturb_the_others():
    async def work(recorder):
        waiting = [
            asyncio.ensure_future(recorder.wait(lambda name=name: recorder.has(fin_received(name)), 20))
            for name in "abc"
        ]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        recorder.did(fin_received("b"), fin_received("c"), fin_received("a"))
        assert await waiting[1]
        assert await waiting[2]
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]

    assert len(perform(work)) == 3


def test_nothing_is_recorded_after_the_end(tmp_path):
    path = tmp_path / "trace.jsonl"

    async def work(recorder):
        recorder.did(PlayEnded())
        recorder.close()
        recorder.did(fin_received("late"))
        recorder.close()

    assert perform(work, path) == list(load(path).events)
    assert load(path).complete


def test_recorder_without_a_path_only_remembers():
    async def work(recorder):
        assert isinstance(recorder, Recorder)
        recorder.did(PlayEnded())
        assert recorder.trace.complete

    assert len(perform(work)) == 1


def test_a_task_that_is_cancelled_when_the_fact_comes_is_cancelled():
    async def work(recorder):
        waiting = asyncio.ensure_future(recorder.wait(lambda: recorder.has(HandlerEntered("a")), 5))
        await asyncio.sleep(0)
        recorder.did(HandlerEntered("a"))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    perform(work)
