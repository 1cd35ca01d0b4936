"""An explanation can be pasted into a bug report: what was expected, why, and what the verdict rests on."""

import re

import pytest

from lastcall.conformance.judging.explanation import explain, timeline
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import FrameReceived, ResponseStarted
from lastcall.conformance.model.server_events import (
    HandlerEntered,
    OutputWritten,
    PlayEnded,
    ServerExited,
    ServerStarted,
    SignalSent,
    StepBegun,
)
from lastcall.conformance.model.trace import Play, Trace
from lastcall.conformance.model.verdict import Answer, Impact, Level, Measured, Verdict
from lastcall.conformance.model.words import in_words

MARK = ">"
SECOND = 1_000_000_000


@check(clauses.GOAWAY_ALWAYS, level=Level.SHOULD, impact=Impact.MANNERS)
def goaway_comes(_trace, _limits):
    """The server says goodbye.

    So that a client knows.
    """
    raise NotImplementedError


EVENTS = (
    ServerStarted(7, ("mine", "--port", "80"), begin_ns=0, end_ns=0),
    HandlerEntered("r", "GET", "/hold/r", begin_ns=SECOND, end_ns=SECOND),
    SignalSent("SIGTERM", "shutdown", begin_ns=2 * SECOND, end_ns=2 * SECOND),
    FrameReceived("a", "PING", begin_ns=3 * SECOND, end_ns=3 * SECOND),
    FrameReceived("a", "DATA", begin_ns=3 * SECOND, end_ns=3 * SECOND),
    ServerExited(0, begin_ns=int(4.5 * SECOND), end_ns=int(4.5 * SECOND)),
    PlayEnded(begin_ns=5 * SECOND, end_ns=5 * SECOND),
)
PLAY = Play("one-request", "mine", "h2", "issue", version="1.2")
VERDICT = Verdict(
    "goaway_comes",
    Level.SHOULD,
    "h2-goaway-always",
    Answer.BROKEN,
    "No GOAWAY came.",
    (4, 5),
    (Measured("exit", 2.5, 3.0), Measured("other", 1.0)),
)


def explained(verdict=VERDICT, events=EVENTS, play=PLAY, **changes):
    fields = {"stored_at": "results/one.jsonl", "again": "pytest --server mine -k 'one'", "control": "went well"}
    return explain(Trace(play, events), verdict, goaway_comes, **fields | changes)


def test_explanation_names_everything_a_reader_needs():
    text = " ".join(explained().split())
    for part in (
        "goaway_comes is broken (should)",
        "one-request over h2 on mine 1.2, pace issue",
        "The server says goodbye. So that a client knows.",
        "RFC 9113 §6.8 SHOULD",
        clauses.GOAWAY_ALWAYS.link,
        "No GOAWAY came.",
        "exit 2.500 s of 3 s; other 1.000 s",
        "went well",
        "mine --port 80",
        "results/one.jsonl",
        "pytest --server mine -k 'one'",
    ):
        assert part in text


def test_what_is_not_known_has_no_line():
    text = explained(control="")
    assert not re.search("^control", text, re.MULTILINE)
    assert re.search("^happened", text, re.MULTILINE)


def test_timeline_counts_from_the_signal_and_marks_the_evidence():
    lines = list(timeline(Trace(PLAY, EVENTS), (4, 5)))
    assert [line.split()[-2:] for line in lines if line.startswith(MARK)] == [
        ["signal=SIGTERM", "purpose=shutdown"],
        ["connection=a", "frame=PING"],
    ]
    assert [line.strip("> ").split()[0] for line in lines] == ["-1.000", "+0.000", "+1.000", "+2.500"]
    assert not any("DATA" in line for line in lines), "noise that is no evidence is left out"


def test_timeline_without_a_signal_counts_from_the_beginning_of_the_play():
    (line,) = timeline(Trace(PLAY, (EVENTS[5],)))
    assert line.split() == ["+4.500", "2", "ServerExited", "status=0"]


def test_long_timeline_leaves_its_middle_out_but_never_the_evidence():
    events = tuple(HandlerEntered(f"r{number}") for number in range(500))
    lines = list(timeline(Trace(PLAY, events), (202, 303)))
    assert len(lines) < 70
    assert sum("left out" in line for line in lines) == 1
    assert [line.split()[-1] for line in lines if line.startswith(MARK)] == ["request=r200", "request=r301"]
    assert lines[0].endswith("request=r0")
    assert lines[-1].endswith("request=r499")


def test_timeline_with_evidence_where_the_middle_begins_still_says_that_lines_are_left_out():
    events = tuple(HandlerEntered(f"r{number}") for number in range(500))
    lines = list(timeline(Trace(PLAY, events), (32,)))
    assert sum("left out" in line for line in lines) == 1


CONTROLS = "\x1b[31mred\x1b[0m\rover\x07\x00\u202e"


@pytest.mark.parametrize(
    "text",
    [
        explained(events=(OutputWritten("stderr", CONTROLS), *EVENTS)),
        explained(
            events=(HandlerEntered("r", "GET", CONTROLS), ResponseStarted("r", 200, ((CONTROLS, CONTROLS),)), *EVENTS)
        ),
        explained(verdict=Verdict("c", Level.MUST, "x", Answer.BROKEN, f"It said {CONTROLS}.")),
        explained(play=Play("one", "mine", "h2", "fast", version=CONTROLS)),
        explained(events=(ServerStarted(1, ("mine", CONTROLS)),)),
        explained(control=CONTROLS),
    ],
    ids=["output", "wire", "because", "version", "argv", "control"],
)
def test_explanation_is_plain_text_whatever_the_server_sends(text):
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "red" in text


def test_long_value_is_cut():
    assert len(in_words(OutputWritten("stderr", "x" * 5000))) < 250


def test_event_in_words_leaves_out_what_was_not_set():
    assert in_words(StepBegun()) == "StepBegun"
    assert in_words(ServerExited(0)) == "ServerExited status=0"
    assert in_words(OutputWritten("stderr", "two words")) == "OutputWritten stream=stderr text='two words'"
    assert in_words(ResponseStarted("r", 200, (("a", "b"),))) == "ResponseStarted request=r status=200 headers='a: b'"
