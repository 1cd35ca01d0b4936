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
DISCARDED_DATA = Clause(
    "h2-discarded-data",
    "RFC 9113 §6.8",
    "",
    "After GOAWAY, DATA of a stream that is not processed still counts (MUST) in the connection's flow control. So it has to"
    " be given back like any other, which has no keyword: else the streams that go on share a window that only shrinks.",
    f"{_RFC9113}#section-6.8",
)
DISCARDED_HEADERS = Clause(
    "h2-discarded-headers",
    "RFC 9113 §6.8",
    "MUST",
    "After GOAWAY, field blocks of a stream that is not processed are still decompressed: both sides' compression tables"
    " belong to the connection, and every later block depends on them.",
    f"{_RFC9113}#section-6.8",
)
PING_ANSWERED = Clause(
    "h2-ping-answered",
    "RFC 9113 §6.7",
    "MUST",
    "Whoever receives a PING without the ACK flag answers with the same bytes and that flag; nothing is said of a GOAWAY"
    " that would end this.",
    f"{_RFC9113}#section-6.7",
)
SETTINGS_ACKNOWLEDGED = Clause(
    "h2-settings-acknowledged",
    "RFC 9113 §6.5.3",
    "MUST",
    "SETTINGS are acknowledged at once when they have been applied; a peer that waits in vain may call it a connection error.",
    f"{_RFC9113}#section-6.5.3",
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
NO_CONNECTION_FIELDS = Clause(
    "h2-no-connection-fields",
    "RFC 9113 §8.2.2",
    "MUST NOT",
    "No message over HTTP/2 is made with Connection, Keep-Alive, Proxy-Connection, Transfer-Encoding or Upgrade among its"
    " fields: they speak of one HTTP/1.1 connection, and a message that has one is malformed.",
    f"{_RFC9113}#section-8.2.2",
)
STREAM_ENDS = Clause(
    "h2-stream-ends",
    "RFC 9113 §5.1",
    "MUST NOT",
    "On a closed stream nothing but PRIORITY is sent, and what END_STREAM or RST_STREAM has ended on the sender's side carries"
    " no more of a message.",
    f"{_RFC9113}#section-5.1",
)
FINISHED_NOT_RESET = Clause(
    "h2-finished-not-reset",
    "RFC 9113 §8.1",
    "",
    "After a complete response a server may reset the stream with NO_ERROR, to ask for no more of the request, and the client"
    " keeps the response then. For no other code is there such a promise.",
    f"{_RFC9113}#section-8.1",
)
ONE_FRAMING = Clause(
    "h1-one-framing",
    "RFC 9112 §6.2",
    "MUST NOT",
    "A message that has Transfer-Encoding has no Content-Length beside it.",
    f"{_RFC9112}#section-6.2",
)
CLOSE_IS_FINAL = Clause(
    "h1-close-is-final",
    "RFC 9112 §9.3",
    "",
    "Whether a connection persists is told by its last message: with the option close it does not, whatever else is said."
    " A sender that means it gives no parameters for keeping it alive.",
    f"{_RFC9112}#section-9.3",
)
PROCESSED_ONCE = Clause(
    "processed-once",
    "RFC 9110 §9.2.2",
    "",
    "A request that may have effects is not repeated on its own initiative by anybody but its client, and a proxy repeats none"
    " that is not idempotent. So what has reached a handler reaches no second one.",
    f"{_RFC9110}#section-9.2.2",
)
PASSED_ON = Clause(
    "passed-on",
    "operational practice",
    "",
    "What a handler has given is sent when it can be sent; that the server is about to stop is no reason to wait with it.",
    "https://html.spec.whatwg.org/multipage/server-sent-events.html",
)
LIGHT_DRAIN = Clause(
    "light-drain",
    "operational practice",
    "",
    "To wait costs nothing: no processor time, and no more of the log than somebody can read.",
    "https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html",
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
ANSWERED_OR_UNTOUCHED = Clause(
    "h1-answered-or-untouched",
    "RFC 9110 §9.2.2",
    "",
    "A client may repeat by itself a request that is not idempotent only if it can know that it was not applied. So a request"
    " that meets a closing connection is answered or left alone; one that was processed and not answered is lost for good.",
    f"{_RFC9110}#section-9.2.2",
)
EXPECT_CONTINUE = Clause(
    "expect-continue",
    "RFC 9110 §10.1.1",
    "MUST",
    "An origin server answers a complete head that expects 100-continue, and announces content, with a final status or with"
    " 100 (Continue) at once; it does not wait for the content first.",
    f"{_RFC9110}#section-10.1.1",
)
UPLOAD_WHOLE = Clause(
    "h1-upload-whole",
    "RFC 9112 §8",
    "",
    "The body of a request is complete when its announced length or its last chunk has arrived, not before. A request in"
    " flight is one with its body, so a graceful shutdown reads on until then.",
    f"{_RFC9112}#section-8",
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
DRAIN_LEFT_ALONE = Clause(
    "drain-left-alone",
    "operational practice",
    "",
    "Most servers run with the drain timeout that they came with: whoever stops them kills them after a time of its own, in"
    " Kubernetes after 30 s, so that a longer one, or none, cuts every request that is left.",
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
FURTHER_SIGNAL = Clause(
    "further-signal",
    "the server's documentation",
    "",
    "What a signal does that comes during the drain is the server's to say; where one is documented to force the end, it"
    " ends the process at once, whatever is in flight.",
    "https://nginx.org/en/docs/control.html",
)
PORT_HANDED_OVER = Clause(
    "port-handed-over",
    "operational practice",
    "",
    "When the old process has closed its listener, the port is free: a new one can serve on it while the old one drains.",
    "https://man7.org/linux/man-pages/man7/ip.7.html",
)
READABLE = Clause(
    "readable",
    "RFC 9110 §2.2",
    "MUST NOT",
    "A sender makes nothing that does not match the grammar of its protocol: a client that cannot read a response has none,"
    " and one that cannot read a frame has to end the connection (RFC 9113 §5.4.1), with all that is in flight on it.",
    f"{_RFC9110}#section-2.2",
)
WORKERS_DRAIN = Clause(
    "workers-drain",
    "operational practice",
    "",
    "Which of a server's processes has accepted a connection is not its client's concern: each drains what it has accepted,"
    " whatever becomes of the others.",
    "https://nginx.org/en/docs/control.html",
)
FIRST_PROCESS_LAST = Clause(
    "first-process-last",
    "operational practice",
    "",
    "The process that a supervisor has started and stops is the only one it knows: when that has exited the service counts as"
    " stopped, and what is left of it is killed, by the end of a container's first process at the latest.",
    "https://man7.org/linux/man-pages/man7/pid_namespaces.7.html",
)
RELOAD = Clause(
    "reload",
    "the server's documentation",
    "",
    "A reload puts new workers or a new configuration in the place of the old while the service goes on: the old ones serve"
    " what they have accepted, and at every moment somebody accepts.",
    "https://nginx.org/en/docs/control.html#reconfiguration",
)
LAME_DUCK = Clause(
    "lame-duck",
    "the server's documentation",
    "",
    "Who sends clients to a server hears of its end some time after the signal. A server that was told to wait for that goes"
    " on accepting and serving until the time is over.",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-flow",
)
RESTART = Clause(
    "restart",
    "operational practice",
    "",
    "A restart costs a service the requests that find nobody listening, which may safely be sent again, and none that has"
    " reached an application.",
    "https://12factor.net/disposability",
)
_ASGI_LIFESPAN = "https://asgi.readthedocs.io/en/latest/specs/lifespan.html"
HOOK_AFTER_REQUESTS = Clause(
    "asgi-hook-after-requests",
    "ASGI lifespan, Shutdown",
    "",
    "An application hears of the shutdown when the server accepts nothing more and has closed every connection that was"
    " active.",
    f"{_ASGI_LIFESPAN}#shutdown-receive-event",
)
HOOK_AWAITED = Clause(
    "asgi-hook-awaited",
    "ASGI lifespan, Shutdown Complete",
    "",
    "A server does not end before the application has said that its own shutdown is complete. The specification says must,"
    " though not in the sense of RFC 2119.",
    f"{_ASGI_LIFESPAN}#shutdown-complete-send-event",
)
DISCONNECT_IS_TRUE = Clause(
    "asgi-disconnect-is-true",
    "ASGI HTTP, Disconnect",
    "",
    "An application is told of a disconnect after its response has been sent or its connection has been closed; that the"
    " server is about to stop is neither.",
    "https://asgi.readthedocs.io/en/latest/specs/www.html#disconnect-receive-event",
)
_RFC6455 = "https://www.rfc-editor.org/rfc/rfc6455.html"
WEBSOCKET_CLOSE = Clause(
    "ws-close",
    "RFC 6455 §7.1.5",
    "",
    "A WebSocket ends by a Close frame that says why. Where TCP ends without one, the peer has to take it for an abnormal"
    " closure (1006), and cannot tell a restart from a crash.",
    f"{_RFC6455}#section-7.1.5",
)
WEBSOCKET_GOING_AWAY = Clause(
    "ws-going-away",
    "RFC 6455 §7.4.1",
    "",
    "1001 is the code of an endpoint that goes away, of which a server going down is the first example. The registry of codes"
    " that the RFC set up has 1012 (Service Restart) besides.",
    f"{_RFC6455}#section-7.4.1",
)
WEBSOCKET_CODE_ALLOWED = Clause(
    "ws-code-allowed",
    "RFC 6455 §7.4.1",
    "MUST NOT",
    "1005, 1006 and 1015 are for what an application is told, and are not set in a Close frame; codes below 1000 are not"
    " used (§7.4.2), and none is defined from 5000 on.",
    f"{_RFC6455}#section-7.4.1",
)
WEBSOCKET_CLOSE_LAST = Clause(
    "ws-close-last",
    "RFC 6455 §5.5.1",
    "MUST NOT",
    "Who has sent a Close sends no more data frames.",
    f"{_RFC6455}#section-5.5.1",
)
WEBSOCKET_TCP_CLOSE = Clause(
    "ws-tcp-close",
    "RFC 6455 §7.1.1",
    "SHOULD",
    "The server is the first to close TCP, and does so at once when both sides have sent a Close (§5.5.1 says MUST); the"
    " client waits for it.",
    f"{_RFC6455}#section-7.1.1",
)
WEBSOCKET_STREAM_END = Clause(
    "ws-stream-end",
    "RFC 8441 §5",
    "",
    "Over HTTP/2 a WebSocket is a stream: where TCP would be closed in order, which the server does first when both sides have"
    " sent a Close (RFC 6455 §7.1.1), END_STREAM is set; where TCP would be reset, there is RST_STREAM with CANCEL.",
    "https://www.rfc-editor.org/rfc/rfc8441.html#section-5",
)
WEBSOCKET_MESSAGE_WHOLE = Clause(
    "ws-message-whole",
    "RFC 6455 §5.5.1",
    "",
    "No data follows a Close, so an endpoint may send the message that it is sending to its end before it sends the Close.",
    f"{_RFC6455}#section-5.5.1",
)
WEBSOCKET_DISCONNECT = Clause(
    "asgi-websocket-disconnect",
    "ASGI WebSocket, Disconnect",
    "",
    "An application is told when its WebSocket has ended: closed by the client, closed by the server, or lost with its socket.",
    "https://asgi.readthedocs.io/en/latest/specs/www.html#disconnect-receive-event-ws",
)


CLAUSES: dict[str, Clause] = {value.id: value for value in list(globals().values()) if isinstance(value, Clause)}
