"""The contract kit: small named checks that hold an adapter, and the application behind it, to ``docs/gate.md``.

The server is booted through its adapter by the code that every play uses, with the same clients and the same gate; it is
not shut down. Without this kit, an application that miscounts its bytes would make a server look broken.

The kit knows no test framework: :func:`hold` returns an :class:`Outcome` for each article.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lastcall.conformance.harness.gate.gate import PATTERN
from lastcall.conformance.harness.server_session import ServerSession, ServerSessionError, boot
from lastcall.conformance.model.client_events import (
    BodyReceived,
    ResponseEnded,
    ResponseStarted,
)
from lastcall.conformance.model.client_steps import READY
from lastcall.conformance.model.limits import DEFAULT, Limits
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    HandlerFinished,
    HandlerReported,
    RemoveFailed,
)

if TYPE_CHECKING:
    from lastcall.conformance.harness.environment import Environment
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.server import Server

OK, NOT_FOUND = 200, 404


@dataclass(frozen=True)
class Outcome:
    """The result of one article: ``broken`` says in one line how it was broken; empty if it was kept."""

    article: str
    promise: str
    broken: str = ""


Article: TypeAlias = Callable[[ServerSession], Awaitable[None]]


def pattern(length: int) -> bytes:
    """Return the first bytes of the pattern that fills every response body."""
    return (PATTERN * (length // len(PATTERN) + 1))[:length]


async def ready_answers_at_once(server_session: ServerSession) -> None:
    """``GET /ready`` is answered with 200 and ``ready`` with its line end, and no handler is held for it."""
    await server_session.ask("ready", READY)
    await server_session.answer("ready", OK, b"ready\n")
    if server_session.recorder.has(HandlerEntered("ready")):
        raise ServerSessionError("GET /ready came to the gate")


async def anything_else_is_not_found(server_session: ServerSession) -> None:
    """A path that is none of the routes is answered with 404."""
    await server_session.ask("nowhere", "/nowhere")
    await server_session.answer("nowhere", NOT_FOUND)


async def handler_says_what_it_saw(server_session: ServerSession) -> None:
    """A handler enters with the last segment of its path, the method, and the whole target with its query."""
    await server_session.ask("entered", "/hold/entered?drink=tea&milk=no", method="PUT", body=b"cup")
    entered = await server_session.expect(HandlerEntered("entered"))
    if (entered.method, entered.target) != ("PUT", "/hold/entered?drink=tea&milk=no"):
        raise ServerSessionError(f"PUT /hold/entered?drink=tea&milk=no entered as {entered.method} {entered.target}")
    await server_session.order("entered", "read", "finish 9")
    await server_session.answer("entered", OK, pattern(9))


async def finish_alone_is_one_piece(server_session: ServerSession) -> None:
    """``finish 9`` as the only order is a whole response: ``content-length: 9``, plain text, nine bytes of the pattern."""
    await server_session.ask("one-piece")
    await server_session.order("one-piece", "finish 9")
    started = await server_session.answer("one-piece", OK, pattern(9))
    fields = {name.lower(): value for name, value in started.headers}
    if fields.get("content-length") != "9":
        raise ServerSessionError(
            f"the response to one 'finish 9' had content-length {fields.get('content-length')}, not 9"
        )
    if not fields.get("content-type", "").startswith("text/plain"):
        raise ServerSessionError(f"the response had content-type {fields.get('content-type')}, not text/plain")
    await _has_finished(server_session, "one-piece", 9)


async def finish_of_nothing_is_empty(server_session: ServerSession) -> None:
    """``finish 0`` as the only order is a whole response with an empty body."""
    await server_session.ask("empty")
    await server_session.order("empty", "finish 0")
    await server_session.answer("empty", OK, b"")
    await _has_finished(server_session, "empty", 0)


async def piece_arrives_before_the_finish(server_session: ServerSession) -> None:
    """``send 9`` reaches the client while the handler is still held, without ``content-length``, and the handler reports it."""
    await server_session.ask("streamed")
    await server_session.order("streamed", "send 9")
    started = await server_session.expect(ResponseStarted("streamed", OK))
    await server_session.expect(BodyReceived("streamed"))
    if "content-length" in {name.lower() for name, _value in started.headers}:
        raise ServerSessionError("a response of unknown length was sent with a content-length")
    await server_session.order("streamed", "finish 0")
    await server_session.answer("streamed", OK, pattern(9))


async def pieces_continue_the_pattern(server_session: ServerSession) -> None:
    """Pieces of 1, 8, 9, 10 and 100000 bytes and a last one continue the pattern where the piece before ended."""
    await server_session.ask("pieces")
    await server_session.order("pieces", "send 1", "send 8", "send 9", "send 10", "send 100000", "finish 7")
    await server_session.answer("pieces", OK, pattern(100_035))
    await _has_finished(server_session, "pieces", 100_035)


async def read_counts_the_body(server_session: ServerSession) -> None:
    """``read`` reads a request's body to its end, whether empty, small or 100 kB, and reports how many bytes it had."""
    for length in (0, 5, 100_000):
        request = f"read-{length}"
        await server_session.ask(request, method="POST", body=pattern(length))
        await server_session.order(request, "read")
        await server_session.expect(HandlerReported(request, f"read {length}"))
        await server_session.order(request, "finish 9")
        await server_session.answer(request, OK, pattern(9))


