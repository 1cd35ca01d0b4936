"""Where each rule comes from: the RFC's section and keyword, or practice; the rule in our own words; a link.

Where the source has no RFC keyword the clause says so (``keyword`` is empty): such rules are asked as promises, never as
a MUST.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clause:
    """One rule. ``keyword`` is the RFC 2119 word that the source uses for it, or empty."""

    id: str
    source: str
    keyword: str
    rule: str
    link: str

    def __str__(self) -> str:
        return f"{self.source} {self.keyword}".strip()


_RFC9113 = "https://www.rfc-editor.org/rfc/rfc9113.html"
_RFC9112 = "https://www.rfc-editor.org/rfc/rfc9112.html"
_RFC9110 = "https://www.rfc-editor.org/rfc/rfc9110.html"
_RFC8446 = "https://www.rfc-editor.org/rfc/rfc8446.html"

GOAWAY_ALWAYS = Clause(
    "h2-goaway-always",
    "RFC 9113 §6.8",
    "SHOULD",
    "An endpoint sends GOAWAY before it closes a connection, so that its peer knows which streams may have been"
    " processed; §9.1 says the same of closing the TCP connection.",
    f"{_RFC9113}#section-6.8",
)
GOAWAY_TWO_PHASE = Clause(
    "h2-goaway-two-phase",
    "RFC 9113 §6.8",
    "SHOULD",
    "A server that shuts down gracefully first sends GOAWAY with last stream id 2^31-1 and NO_ERROR; after at least one"
    " round trip it may send another with the real last stream id, so that no request in flight towards it is lost.",
    f"{_RFC9113}#section-6.8",
)
GOAWAY_NO_INCREASE = Clause(
    "h2-goaway-no-increase",
    "RFC 9113 §6.8",
    "MUST NOT",
    "The last stream id never grows from one GOAWAY to the next: the peer may already have retried what was above it.",
    f"{_RFC9113}#section-6.8",
)
GOAWAY_STREAM_ZERO = Clause(
    "h2-goaway-stream-zero",
    "RFC 9113 §6.8",
    "MUST",
    "GOAWAY belongs to the connection: on any stream but 0 it is a connection error of type PROTOCOL_ERROR.",
    f"{_RFC9113}#section-6.8",
)
GOAWAY_NO_ERROR = Clause(
    "h2-goaway-no-error",
    "RFC 9113 §7",
    "",
    "NO_ERROR is the code of a graceful shutdown; any other tells the client that something went wrong.",
    f"{_RFC9113}#section-7",
)
PROCESSED_COVERED = Clause(
    "h2-processed-covered",
    "RFC 9113 §8.7",
    "MUST",
    "If frames of a stream reached the application, GOAWAY's last stream id is not below that stream, and REFUSED_STREAM"
    " is not used for it: the client would send the request a second time.",
    f"{_RFC9113}#section-8.7",
)
NOT_PROCESSED_TRUE = Clause(
    "h2-not-processed-true",
    "RFC 9113 §8.7",
    "MUST NOT",
    "A server does not say that a stream was not processed unless it can guarantee that.",
    f"{_RFC9113}#section-8.7",
)
RACED_STREAM = Clause(
    "h2-raced-stream",
    "RFC 9113 §6.8",
    "",
    "The last stream id tells the client which of its streams may have been acted on; what is above it can safely be sent"
    " again on another connection. A stream that the shutdown overtakes is on one side of it or on the other.",
    f"{_RFC9113}#section-6.8",
)
IN_FLIGHT = Clause(
    "in-flight",
    "RFC 9113 §6.8",
    "",
    "Streams at or below the last stream id can still complete, and the connection stays open until they have. Practice asks"
    " the same of HTTP/1.1: a graceful shutdown waits for the requests it has accepted.",
    f"{_RFC9113}#section-6.8",
)
RESPONSE_WHOLE = Clause(
    "response-whole",
    "RFC 9110 §6.1",
    "",
    "A message is complete when its framing says so; a response that ends as complete carries the whole content that its"
    " handler gave.",
    f"{_RFC9110}#section-6.1",
)
INCOMPLETE_VISIBLE = Clause(
    "incomplete-visible",
    "RFC 9112 §8",
    "",
    "A response that is cut must look cut: without END_STREAM, the last chunk or the announced length, so that a client"
    " records it as incomplete.",
    f"{_RFC9112}#section-8",
)
CLOSE_OPTION = Clause(
    "h1-close-option",
    "RFC 9112 §9.6",
    "SHOULD",
    "A sender that intends to close the connection says so by the connection option close on its last message.",
    f"{_RFC9112}#section-9.6",
)
CLOSE_OBEYED = Clause(
    "h1-close-obeyed",
    "RFC 9112 §9.6",
    "MUST",
    "A server that sends the connection option close initiates the closure after that response, and processes no further"
    " request on the connection.",
    f"{_RFC9112}#section-9.6",
)
LINGERING_CLOSE = Clause(
    "lingering-close",
    "RFC 9112 §9.6",
    "",
    "A close that becomes a TCP reset can destroy a response that the client has not read yet; so a server closes in"
    " stages: first its own half, then, when the client has closed or some time has passed, the whole.",
    f"{_RFC9112}#section-9.6",
)
CLOSE_NOTIFY = Clause(
    "tls-close-notify",
    "RFC 8446 §6.1",
    "MUST",
    "Each party sends close_notify before it closes its side of a TLS connection; RFC 9112 §9.8 repeats it for HTTP"
    " servers. Without it a client cannot tell an end from a truncation.",
    f"{_RFC8446}#section-6.1",
)
REFUSE_CLEARLY = Clause(
    "refuse-clearly",
    "RFC 9110 §15.6.4",
    "",
    "A server that takes no more requests may refuse the connection as well as answer 503; what it accepts it answers, or"
    " closes so that the client knows nothing was processed.",
    f"{_RFC9110}#section-15.6.4",
)
ENDS_IN_TIME = Clause(
    "ends-in-time",
    "operational practice",
    "",
    "A process that was asked to stop ends once nothing is in flight, and within its drain timeout in any case: the"
    " supervisor's SIGKILL comes next.",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
)
DRAIN_TIMEOUT = Clause(
    "drain-timeout",
    "the server's documentation",
    "",
    "Requests in flight have the configured drain timeout to end, the whole of it and not more.",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
)
CLEAN_EXIT = Clause(
    "clean-exit",
    "operational practice",
    "",
    "A graceful stop ends with the status that the server documents for one, without a stack trace, without a process left"
    " behind, and with the port free for a successor.",
    "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html",
)

CLAUSES: dict[str, Clause] = {value.id: value for value in list(globals().values()) if isinstance(value, Clause)}
