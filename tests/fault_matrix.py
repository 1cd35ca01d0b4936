"""Which fault of the reference server breaks which checks; each row is one play, the shortest that shows the break.

``breaks`` names every must and promise that breaks in that play, and the shoulds that the fault is meant to break.
"""

from dataclasses import dataclass

from lastcall.conformance.model.protocol import Protocol


@dataclass(frozen=True)
class Row:
    fault: str
    scenario: str
    protocol: Protocol
    breaks: tuple[str, ...]


H1, H1_TLS, H2, H2C = Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C

LOST = ("in_flight_requests_are_served",)
WITHOUT_GOAWAY = ("goaway_is_sent", "goaway_precedes_close")
OVER_H2 = "websocket-over-h2"
MANY, RACED, LATE = "twenty-five-requests", "raced-stream", "late-stream"
FRESH, CUT = "fresh-idle-and-new", "deadline-first"
H1_IDLE, H1_CUT, H1_ONE = "http1-idle-and-new", "http1-deadline-first", "http1-one-request"

MATRIX = (
    Row("aged-connection-closed", "one-request", H2, LOST),
    Row("aged-connection-closed", FRESH, H2C, LOST),
    Row("no-goaway", MANY, H2, WITHOUT_GOAWAY),
    Row("goaway-late", MANY, H2C, ("goaway_is_prompt", "goaway_comes_in_two_phases")),
    Row("goaway-with-error", MANY, H2, ("goaway_says_no_error",)),
    Row("goaway-on-stream", MANY, H2C, ("goaway_is_on_stream_zero",)),
    Row("idle-closed-without-goaway", FRESH, H2, ("goaway_precedes_close",)),
    Row("last-stream-id-too-low", MANY, H2, ("last_stream_id_covers_processed_streams",)),
    Row("last-stream-id-too-low", "websocket-over-h2", H2C, ("last_stream_id_covers_processed_streams",)),
    Row("last-stream-id-increases", MANY, H2C, ("last_stream_id_never_increases", "goaway_comes_in_two_phases")),
    Row("processes-above-last-stream-id", LATE, H2, ("streams_above_last_stream_id_are_not_processed",)),
    Row(
        "refuses-processed-stream",
        MANY,
        H2,
        (*LOST, "last_stream_id_covers_processed_streams", "streams_in_flight_are_not_reset"),
    ),
    Row("raced-stream-resets-connection", LATE, H2C, (*LOST, "goaway_says_no_error")),
    Row("raced-stream-dropped", LATE, H2, ("raced_streams_meet_a_clear_fate",)),
    Row("raced-stream-dropped", RACED, H2C, ("raced_streams_meet_a_clear_fate",)),
    Row("cancels-handlers", MANY, H2, LOST),
    Row("cancels-handlers", H1_ONE, H1, LOST),
    Row("answers-503-in-flight", MANY, H2C, LOST),
    Row("answers-503-in-flight", H1_IDLE, H1, LOST),
    Row("cuts-streams-at-signal", RACED, H2C, (*LOST, "streams_in_flight_are_not_reset")),
    Row("cuts-streams-at-signal", CUT, H2, ("drain_timeout_is_granted_in_full",)),
    Row("cuts-streams-at-signal", H1_IDLE, H1_TLS, LOST),
    Row("truncates-body", MANY, H2, ("responses_are_whole",)),
    Row("truncates-body", H1_IDLE, H1, ("responses_are_whole",)),
    Row("cancels-handler-after-response", MANY, H2, ("in_flight_handlers_are_not_cancelled",)),
    Row("cancels-handler-after-response", H1_IDLE, H1, ("in_flight_handlers_are_not_cancelled",)),
    Row("corrupts-body", MANY, H2C, ("responses_are_whole",)),
    Row("cut-response-ends-stream", CUT, H2C, ("cut_responses_look_cut",)),
    Row("cut-response-ends-stream", H1_CUT, H1, ("cut_responses_look_cut",)),
    Row("resets-instead-of-fin", H1_IDLE, H1, ("connections_end_without_reset",)),
    Row("ping-unanswered-in-drain", "h2-noise-after-goaway", H2, ("pings_are_answered_in_the_drain",)),
    Row("settings-unacked-in-drain", "h2-noise-after-goaway", H2C, ("settings_are_acknowledged_in_the_drain",)),
    Row("windows-shut-in-drain", "h2-upload", H2, (*LOST, "uploads_in_flight_are_read_whole")),
    Row(
        "flow-control-leak",
        "h2-upload-raced-data",
        H2C,
        (*LOST, "uploads_in_flight_are_read_whole", "data_of_discarded_streams_is_given_back"),
    ),
    Row(
        "hpack-desync",
        "h2-trailers-after-raced-head",
        H2,
        (*LOST, "fields_of_discarded_streams_are_decompressed", "goaway_says_no_error"),
    ),
    Row("late-handshake-ignored", "h2-handshake-late", H2C, ("late_handshakes_meet_a_clear_fate",)),
    Row("no-close-notify", H1_IDLE, H1_TLS, ("close_notify_precedes_fin",)),
    Row("no-close-notify", MANY, H2, ("close_notify_precedes_fin",)),
    Row("no-connection-close-header", H1_IDLE, H1, ("responses_in_flight_say_close",)),
    Row("close-header-not-obeyed", H1_IDLE, H1_TLS, ("close_option_is_obeyed",)),
    Row(
        "busy-connection-kept",
        MANY,
        H2,
        ("busy_connections_close_after_their_last_response",),
    ),
    Row("idle-connections-kept", H1_IDLE, H1, ("idle_connections_close_promptly",)),
    Row("idle-connections-kept", FRESH, H2C, ("idle_connections_close_promptly",)),
    Row(
        "silent-connection-kept", FRESH, H2, ("silent_connections_close_promptly", "unused_connections_close_promptly")
    ),
    Row("silent-connection-kept", H1_IDLE, H1, ("silent_connections_close_promptly",)),
    Row("new-connection-reset", H1_IDLE, H1, ("new_connections_meet_a_clear_fate",)),
    Row("new-connection-black-hole", H1_IDLE, H1, ("new_connections_meet_a_clear_fate",)),
    Row("new-connection-black-hole", FRESH, H2, ("new_connections_meet_a_clear_fate",)),
    Row("drain-timeout-ignored", CUT, H2, ("drain_timeout_ends_the_server",)),
    Row("drain-timeout-ignored", H1_CUT, H1, ("drain_timeout_ends_the_server",)),
    Row("drain-timeout-short", CUT, H2C, ("drain_timeout_is_granted_in_full",)),
    Row("drain-timeout-twice", H1_CUT, H1_TLS, ("drain_timeout_ends_the_server",)),
    Row("ignores-signal", MANY, H2C, ("goaway_is_sent", "server_exits_in_time")),
    Row("exits-at-once", MANY, H2, LOST),
    Row("killed", MANY, H2C, (*LOST, "exit_status_is_documented")),
    Row("killed", CUT, H2, ("drain_timeout_is_granted_in_full",)),
    Row("hangs-after-drain", MANY, H2, ("server_exits_in_time",)),
    Row("wrong-exit-status", H1_IDLE, H1, ("exit_status_is_documented",)),
    Row("prints-traceback", H1_IDLE, H1, ("server_prints_no_stack_trace",)),
    Row("leaves-orphan", H1_IDLE, H1, ("server_leaves_no_process_behind",)),
    Row(
        "keeps-port",
        H1_IDLE,
        H1,
        ("port_is_free_after_exit", "server_leaves_no_process_behind", "new_connections_meet_a_clear_fate"),
    ),
    Row("drain-timeout-short", "default-drain", H1, ("drain_timeout_is_granted_in_full",)),
    Row("drain-timeout-twice", "default-drain", H2, ("drain_timeout_ends_the_server",)),
    Row("sits-out-drain-timeout", "idle-exit", H1, ("idle_server_exits_promptly",)),
    Row("further-signals-ignored", "forced-end", H2, ("forcing_signal_ends_the_server",)),
    Row("cuts-streams-at-signal", "forced-end", H1, ("first_signal_alone_cuts_nothing",)),
    Row("exits-at-once", "second-signal", H2, ("first_signal_alone_cuts_nothing",)),
    Row("cut-response-ends-stream", "forced-end", H1, ("cut_responses_look_cut",)),
    Row("cut-response-ends-stream", "second-signal", H1, ("second_signal_makes_no_false_success",)),
    Row("cut-response-ends-stream", "second-signal", H2, ("second_signal_makes_no_false_success",)),
    Row("port-kept-in-drain", "successor-during-drain", H1, ("successor_serves_during_the_drain",)),
    Row("hook-before-drain", "lifespan-order", H1, ("shutdown_hook_follows_the_last_handler",)),
    Row("hook-not-awaited", "lifespan-slow-hook", H1, ("server_waits_for_the_shutdown_hook",)),
    Row("false-disconnect", "disconnect-news", H1, ("handlers_hear_of_no_false_disconnect",)),
    Row("false-disconnect", "disconnect-news", H2, ("handlers_hear_of_no_false_disconnect",)),
    Row("exits-at-once", "many-connections", H2, LOST),
    Row("late-handlers-cut", "paused-server", H1, ("overtaken_requests_are_answered_or_untouched",)),
    Row("cuts-streams-at-signal", "http1-many-connections", H1, LOST),
    # how responses are written in the drain, and the resources that a drain uses
    Row("connection-field-in-http2", "many-connections", H2, ("responses_carry_no_connection_fields",)),
    Row("frames-after-end", "many-connections", H2, ("nothing_follows_the_end_of_a_stream",)),
    Row("finished-streams-reset", MANY, H2C, ("finished_streams_are_not_reset",)),
    Row("two-framings", H1_IDLE, H1, ("responses_have_one_framing",)),
    Row("keep-alive-beside-close", H1_IDLE, H1_TLS, ("close_is_not_contradicted",)),
    Row("response-held-back", "one-request", H2, ("responses_are_not_held_back",)),
    Row("response-held-back", H1_ONE, H1, ("responses_are_not_held_back",)),
    Row("pieces-held-back", "http1-endless", H1, ("pieces_are_passed_on_in_the_drain",)),
    Row("pieces-held-back", "h2-endless", H2, ("pieces_are_passed_on_in_the_drain",)),
    Row("processes-twice", H1_IDLE, H1, ("requests_are_processed_once",)),
    Row("busy-drain", H1_ONE, H1, ("drain_does_not_spin",)),
    Row("floods-log", "idle-exit", H1, ("log_is_not_flooded",)),
    # HTTP/1.1 in every phase of a request
    Row("processes-after-close", "http1-second-request-after-close", H1, ("close_option_is_obeyed",)),
    Row("processes-after-close", "http1-pipelined", H1, ("close_option_is_obeyed",)),
    Row("late-request-dropped", "http1-half-head", H1, ("overtaken_requests_are_answered_or_untouched",)),
    Row("no-connection-close-header", "http1-half-head", H1, ("last_responses_say_close",)),
    Row("ignores-signal", "http1-idle-race", H1, ("server_exits_in_time",)),
    Row("keep-alive-goes-on", "http1-busy-keep-alive", H1, ("responses_in_flight_say_close",)),
    Row("upload-lost", "http1-half-body", H1, ("uploads_reach_their_handlers_whole",)),
    Row("expectation-ignored", "http1-expect-continue", H1, ("expectations_are_answered",)),
    Row("closes-with-input-unread", "http1-late-bytes", H1, ("responses_survive_what_is_sent_late",)),
    Row("no-lingering-close", "http1-bytes-after-response", H1, ("responses_survive_what_is_sent_late",)),
    Row("resets-instead-of-fin", "http1-slow-reader", H1, ("in_flight_requests_are_served",)),
    Row("cut-response-ends-stream", "http1-endless", H1, ("cut_responses_look_cut",)),
    Row("waits-for-client-to-close", "http1-rude", H1, ("server_exits_once_drained",)),
    # several workers, reload, the time around the signal, ordinary clients
    Row("leaves-workers-behind", "workers-drain", H1, ("first_process_outlives_its_workers",)),
    Row("tells-one-worker", "workers-drain", H2, ("every_worker_serves_what_it_holds",)),
    Row("siblings-killed", "worker-lost-during-drain", H1, ("siblings_of_a_lost_worker_serve_what_they_hold",)),
    Row("reload-kills-workers", "reload-under-load", H1, ("requests_in_flight_survive_a_reload",)),
    Row("reload-kills-workers", "reload-under-load", H2, ("requests_in_flight_survive_a_reload",)),
    Row("reload-ends-server", "reload-under-load", H1, ("server_goes_on_after_a_reload",)),
    Row("reload-reopens-port", "reload-under-load", H2C, ("new_connections_are_accepted_throughout_a_reload",)),
    Row("reload-resets-newcomers", "reload-under-load", H1, ("no_request_is_lost_in_a_reload",)),
    Row("reload-resets-newcomers", "reload-under-load", H2C, ("no_request_is_lost_in_a_reload",)),
    Row("lame-duck-ignored", "lame-duck-newcomers", H1, ("newcomers_are_served_in_the_lame_duck",)),
    Row("lame-duck-ignored", "lame-duck-newcomers", H2, ("newcomers_are_served_in_the_lame_duck",)),
    Row("cuts-streams-at-signal", "restart-under-load", H1, ("requests_of_the_load_that_entered_are_answered",)),
    Row("farewell-in-plain-text", "http1-many-connections", H1, ("server_speaks_its_protocol",)),
    Row("farewell-in-plain-text", "many-connections", H2, ("server_speaks_its_protocol",)),
    # WebSockets
    Row("websocket-no-close-frame", "websocket-open", H1, ("websocket_close_is_sent",)),
    Row("websocket-closed-as-normal", "websocket-open", H1_TLS, ("websocket_close_says_going_away",)),
    Row("websocket-reserved-close-code", "websocket-open", H1, ("websocket_close_code_is_allowed",)),
    Row("websocket-data-after-close", "websocket-open", H1, ("websocket_close_is_the_last_word",)),
    Row("websocket-kept-open", "websocket-rude-peer", H1, ("websocket_close_is_sent",)),
    Row("websocket-tcp-kept", "websocket-open", H1, ("websocket_tcp_closes_after_the_handshake",)),
    Row("websocket-waits-for-rude-peer", "websocket-rude-peer", H1, ("server_exits_in_time",)),
    Row("websocket-cuts-message", "websocket-message-half-sent", H1, ("websocket_messages_are_whole",)),
    Row("websocket-application-not-told", "websocket-open", H1, ("websocket_end_is_told_to_the_application",)),
    # WebSockets over HTTP/2
    Row("websocket-no-close-frame", OVER_H2, H2, ("websocket_close_is_sent",)),
    Row("websocket-closed-as-normal", OVER_H2, H2C, ("websocket_close_says_going_away",)),
    Row("websocket-reserved-close-code", OVER_H2, H2C, ("websocket_close_code_is_allowed",)),
    Row("websocket-data-after-close", OVER_H2, H2, ("websocket_close_is_the_last_word",)),
    Row("websocket-kept-open", OVER_H2, H2C, ("websocket_close_is_sent",)),
    Row("websocket-tcp-kept", OVER_H2, H2, ("websocket_stream_ends_after_the_handshake",)),
    Row("websocket-tcp-kept", OVER_H2, H2C, ("websocket_stream_ends_after_the_handshake",)),
    Row("websocket-waits-for-rude-peer", f"{OVER_H2}-rude-peer", H2C, ("server_exits_in_time",)),
    Row("websocket-application-not-told", OVER_H2, H2, ("websocket_end_is_told_to_the_application",)),
    Row("cuts-streams-at-signal", OVER_H2, H2, (*LOST, "streams_in_flight_are_not_reset")),
    Row("no-goaway", OVER_H2, H2C, WITHOUT_GOAWAY),
)

NOT_YET_PLAYED: frozenset[str] = frozenset()
"""Faults that no scenario asks about yet."""
