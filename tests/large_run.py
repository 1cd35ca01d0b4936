"""A run of several servers and questions in literals, drawn as an index with pages beside it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from lastcall.conformance.model.capabilities import Capability
from lastcall.conformance.model.verdict import KnownDeviation, Level
from lastcall.conformance.results.results import PlayResult, Results
from lastcall.reports.page import write_page
from tests.literal_run import MEASURED, a_play, a_trace, a_verdict, the_results
from tests.support import dump

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = ("alpha", "beta", "gamma")
SERVED, EXIT, GOAWAY = "in_flight_requests_are_served", "server_exits_in_time", "goaway_precedes_close"
LEVELS = {SERVED: Level.PROMISE, EXIT: Level.PROMISE, GOAWAY: Level.SHOULD}


def a_large_run(text: str = "plain", suffix: str = "") -> Results:
    """alpha keeps everything; beta breaks a promise over h2, as is known of it, and a should; gamma does not speak h2c."""
    alpha, beta, gamma = (f"{name}{suffix}" for name in SERVERS)
    known = KnownDeviation(text, "https://example.org/issues/1", "2026-11-23")
    kept = [
        a_verdict(SERVED, because=text),
        a_verdict(EXIT, because=text, measured=MEASURED),
        a_verdict(GOAWAY, "cannot tell", "should", because=text),
    ]
    broken = [
        a_verdict(SERVED, "broken", because=f"lost: {text}", evidence=(8, 10), expected=known),
        a_verdict(EXIT, "blocked", because=text),
        a_verdict(GOAWAY, "broken", "should", because=text, evidence=(10,)),
    ]
    plays = [
        *(a_play(alpha, protocol, kept) for protocol in ("h2", "h2c")),
        a_play(beta, "h2", broken),
        a_play(beta, "h2c", kept),
        a_play(gamma, "h2", kept),
        PlayResult("one-request", gamma, "h2c", not_supported=f"it does not speak h2c {text}"),
    ]
    plays += [dataclasses.replace(play, scenario="another-request") for play in plays]
    results = the_results(*plays, servers=(alpha, beta, gamma, "absent"), checks=tuple(LEVELS), text=text)
    one = dataclasses.replace(results.scenarios["one-request"], checks=LEVELS)
    another = dataclasses.replace(one, module="scenarios.second_family")
    return dataclasses.replace(
        results,
        servers={
            name: dataclasses.replace(
                server,
                installed=name != "absent",
                claims=(Capability(f"h2 {text}", declared=True, found=name != beta, detail=text),),
            )
            for name, server in results.servers.items()
        },
        scenarios={"one-request": one, "another-request": another},
    )


def drawn(folder: Path, text: str = "plain", suffix: str = "") -> Path:
    """Write its pages as those of a large run, whatever its size, and return the index."""
    (folder / "traces").mkdir(exist_ok=True)
    dump(a_trace(text), folder / "traces" / "one.jsonl")
    return write_page(a_large_run(text, suffix), folder, one_page_plays=0)
