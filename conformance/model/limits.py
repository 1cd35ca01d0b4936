"""Every time limit of the suite, each with its reason."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits in seconds. They bound a server that works on a busy machine; none of them measures its speed.

    The report shows for each how near a server came. When the harness itself was later than ``lag_s`` in a play, its
    clocks cannot be trusted to a limit's precision, and a check that a limit would break says "cannot tell".
    """

    boot_s: float = 30.0
    """From the process's start to its first 200. A JVM on a loaded CI machine takes several seconds."""
    connect_s: float = 5.0
    """For ``connect()`` and for the TLS handshake, each; on loopback both take milliseconds."""
    before_shutdown_s: float = 10.0
    """For any fact that a timeline waits for before its shutdown, such as a handler being entered."""
    goaway_s: float = 1.0
    """From the signal to the first GOAWAY. A client that is not told goes on opening streams on a dying connection."""
    idle_close_s: float = 2.5
    """From the signal to the close of an idle connection. Go, h2o and Caddy take 1.0 s by design, nghttpx 2.0 s (the time
    between its two GOAWAYs); gunicorn's tick is 1.4 s."""
    after_response_close_s: float = 2.0
    """From the last response to the close of its connection. Go waits 1 s for the client to go first."""
    exit_slack_s: float = 3.0
    """From the moment nothing holds the server any more to its exit: closing bounds (2.5 s), then the runtime's own end."""
    forced_end_s: float = 2.5
    """From the end of the drain timeout to the exit: cancelling handlers, closing, the runtime's own end."""
    drain_early_s: float = 0.25
    """How much before its drain timeout a server may begin the forced end: rounding and coarse ticks, no more."""
    acknowledgement_s: float = 1.0
    """From a PING or SETTINGS to its acknowledgement, and to more window where there is none left: loopback takes a
    millisecond, and a client that checks its connection gives it up after some seconds."""
    passed_on_s: float = 1.0
    """From a handler's giving a piece of its response, or the end of it, to its arrival. Loopback takes a millisecond."""
    new_connection_s: float = 2.0
    """For a connection attempted during the drain to meet a clear fate: refused, closed, answered."""
    unwitnessed_entry_s: float = 0.5
    """In timed mode: from sending a request to taking it as being in its handler, where nobody can say so."""
    lag_s: float = 0.25
    """How late the harness may be in a play before its measurements of time are no evidence against a server."""

    def as_dict(self) -> dict[str, float]:
        """Give the limits as they are stored with a trace."""
        return dataclasses.asdict(self)


DEFAULT = Limits()
