"""The steps a timeline is made of. They are values: what they do is the player's business.

Steps are obeyed one after another. A fact that is awaited *before* the shutdown and does not come means that the play
never got to its question (``setup failed``); one that does not come *after* it is what the checks are about, so the
timeline goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lastcall.conformance.model.event import set_fields
from lastcall.conformance.model.step import Duration, Limit, Step

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event


@dataclass(frozen=True)
class ReadBody(Step):
    """Tell the handler to read the request's body to its end."""

    request: str

    @property
    def can_be_timed(self) -> bool:
        """Nobody can tell the handler so."""
        return False


@dataclass(frozen=True)
class SendChunk(Step):
    """Tell the handler to send a piece of its response, ``length`` bytes, and the head before it if need be."""

    request: str
    length: int = 9

    @property
    def can_be_timed(self) -> bool:
        """Whether a streaming resource does it by itself: not if a length is asked for."""
        return self.length == SendChunk.length


@dataclass(frozen=True)
class ReleaseHandler(Step):
    """Tell the handler to end its response, with ``length`` more bytes."""

    request: str
    length: int = 9


@dataclass(frozen=True)
class Await(Step):
    """Wait until an event fits ``fact``, at most for the named limit.

    ``optional``: before the shutdown too, the timeline goes on without it.
    """

    fact: Event
    within: Limit = ""
    optional: bool = False

    @property
    def can_be_timed(self) -> bool:
        """Whether the fact is not a report of the application's; that a handler is entered is taken for granted."""
        return type(self.fact).__name__ not in ("HandlerReported", "ApplicationReported")

    def __str__(self) -> str:
        shown = [f"{name}={value}" for name, value in set_fields(self.fact)]
        bound = f", within {self.within.removesuffix('_s')}" if self.within else ""
        bound += ", optional" if self.optional else ""
        return f"Await({type(self.fact).__name__}({', '.join(shown)}){bound})"


@dataclass(frozen=True)
class Elapse(Step):
    """Let time pass that is itself under test; ``why`` says what for.

    It is over when the server's process has ended, unless ``beyond_exit``: then it is about what comes after.
    """

    duration: Duration
    why: str
    beyond_exit: bool = False


@dataclass(frozen=True)
class Shutdown(Step):
    """Send the server its graceful signal."""


@dataclass(frozen=True)
class Signal(Step):
    """Send the server another signal: ``again`` is the graceful one once more, else what the server documents.

    The roles are ``force`` (ends at once, in its own way), ``hard`` (SIGKILL's gentler cousin, if there is one), and
    ``reload`` (new processes or a new configuration, without an end); from a reload on, what does not come is the
    server's doing, as it is from the shutdown on.
    ``pause`` and ``resume`` stop its first process and let it go on, as a machine that is short of time does.
    """

    role: str


@dataclass(frozen=True)
class ReadProcessorTime(Step):
    """Read from the kernel how much processor time the server's processes have taken so far."""


@dataclass(frozen=True)
class HoldHook(Step):
    """Let the application's shutdown hook (ASGI lifespan) wait in the gate, until :class:`ReleaseHook`."""

    @property
    def can_be_timed(self) -> bool:
        """Nobody can tell the handler so."""
        return False


@dataclass(frozen=True)
class ReleaseHook(Step):
    """Let the shutdown hook go on."""


@dataclass(frozen=True)
class FindWorkers(Step):
    """Look which process of the server holds each connection that is open (Linux's tables tell)."""


@dataclass(frozen=True)
class SignalWorker(Step):
    """Send a signal to the process that holds the server's side of a connection, which the timeline has looked for.

    ``pause`` and ``resume`` stop it and let it go on, so that other workers take what comes meanwhile. ``kill`` ends it
    by SIGKILL, as the kernel does when it is out of memory; in a control nobody is killed.
    """

    connection: str
    role: Literal["pause", "resume", "kill"]


@dataclass(frozen=True)
class BackgroundStep(Step):
    """A step of the clients that go on by themselves while the timeline does."""

    @property
    def can_be_timed(self) -> bool:
        """Nobody can tell the handler so."""
        return False


@dataclass(frozen=True)
class BeginLoop(BackgroundStep):
    """Let a client send one request after another until :class:`EndLoops`, each held for ``held_s`` in its handler.

    Requests are called ``NAME-1``, ``NAME-2`` ...; connections ``NAME/1`` and so on. ``fresh``: each request has a
    connection of its own; otherwise one is kept until it ends, or the server has told that it wants no more of it.
    """

    name: str
    fresh: bool = False
    held_s: float = 0.04


@dataclass(frozen=True)
class BeginStreams(BackgroundStep):
    """Let a client send request after request on a connection that stands, without waiting for the answers.

    It sends one at once and then one every ``every_s``, called ``NAME-1``, ``NAME-2`` ..., as long as fewer than
    ``at_once`` of them are open. It stops by itself when the server takes no more on this connection, because it has
    named its last stream (over HTTP/1.1: said that it closes) or has ended it; and at :class:`EndLoops`. That it has
    stopped is a fact, StreamsEnded. Each handler is held for ``held_s``. Over HTTP/1.1 the requests are pipelined.
    """

    connection: str
    name: str
    every_s: float = 0.005
    at_once: int = 4
    held_s: float = 0.02
    target: str = ""

    @property
    def can_be_timed(self) -> bool:
        """Whether a resource that takes its time does as well: what is asked is what becomes of the requests."""
        return True


@dataclass(frozen=True)
class BeginLoad(BackgroundStep):
    """Let ordinary clients (httpx, as an application uses it) send one request after another until :class:`EndLoops`."""

    name: str
    clients: int = 4
    held_s: float = 0.04


@dataclass(frozen=True)
class EndLoops(BackgroundStep):
    """Let the clients that go on by themselves come to the end of their requests, and stop.

    Those of :class:`BeginStreams` stop at once: what becomes of their requests is what the timeline waits for.
    """

    @property
    def can_be_timed(self) -> bool:
        """Whether it can depends on what has begun."""
        return True


@dataclass(frozen=True)
class StartSuccessor(Step):
    """Start a second server on the same port, as a deployment does; it is ready or has failed when the step is over."""


Timeline = tuple[Step, ...]
