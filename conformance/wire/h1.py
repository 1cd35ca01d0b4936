"""HTTP/1.1 from a client's side: requests are written here, responses are parsed by h11.

Every request has a parser of its own, and the bytes after the end of one response go to the parser of the next request, so
any number of requests can be pipelined. A switch of protocols (101) is not read: it is a ProtocolViolated.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

from lastcall.conformance.model.client_events import (
    BodyReceived,
    BytesSent,
    InformationalReceived,
    ProtocolViolated,
    RequestEnded,
    RequestSent,
    ResponseStarted,
    TimeoutAnnounced,
    TrailersReceived,
)
from lastcall.conformance.wire.client import EXCERPT, Body, Outbox, ViolationError, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastcall.conformance.model.client_events import Headers
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.wire.client import Outgoing

MAX_HEAD = 64 * 1024
"""The size of a response's head in bytes beyond which it is not read; servers' own limits are mostly far below."""

_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})
_TIMEOUT = b"HTTP/1.1 408"
_NO_CONTENT = 204
_NOT_MODIFIED = 304


class H1Client:
    """One HTTP/1.1 connection; see :class:`lastcall.conformance.wire.client.WireClient`. ``authority`` is the default Host."""

    def __init__(self, connection: str, *, authority: str) -> None:
        self.connection = connection
        self._authority = authority
        self._outbox = Outbox()
        self._exchanges: deque[_Exchange] = deque()
        self._uploads: dict[str, _Upload] = {}
        self._names: set[str] = set()
        self._begun: tuple[Outgoing, bytes] | None = None
        self._draining = False
        self._unsolicited = b""
        self._deaf = False
        """Whether the rest of the server's bytes is ignored."""

    @property
    def open_requests(self) -> frozenset[str]:
        """The requests, sent or expected, whose response has not ended."""
        return frozenset(exchange.request for exchange in self._exchanges)

    @property
    def draining(self) -> bool:
        """Whether a response said ``Connection: close``, or was HTTP/1.0."""
        return self._draining

    def start(self) -> None:
        """Do nothing: HTTP/1.1 has no preface."""

    def send_goodbye(self) -> None:
        """Do nothing: in HTTP/1.1 a client's goodbye is its FIN."""

    def send_request(self, outgoing: Outgoing) -> None:
        """Queue a request; its body is chunked if more follows and the caller gave no framing of its own."""
        self.expect(outgoing.request, outgoing.method)
        headers = _complete(outgoing, self._authority)
        upload = _Upload(chunked=_value(headers, "transfer-encoding") is not None, length=len(outgoing.body))
        sent = RequestSent(
            request=outgoing.request,
            connection=self.connection,
            method=outgoing.method,
            target=outgoing.target,
            whole=outgoing.whole,
            expects=_value(headers, "expect") is not None,
        )
        body = upload.encode(outgoing.body, end=outgoing.whole)
        self._outbox.put(_head(outgoing.method, outgoing.target, headers) + body, sent)
        if not outgoing.whole:
            self._uploads[outgoing.request] = upload

    def begin_head(self, outgoing: Outgoing) -> None:
        """Queue the first half of a head, cut in the middle of a line."""
        self.expect(outgoing.request, outgoing.method)
        head = _head(outgoing.method, outgoing.target, _complete(outgoing, self._authority))
        half = len(head) // 2
        self._put_bytes(head[:half], f"first half of the head of {outgoing.request}")
        self._begun = outgoing, head[half:]

    def finish_head(self, request: str) -> None:
        """Queue the rest of the head, and the body."""
        if self._begun is None or self._begun[0].request != request:
            raise ValueError(f"no head of {request!r} has been begun on {self.connection!r}")
        (outgoing, rest), self._begun = self._begun, None
        upload = _Upload(chunked=False, length=len(outgoing.body))
        body = upload.encode(outgoing.body, end=True)
        sent = RequestSent(
            request=request, connection=self.connection, method=outgoing.method, target=outgoing.target, whole=True
        )
        self._outbox.put(rest + body, sent)

    def send_body(self, request: str, data: bytes, *, end: bool) -> None:
        """Queue more body; each piece is recorded as BytesSent, the end as RequestEnded."""
        if request not in self._uploads:
            raise ValueError(f"no body of {request!r} is being sent on {self.connection!r}")
        upload = self._uploads[request]
        upload.length += len(data)
        encoded = upload.encode(data, end=end)
        if encoded:
            self._put_bytes(encoded, f"body of {request}")
        if end:
            del self._uploads[request]
            self._outbox.put(b"", RequestEnded(request=request, length=upload.length))

    def send_raw(self, data: bytes, what: str) -> None:
        """Queue any bytes."""
        self._put_bytes(data, what)

    def expect(self, request: str, method: str = "GET") -> None:
        """Expect a response, after those that are expected already."""
        if request in self._names:
            raise ValueError(f"request {request!r} exists already on {self.connection!r}")
        self._names.add(request)
        self._exchanges.append(_Exchange(request, method))

    def flush(self) -> tuple[bytes, list[Event]]:
        """Return all queued bytes, and the events that happen when they are written."""
        return self._outbox.take()

    def receive(self, data: bytes) -> list[Event]:
        """Read bytes and return their events; bytes while no request is open are a violation, unless they are a 408."""
        events: list[Event] = []
        try:
            while data and not self._deaf:
                data = self._read(data, events)
        except ViolationError as violation:
            self._deaf = True
            events.append(ProtocolViolated(connection=self.connection, detail=str(violation)))
        return events

    def receive_end(self) -> list[Event]:
        """End a close-delimited response; any other open one has been cut, which is no event of its own."""
        if self._deaf:
            return []
        self._deaf = True
        if self._unsolicited:
            detail = f"unsolicited bytes, no request is open: {excerpt(self._unsolicited)}"
            return [ProtocolViolated(connection=self.connection, detail=detail)]
        if self._exchanges and self._exchanges[0].framing == "close":
            return [self._exchanges.popleft().ended()]
        return []

    def _read_unsolicited(self, data: bytes, events: list[Event]) -> bytes:
        # RFC 9110 §15.5.9: a 408 says that the server stops waiting, also for a request that has not begun.
        self._unsolicited += data
        begun = self._unsolicited[: len(_TIMEOUT)]
        if not _TIMEOUT.startswith(begun):
            raise ViolationError(f"unsolicited bytes, no request is open: {excerpt(self._unsolicited)}")
        if begun == _TIMEOUT:
            events.append(TimeoutAnnounced(connection=self.connection))
            self._deaf = True
        return b""

    def _read(self, data: bytes, events: list[Event]) -> bytes:
        if not self._exchanges:
            return self._read_unsolicited(data, events)
        exchange = self._exchanges[0]
        try:
            rest = exchange.read(data, events)
        finally:
            self._draining = self._draining or exchange.closes
        if rest is None:
            return b""
        self._exchanges.popleft()
        return rest

    def _put_bytes(self, data: bytes, what: str) -> None:
        self._outbox.put(data, BytesSent(connection=self.connection, length=len(data), what=what))


