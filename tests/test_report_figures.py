"""The figures and the matrix of the report: what is counted, and what stands for a whole play."""

from __future__ import annotations

from lastcall.conformance.model.verdict import Measured
from lastcall.conformance.results.results import PlayResult
from lastcall.reports import figures, matrix
from lastcall.reports.answers import NOT_SUPPORTED, SHOULD_BROKEN, counts, headline
from tests.literal_run import MEASURED, a_play, a_verdict, the_results


def test_requests_that_were_not_owed_are_counted_apart() -> None:
    verdicts = [a_verdict(figures.OWED, "broken")]
    owing = the_results(a_play(verdicts=verdicts), checks=(figures.OWED,))
    excused = the_results(a_play(verdicts=verdicts, control_failed="it fails anyway"), checks=(figures.OWED,))
    (row,), (excused_row,) = figures.rows(owing), figures.rows(excused)
    assert (row.lost, row.sent, row.excused_lost) == (1, 2, 0)
    assert (excused_row.lost, excused_row.sent, excused_row.excused_lost) == (0, 0, 1)
    assert row.requests_lost == "1 of 2 requests lost"
    assert excused_row.requests_lost == "0 of 0 requests lost, and 1 that were not owed"


def test_requests_of_a_play_that_holds_them_past_the_drain_timeout_are_not_owed() -> None:
    (row,) = figures.rows(the_results(a_play(), checks=("drain_timeout_ends_the_server",)))
    assert (row.lost, row.sent, row.excused_lost) == (0, 0, 1)


def test_the_figures_count_by_level_and_take_the_slowest_exit() -> None:
    slow = (Measured("exit", 9.0, 8.0),)
    verdicts = [
        a_verdict(figures.EXIT, "kept", measured=MEASURED),
        a_verdict(figures.EXIT, "broken", measured=slow),
        a_verdict("a", "broken", "must"),
        a_verdict("b", "setup failed", "must"),
        a_verdict(figures.GOAWAY, "broken", "should"),
        a_verdict(figures.GOAWAY, "kept", "should"),
    ]
    (row,) = figures.rows(the_results(a_play(verdicts=verdicts)))
    assert (row.must_broken, row.promise_broken, row.should_broken, row.unproved) == (1, 1, 1, 1)
    assert (row.exit.worst_s, row.exit.limit_s, row.exit.late) == (9.0, 8.0, 1)
    assert (row.goaway.kept, row.goaway.broken) == (1, 1)


def test_a_server_that_never_exited_in_time_has_no_exit_and_says_so() -> None:
    (row,) = figures.rows(the_results(a_play(verdicts=[a_verdict(figures.EXIT, "broken")])))
    assert (row.exit.worst_s, row.exit.late) == (None, 1)


def test_the_matrix_has_a_column_for_each_protocol_that_was_played() -> None:
    plays = [a_play(), a_play(protocol="h2c"), a_play(server="other")]
    (table,) = matrix.tables(the_results(*plays, servers=("someone", "other")))
    assert table.servers == (("someone", 2), ("other", 1))
    assert [column.protocol for column in table.columns] == ["h2", "h2c", "h2"]


def test_a_server_that_speaks_none_of_it_has_one_column_of_dashes() -> None:
    refused = PlayResult("one-request", "other", "h2", not_supported="other does not speak h2")
    (table,) = matrix.tables(the_results(a_play(), refused, servers=("someone", "other")))
    assert [column.protocol for column in table.columns] == ["h2", ""]
    assert table.groups[0].scenarios[0].cells[1].shown is NOT_SUPPORTED


def test_a_row_sums_a_play_up_by_its_worst_answers() -> None:
    kinds = ["kept", "kept", "observed", "cannot tell"]
    good = counts(a_verdict("a", answer) for answer in kinds)
    assert [str(count) for count in headline(good)] == ["2 kept"]
    bad = counts([*(a_verdict("a", answer) for answer in kinds), a_verdict("a", "broken", "should")])
    assert [str(count) for count in headline(bad)] == ["1 should broken"]
    assert bad[0].shown is SHOULD_BROKEN
    assert [str(count) for count in headline(counts([a_verdict("a", "cannot tell")]))] == ["1 cannot tell"]