async def handlers_are_held_beside_each_other(server_session: ServerSession) -> None:
    """Two handlers are held at once, and the second may finish first: most timelines hold several."""
    await server_session.ask("first")
    await server_session.expect(HandlerEntered("first"))
    await server_session.ask("second", on="first")
    for request, length in (("second", 10), ("first", 9)):
        await server_session.order(request, f"finish {length}")
        await server_session.answer(request, OK, pattern(length))


async def handlers_give_up_without_the_gate(server_session: ServerSession) -> None:
    """When the gate closes without a ``finish``, handlers give up: no client gets a whole 200, begun or not.

    A server may treat an error after the head as it likes: Daphne, and Hypercorn over HTTP/2, leave such a response
    hanging. So only the response that has not begun has to end. This is the last article: the gate stays closed.
    """
    await server_session.ask("not-begun")
    await server_session.expect(HandlerEntered("not-begun"))
    await server_session.ask("begun")
    await server_session.order("begun", "send 9")
    await server_session.expect(BodyReceived("begun"))
    server_session.gate.close()
    if not await server_session.over("not-begun"):
        raise ServerSessionError("'not-begun' was still held when the gate had been closed for a while")
    await server_session.ask("afterwards", READY)
    await server_session.answer("afterwards", OK, b"ready\n")
    for request in ("not-begun", "begun"):
        ended = server_session.recorder.trace.first(ResponseEnded(request))
        # RFC 9112 §6.3, rule 8: the end of the connection ends such a body, so a whole one looks like a cut one.
        if ended and ended.framing != "close" and server_session.recorder.has(ResponseStarted(request, OK)):
            raise ServerSessionError(f"{request!r} ended as a whole 200 though the gate never said finish")


async def _has_finished(server_session: ServerSession, request: str, length: int) -> None:
    finished = await server_session.expect(HandlerFinished(request))
    if finished.length != length:
        raise ServerSessionError(f"the handler of {request!r} reported 'finished {finished.length}', not {length}")


CONTRACT: tuple[Article, ...] = (
    ready_answers_at_once,
    anything_else_is_not_found,
    handler_says_what_it_saw,
    finish_alone_is_one_piece,
    finish_of_nothing_is_empty,
    piece_arrives_before_the_finish,
    pieces_continue_the_pattern,
    read_counts_the_body,
    handlers_are_held_beside_each_other,
    handlers_give_up_without_the_gate,
)
"""Every article, in the order in which they are tried on one server: the last one closes the gate for good."""


def hold(environment: Environment, server: Server, protocol: Protocol, limits: Limits = DEFAULT) -> list[Outcome]:
    """Boot a server once, try every article on it, and return their outcomes.

    Raises :class:`ServerSessionError` if it cannot be booted. If the server has ended, the article that failed for it says
    so. If the adapter's ``remove`` fails, that is a further broken outcome.
    """
    return environment.run(_hold(environment, server, protocol, limits))


async def _hold(environment: Environment, server: Server, protocol: Protocol, limits: Limits) -> list[Outcome]:
    outcomes = []
    async with boot(environment, server, protocol, limits) as booted:
        for article in CONTRACT:
            with booted.session() as server_session:
                outcomes.append(await _outcome(article, server_session))
    failures = booted.recorder.trace.of(RemoveFailed)
    return outcomes + [
        Outcome("remove", "What outlives the server's process is removed.", failure.reason) for failure in failures
    ]


async def _outcome(article: Article, server_session: ServerSession) -> Outcome:
    broken = ""
    try:
        await article(server_session)
    except ServerSessionError as error:
        ended = (
            f"the server had ended, with status {server_session.process.status}: "
            if server_session.process.exited
            else ""
        )
        broken = f"{ended}{error}"
    return Outcome(article.__name__, " ".join((article.__doc__ or "").split()), broken)
