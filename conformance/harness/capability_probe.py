"""The capability probe: what an adapter claims is tried, and so is what it does not claim.

A protocol that is claimed is tried by every play that is played over it. What is found here would not show otherwise:
a server that speaks more than its adapter says, or an application that has not what its adapter says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lastcall.conformance.harness.client.clients import Clients
from lastcall.conformance.harness.server_session import BootedServer, ServerSessionError, boot
from lastcall.conformance.model.capabilities import Capability
from lastcall.conformance.model.client_events import (
    ResponseStarted,
    TlsEstablished,
    WebSocketOpened,
    WebSocketRefused,
)
from lastcall.conformance.model.client_steps import (
    Connect,
    OpenWebSocket,
    Request,
)
from lastcall.conformance.model.protocol import H2, H2C, HTTP1, HTTP2, PROTOCOLS, Protocol
from lastcall.conformance.model.server import Feature
from lastcall.conformance.model.server_events import ApplicationReported, RemoveFailed

if TYPE_CHECKING:
    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server import Server

_OK = 200
_ANSWER_S = 2.0
"""For an answer in a protocol that nobody has promised: a server may simply wait for more."""


async def probe(environment: Environment, server: Server, limits: Limits) -> list[Capability]:
    """Boot the server once without TLS and once with it, where it claims to speak so, and try everything on it."""
    tried: list[Capability] = []
    carriers = sorted({(protocol.transport, protocol.tls) for protocol in server.speaks})
    for carrier in carriers:
        spoken = sorted(protocol for protocol in server.speaks if (protocol.transport, protocol.tls) == carrier)
        first = min(spoken, key=lambda protocol: protocol.version)
        try:
            async with boot(environment, server, first, limits) as booted:
                tried += await _try_everything(server, booted)
            tried += _not_removed(booted)
        except ServerSessionError as error:
            tried.append(Capability(str(first), declared=True, found=False, detail=str(error)))
    if server.timed is None:
        tried += await _try_websockets_over_h2(environment, server, limits)
    return _once_each(tried)


async def _try_websockets_over_h2(environment: Environment, server: Server, limits: Limits) -> list[Capability]:
    """Boot the server for HTTP/2, without TLS where it can, and ask for a WebSocket on a stream."""
    what, declared = str(Feature.WEBSOCKET_H2), Feature.WEBSOCKET_H2 in server.features
    spoken = [protocol for protocol in (H2C, H2) if protocol in server.speaks]
    if not spoken:
        return [Capability(what, declared=declared, found=False, detail="its adapter claims no HTTP/2")]
    try:
        async with boot(environment, server, spoken[0], limits) as booted:
            tried = Capability(what, declared=declared, found=await _opens_websockets(booted))
    except ServerSessionError as error:
        return [Capability(what, declared=declared, found=False, detail=str(error))]
    return [tried, *_not_removed(booted)]


def _not_removed(booted: BootedServer) -> list[Capability]:
    """Return a contradiction for a ``remove`` that failed; an adapter that has none claims nothing of the kind."""
    failed = booted.recorder.trace.of(RemoveFailed)
    return [Capability("remove", declared=True, found=False, detail=each.reason) for each in failed]


async def _try_everything(server: Server, booted: BootedServer) -> list[Capability]:
    launched = booted.launch.protocol
    tried = [
        Capability(str(protocol), declared=False, found=await _answers(server, booted, protocol))
        for protocol in PROTOCOLS.values()
        # What uses another transport cannot be tried on the port that was opened for this one.
        if (protocol.transport, protocol.tls) == (launched.transport, launched.tls)
        if protocol not in server.speaks
    ]
    if launched in HTTP1 and server.timed is None:
        opens = await _opens_websockets(booted)
        tried.append(Capability(str(Feature.WEBSOCKET), declared=Feature.WEBSOCKET in server.features, found=opens))
    if server.timed is None:
        reports = bool(booted.recorder.trace.of(ApplicationReported))
        tried.append(Capability(str(Feature.LIFESPAN), declared=Feature.LIFESPAN in server.features, found=reports))
    return tried


async def _answers(server: Server, booted: BootedServer, protocol: Protocol) -> bool:
    """Tell whether the server answers over a protocol that it was not asked to speak when it was started."""
    name = f"unclaimed-{protocol}"
    clients = Clients(booted.recorder, replace(booted.endpoint, protocol=protocol), booted.limits)
    try:
        if not await clients.execute(Connect(name)):
            return False
        # Without the word in ALPN a server may still read the bytes: RFC 9113 §3.2 lets only that word choose HTTP/2.
        spoken = next((each.alpn for each in booted.recorder.trace.all(TlsEstablished(name))), "")
        if protocol in HTTP2 and protocol.tls and spoken != protocol.alpn:
            return False
        await clients.execute(Request(name, target=server.ready))
        await booted.recorder.wait(
            lambda: booted.recorder.has(ResponseStarted(name)) or clients.impossible(ResponseStarted(name)),
            _ANSWER_S,
        )
        return booted.recorder.has(ResponseStarted(name, _OK))
    finally:
        clients.abandon()


async def _opens_websockets(booted: BootedServer) -> bool:
    name = "unclaimed-websocket"
    opened, refused = WebSocketOpened(name), WebSocketRefused(name)
    with booted.rehearsal() as server_session:
        if not await server_session.clients.execute(Connect(name)):
            return False
        await server_session.clients.execute(OpenWebSocket(name))
        await booted.recorder.wait(
            lambda: (
                booted.recorder.has(opened) or booted.recorder.has(refused) or server_session.clients.impossible(opened)
            ),
            _ANSWER_S,
        )
        return booted.recorder.has(opened)


def _once_each(tried: list[Capability]) -> list[Capability]:
    """Give one claim for each thing: found if it was found anywhere."""
    best: dict[str, Capability] = {}
    for claim in tried:
        if claim.what not in best or (claim.found and not best[claim.what].found):
            best[claim.what] = claim
    return list(best.values())
