"""The gate's side of its protocol, over a real connection."""

import asyncio

import pytest

from lastcall.conformance.harness.gate.gate import Gate
from lastcall.conformance.model.server_events import (
    ApplicationReported,
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerFinished,
    HandlerOrdered,
    HandlerReported,
    HarnessFailed,
)
from tests.support import perform


def reported(*reports, orders=(), cut=None):
    """Report lines through one connection; return the events without their times, and what the gate sent."""
    heard = []

    async def work(recorder):
        gate = Gate(recorder)
        await gate.open()
        host, _, port = gate.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        data = b"".join(line if isinstance(line, bytes) else f"{line}\n".encode() for line in reports)
        for piece in [data] if cut is None else [data[at : at + cut] for at in range(0, len(data), cut)]:
            writer.write(piece)
            await writer.drain()
        for request, order in orders:
            assert await recorder.wait(lambda request=request: recorder.has(HandlerEntered(request)), 20)
            gate.order(request, order)
            heard.append((await reader.readline()).decode())
        writer.write_eof()
        heard.append((await reader.read()).decode())
        writer.close()
        gate.close()

    return [strip(event) for event in perform(work)], heard


def strip(event):
    fields = {name: value for name, value in vars(event).items() if name not in ("begin_ns", "end_ns")}
    return type(event)(**fields)


ENTERED = "entered r GET /hold/r"


def test_handler_from_its_entry_to_its_finish():
    events, heard = reported(ENTERED, "sent 9", "finished 18")
    assert events == [HandlerEntered("r", "GET", "/hold/r"), HandlerReported("r", "sent 9"), HandlerFinished("r", 18)]
    assert heard == [""]


def test_a_websocket_is_over_when_it_is_closed():
    events, _heard = reported("entered w WEBSOCKET /ws/w", "sent 9", "closed 1001")
    assert events[1:] == [HandlerReported("w", "sent 9"), HandlerReported("w", "closed 1001")]


@pytest.mark.parametrize("cut", [1, 2, 7])
def test_lines_may_come_in_any_pieces(cut):
    whole, _ = reported(ENTERED, "read 5", "disconnected", "finished 18")
    assert reported(ENTERED, "read 5", "disconnected", "finished 18", cut=cut)[0] == whole
    assert whole[1:3] == [HandlerReported("r", "read 5"), HandlerReported("r", "disconnected")]


def test_handler_that_drops_its_connection_was_cancelled():
    assert reported(ENTERED)[0][1:] == [HandlerCancelled("r")]


def test_handler_that_failed_says_why_and_was_not_cancelled():
    assert reported(ENTERED, "failed OSError: no luck today")[0][1:] == [HandlerFailed("r", "OSError: no luck today")]


def test_hooks_around_the_process_report_without_being_a_handler():
    events, _ = reported("process 812 startup", "process 812 shutdown begun")
    assert events == [ApplicationReported(812, "startup"), ApplicationReported(812, "shutdown begun")]


def test_order_is_recorded_before_the_handler_can_have_read_it():
    events, heard = reported(ENTERED, orders=[("r", "send 9"), ("r", "finish 9")])
    assert heard[:2] == ["send 9\n", "finish 9\n"]
    assert events[1:3] == [HandlerOrdered("r", "send 9"), HandlerOrdered("r", "finish 9")]


@pytest.mark.parametrize(
    "lines",
    [
        ["finished 9"],
        ["read 5"],
        ["disconnected"],
        ["closed 1001"],
        ["failed for no reason"],
        ["entered r GET"],
        ["entered r GET /hold/r x"],
        ["process x startup"],
        [ENTERED, ENTERED],
        [ENTERED, "finished nine"],
        [ENTERED, "closed for good"],
        [ENTERED, "sent -9"],
        [ENTERED, "sent  9"],
        [ENTERED, "whatever"],
        [ENTERED, ""],
        [b"GET / HTTP/1.1\r\n\r\n"],
        ["nonsense", ENTERED],
        [b"\xff\xfe\n"],
        [b"x" * 10_000],
        [ENTERED, b"y" * 10_000],
    ],
)
def test_what_breaks_the_protocol_is_the_application_s_fault_and_ends_its_connection(lines):
    events, _ = reported(*lines)
    failed = [event for event in events if isinstance(event, HarnessFailed)]
    assert len(failed) == 1
    assert "the application broke the gate's protocol: " in failed[0].reason
    assert failed[0].reason.isprintable()
    assert not [event for event in events if isinstance(event, HandlerCancelled)]


def test_order_for_a_handler_that_has_not_entered_waits_for_it():
    async def work(recorder):
        gate = Gate(recorder)
        await gate.open()
        gate.order("r", "send 9")
        gate.order("r", "finish 0")
        assert recorder.events == []
        reader, writer = await asyncio.open_connection(*gate.address.split(":"))
        writer.write(f"{ENTERED}\n".encode())
        assert await reader.readline() == b"send 9\n"
        assert await reader.readline() == b"finish 0\n"
        writer.close()
        gate.close()

    events = perform(work)
    assert [type(event) for event in events[:3]] == [HandlerEntered, HandlerOrdered, HandlerOrdered]


def test_orders_reach_the_handler_they_are_for():
    async def work(recorder):
        gate = Gate(recorder)
        await gate.open()
        pairs = {name: await asyncio.open_connection(*gate.address.split(":")) for name in "ab"}
        for name, (_reader, writer) in pairs.items():
            writer.write(f"entered {name} GET /hold/{name}\n".encode())
        assert await recorder.wait(lambda: recorder.has(HandlerEntered("a")) and recorder.has(HandlerEntered("b")), 20)
        gate.order("b", "finish 2")
        gate.order("a", "finish 1")
        assert await pairs["a"][0].readline() == b"finish 1\n"
        assert await pairs["b"][0].readline() == b"finish 2\n"
        for _reader, writer in pairs.values():
            writer.close()
        gate.close()

    assert len(perform(work)) >= 4


def test_gate_that_closes_drops_every_handler_and_records_none_as_cancelled():
    async def work(recorder):
        gate = Gate(recorder)
        await gate.open()
        reader, writer = await asyncio.open_connection(*gate.address.split(":"))
        writer.write(f"{ENTERED}\n".encode())
        assert await recorder.wait(lambda: recorder.has(HandlerEntered("r")), 20)
        gate.close()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection(*gate.address.split(":"))

    assert [type(event) for event in perform(work)] == [HandlerEntered]
