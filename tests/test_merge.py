"""Several runs become one matrix; what does not fit together is refused in one line."""

import dataclasses

import pytest

from lastcall.__main__ import main
from lastcall.conformance.model.case import CaseId
from lastcall.conformance.model.verdict import Answer
from lastcall.conformance.results.descriptions import CheckDescription
from lastcall.conformance.results.merge import merge
from lastcall.conformance.results.results import PlayResult, ResultsError, load_results
from tests.literal_run import a_play, a_trace, a_verdict, the_results
from tests.support import dump

KEPT, BROKEN = a_verdict("server_exits_in_time"), a_verdict("server_exits_in_time", "broken")
ANOTHER_SCENARIO = dataclasses.replace(the_results().scenarios["one-request"], drain="6 s")
ANOTHER_CHECK = CheckDescription(promise="It ends.", clause="in-flight")
NEXT_DAY = "2026-01-03T03:04:05+00:00"


def stored(folder, *plays, servers=("someone",), **fields):
    traces = folder / "traces"
    traces.mkdir(parents=True)
    for play in plays:
        if play.trace.startswith("traces/"):
            dump(a_trace(folder.name), folder / play.trace)
    dataclasses.replace(the_results(*plays, servers=servers), **fields).write(folder)
    return folder


def a_play_of(server, protocol="h2", verdict=KEPT, **fields):
    play = a_play(server, protocol, [verdict])
    return dataclasses.replace(play, **{"trace": f"traces/{server}-{protocol}.jsonl", **fields})


def test_the_runs_of_two_jobs_become_one(tmp_path):
    one = stored(tmp_path / "one", a_play_of("someone"), platform="Linux 1")
    two = stored(tmp_path / "two", a_play_of("other"), servers=("other",), started_at=NEXT_DAY, platform="Linux 2")
    results = merge([one, two], tmp_path / "all")
    assert load_results(tmp_path / "all") == results
    assert [play.server for play in results.plays] == list(results.servers) == ["someone", "other"]
    assert results.started_at == "2026-01-02T03:04:05+00:00"
    assert results.platform == "Linux 1; Linux 2"
    assert {path.name for path in (tmp_path / "all" / "traces").iterdir()} == {"someone-h2.jsonl", "other-h2.jsonl"}


def test_one_server_may_be_split_by_protocol(tmp_path):
    one = stored(tmp_path / "one", a_play_of("someone", "h2"))
    two = stored(tmp_path / "two", a_play_of("someone", "h2c"))
    assert {play.protocol for play in merge([one, two], tmp_path / "all").plays} == {"h2", "h2c"}


def test_a_play_that_is_there_twice_is_refused_or_the_newest_is_taken(tmp_path):
    new = stored(tmp_path / "new", a_play_of("someone", verdict=BROKEN), started_at=NEXT_DAY)
    old = stored(tmp_path / "old", a_play_of("someone"))
    with pytest.raises(ResultsError, match=r"one-request\[someone-h2\] is in .*new and in .*old; --newest takes"):
        merge([new, old], tmp_path / "all")
    assert not (tmp_path / "all").exists()
    (play,) = merge([old, new], tmp_path / "all", newest=True).plays
    assert play.verdicts[0].answer is Answer.BROKEN


def test_two_versions_of_a_server_do_not_stand_in_one_column(tmp_path):
    newer = {"someone": dataclasses.replace(the_results().servers["someone"], version="2.0")}
    old = stored(tmp_path / "old", a_play_of("someone", "h2"), a_play_of("someone", "h2c"))
    new = stored(tmp_path / "new", a_play_of("someone", "h2"))
    dataclasses.replace(load_results(new), servers=newer, started_at=NEXT_DAY).write(new)
    with pytest.raises(ResultsError, match=r"someone has version '1.0 plain' in .*old and '2.0' in .*new"):
        merge([old, new], tmp_path / "all")
    results = merge([old, new], tmp_path / "all", newest=True)
    assert [play.id for play in results.plays] == [CaseId("someone", "h2", "one-request")]
    assert results.servers["someone"].version == "2.0"


def test_a_play_that_no_run_supports_is_listed_once(tmp_path):
    refused = PlayResult("one-request", "someone", "h2c", not_supported="it does not speak h2c")
    one = stored(tmp_path / "one", a_play_of("someone"), refused)
    two = stored(tmp_path / "two", refused)
    assert [play.protocol for play in merge([one, two], tmp_path / "all").plays] == ["h2", "h2c"]


def test_a_job_in_which_a_server_was_not_installed_does_not_hide_the_other(tmp_path):
    absent = stored(tmp_path / "absent")
    not_installed = dataclasses.replace(the_results().servers["someone"], installed=False, version="")
    dataclasses.replace(load_results(absent), servers={"someone": not_installed}, started_at=NEXT_DAY).write(absent)
    there = stored(tmp_path / "there", a_play_of("someone"))
    assert merge([absent, there], tmp_path / "all").servers["someone"].installed is True


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"pace": "issue"}, r"their pace differs \(fast and issue\)"),
        ({"suite_version": "9"}, "their suite version differs"),
        ({"limits": {"goaway_s": 9.0}}, "their limits differs"),
        (
            {"scenarios": {"one-request": ANOTHER_SCENARIO}},
            "the scenario 'one-request' is not the same",
        ),
        (
            {"checks": {"server_exits_in_time": ANOTHER_CHECK}},
            "the check 'server_exits_in_time' is not the same",
        ),
    ],
)
def test_runs_with_other_questions_are_refused(tmp_path, fields, says):
    one = stored(tmp_path / "one", a_play_of("someone"))
    two = stored(tmp_path / "two", a_play_of("other"), servers=("other",), **fields)
    with pytest.raises(ResultsError, match=says):
        merge([one, two], tmp_path / "all")


def test_a_trace_outside_of_its_folder_is_not_copied(tmp_path):
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    one = stored(tmp_path / "one", a_play_of("someone", trace="../secret"))
    two = stored(tmp_path / "two", a_play_of("other"), servers=("other",))
    merge([one, two], tmp_path / "deep" / "all")
    assert not (tmp_path / "deep" / "secret").exists()


def test_a_folder_is_not_merged_into_itself(tmp_path):
    one = stored(tmp_path / "one", a_play_of("someone"))
    with pytest.raises(ResultsError, match="is among the folders to be merged"):
        merge([one, one], one)


def test_the_command_draws_the_page_of_the_merged_run(tmp_path, capsys):
    one = stored(tmp_path / "one", a_play_of("someone"))
    two = stored(tmp_path / "two", a_play_of("other"), servers=("other",))
    assert main(["report", str(one), str(two), "--into", f"{tmp_path}/all"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/all/report.html\n"
    page = (tmp_path / "all" / "report.html").read_text(encoding="utf-8")
    assert "someone" in page
    assert "other" in page
    assert main(["report", str(one), str(one), "--into", f"{tmp_path}/twice"]) == 2
    assert "is in" in capsys.readouterr().err
