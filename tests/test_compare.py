"""Two runs side by side: the changes, and the status of the command, which depends on the answers alone."""

import dataclasses

import pytest

from lastcall.__main__ import main
from lastcall.conformance.model.case import CaseCheck, CaseId
from lastcall.conformance.results.compare import Change, Turn, compare
from lastcall.conformance.results.results import PlayResult
from tests.literal_run import a_play, a_verdict, the_results

CASE = CaseId("someone", "h2", "one-request")
KEPT, BROKEN, UNKNOWN = (a_verdict("it_holds", answer) for answer in ("kept", "broken", "cannot tell"))


def changes(old, new):
    return list(compare(the_results(*old), the_results(*new)).changes)


@pytest.mark.parametrize(
    ("old", "new", "turn"),
    [
        (KEPT, BROKEN, Turn.WORSE),
        (UNKNOWN, BROKEN, Turn.WORSE),
        (BROKEN, KEPT, Turn.BETTER),
        (BROKEN, UNKNOWN, Turn.BETTER),
        (KEPT, UNKNOWN, Turn.OTHER),
    ],
)
def test_an_answer_that_changed_is_reported_with_its_turn(old, new, turn):
    (change,) = changes([a_play(verdicts=[old])], [a_play(verdicts=[new])])
    assert change == Change(CaseCheck(CASE, "it_holds"), old.answer, new.answer)
    assert change.turn is turn
    assert str(change) == f"one-request[someone-h2]::it_holds: {old.answer} -> {new.answer}"


def test_new_and_gone_answers_are_reported():
    (new,) = changes([a_play()], [a_play(verdicts=[KEPT])])
    (gone,) = changes([a_play(verdicts=[KEPT])], [a_play()])
    assert (new.turn, gone.turn) == (Turn.NEW, Turn.GONE)
    assert str(new).endswith("not asked -> kept")


def test_a_play_that_is_no_longer_supported_is_reported():
    refused = PlayResult("one-request", "someone", "h2", not_supported="it does not speak it")
    both = changes([a_play(verdicts=[KEPT])], [refused])
    assert [(change.case_check.check, change.old, change.new) for change in both] == [
        ("it_holds", "kept", ""),
        ("", "", "not supported"),
    ]


def test_another_reason_or_another_duration_is_no_change():
    old = a_play(verdicts=[KEPT])
    new = dataclasses.replace(
        old, duration_s=1.0, verdicts=(dataclasses.replace(KEPT, because="otherwise", evidence=(4,)),)
    )
    assert changes([old], [new]) == []


def test_versions_and_differences_of_the_runs_are_reported():
    old, new = the_results(servers=["someone", "gone"]), the_results(servers=["someone", "new"], text="other")
    lines = list(compare(old, dataclasses.replace(new, pace="issue", limits={"goaway_s": 2.0})).lines())
    assert lines == [
        "pace: fast -> issue",
        "limit goaway_s: 1.0 -> 2.0",
        "someone: version 1.0 plain -> 1.0 other",
        "gone: version 1.0 plain -> none",
        "new: version none -> 1.0 other",
        "no answer changed",
    ]


@pytest.fixture
def runs(tmp_path):
    for name, verdict in (("old", KEPT), ("new", BROKEN)):
        (tmp_path / name).mkdir()
        the_results(a_play(verdicts=[verdict])).write(tmp_path / name)
    return tmp_path


def test_the_status_says_whether_an_answer_changed(runs, capsys):
    assert main(["compare", f"{runs}/old", f"{runs}/new/results.json"]) == 1
    assert capsys.readouterr().out == "broken now: 1\n    one-request[someone-h2]::it_holds: kept -> broken\n"
    assert main(["compare", f"{runs}/old", f"{runs}/old"]) == 0
    assert capsys.readouterr().out == "no answer changed\n"


def test_what_cannot_be_read_has_a_status_of_its_own(runs, capsys):
    assert main(["compare", f"{runs}/old", f"{runs}/none"]) == 2
    assert capsys.readouterr().err == f"lastcall: {runs}/none/results.json: No such file or directory\n"
