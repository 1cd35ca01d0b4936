"""Puma: HTTP/1.1 for Rack applications, in Ruby; here Debian's package, as one process with threads.

SIGTERM stops it gracefully: it closes the listener and idle connections, and serves requests that it has read, with
``connection: close``. SIGINT does the same; a second one changes nothing. After SIGTERM the process ends by raising that
signal again, unless ``raise_exception_on_sigterm`` is off.
https://github.com/puma/puma/blob/v5.6.5/docs/signals.md and https://puma.io/puma/Puma/DSL.html

Without ``force_shutdown_after`` it waits for as long as a request takes. With it, an exception interrupts an application
that runs at that time, and its client gets 503. It does not interrupt an application whose response is being sent: Puma
kills that thread 5 s later, and the process lives on until then.
https://github.com/puma/puma/blob/v5.6.5/lib/puma/thread_pool.rb (``shutdown``, ``SHUTDOWN_GRACE_TIME``)

Puma reads a request's body before it calls the application, so a handler starts only when the upload is whole.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers.installation import APPLICATIONS, CACHE, find_program, printed_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_UNPACKED = CACHE / "puma"
_PROGRAM = find_program("puma", _UNPACKED / "usr" / "bin" / "puma")

# As many threads as the suite holds requests. Idle connections (closed after 20 s by default) and connections without a
# first request (after 30 s) must last until the shutdown.
_CONFIGURATION = """environment "production"
bind "{bind}"
threads 64, 64
persistent_timeout 120
first_data_timeout 120
"""
_FORCE = "https://puma.io/puma/Puma/DSL.html#force_shutdown_after-instance_method"


def _unpacked_environment() -> dict[str, str]:
    """Return the variables by which an unpacked Ruby, which looks for everything below /usr, finds its parts."""
    if not _PROGRAM.is_relative_to(_UNPACKED):
        return {}
    libraries = ("usr/lib/ruby/[0-9]*", "usr/lib/ruby/vendor_ruby", "usr/lib/*/ruby/[0-9]*")
    places = {
        "LD_LIBRARY_PATH": ("usr/lib/*-linux-*",),
        "RUBYLIB": libraries,
        "GEM_PATH": ("usr/lib/*/rubygems-integration/*",),
    }
    return {
        name: os.pathsep.join(str(folder) for pattern in patterns for folder in sorted(_UNPACKED.glob(pattern)))
        for name, patterns in places.items()
    }


_ENVIRONMENT = _unpacked_environment()


def _puma() -> list[str]:
    # The script's first line names the system's Ruby, which may not exist.
    ruby = [str(_PROGRAM.with_name("ruby"))] if _ENVIRONMENT else []
    return [*ruby, str(_PROGRAM)]


def _version() -> str | None:
    printed = printed_version([*_puma(), "--version"], environment=_ENVIRONMENT)
    return printed and printed.rpartition(" ")[2]


def _files(launch: Launch) -> dict[str, str]:
    address = f"{launch.host}:{launch.port}"
    bind = f"ssl://{address}?cert={launch.cert}&key={launch.key}" if launch.protocol.tls else f"tcp://{address}"
    drain = "" if launch.default_drain else f"force_shutdown_after {float(launch.drain_s)}\n"
    return {"puma.rb": _CONFIGURATION.format(bind=bind) + drain}


PUMA = Server(
    name="puma",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS}),
    command=lambda _launch: [*_puma(), "--config", "puma.rb", str(APPLICATIONS / "ruby" / "gate.ru")],
    files=_files,
    environment=_ENVIRONMENT,
    version=_version,
    install=("sh apps/fetch_debian.sh puma puma puma",),
    documentation="https://puma.io/puma/",
    signal_documented="https://github.com/puma/puma/blob/v5.6.5/docs/signals.md",
    exit_statuses=(-signal.SIGTERM,),
    # The default is ``:forever``.
    drain=Drain("force_shutdown_after", _FORCE, default=DefaultDrain(None, _FORCE)),
)
