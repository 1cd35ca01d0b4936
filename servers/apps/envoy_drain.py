"""Runs Envoy, and on SIGTERM drains it through its administration interface before it quits.

Envoy ends at once on SIGTERM. Operators run a companion beside it that does this: ``drain_listeners?graceful``, wait
until the connections have ended or the time is over, ``quitquitquit``.
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/draining and
https://gateway.envoyproxy.io/docs/tasks/operations/graceful-shutdown/

Usage: envoy_drain.py DRAIN_S ADMINISTRATION_FILE LISTENER ENVOY ARGUMENT..., where Envoy's own
arguments make it write its administration's address into the file.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

_TICK_S = 0.05


class Administration:
    """Envoy's administration interface: https://www.envoyproxy.io/docs/envoy/latest/operations/admin."""

    def __init__(self, address_file: Path) -> None:
        self._address_file = address_file

    def post(self, path: str) -> None:
        """Send Envoy a command."""
        self._request(path, "POST")

    def connections(self, listener: str) -> int:
        """Return how many clients are connected to a listener."""
        text = self._request(f"stats?filter=^http.{listener}.downstream_cx_active$", "GET")
        return int(text.rpartition(":")[2])

    def _request(self, path: str, method: str) -> str:
        url = f"http://{self._address_file.read_text(encoding='ascii').strip()}/{path}"
        # No proxy, even if the environment names one.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, method=method), timeout=10) as answer:
            return str(answer.read().decode())


def drain(signalled: threading.Event, envoy: Administration, listener: str, drain_s: float) -> None:
    """Wait for the signal, drain Envoy for at most the drain timeout, and make it quit."""
    signalled.wait()
    deadline_s = time.monotonic() + drain_s
    envoy.post("drain_listeners?graceful")
    while time.monotonic() < deadline_s and envoy.connections(listener):
        time.sleep(_TICK_S)
    envoy.post("quitquitquit")


def main() -> int:
    """Run Envoy to its end, and return its exit status."""
    drain_s, address_file, listener, *command = sys.argv[1:]
    signalled = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: signalled.set())
    envoy = Administration(Path(address_file))
    with subprocess.Popen(command) as process:
        # Python runs signal handlers only in the main thread. When a stopped process goes on, the kernel may deliver the
        # signal to the other thread, and then its handler would not run while the main thread waits for Envoy.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=drain, args=(signalled, envoy, listener, float(drain_s)), daemon=True).start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())
