"""The contract kit on every adapter, and on a small server that breaks one article after another."""

import dataclasses

import pytest

from lastcall.commands import contract as contract_command
from lastcall.conformance.harness import contract
from lastcall.conformance.harness.contract import CONTRACT, hold
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.server_session import ServerSessionError
from lastcall.conformance.model.protocol import Protocol, protocol_named
from lastcall.conformance.model.server import Departure
from lastcall.conformance.model.versions import VersionsError
from lastcall.install import missing_reason, version_of
from lastcall.locks import is_locked_version, with_locked_version
from lastcall.registry import find
from tests.support import PATIENT, gated, program

SERVERS = {server.name: server for server in find().servers.values() if not server.mutant}
HASTY = dataclasses.replace(PATIENT, before_shutdown_s=0.5)

FAULTS = {
    "ready": contract.ready_answers_at_once,
    "routes": contract.anything_else_is_not_found,
    "target": contract.handler_says_what_it_saw,
    "chunked": contract.finish_alone_is_one_piece,
    "something": contract.finish_of_nothing_is_empty,
    "buffers": contract.piece_arrives_before_the_finish,
    "restarts": contract.pieces_continue_the_pattern,
    "miscounts": contract.read_counts_the_body,
    "one-by-one": contract.handlers_are_held_beside_each_other,
    "stays": contract.handlers_give_up_without_the_gate,
}


def protocols_to_try(server):
    """Return one protocol for each version of HTTP, without TLS if the server speaks it without TLS."""
    spoken = [[protocol for protocol in sorted(server.speaks) if protocol.version == version] for version in (1, 2)]
    return [min(protocols, key=lambda protocol: protocol.tls) for protocols in spoken if protocols]


PAIRS = [(name, str(protocol)) for name, server in SERVERS.items() for protocol in protocols_to_try(server)]


@pytest.fixture(scope="module")
def environment():
    with Environment() as environment:
        yield environment


@pytest.fixture(scope="module")
def outcomes(environment):
    """Return a function that runs the contract once on a server and protocol, and keeps the outcomes."""
    known = {}

    def of(name, protocol):
        server = SERVERS[name]
        if reason := missing_reason(server):
            pytest.skip(f"{name} is {reason}")
        if (name, protocol) not in known:
            contract_outcomes = hold(environment, server, protocol_named(protocol))
            known[name, protocol] = {outcome.article: outcome for outcome in contract_outcomes}
        return known[name, protocol]

    return of


@pytest.mark.parametrize("article", [article.__name__ for article in CONTRACT])
@pytest.mark.parametrize(("name", "protocol"), PAIRS)
def test_adapter_keeps_the_contract(outcomes, name, protocol, article):
    outcome = outcomes(name, protocol)[article]
    server, version_of_http = SERVERS[name], protocol_named(protocol).version
    installed = version_of(server)
    as_known = bool(outcome.broken) == server.departs(article, version_of_http, installed)
    if not as_known and not is_locked_version(name, installed):
        pytest.skip(f"{name} is {with_locked_version(name, installed)}: {outcome.broken or 'no longer departs'}")
    assert as_known, outcome.broken or f"no longer departs: {server.departure(article, version_of_http)}"
    assert outcome.promise


@pytest.mark.parametrize("name", [name for name, server in SERVERS.items() if server.departures])
def test_every_departure_names_an_article_a_reason_and_versions(name):
    departures = SERVERS[name].departures
    assert {article for article, _version in departures} <= {article.__name__ for article in CONTRACT}
    assert all(departure.reason and departure.versions for departure in departures.values())


@pytest.mark.parametrize(
    ("departure", "broken", "good", "line"),
    [
        (Departure("it stays"), "it stayed", True, "it stayed (as declared: it stays)"),
        (Departure("it stays"), "", False, "kept (no longer departs: it stays)"),
        (Departure("it stays", ">=2.8"), "it stayed", True, "it stayed (as declared: it stays)"),
        (Departure("it stays", ">=2.8"), "", False, "kept (no longer departs: it stays)"),
        (
            Departure("it stays", "<2.8.9"),
            "it stayed",
            False,
            "it stayed (declared for <2.8.9, not for 2.8.9)",
        ),
        (Departure("it stays", "<2.8.9"), "", True, "kept (declared for <2.8.9, not for 2.8.9)"),
    ],
)
def test_a_departure_excuses_the_versions_that_it_names_and_no_other(departure, broken, good, line):
    server = dataclasses.replace(SERVERS["reference"], departures={("gives_up", 1): departure})
    outcome = contract.Outcome("gives_up", "It gives up.", broken)
    assert contract_command.judge_outcome(server, outcome, Protocol.H1, "2.8.9") == (good, f"gives_up: {line}")


def test_a_departure_of_other_versions_need_not_break():
    server = dataclasses.replace(
        SERVERS["reference"], departures={("ready_answers_at_once", 1): Departure("slow", "<2")}
    )
    assert server.departs("ready_answers_at_once", 1, "1.9")
    assert not server.departs("ready_answers_at_once", 1, "2.0")
    assert not server.departs("ready_answers_at_once", 2, "1.9")


def test_a_departure_whose_versions_cannot_be_read_is_refused():
    with pytest.raises(VersionsError, match="is no range of versions"):
        Departure("why", ">=two")


def test_every_article_has_its_fault():
    assert list(FAULTS.values()) == list(CONTRACT)


def test_correct_application_keeps_every_article(environment, tmp_path):
    assert [outcome for outcome in hold(environment, gated(tmp_path), Protocol.H1, PATIENT) if outcome.broken] == []


@pytest.mark.parametrize(("fault", "article"), FAULTS.items())
def test_article_breaks_on_a_faulty_application(environment, tmp_path, fault, article):
    outcomes = hold(environment, gated(tmp_path, fault), Protocol.H1, HASTY)
    broken = {outcome.article: outcome.broken for outcome in outcomes if outcome.broken}
    assert article.__name__ in broken
    assert "\n" not in broken[article.__name__]


def test_server_that_dies_is_reported_as_ended(environment, tmp_path):
    outcomes = hold(environment, gated(tmp_path, "dies"), Protocol.H1, PATIENT)
    broken = [outcome.broken for outcome in outcomes if outcome.broken]
    assert broken
    assert all(line.startswith("the server had ended, with status 7: ") for line in broken)


def test_server_that_does_not_start_raises_one_line(environment, tmp_path):
    with pytest.raises(
        ServerSessionError, match=r"stillborn over h1 cannot be asked: .* with status 3; .*: no licence$"
    ):
        hold(
            environment, program(tmp_path, "stillborn", "print('no licence'); raise SystemExit(3)"), Protocol.H1, HASTY
        )
