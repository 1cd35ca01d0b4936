"""Where each rule comes from: the RFC's section and keyword, or practice; the rule in our own words; a link.

``keyword`` is empty where the source has no RFC 2119 keyword: a check of such a rule is at most a promise, never a must.
Results store the rules beside the verdicts, so an edit here changes no report of an older run.
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
    " processed. §9.1 says the same about closing the TCP connection.",
    f"{_RFC9113}#section-6.8",
)
GOAWAY_TWO_PHASE = Clause(
    "h2-goaway-two-phase",
    "RFC 9113 §6.8",
    "SHOULD",
    "A server that shuts a connection down gracefully first sends GOAWAY with last stream id 2^31-1 and NO_ERROR."
    " After at least one round trip it may send another GOAWAY with the real last stream id, so that no request on its"
    " way to the server is lost.",
    f"{_RFC9113}#section-6.8",
)
GOAWAY_NO_INCREASE = Clause(
    "h2-goaway-no-increase",
    "RFC 9113 §6.8",
    "MUST NOT",
    "The last stream id never grows from one GOAWAY to the next: the peer may already have sent the excluded requests"
    " again on another connection.",
    f"{_RFC9113}#section-6.8",
)
GOAWAY_STREAM_ZERO = Clause(
    "h2-goaway-stream-zero",
    "RFC 9113 §6.8",
    "MUST",
    "GOAWAY belongs to the connection: its receiver treats a GOAWAY on any stream but 0 as a connection error of type"
    " PROTOCOL_ERROR.",
    f"{_RFC9113}#section-6.8",
)
GOAWAY_NO_ERROR = Clause(
    "h2-goaway-no-error",
    "RFC 9113 §7",
    "",
    "NO_ERROR is the code for a condition that is no error, such as a graceful shutdown. Any other code tells the"
    " client that something went wrong.",
    f"{_RFC9113}#section-7",
)
PROCESSED_COVERED = Clause(
    "h2-processed-covered",
    "RFC 9113 §8.7",
    "MUST",
    "If a server has passed frames of a stream to the application, the last stream id of its GOAWAY is not below that"
    " stream, and it does not use REFUSED_STREAM for the stream. Otherwise the client would send the request a second"
    " time.",
    f"{_RFC9113}#section-8.7",
)
NOT_PROCESSED_TRUE = Clause(
    "h2-not-processed-true",
    "RFC 9113 §8.7",
    "MUST NOT",
    "A server does not say that a stream has not been processed unless it can guarantee it.",
    f"{_RFC9113}#section-8.7",
)
DISCARDED_DATA = Clause(
    "h2-discarded-data",
    "RFC 9113 §6.8",
    "",
    "After GOAWAY, DATA of a discarded stream still counts (MUST) toward the connection's flow-control window. The"
    " server therefore has to give it back as usual, for which the RFC has no keyword: otherwise the window that the"
    " other streams share only shrinks.",
    f"{_RFC9113}#section-6.8",
)
DISCARDED_HEADERS = Clause(
    "h2-discarded-headers",
    "RFC 9113 §6.8",
    "MUST",
    "After GOAWAY, a server still decompresses the field blocks of a discarded stream: the compression tables belong"
    " to the connection, and every later block depends on them.",
    f"{_RFC9113}#section-6.8",
)
PING_ANSWERED = Clause(
    "h2-ping-answered",
    "RFC 9113 §6.7",
    "MUST",
    "The receiver of a PING without the ACK flag answers with a PING that has the flag and the same bytes. The RFC"
    " makes no exception after GOAWAY.",
    f"{_RFC9113}#section-6.7",
)
SETTINGS_ACKNOWLEDGED = Clause(
    "h2-settings-acknowledged",
    "RFC 9113 §6.5.3",
    "MUST",
    "The receiver of SETTINGS acknowledges them at once when it has applied them. A sender that waits in vain may"
    " treat that as a connection error.",
    f"{_RFC9113}#section-6.5.3",
)
RACED_STREAM = Clause(
    "h2-raced-stream",
    "RFC 9113 §6.8",
    "",
    "The last stream id tells the client which of its streams may have been acted on; it can safely send the requests"
    " above that id again on another connection. A stream that crosses the shutdown is on one side of the id or on the"
    " other.",
    f"{_RFC9113}#section-6.8",
)
IN_FLIGHT = Clause(
    "in-flight",
    "RFC 9113 §6.8",
    "",
    "Streams at or below the last stream id can still complete, and a graceful shutdown keeps the connection open"
    " until they have. Practice expects the same of HTTP/1.1: a graceful shutdown waits for the requests that the"
    " server has accepted.",
    f"{_RFC9113}#section-6.8",
)
NO_CONNECTION_FIELDS = Clause(
    "h2-no-connection-fields",
    "RFC 9113 §8.2.2",
    "MUST NOT",
    "An endpoint generates no HTTP/2 message with a Connection, Keep-Alive, Proxy-Connection, Transfer-Encoding or"
    " Upgrade field. These fields are about one HTTP/1.1 connection, and a message that has one is malformed.",
    f"{_RFC9113}#section-8.2.2",
)
STREAM_ENDS = Clause(
    "h2-stream-ends",
    "RFC 9113 §5.1",
    "MUST NOT",
    "An endpoint sends no frame but PRIORITY on a closed stream. After its own END_STREAM or RST_STREAM it sends no"
    " more of a message on that stream.",
    f"{_RFC9113}#section-5.1",
)
FINISHED_NOT_RESET = Clause(
    "h2-finished-not-reset",
    "RFC 9113 §8.1",
    "",
    "After a complete response a server may reset the stream with NO_ERROR, so that the client sends no more of the"
    " request; the client then keeps the response. The RFC makes this promise for no other code.",
    f"{_RFC9113}#section-8.1",
)
ONE_FRAMING = Clause(
    "h1-one-framing",
    "RFC 9112 §6.2",
    "MUST NOT",
    "A sender sends no Content-Length in a message that has Transfer-Encoding.",
    f"{_RFC9112}#section-6.2",
)
CLOSE_IS_FINAL = Clause(
    "h1-close-is-final",
    "RFC 9112 §9.3",
    "",
    "The last message on a connection decides whether the connection persists: with the option close it does not,"
    " whatever else the message says. A sender that means close gives no parameters for keeping the connection alive.",
    f"{_RFC9112}#section-9.3",
)
PROCESSED_ONCE = Clause(
    "processed-once",
    "RFC 9110 §9.2.2",
    "",
    "A proxy does not repeat a request that is not idempotent, and a client repeats one only if it knows that the"
    " request was not applied. So a request that has reached one handler reaches no second one.",
    f"{_RFC9110}#section-9.2.2",
)
PASSED_ON = Clause(
    "passed-on",
    "operational practice",
    "",
    "A server sends what a handler has produced as soon as it can; a shutdown is no reason to delay it.",
    "https://html.spec.whatwg.org/multipage/server-sent-events.html",
)
LIGHT_DRAIN = Clause(
    "light-drain",
    "operational practice",
    "",
    "A server that waits uses next to no processor time, and does not write more log than a person can read.",
    "https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html",
)
RESPONSE_WHOLE = Clause(
    "response-whole",
    "RFC 9110 §6.1",
    "",
    "A message is complete when its framing says so. A response that ends as complete carries the whole content that"
    " its handler produced.",
    f"{_RFC9110}#section-6.1",
)
INCOMPLETE_VISIBLE = Clause(
    "incomplete-visible",
    "RFC 9112 §8",
    "",
    "A client records a response as incomplete when its framing has not ended. So a response that is cut must look"
    " cut: without END_STREAM, the last chunk or the announced length.",
    f"{_RFC9112}#section-8",
)
CLOSE_OPTION = Clause(
    "h1-close-option",
    "RFC 9112 §9.6",
    "SHOULD",
    "A sender that intends to close the connection says so with the connection option close in its last message.",
    f"{_RFC9112}#section-9.6",
)
CLOSE_OBEYED = Clause(
    "h1-close-obeyed",
    "RFC 9112 §9.6",
    "MUST",
    "A server that sends the connection option close initiates the closure after that response, and processes no"
    " further request on the connection.",
    f"{_RFC9112}#section-9.6",
)
LINGERING_CLOSE = Clause(
    "lingering-close",
    "RFC 9112 §9.6",
    "",
    "A close that turns into a TCP reset can destroy a response that the client has not read yet. Servers therefore"
    " close in stages: first only their own side, and the rest when the client has closed or some time has passed.",
    f"{_RFC9112}#section-9.6",
)
CLOSE_NOTIFY = Clause(
    "tls-close-notify",
    "RFC 8446 §6.1",
    "MUST",
    "Each party sends close_notify before it closes its side of a TLS connection; RFC 9112 §9.8 repeats this for HTTP"
    " servers. Without it a client cannot distinguish an end from a truncation.",
    f"{_RFC8446}#section-6.1",
)
REFUSE_CLEARLY = Clause(
    "refuse-clearly",
    "RFC 9110 §15.6.4",
    "",
    "A server that takes no more requests may refuse the connection or answer 503. It answers a connection that it"
    " accepts, or closes it so that the client knows that nothing was processed.",
    f"{_RFC9110}#section-15.6.4",
)
ANSWERED_OR_UNTOUCHED = Clause(
    "h1-answered-or-untouched",
    "RFC 9110 §9.2.2",
    "",
    "A client repeats a request that is not idempotent by itself only if it can know that the request was not applied."
    " So a server answers a request that meets a closing connection, or leaves it alone: a request that is processed"
    " and not answered is lost for good.",
    f"{_RFC9110}#section-9.2.2",
)
EXPECT_CONTINUE = Clause(
    "expect-continue",
    "RFC 9110 §10.1.1",
    "MUST",
    "An origin server answers a complete head that expects 100-continue and announces content at once, with a final"
    " status or with 100 (Continue). It does not wait for the content first.",
    f"{_RFC9110}#section-10.1.1",
)
UPLOAD_WHOLE = Clause(
    "h1-upload-whole",
    "RFC 9112 §8",
    "",
    "The body of a request is complete when its announced length or its last chunk has arrived, not before. A request"
    " in flight includes its body, so a server that shuts down gracefully reads on until then.",
    f"{_RFC9112}#section-8",
)
ENDS_IN_TIME = Clause(
    "ends-in-time",
    "operational practice",
    "",
    "A process that is stopped gracefully exits once nothing is in flight, and within its drain timeout in any case:"
    " after that, the supervisor sends SIGKILL.",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
)
DRAIN_TIMEOUT = Clause(
    "drain-timeout",
    "the server's documentation",
    "",
    "Requests in flight have the whole of the configured drain timeout to end, and not more.",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
)
DRAIN_LEFT_ALONE = Clause(
    "drain-left-alone",
    "operational practice",
    "",
    "Most servers run with their default drain timeout. A supervisor kills the server after a time of its own, in"
    " Kubernetes after 30 s; so with a longer drain timeout, or with none, every request that is left is cut.",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
)
CLEAN_EXIT = Clause(
    "clean-exit",
    "operational practice",
    "",
    "A graceful stop ends with the status that the server documents for it, without a stack trace, with no process"
    " left behind, and with the port free for a successor.",
    "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html",
)
FURTHER_SIGNAL = Clause(
    "further-signal",
    "the server's documentation",
    "",
    "The server's documentation says what a signal does that comes during the drain. A signal that is documented to"
    " force the end ends the process at once, whatever is in flight.",
    "https://nginx.org/en/docs/control.html",
)
PORT_HANDED_OVER = Clause(
    "port-handed-over",
    "operational practice",
    "",
    "When the old process has closed its listener, the port is free: a new process can serve on it while the old one"
    " drains.",
    "https://man7.org/linux/man-pages/man7/ip.7.html",
)
READABLE = Clause(
    "readable",
    "RFC 9110 §2.2",
    "MUST NOT",
    "A sender generates nothing that does not match the grammar of its protocol. A client that cannot read a response"
    " has none, and a client that cannot read a frame has to end the connection (RFC 9113 §5.4.1), with every request"
    " that is in flight on it.",
    f"{_RFC9110}#section-2.2",
)
WORKERS_DRAIN = Clause(
    "workers-drain",
    "operational practice",
    "",
    "A client does not know which of a server's processes has accepted its connection. Each process drains what it has"
    " accepted, whatever becomes of the others.",
    "https://nginx.org/en/docs/control.html",
)
FIRST_PROCESS_LAST = Clause(
    "first-process-last",
    "operational practice",
    "",
    "A supervisor knows only the process that it has started and stops. When that process has exited, the service"
    " counts as stopped, and the rest of it is killed, at the latest by the end of a container's first process.",
    "https://man7.org/linux/man-pages/man7/pid_namespaces.7.html",
)
RELOAD = Clause(
    "reload",
    "the server's documentation",
    "",
    "A reload puts new workers or a new configuration in the place of the old ones while the service goes on: the old"
    " workers serve what they have accepted, and at every moment some process accepts.",
    "https://nginx.org/en/docs/control.html#reconfiguration",
)
LAME_DUCK = Clause(
    "lame-duck",
    "the server's documentation",
    "",
    "Load balancers learn of a server's end some time after the signal. A server that is configured to wait for that"
    " goes on accepting and serving until the time is over.",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-flow",
)
RESTART = Clause(
    "restart",
    "operational practice",
    "",
    "A restart may cost the requests that find no listening server, which are safe to send again, but none that has"
    " reached an application.",
    "https://12factor.net/disposability",
)
_ASGI_LIFESPAN = "https://asgi.readthedocs.io/en/latest/specs/lifespan.html"
HOOK_AFTER_REQUESTS = Clause(
    "asgi-hook-after-requests",
    "ASGI lifespan, Shutdown",
    "",
    "The server sends the application its shutdown event when it accepts no more connections and has closed all active"
    " ones.",
    f"{_ASGI_LIFESPAN}#shutdown-receive-event",
)
HOOK_AWAITED = Clause(
    "asgi-hook-awaited",
    "ASGI lifespan, Shutdown Complete",
    "",
    "A server does not end before the application has reported that its own shutdown is complete. The specification"
    " says must, though not in the sense of RFC 2119.",
    f"{_ASGI_LIFESPAN}#shutdown-complete-send-event",
)
DISCONNECT_IS_TRUE = Clause(
    "asgi-disconnect-is-true",
    "ASGI HTTP, Disconnect",
    "",
    "An application gets a disconnect after its response has been sent or its connection has been closed. A coming"
    " shutdown is neither.",
    "https://asgi.readthedocs.io/en/latest/specs/www.html#disconnect-receive-event",
)
_RFC6455 = "https://www.rfc-editor.org/rfc/rfc6455.html"
WEBSOCKET_CLOSE = Clause(
    "ws-close",
    "RFC 6455 §7.1.5",
    "",
    "A WebSocket ends with a Close frame that says why. If TCP ends without one, the peer has to take it for an"
    " abnormal closure (1006), and cannot distinguish a restart from a crash.",
    f"{_RFC6455}#section-7.1.5",
)
WEBSOCKET_GOING_AWAY = Clause(
    "ws-going-away",
    "RFC 6455 §7.4.1",
    "",
    "1001 is the code of an endpoint that goes away; the RFC's first example is a server that goes down. The registry"
    " of codes that the RFC set up also has 1012 (Service Restart).",
    f"{_RFC6455}#section-7.4.1",
)
WEBSOCKET_CODE_ALLOWED = Clause(
    "ws-code-allowed",
    "RFC 6455 §7.4.1",
    "MUST NOT",
    "An endpoint does not set 1005, 1006 or 1015 in a Close frame: these codes only inform an application. Codes below"
    " 1000 are not used (§7.4.2), and none is defined from 5000 on.",
    f"{_RFC6455}#section-7.4.1",
)
WEBSOCKET_CLOSE_LAST = Clause(
    "ws-close-last",
    "RFC 6455 §5.5.1",
    "MUST NOT",
    "An endpoint that has sent a Close frame sends no more data frames.",
    f"{_RFC6455}#section-5.5.1",
)
WEBSOCKET_TCP_CLOSE = Clause(
    "ws-tcp-close",
    "RFC 6455 §7.1.1",
    "SHOULD",
    "The server closes TCP first, at once when both sides have sent a Close (§5.5.1 says MUST); the client waits for"
    " it.",
    f"{_RFC6455}#section-7.1.1",
)
WEBSOCKET_STREAM_END = Clause(
    "ws-stream-end",
    "RFC 8441 §5",
    "",
    "Over HTTP/2 a WebSocket is a stream. END_STREAM stands for the orderly close of TCP, which the server does first"
    " when both sides have sent a Close (RFC 6455 §7.1.1). RST_STREAM with CANCEL stands for a reset of TCP.",
    "https://www.rfc-editor.org/rfc/rfc8441.html#section-5",
)
WEBSOCKET_MESSAGE_WHOLE = Clause(
    "ws-message-whole",
    "RFC 6455 §5.5.1",
    "",
    "No data follows a Close frame, so an endpoint may finish the message that it is sending before it sends the"
    " Close.",
    f"{_RFC6455}#section-5.5.1",
)
WEBSOCKET_DISCONNECT = Clause(
    "asgi-websocket-disconnect",
    "ASGI WebSocket, Disconnect",
    "",
    "An application gets an event when its WebSocket has ended: closed by the client, closed by the server, or lost"
    " with its socket.",
    "https://asgi.readthedocs.io/en/latest/specs/www.html#disconnect-receive-event-ws",
)


CLAUSES: dict[str, Clause] = {value.id: value for value in list(globals().values()) if isinstance(value, Clause)}
