"""What stands around a server under test: its port, its directory, the gate, and for a proxy the origin behind it.

A play and a session open the same, so that a server is started in the same way in both.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.harness.gate.gate import Gate
from lastcall.conformance.harness.gate.origin import Origin
from lastcall.conformance.harness.process.ports import own_port
from lastcall.conformance.model.launch import Launch, LaunchOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lastcall.conformance.harness.client.certificates import Certificates
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.server import Server


@contextlib.asynccontextmanager
async def open_application(
    server: Server,
    protocol: Protocol,
    *,
    recorder: Recorder,
    certificates: Certificates,
    drain_s: float,
    options: LaunchOptions,
) -> AsyncIterator[tuple[Gate, Launch]]:
    """Yield the open gate, and a launch whose port is free and whose origin, for a proxy, is open; close all afterwards."""
    async with contextlib.AsyncExitStack() as opened:
        port = opened.enter_context(own_port())
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="lastcall-", ignore_cleanup_errors=True))
        gate = Gate(recorder)
        await gate.open()
        opened.callback(gate.close)
        origin = Origin(gate.address)
        if server.needs_origin:
            await origin.open()
            opened.push_async_callback(origin.close)
        yield (
            gate,
            Launch(
                protocol=protocol,
                port=port,
                cert=certificates.cert,
                key=certificates.key,
                drain_s=drain_s,
                directory=Path(folder),
                origin=origin.address,
                **dataclasses.asdict(options),
            ),
        )
