"""Every fault of the reference server: a name, the bug in one line, and the classes that have it.

Each fault is a bug that a real server has had, or could have. A fault overrides one method of the model, or a few, and the
model's code does not know the faults. The classes are in the modules named *_faults.py.
"""

from __future__ import annotations

from lastcall.servers.reference import delivery_faults as delivery
from lastcall.servers.reference import http1_faults as h1
from lastcall.servers.reference import http2_faults as h2
from lastcall.servers.reference import lifecycle_faults as lifecycle
from lastcall.servers.reference import protocol_faults as protocol
from lastcall.servers.reference import server_faults as process
from lastcall.servers.reference import session_faults as session
from lastcall.servers.reference import supervisor_faults as supervisor
from lastcall.servers.reference import websocket_faults as ws
from lastcall.servers.reference.model import Model

FAULTS: dict[str, Model] = {
    # the founding bug
    "aged-connection-closed": Model(
        "an HTTP/2 connection older than 5 s is closed at the signal as if never used", http2=h2.AgedConnectionClosed
    ),
    # the GOAWAY of HTTP/2
    "no-goaway": Model("no GOAWAY at all", http2=h2.NoGoaway),
    "goaway-late": Model("GOAWAY only after the last stream, right before the close", http2=h2.GoawayLate),
    "goaway-with-error": Model("GOAWAY with INTERNAL_ERROR", http2=h2.GoawayWithError),
    "goaway-on-stream": Model("GOAWAY on stream 1", http2=h2.GoawayOnStream),
    "idle-closed-without-goaway": Model("idle HTTP/2 connections get no GOAWAY", http2=h2.IdleClosedWithoutGoaway),
    "last-stream-id-too-low": Model(
        "the final GOAWAY names a stream below one that is served", http2=h2.LastStreamIdTooLow
    ),
    "last-stream-id-increases": Model("the second GOAWAY is higher than the first", http2=h2.LastStreamIdIncreases),
    # streams and the connection's state in the drain
    "processes-above-last-stream-id": Model(
        "streams above the last stream id are processed", http2=h2.ProcessesAboveLastStreamId
    ),
    "refuses-processed-stream": Model(
        "streams whose handlers run get REFUSED_STREAM at the signal", http2=h2.RefusesProcessedStream
    ),
    "raced-stream-resets-connection": Model(
        "a stream opened after GOAWAY ends the connection with PROTOCOL_ERROR", http2=h2.RacedStreamResetsConnection
    ),
    "raced-stream-dropped": Model(
        "streams opened after the first GOAWAY are dropped, and no GOAWAY names the last stream",
        http2=h2.RacedStreamDropped,
    ),
    "flow-control-leak": Model(
        "DATA of discarded streams is not returned to the connection's window", http2=h2.FlowControlLeak
    ),
    "hpack-desync": Model("HEADERS of discarded streams skip the HPACK decoder", http2=h2.HpackDesync),
    "windows-shut-in-drain": Model("no window is returned in the drain", http2=h2.WindowsShutInDrain),
    "ping-unanswered-in-drain": Model("PING is not answered in the drain", http2=h2.PingUnansweredInDrain),
    "settings-unacked-in-drain": Model("SETTINGS are not acknowledged in the drain", http2=h2.SettingsUnackedInDrain),
    # requests in flight
    "cancels-handlers": Model("handlers are cancelled at the signal; clients get 500", server=process.CancelsHandlers),
    "answers-503-in-flight": Model("requests in flight get 503 at the signal", server=process.AnswersInFlight),
    "cuts-streams-at-signal": Model(
        "responses are cut at the signal", http1=session.CutsHttp1AtSignal, http2=session.CutsHttp2AtSignal
    ),
    "truncates-body": Model("a body's last piece is lost in the drain", exchange=session.TruncatesBody),
    "cancels-handler-after-response": Model(
        "a handler is cancelled in the drain when its response is sent", exchange=session.CancelsHandlerAfterResponse
    ),
    "corrupts-body": Model("a body's last byte is changed in the drain", exchange=session.CorruptsBody),
    "cut-response-ends-stream": Model(
        "a response cut by the drain timeout looks whole",
        http1=session.CutHttp1EndsBody,
        http2=session.CutHttp2EndsStream,
    ),
    # how a response is written in the drain
    "connection-field-in-http2": Model("HTTP/2 responses say connection: close", http2=delivery.ConnectionFieldInHttp2),
    "frames-after-end": Model("DATA follows the end of a stream", http2=delivery.FramesAfterEnd),
    "finished-streams-reset": Model("streams are reset after their response", http2=delivery.FinishedStreamsReset),
    "two-framings": Model("chunked responses have a content-length too", http1=delivery.TwoFramings),
    "keep-alive-beside-close": Model(
        "a response with close also offers keep-alive", http1=delivery.KeepAliveBesideClose
    ),
    "response-held-back": Model(
        "responses are sent 1.8 s after their handlers' end", exchange=delivery.ResponseHeldBack
    ),
    "pieces-held-back": Model("pieces are collected in the drain", exchange=delivery.PiecesHeldBack),
    "processes-twice": Model("two handlers run for every request", exchange=delivery.ProcessesTwice),
    # the close of a connection
    "resets-instead-of-fin": Model("connections are closed with RST", connection=session.ResetsInsteadOfFin),
    "no-close-notify": Model("TLS ends without close_notify", connection=session.NoCloseNotify),
    "no-connection-close-header": Model(
        "the last HTTP/1.1 response does not say close", http1=session.NoConnectionCloseHeader
    ),
    "close-header-not-obeyed": Model(
        "HTTP/1.1 says close and waits for the client to close", http1=session.BusyHttp1Kept
    ),
    "busy-connection-kept": Model(
        "a connection stays open after its last response", http1=session.BusyHttp1Kept, http2=session.BusyHttp2Kept
    ),
    "idle-connections-kept": Model(
        "idle connections stay open until the drain timeout", http1=session.IdleHttp1Kept, http2=session.IdleHttp2Kept
    ),
    "silent-connection-kept": Model(
        "connections never used stay open until the drain timeout",
        connection=session.SilentConnectionKept,
        http1=session.UnusedHttp1Kept,
        http2=session.UnusedHttp2Kept,
    ),
    # HTTP/1.1 in single phases of a request
    "processes-after-close": Model(
        "HTTP/1.1 says close and serves the requests after it", http1=h1.ProcessesAfterClose
    ),
    "late-request-dropped": Model(
        "a request that becomes whole in the drain is processed, its connection closed", http1=h1.DropsLateRequests
    ),
    "expectation-ignored": Model("no 100 (Continue) is sent in the drain", http1=h1.IgnoresExpectation),
    "keep-alive-goes-on": Model("a busy HTTP/1.1 connection is kept alive in the drain", http1=h1.KeepAliveGoesOn),
    "upload-lost": Model("the part of a request's body that arrives in the drain is lost", exchange=h1.LosesUploads),
    "closes-with-input-unread": Model(
        "nothing is read in the drain, and connections are closed with input unread",
        connection=h1.ClosesWithInputUnread,
    ),
    "no-lingering-close": Model(
        "both sides are closed at once, while the client still sends", connection=h1.ClosesWithoutLingering
    ),
    "waits-for-client-to-close": Model(
        "a closed connection counts until its client closes too", connection=h1.WaitsForClientToClose
    ),
    "late-handshake-ignored": Model(
        "a connection that was silent at the signal gets no answer, and stays open",
        connection=session.LateHandshakeIgnored,
    ),
    # WebSockets
    "websocket-no-close-frame": Model("WebSockets end without a Close", websocket=ws.NoCloseFrame),
    "websocket-closed-as-normal": Model("WebSockets are closed with 1000", websocket=ws.ClosedAsNormal),
    "websocket-reserved-close-code": Model("WebSockets are closed with 1006", websocket=ws.ReservedCloseCode),
    "websocket-data-after-close": Model("a message follows the Close", websocket=delivery.DataAfterClose),
    "websocket-kept-open": Model("WebSockets stay open until the drain timeout", websocket=ws.KeptOpen),
    "websocket-tcp-kept": Model("TCP, or the stream, stays open after both Closes", websocket=ws.TcpKept),
    "websocket-waits-for-rude-peer": Model(
        "the server waits forever for the answer to its Close",
        server=process.DrainTimeoutIgnored,
        websocket=ws.WaitsForRudePeer,
    ),
    "websocket-cuts-message": Model("a message that is half sent is cut at the signal", websocket=ws.CutsMessage),
    "websocket-application-not-told": Model(
        "applications do not hear of the end of a WebSocket", websocket=ws.EndNotReported
    ),
    # new connections
    "new-connection-reset": Model(
        "new connections in the drain are accepted and reset", server=process.NewConnectionReset
    ),
    "new-connection-black-hole": Model(
        "new connections in the drain are accepted and never answered", server=process.NewConnectionBlackHole
    ),
    # the drain timeout
    "drain-timeout-ignored": Model("the server waits for handlers forever", server=process.DrainTimeoutIgnored),
    "drain-timeout-short": Model(
        "the forced end comes after a quarter of the drain timeout", server=process.DrainTimeoutShort
    ),
    "drain-timeout-twice": Model(
        "the forced end comes after twice the drain timeout", server=process.DrainTimeoutTwice
    ),
    # the process
    "ignores-signal": Model("the signal is ignored", server=process.IgnoresSignal),
    "exits-at-once": Model("the process exits at the signal, with status 0", server=process.ExitsAtOnce),
    "killed": Model("the process ends by SIGKILL at the signal", server=process.Killed),
    "hangs-after-drain": Model("everything is closed and the process does not exit", server=process.HangsAfterDrain),
    "busy-drain": Model("the server waits for the end of the drain in a busy loop", server=delivery.BusyDrain),
    "floods-log": Model("the drain logs 10,000 lines", server=delivery.FloodsLog),
    "wrong-exit-status": Model("the exit status is 3", server=process.WrongExitStatus),
    "prints-traceback": Model("a traceback is printed at the end", server=process.PrintsTraceback),
    "leaves-orphan": Model("a child process survives", server=process.LeavesOrphan),
    "keeps-port": Model("a child process survives and holds the port", server=process.KeepsPort),
    "farewell-in-plain-text": Model(
        "connections end with a line of text in the drain", http1=protocol.FarewellHttp1, http2=protocol.FarewellHttp2
    ),
    # several workers, reload, the time after the signal
    "leaves-workers-behind": Model(
        "the first process exits at the signal, its workers drain", supervisor=supervisor.LeavesWorkersBehind
    ),
    "tells-one-worker": Model("one worker drains, the others are killed", supervisor=supervisor.SignalsOneWorker),
    "siblings-killed": Model("when a worker fails the others are killed", supervisor=supervisor.SiblingsKilled),
    "reload-kills-workers": Model("a reload kills the old workers", supervisor=supervisor.ReloadKillsWorkers),
    "reload-ends-server": Model("a reload ends the server", supervisor=supervisor.ReloadEndsServer),
    "reload-reopens-port": Model(
        "no socket listens in the middle of a reload", supervisor=supervisor.ReloadReopensPort
    ),
    "reload-resets-newcomers": Model(
        "new connections in the middle of a reload are reset", supervisor=supervisor.ReloadResetsNewConnections
    ),
    "lame-duck-ignored": Model("the drain begins at the signal, without lame duck", server=supervisor.LameDuckIgnored),
    # further signals, a successor, and the application's own shutdown
    "sits-out-drain-timeout": Model(
        "the drain takes its whole timeout with nothing in flight", server=lifecycle.SitsOutDrainTimeout
    ),
    "further-signals-ignored": Model("a second signal does not force the end", server=lifecycle.FurtherSignalsIgnored),
    "port-kept-in-drain": Model(
        "no socket listens in the drain, and the port stays taken", server=lifecycle.PortKeptInDrain
    ),
    "late-handlers-cut": Model("handlers that begin in the drain are cut", server=lifecycle.LateHandlersCut),
    "hook-before-drain": Model(
        "the application is shut down before its requests are served", server=lifecycle.HookBeforeDrain
    ),
    "hook-not-awaited": Model("the exit does not wait for the application's shutdown", server=lifecycle.HookNotAwaited),
    "false-disconnect": Model(
        "handlers get a false disconnect at the signal",
        http1=lifecycle.FalseDisconnectHttp1,
        http2=lifecycle.FalseDisconnectHttp2,
    ),
}
"""The faults by name: each is the model with a few other classes."""
