"""Starts processes in a way that they can always be ended: see :mod:`lastcall.conformance.harness.process.reaper`."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from lastcall.conformance.harness.process import reaper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class ProcessSessions:
    """The sessions that this run has started, known to a reaper that ends them if the run is killed."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._token_of: dict[int, str] = {}
        self._started_at: dict[int, int] = {}
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__, self.token],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        if self._reaper.stdout is not None:
            # Until its first line, a signal to all processes of the run could still end it.
            self._reaper.stdout.readline()
            self._reaper.stdout.close()
        inherit_no_ignored_signals()

    def start(self, argv: Sequence[str], directory: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a program in a session and a directory of its own; raises OSError if there is no such program."""
        token = f"{self.token}.{next(self._numbers)}"
        started = subprocess.Popen(
            argv,
            cwd=directory,
            env={**variables, reaper.TOKEN: token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._token_of[started.pid] = token
        self._started_at[started.pid] = reaper.started_at(started.pid)
        self._tell(f"+ {started.pid}")
        return started

    def members(self, pid: int) -> list[int]:
        """Return the living processes that this one started, itself included, by their session and by its token.

        A daemon leaves the session but keeps the token in its environment. Only one that clears that too is not found.
        """
        return reaper.members({pid}, self._token_of[pid], self._started_at[pid])

    def over(self, pid: int) -> None:
        """Inform the reaper that no process of this session is left."""
        self._tell(f"- {pid}")

    def close(self) -> None:
        """End the reaper, which ends every process that is left."""
        if self._reaper.stdin is not None:
            self._reaper.stdin.close()
        self._reaper.wait()

    def _tell(self, line: str) -> None:
        if self._reaper.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._reaper.stdin.fileno(), f"{line}\n".encode())


def inherit_no_ignored_signals() -> None:
    """Make children start with every signal's default disposition.

    ``cmd &`` in sh, nohup and some CI start their programs with SIGINT or SIGQUIT ignored. A server inherits that, and would
    be blamed for not reacting. An ignored signal survives ``exec``, a handled one is reset to its default: so every signal
    that is ignored here gets a handler that does nothing. Only the main thread can set handlers; in any other nothing is
    changed.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in signal.valid_signals():
        # SIGPIPE and SIGXFSZ are ignored by Python itself, and reset by subprocess.
        if number not in (signal.SIGPIPE, signal.SIGXFSZ) and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)
