"""The gated WSGI application for servers that take status and headers as soon as the application has returned.

An application may also call `start_response` when its iterable is first asked for a piece, and servers must not count
on less (https://peps.python.org/pep-3333/#the-start-response-callable); the one in `wsgi.py` does. Here the first piece
is asked for before the application returns, so that the rest of such a server can be tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.servers.apps import wsgi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer the routes of docs/gate.md."""
    pieces = wsgi.application(environ, start_response)
    return Begun(pieces) if isinstance(pieces, wsgi.Held) else pieces


class Begun:
    """A held response whose first piece is there; the server iterates over it, and then closes it."""

    def __init__(self, held: wsgi.Held) -> None:
        self._held = held
        self._rest = iter(held)
        try:
            self._first = next(self._rest)
        except BaseException:
            held.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces of the body."""
        yield self._first
        yield from self._rest

    def close(self) -> None:
        """Let go of the gate."""
        self._held.close()
