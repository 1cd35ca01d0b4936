"""Waits until a server really serves: an open port is not a ready server, so a request has to be answered with 200.

Some servers listen almost a second before they serve. These requests are not part of the play's trace; their connections
are closed, by both sides, before the timeline begins.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.connection import ClientConnection
from lastcall.conformance.harness.process.output import last_output
from lastcall.conformance.harness.recorder import Recorder
from lastcall.conformance.model.client_events import (
    ProtocolViolated,
    ResponseStarted,
    TlsFailed,
)
from lastcall.conformance.model.client_steps import READY, Connect
from lastcall.conformance.model.server_events import ServerExited
from lastcall.conformance.wire.client import Outgoing

if TYPE_CHECKING:
    from lastcall.conformance.harness.client.transport import Endpoint
    from lastcall.conformance.harness.loop_clock import LoopClock
    from lastcall.conformance.harness.process.server_process import ServerProcess
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.protocol import Protocol

_CLOSE_S = 1.0
_RETRY_S = 0.01
_UNTIL_ROUTED_S = 1.0
"""For an answer that hardly ever changes by waiting: Traefik answers 404, with a certificate of its own, for up to 0.3 s."""
_OK, _UNAVAILABLE = 200, 500


class NotReadyError(Exception):
    """The server does not serve; the message says how that showed, for the author of the adapter."""


async def become_ready(
    recorder: Recorder,
    process: ServerProcess,
    *,
    clock: LoopClock,
    endpoint: Endpoint,
    limits: Limits,
    path: str = READY,
) -> None:
    """Return when the server has answered ``path`` with 200; raises :class:`NotReadyError`."""
    deadline_ns = time.monotonic_ns() + int(limits.boot_s * 1e9)
    bound, said = False, "never accepted a connection"
    wrong, wrong_since_ns = "", 0
    while time.monotonic_ns() < deadline_ns:
        if process.exited:
            raise NotReadyError(f"the server ended before it was ready, {_how_it_ended(recorder)}")
        memory = Recorder(recorder.play, clock)
        connection = ClientConnection(Connect("ready"), memory, endpoint)
        status = await _ask(connection, memory, path, limits)
        if status == _OK:
            return
        if fault := _wrong(memory, status, path, endpoint.protocol):
            wrong = fault
            wrong_since_ns = wrong_since_ns or time.monotonic_ns()
            if memory.trace.of(ProtocolViolated) or time.monotonic_ns() > wrong_since_ns + _UNTIL_ROUTED_S * 1e9:
                raise NotReadyError(wrong)
        if not connection.failed_to_connect:
            bound, said = True, "gave no answer" if status is None else f"answered with status {status}"
        await asyncio.sleep(_RETRY_S)
    if wrong:
        raise NotReadyError(wrong)
    where = f"bound port {endpoint.port}" if bound else f"never listened on {endpoint.host}:{endpoint.port}"
    what = f"{where} but {said} to GET {path}" if bound else where
    raise NotReadyError(f"the server {what} over {endpoint.protocol} within {limits.boot_s:g} s{last_output(recorder)}")


async def _ask(connection: ClientConnection, memory: Recorder, path: str, limits: Limits) -> int | None:
    try:
        if not await connection.connect(limits):
            return None
        connection.tell(lambda wire: wire.send_request(Outgoing("ready", target=path)))
        await memory.wait(lambda: connection.over or "ready" not in connection.wire.open_requests, limits.connect_s)
        connection.close()
        await memory.wait(lambda: connection.over, _CLOSE_S)
    finally:
        connection.abandon()
    started = memory.trace.first(ResponseStarted("ready"))
    return started.status if started else None


def _wrong(memory: Recorder, status: int | None, path: str, protocol: Protocol) -> str:
    """Return the fault of an answer that hardly changes by waiting: garbage, another protocol, no such resource; or empty."""
    for garbage in memory.trace.of(ProtocolViolated):
        return f"the server's answer to GET {path} is not {protocol}: {garbage.detail}"
    for failed in memory.trace.of(TlsFailed):
        if failed.reason not in ("timed out", "the connection ended"):
            return f"the TLS handshake with the server failed: {failed.reason}"
    if status is not None and _OK < status < _UNAVAILABLE:
        advice = ": it does not run the gated application (docs/gate.md)" if path == READY else ""
        return f"the server answered GET {path} with {status}{advice}"
    return ""


def _how_it_ended(recorder: Recorder) -> str:
    status = next((event.status for event in recorder.trace.of(ServerExited)), None)
    how = f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"
    return how + last_output(recorder)