class _Exchange:
    """One request's response while it is read. ``framing`` is empty until the head of the final response has arrived."""

    def __init__(self, request: str, method: str) -> None:
        self.request = request
        self.framing = ""
        self.closes = False
        self._bodiless = method == "HEAD"
        self._body = Body()
        self._first = b""
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        # Of all methods only HEAD changes how a response is read. h11 does not see the real request, which may break its rules.
        shown = h11.Request(method="HEAD" if self._bodiless else "GET", target="/", headers=[("host", "shown")])
        self._parser.send(shown)
        self._parser.send(h11.EndOfMessage())

    def read(self, data: bytes, events: list[Event]) -> bytes | None:
        """Append the events in ``data``; return the bytes after the response's end, or None if it has not ended."""
        self._first = (self._first + data)[:EXCERPT]
        # RFC 9112 §4: a status line begins with the protocol's name. h11 would wait for the end of the head to refuse it.
        if not self._first.startswith(b"HTTP/"[: len(self._first)]):
            raise ViolationError(f"not an HTTP/1.1 response: {excerpt(self._first)}")
        self._parser.receive_data(data)
        try:
            return self._read_parsed(events)
        except h11.RemoteProtocolError as error:
            reason = str(error)[:200]
            raise ViolationError(f"not an HTTP/1.1 response: {excerpt(self._first)} ({reason})") from error

    def ended(self) -> Event:
        """Return the event of the response's end."""
        return self._body.ended(self.request, self.framing)

    def _read_parsed(self, events: list[Event]) -> bytes | None:
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.InformationalResponse):
                events.append(InformationalReceived(request=self.request, status=event.status_code))
            elif isinstance(event, h11.Response):
                events.append(self._start(event))
            elif isinstance(event, h11.Data):
                self._body.add(event.data)
                events.append(BodyReceived(request=self.request, length=len(event.data)))
            elif isinstance(event, h11.EndOfMessage):
                if event.headers:
                    events.append(TrailersReceived(request=self.request, headers=_texts(event.headers)))
                events.append(self.ended())
                return self._parser.trailing_data[0]
            else:
                return None

    def _start(self, response: h11.Response) -> Event:
        headers = _texts(response.headers)
        options = [
            option.strip().lower() for name, value in headers if name == "connection" for option in value.split(",")
        ]
        self.closes = "close" in options or response.http_version < b"1.1"
        self.framing = self._framing(response.status_code, headers)
        return ResponseStarted(request=self.request, status=response.status_code, headers=headers)

    def _framing(self, status: int, headers: Headers) -> str:
        # RFC 9112 §6.3: the first of these rules that applies says where the response ends.
        if self._bodiless or status in (_NO_CONTENT, _NOT_MODIFIED):
            return "none"
        if _value(headers, "transfer-encoding") is not None:
            return "chunked"
        return "close" if _value(headers, "content-length") is None else "content-length"


@dataclass
class _Upload:
    """The framing of a request's body, and its length so far."""

    chunked: bool
    length: int

    def encode(self, data: bytes, *, end: bool) -> bytes:
        if not self.chunked:
            return data
        # RFC 9112 §7.1: a chunk of no bytes ends the body, so an empty piece is no chunk.
        chunk = b"%x\r\n%s\r\n" % (len(data), data) if data else b""
        return chunk + (b"0\r\n\r\n" if end else b"")


def _complete(outgoing: Outgoing, authority: str) -> Headers:
    """Return the headers with those that the request needs and the caller left out: Host, and the body's framing."""
    headers = outgoing.headers
    if _value(headers, "host") is None:
        headers = (("host", authority), *headers)
    if _value(headers, "content-length") is not None or _value(headers, "transfer-encoding") is not None:
        return headers
    if not outgoing.whole:
        return (*headers, ("transfer-encoding", "chunked"))
    if outgoing.body or outgoing.method in _BODY_EXPECTED:
        return (*headers, ("content-length", str(len(outgoing.body))))
    return headers


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _value(headers: Headers, name: str) -> str | None:
    return next((value for candidate, value in headers if candidate.lower() == name), None)


def _head(method: str, target: str, headers: Headers) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")
