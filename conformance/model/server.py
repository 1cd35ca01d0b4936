"""What an adapter is: a value that says how a server is started, stopped and installed, and what it can do.

To add a server, write a file in ``servers/`` with one or more :class:`Server` values at its top level; nothing else is
needed. An adapter never names a scenario.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lastcall.conformance.model.versions import check_versions, names_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lastcall.conformance.model.launch import Launch
    from lastcall.conformance.model.protocol import Protocol


@dataclass(frozen=True)
class LameDuck:
    """The time after the signal in which the server goes on accepting, so that load balancers can react.

    ``option`` is the server's own option for it; ``documented`` links to its documentation. The drain and its timeout
    begin after it.
    """

    option: str
    documented: str


class Feature(enum.StrEnum):
    """A feature that a server may have and a scenario may need."""

    LIFESPAN = "lifespan"
    """The application has startup and shutdown hooks, and the shutdown hook reports to the gate (ASGI lifespan)."""
    WORKERS = "workers"
    """It can serve with several worker processes."""
    WEBSOCKET = "websocket"
    """It serves WebSockets over HTTP/1.1, and its application has the gated route for them."""
    WEBSOCKET_H2 = "websocket-h2"
    """It serves WebSockets over HTTP/2 (RFC 8441), each on a stream, and its application has the gated route for them."""


@dataclass(frozen=True)
class DefaultDrain:
    """The drain timeout of a server that is started without one, as most of its users start it.

    ``seconds`` is the documented value; None if the documentation says that the server waits for requests without a limit.
    ``documented`` links to it. If that is empty and ``seconds`` is None, nothing is known, and so nothing is promised.
    """

    seconds: float | None
    documented: str


@dataclass(frozen=True)
class Drain:
    """The drain timeout: after it, the server ends what is still in flight by force.

    ``option`` is the server's own option for it; ``documented`` links to its documentation.
    ``whole_seconds``: the option takes no fraction.
    ``default`` is what holds when the adapter leaves the option out, as it does for a launch with ``default_drain``;
    None if it cannot be left out, or nothing is documented.
    """

    option: str
    documented: str
    whole_seconds: bool = False
    default: DefaultDrain | None = None


@dataclass(frozen=True)
class Timed:
    """The resources of a server whose handlers cannot speak to the gate: a closed binary, a production image.

    ``slow`` is the path of one that answers after ``slow_s`` seconds; ``streaming`` of one that sends pieces of its
    response for about as long (empty: there is none); ``ready`` of one that answers with 200 at once.
    """

    slow: str
    slow_s: float
    streaming: str = ""
    ready: str = "/"


@dataclass(frozen=True)
class Departure:
    """Why a server by its nature breaks an article of the gate's contract, and which of its versions do.

    ``versions`` is written as :mod:`lastcall.conformance.model.versions` describes; an empty text names every version.
    """

    reason: str
    versions: str = ""

    def __post_init__(self) -> None:
        check_versions(self.versions)


@dataclass(frozen=True)
class Server:
    """An adapter.

    ``command`` returns the command line, ``files`` the configuration files that it refers to (text by name, written into
    ``launch.directory``). ``version`` returns the installed version, or None if the server is not installed;
    ``install`` are the shell commands that install it, run by ``python -m lastcall install`` in the folder of
    the server files with ``LASTCALL_CACHE`` set.
    ``built_from`` are the folders beside the adapters whose sources these commands build: when they change, the server has
    to be installed again.
    ``exit_statuses`` are those of a successful graceful stop (a negative one is a signal's number).
    ``needs_origin``: it is a proxy, the gated application stands behind it.
    ``signals`` are further documented signals by their role: ``force`` ends the drain at once, ``reload`` puts new
    workers or a new configuration in place while the server goes on serving.
    ``drain`` is None for a server that has no drain timeout: it waits for as long as a request takes.
    ``lame_duck`` is None for a server that has no option to go on accepting for a while after the signal.
    ``timed``: its handlers cannot speak to the gate, so checks that need the gate's reports cannot judge it.
    ``stop`` returns a command that requests the graceful stop in place of the signal, for a server in a container or on
    another host; it receives the launch and the process's id, and has to pass the request on at once. It may run for as
    long as the drain; another status than 0 means that the server was not stopped: "setup failed". ``remove`` returns a
    command that removes what outlives the process there; it runs after every process that was started, even one that
    never served. Both get the server's own small environment and run in its directory.
    ``streams_at_once`` is how many requests of one HTTP/2 connection it has in handlers at a time, if that is fewer than a
    scenario might send; else None.
    ``departures`` are the articles of the gate's contract that the server's own nature breaks, by article and version
    of HTTP: a listed one that is kept is an error, so that the list stays true. Only the versions that it names are held
    to it.
    ``mutant``: deliberately broken; never part of ``--server all``.
    """

    name: str
    speaks: frozenset[Protocol]
    command: Callable[[Launch], Sequence[str]]
    version: Callable[[], str | None]
    install: tuple[str, ...]
    documentation: str
    graceful_signal: str = "SIGTERM"
    signal_documented: str = ""
    signals: Mapping[str, str] = field(default_factory=dict)
    features: frozenset[Feature] = frozenset()
    exit_statuses: tuple[int, ...] = (0,)
    drain: Drain | None = None
    lame_duck: LameDuck | None = None
    needs_origin: bool = False
    files: Callable[[Launch], Mapping[str, str]] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timed: Timed | None = None
    stop: Callable[[Launch, int], Sequence[str]] | None = None
    remove: Callable[[Launch, int], Sequence[str]] | None = None
    streams_at_once: int | None = None
    departures: Mapping[tuple[str, int], Departure] = field(default_factory=dict)
    built_from: tuple[str, ...] = ()
    mutant: bool = False

    def departure(self, article: str, version_of_http: int) -> Departure | None:
        """Return the departure from an article of the contract, whichever versions it names; None if there is none."""
        return self.departures.get((article, version_of_http))

    def departs(self, article: str, version_of_http: int, installed: str) -> bool:
        """Return whether the installed version is one that is known to break the article."""
        listed = self.departure(article, version_of_http)
        return listed is not None and names_version(listed.versions, installed)

    @property
    def ready(self) -> str:
        """The path that answers with 200 as soon as the server serves."""
        return self.timed.ready if self.timed else "/ready"
