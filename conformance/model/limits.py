"""Every time limit of the suite, each with its reason."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Limits:
    """Limits in seconds. A server that works keeps them on a busy machine too; they do not measure its speed.

    The report shows how near a server came to each limit. If the harness itself was later than ``lag_s`` in a play, its
    times are not precise enough for a limit: a check that would be broken by a limit alone then answers "cannot tell".
    """

    boot_s: float = 30.0
    """From the process's start to its first 200. A JVM on a loaded CI machine takes several seconds."""
    connect_s: float = 5.0
    """For ``connect()`` and for the TLS handshake, each; on loopback both take milliseconds."""
    before_shutdown_s: float = 10.0
    """For any fact that a timeline waits for before its shutdown, such as a handler being entered."""
    goaway_s: float = 1.0
    """From the signal to the first GOAWAY. Without one, a client goes on opening streams on a connection that is ending."""
    idle_close_s: float = 2.5
    """From the signal to the close of an idle connection. Go, h2o and Caddy take 1.0 s by design, nghttpx 2.0 s (the time
    between its two GOAWAYs); gunicorn's tick is 1.4 s."""
    after_response_close_s: float = 2.0
    """From the last response to the close of its connection. Go waits 1 s for the client to go first."""
    exit_slack_s: float = 3.0
    """From the moment at which nothing holds the server any more to its exit: closing bounds (2.5 s), the runtime's end."""
    forced_end_s: float = 2.5
    """From the end of the drain timeout to the exit: cancelling handlers, closing connections, the runtime's own end."""
    drain_early_s: float = 0.25
    """How long before its drain timeout a server may begin the forced end: only rounding and coarse ticks."""
    acknowledgement_s: float = 1.0
    """From a PING or SETTINGS to its acknowledgement, and from an exhausted window to a larger one: loopback takes a
    millisecond, and a client that checks its connection abandons it after some seconds."""
    passed_on_s: float = 1.0
    """From a handler's hand-over of a piece of its response, or the end, to the arrival. Loopback takes a millisecond."""
    new_connection_s: float = 2.0
    """For a connection attempted during the drain to be refused, closed or answered."""
    unwitnessed_entry_s: float = 0.5
    """In timed mode: how long after a request was sent its handler is assumed to run, since no handler reports it."""
    lag_s: float = 0.25
    """How late the harness may be in a play before its measured times are no evidence against a server."""

    @classmethod
    def stored(cls, record: Mapping[str, Any]) -> Limits:
        """Return the limits that a trace was played with; a limit that this version does not know is left out.

        Raises ValueError for one that is no number.
        """
        known = {item.name for item in dataclasses.fields(cls)}
        for name, value in record.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(f"the limit {name!r} is {value!r}, and no number")  # noqa: TRY004 - bad input of a file
        return cls(**{name: value for name, value in record.items() if name in known})

    def as_dict(self) -> dict[str, float]:
        """Return the limits as they are stored with a trace."""
        return dataclasses.asdict(self)


DEFAULT = Limits()
