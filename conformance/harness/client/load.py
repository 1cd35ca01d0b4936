"""The load of an ordinary client: httpx, used as its documentation shows, with its own pool and its own mistakes.

The result that it returns to its caller is recorded as it is. It shows what a Python application sees through a restart. It
is no evidence against a server: over HTTP/2 httpx gives up every stream of a connection at the first GOAWAY
(https://github.com/encode/httpcore/issues/730).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx

from lastcall.conformance.harness.client.transports import transport_of
from lastcall.conformance.model.client_events import (
    LoadAnswered,
    LoadFailed,
    LoadSent,
)
from lastcall.conformance.model.protocol import HTTP2

if TYPE_CHECKING:
    import ssl

    from lastcall.conformance.harness.client.transport import Endpoint
    from lastcall.conformance.harness.gate.gate import Gate
    from lastcall.conformance.harness.recorder import Recorder
    from lastcall.conformance.model.timeline import BeginLoad

TIMEOUT_S = 5.0
"""httpx's own default for connecting, reading and everything else."""
FAILED_PAUSE_S = 0.05
"""The pause after a request that failed: a client that is refused does not retry without a break."""


class Load:
    """The ordinary clients of one play."""

    def __init__(self, recorder: Recorder, gate: Gate, endpoint: Endpoint) -> None:
        self._recorder = recorder
        self._gate = gate
        self._endpoint = endpoint
        self._url = f"{'https' if endpoint.protocol.tls else 'http'}://127.0.0.1:{endpoint.port}"

    async def client(self, step: BeginLoad, client: int, over: asyncio.Event) -> None:
        """Send one request after another until ``over`` is set."""
        if not transport_of(self._endpoint.protocol).listens_on_tcp:
            raise LookupError(f"an ordinary client has TCP alone, and {self._endpoint.protocol} is something else")
        http2 = self._endpoint.protocol in HTTP2
        async with httpx.AsyncClient(
            base_url=self._url,
            verify=self._verification(),
            http1=not http2,
            http2=http2,
            timeout=TIMEOUT_S,
            trust_env=False,
        ) as session:
            number = 0
            while not over.is_set():
                number += 1
                request = f"{step.name}-{client}-{number}"
                # The handler is released even if the client no longer waits: a held handler would prolong the server's drain.
                asyncio.get_running_loop().call_later(step.held_s, self._gate.order, request, "finish 9")
                if not await self._ask(session, request):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(FAILED_PAUSE_S):
                            await over.wait()

    def _verification(self) -> ssl.SSLContext | bool:
        """Return a TLS context that no other client uses, because httpx changes it; False without TLS."""
        protocol, certificates = self._endpoint.protocol, self._endpoint.certificates
        return certificates.client_context(protocol.alpn) if protocol.tls and certificates else False

    async def _ask(self, session: httpx.AsyncClient, request: str) -> bool:
        self._recorder.did(LoadSent(request))
        try:
            response = await session.get(f"/hold/{request}")
        except Exception as error:  # noqa: BLE001 - an application would get any error that httpx raises
            self._recorder.did(LoadFailed(request, type(error).__name__, str(error)[:200]))
            return False
        length = len(response.content)
        self._recorder.did(LoadAnswered(request, response.status_code, length, response.http_version))
        return True
