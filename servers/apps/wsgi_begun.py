"""The gated WSGI application for servers that read status and headers as soon as the application has returned.

WSGI also lets an application call `start_response` at the first iteration of its iterable, and servers must support that
(https://peps.python.org/pep-3333/#the-start-response-callable); the application in `wsgi.py` does so. Here the first piece
is made before the application returns, so that the rest of such a server can be tested.
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
    return BegunResponse(pieces) if isinstance(pieces, wsgi.HeldResponse) else pieces


class BegunResponse:
    """A held response whose first piece is made; the server iterates over it, and then closes it."""

    def __init__(self, held: wsgi.HeldResponse) -> None:
        self._held = held
        self._rest = iter(held)
        try:
            self._first = next(self._rest)
        except BaseException:
            held.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces of the body."""
        yield self._first
        yield from self._rest

    def close(self) -> None:
        """Close the gate's connection."""
        self._held.close()
