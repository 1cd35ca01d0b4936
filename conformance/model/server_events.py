"""Events of the application (its reports to the gate), of the server's processes, and of the play itself."""

from __future__ import annotations

from dataclasses import dataclass

from lastcall.conformance.model.event import Event

# --- the application ---


@dataclass(frozen=True)
class HandlerEntered(Event):
    """The application's handler runs and has reported so."""

    request: str = ""
    method: str = ""
    target: str = ""


@dataclass(frozen=True)
class HandlerOrdered(Event):
    """The harness gave a handler an order (``read``, ``send 9``, ``finish 9``); ``finish`` releases it."""

    request: str = ""
    order: str = ""


@dataclass(frozen=True)
class HandlerReported(Event):
    """A handler reported that it obeyed an order (``read 5``, ``sent 9``) or what the server signalled (``disconnected``)."""

    request: str = ""
    report: str = ""


@dataclass(frozen=True)
class HandlerFinished(Event):
    """A handler has handed its whole response to the server; the body has ``length`` bytes."""

    request: str = ""
    length: int = -1


@dataclass(frozen=True)
class HandlerFailed(Event):
    """A handler caught an error."""

    request: str = ""
    reason: str = ""


@dataclass(frozen=True)
class HandlerCancelled(Event):
    """A handler's connection to the gate dropped before the handler finished: it was cancelled, or its process ended."""

    request: str = ""


@dataclass(frozen=True)
class ApplicationReported(Event):
    """A startup or shutdown hook of the application reported (``process PID WORDS`` in the gate's protocol)."""

    pid: int = 0
    report: str = ""


# --- the server's processes ---


@dataclass(frozen=True)
class ServerStarted(Event):
    """The server's process was started with this command line."""

    pid: int = 0
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServerReady(Event):
    """The server answered ``GET /ready`` with 200, in the protocol of the play."""


@dataclass(frozen=True)
class SignalSent(Event):
    """A signal was sent to the server's process, which had not exited yet.

    ``purpose`` is ``shutdown`` for the signal that starts the graceful stop, else the signal's role in the timeline.
    ``held_back_ns`` is how long the harness held the signal back, to send it at a moment when nothing was ready to be read.
    """

    signal: str = ""
    purpose: str = ""
    held_back_ns: int = 0


@dataclass(frozen=True)
class ListenerClosed(Event):
    """The kernel no longer lists a listening socket on the server's port."""


@dataclass(frozen=True)
class OutputWritten(Event):
    """The server wrote a line to ``stdout`` or ``stderr``, or its adapter's command wrote one (``stop``, ``remove``)."""

    stream: str = ""
    text: str = ""


@dataclass(frozen=True)
class OutputDropped(Event):
    """``length`` bytes of the server's output were read but not kept; the first and the last lines are kept."""

    stream: str = ""
    length: int = 0


@dataclass(frozen=True)
class CommandEnded(Event):
    """An adapter's command (``stop``, ``remove``) ended; ``status`` is as in :class:`ServerExited`."""

    command: str = ""
    status: int | None = None


@dataclass(frozen=True)
class RemoveFailed(Event):
    """What outlives the server's process may still be there: its adapter's ``remove`` failed, or did not end in time."""

    reason: str = ""


@dataclass(frozen=True)
class ProcessorTimeRead(Event):
    """How much processor time each of the server's processes has used since its start, in nanoseconds.

    ``threads`` are the kernel's ids of all their threads, where the kernel tells how long each has run (``ran_ns``), and how
    long it could have run and waited for a processor (``waited_ns``).
    """

    pids: tuple[int, ...] = ()
    used_ns: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()
    ran_ns: tuple[int, ...] = ()
    waited_ns: tuple[int, ...] = ()


@dataclass(frozen=True)
class ServerExited(Event):
    """The server's process ended; ``status`` is its exit status, or minus the number of the signal that ended it."""

    status: int | None = None


@dataclass(frozen=True)
class ServerKilled(Event):
    """The harness ended the server with SIGKILL, because it had not exited by itself or the control was over."""

    reason: str = ""


@dataclass(frozen=True)
class OrphansFound(Event):
    """After the server's process had exited, these processes that it started still ran (and were then ended)."""

    pids: tuple[int, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConnectionAccepted(Event):
    """These processes hold the server's side of a connection, according to the kernel's tables. Mostly it is one."""

    connection: str = ""
    pids: tuple[int, ...] = ()


@dataclass(frozen=True)
class WorkerSignalled(Event):
    """The harness sent a signal to the process that holds a connection, as an operator or the kernel might."""

    connection: str = ""
    pid: int = 0
    signal: str = ""


@dataclass(frozen=True)
class SuccessorStarted(Event):
    """A second server was started on the same port; it tries to listen some time later."""


@dataclass(frozen=True)
class SuccessorReady(Event):
    """The second server answered ``GET /ready`` with 200."""


@dataclass(frozen=True)
class SuccessorFailed(Event):
    """The second server did not become ready."""

    reason: str = ""


@dataclass(frozen=True)
class PortChecked(Event):
    """After the exit: whether a new server could listen on the port."""

    free: bool | None = None


# --- the play itself ---


@dataclass(frozen=True)
class StepBegun(Event):
    """The player came to step ``index`` of the timeline."""

    index: int = -1
    text: str = ""


@dataclass(frozen=True)
class AwaitExpired(Event):
    """The fact that step ``index`` waited for did not come: the limit passed, or the fact became impossible."""

    index: int = -1
    text: str = ""
    impossible: bool = False


@dataclass(frozen=True)
class SetupFailed(Event):
    """The play did not reach its question: the server did not start, or a fact before the shutdown never came."""

    reason: str = ""


@dataclass(frozen=True)
class HarnessFailed(Event):
    """The harness itself failed; the server is not to blame."""

    reason: str = ""


@dataclass(frozen=True)
class LagMeasured(Event):
    """The worst lateness of the harness in this play, in nanoseconds.

    It is that of its own event loop, or how long it held the signal back, whichever is longer.
    """

    worst_ns: int = 0


@dataclass(frozen=True)
class PlayEnded(Event):
    """Last line of a complete trace. A trace without it was cut short, and is no evidence of what came next."""
