"""The steps of a timeline. They are values: the player executes them.

Steps are executed one after another. If a fact that is awaited *before* the shutdown does not come, the play does not
reach its question (``setup failed``). If one does not come *after* the shutdown, the timeline goes on, because that is
what the checks are about.
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
    """Order the handler to read the request's body to its end."""

    request: str

    @property
    def can_be_timed(self) -> bool:
        """False: only a handler at the gate takes orders."""
        return False


@dataclass(frozen=True)
class SendChunk(Step):
    """Order the handler to send a piece of its response, ``length`` bytes, with the head before the first piece."""

    request: str
    length: int = 9

    @property
    def can_be_timed(self) -> bool:
        """Whether a streaming resource does it by itself: not if the scenario sets a length."""
        return self.length == SendChunk.length


@dataclass(frozen=True)
class ReleaseHandler(Step):
    """Order the handler to end its response, with ``length`` more bytes."""

    request: str
    length: int = 9


@dataclass(frozen=True)
class Await(Step):
    """Wait until an event fits ``fact``, at most for the named limit.

    ``optional``: the timeline goes on without the fact, even before the shutdown.
    """

    fact: Event
    within: Limit = ""
    optional: bool = False

    @property
    def can_be_timed(self) -> bool:
        """Whether the fact is no report of the application. The entry of a handler is assumed in timed mode."""
        return type(self.fact).__name__ not in ("HandlerReported", "ApplicationReported")

    def __str__(self) -> str:
        shown = [f"{name}={value}" for name, value in set_fields(self.fact)]
        bound = f", within {self.within.removesuffix('_s')}" if self.within else ""
        bound += ", optional" if self.optional else ""
        return f"Await({type(self.fact).__name__}({', '.join(shown)}){bound})"


@dataclass(frozen=True)
class Elapse(Step):
    """Let time pass that is itself under test; ``why`` says why.

    The step ends early when the server's process ends, unless ``beyond_exit``: then the time after the exit is under test.
    """

    duration: Duration
    why: str
    beyond_exit: bool = False


@dataclass(frozen=True)
class Shutdown(Step):
    """Send the server its graceful signal."""


@dataclass(frozen=True)
class Signal(Step):
    """Send the server another signal: ``again`` repeats the graceful one, the other roles are those of its documentation.

    These are ``force`` (end at once, in the server's own way), ``hard`` (end harder, but not by SIGKILL, if the server has
    such a signal), and ``reload`` (new processes or a new configuration, without a shutdown). From a reload on, what does
    not come is the server's responsibility, as from the shutdown on.
    ``pause`` and ``resume`` stop its first process and let it go on, as on a machine that is short of processor time.
    """

    role: str


@dataclass(frozen=True)
class ReadProcessorTime(Step):
    """Read from the kernel how much processor time the server's processes have used so far."""


@dataclass(frozen=True)
class HoldHook(Step):
    """Hold the application's shutdown hook (ASGI lifespan) at the gate, until :class:`ReleaseHook`."""

    @property
    def can_be_timed(self) -> bool:
        """False: only a hook at the gate can be held."""
        return False


@dataclass(frozen=True)
class ReleaseHook(Step):
    """Let the shutdown hook go on."""


@dataclass(frozen=True)
class FindWorkers(Step):
    """Find which process of the server holds each open connection, in Linux's tables."""


@dataclass(frozen=True)
class SignalWorker(Step):
    """Send a signal to the process that holds the server's side of a connection, found by :class:`FindWorkers`.

    ``pause`` and ``resume`` stop it and let it go on, so that other workers take what comes meanwhile. ``kill`` ends it
    by SIGKILL, as the kernel does when it is out of memory; a control leaves the kill out.
    """

    connection: str
    role: Literal["pause", "resume", "kill"]


@dataclass(frozen=True)
class BackgroundStep(Step):
    """A step of the clients that run by themselves beside the timeline."""

    @property
    def can_be_timed(self) -> bool:
        """False: their requests are held and released at the gate."""
        return False


@dataclass(frozen=True)
class BeginLoop(BackgroundStep):
    """Start a client that sends one request after another until :class:`EndLoops`, each held for ``held_s`` in its handler.

    Requests are named ``NAME-1``, ``NAME-2`` ...; connections ``NAME/1`` and so on. ``fresh``: each request has a
    connection of its own; otherwise one is kept until it ends, or until the server announces its end.
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
    """Start ordinary clients (httpx, as an application uses it) that send one request after another until :class:`EndLoops`."""

    name: str
    clients: int = 4
    held_s: float = 0.04


@dataclass(frozen=True)
class EndLoops(BackgroundStep):
    """Stop the clients that run by themselves, each after its current request.

    Those of :class:`BeginStreams` stop at once: later steps wait for what becomes of their requests.
    """

    @property
    def can_be_timed(self) -> bool:
        """Whether it can depends on what was begun."""
        return True


@dataclass(frozen=True)
class StartSuccessor(Step):
    """Start a second server on the same port, as a deployment does; it is ready or has failed when the step is over."""


Timeline = tuple[Step, ...]
