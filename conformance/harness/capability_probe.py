"""The capability probe: tries what an adapter does not declare, and the features that it declares.

A declared protocol is tested by every play over it. The probe finds what no play would show: a server that speaks more
than its adapter declares, or an application that lacks a feature that its adapter declares.
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
from lastcall.conformance.model.protocol import HTTP1, HTTP2, PROTOCOLS, Protocol
from lastcall.conformance.model.server import Feature
from lastcall.conformance.model.server_events import ApplicationReported, RemoveFailed

if TYPE_CHECKING:
    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server import Server

_OK = 200
_ANSWER_S = 2.0
"""For an answer in a protocol that the adapter does not declare: a server may simply wait for more bytes."""


async def probe(environment: Environment, server: Server, limits: Limits) -> list[Capability]:
    """Boot the server once for each transport and security that it declares, and return what was tried on it."""
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
    """Boot the server for HTTP/2, preferably without TLS, and try to open a WebSocket on a stream."""
    what, declared = str(Feature.WEBSOCKET_H2), Feature.WEBSOCKET_H2 in server.features
    spoken = sorted((one for one in server.speaks if one in HTTP2), key=lambda one: (one.tls, one))
    if not spoken:
        return [Capability(what, declared=declared, found=False, detail="its adapter claims no HTTP/2")]
    try:
        async with boot(environment, server, spoken[0], limits) as booted:
            tried = Capability(what, declared=declared, found=await _opens_websockets(booted))
    except ServerSessionError as error:
        return [Capability(what, declared=declared, found=False, detail=str(error))]
    return [tried, *_not_removed(booted)]


def _not_removed(booted: BootedServer) -> list[Capability]:
    """Return a contradiction for each ``remove`` that failed."""
    failures = booted.recorder.trace.of(RemoveFailed)
    return [Capability("remove", declared=True, found=False, detail=failure.reason) for failure in failures]


async def _try_everything(server: Server, booted: BootedServer) -> list[Capability]:
    launched = booted.launch.protocol
    tried = [
        Capability(str(protocol), declared=False, found=await _answers(server, booted, protocol))
        for protocol in PROTOCOLS.values()
        # A protocol of another transport cannot be tried on the port that was opened for this one.
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
    """Return whether the server answers over a protocol for which it was not started."""
    name = f"unclaimed-{protocol}"
    clients = Clients(booted.recorder, replace(booted.endpoint, protocol=protocol), booted.limits)
    try:
        if not await clients.execute(Connect(name)):
            return False
        # RFC 9113 §3.2: over TLS only "h2" in ALPN chooses HTTP/2. A server that chose nothing may still read the bytes.
        chosen = next((tls.alpn for tls in booted.recorder.trace.all(TlsEstablished(name))), "")
        if protocol in HTTP2 and protocol.tls and chosen != protocol.alpn:
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
    with booted.session() as server_session:
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
    """Return one capability for each protocol and feature: found if it was found anywhere."""
    best: dict[str, Capability] = {}
    for capability in tried:
        what = capability.what
        if what not in best or (capability.found and not best[what].found):
            best[what] = capability
    return list(best.values())
