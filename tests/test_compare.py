"""Two runs side by side: what changed is told, and the command's status says whether an answer did."""

import dataclasses

import pytest

from lastcall.__main__ import main
from lastcall.conformance.results.compare import Change, Turn, compare
from lastcall.conformance.results.results import PlayResult
from tests.literal_run import a_play, a_verdict, the_results

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
def test_an_answer_that_changed_is_told_with_its_turn(old, new, turn):
    (change,) = changes([a_play(verdicts=[old])], [a_play(verdicts=[new])])
    assert change == Change("someone", "h2", "one-request", "it_holds", old.answer, new.answer)
    assert change.turn is turn
    assert str(change) == f"one-request[someone-h2]::it_holds: {old.answer} -> {new.answer}"


def test_what_is_new_and_what_is_gone_is_told():
    (new,) = changes([a_play()], [a_play(verdicts=[KEPT])])
    (gone,) = changes([a_play(verdicts=[KEPT])], [a_play()])
    assert (new.turn, gone.turn) == (Turn.NEW, Turn.GONE)
    assert str(new).endswith("not asked -> kept")


def test_a_play_that_is_not_supported_any_more_is_told():
    refused = PlayResult("one-request", "someone", "h2", not_supported="it does not speak it")
    told = changes([a_play(verdicts=[KEPT])], [refused])
    assert [(each.check, each.old, each.new) for each in told] == [
        ("it_holds", "kept", ""),
        ("", "", "not supported"),
    ]


def test_another_reason_or_another_duration_is_no_change():
    old = a_play(verdicts=[KEPT])
    new = dataclasses.replace(
        old, duration_s=1.0, verdicts=(dataclasses.replace(KEPT, because="otherwise", evidence=(4,)),)
    )
    assert changes([old], [new]) == []


def test_versions_and_the_runs_own_differences_are_told():
    old, new = the_results(servers=["someone", "gone"]), the_results(servers=["someone", "new"], text="other")
    told = list(compare(old, dataclasses.replace(new, pace="issue", limits={"goaway_s": 2.0})).lines())
    assert told == [
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


def test_the_status_tells_whether_an_answer_changed(runs, capsys):
    assert main(["compare", f"{runs}/old", f"{runs}/new/results.json"]) == 1
    assert capsys.readouterr().out == "broken now: 1\n    one-request[someone-h2]::it_holds: kept -> broken\n"
    assert main(["compare", f"{runs}/old", f"{runs}/old"]) == 0
    assert capsys.readouterr().out == "no answer changed\n"


def test_what_cannot_be_read_has_a_status_of_its_own(runs, capsys):
    assert main(["compare", f"{runs}/old", f"{runs}/none"]) == 2
    assert capsys.readouterr().err == f"lastcall: {runs}/none/results.json: No such file or directory\n"
