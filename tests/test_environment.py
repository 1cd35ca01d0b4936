"""The environment: many plays at once, and nothing left of them when it closes."""

import ssl
from pathlib import Path

import pytest

from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.process import reaper
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.protocol import PROTOCOLS, Protocol
from lastcall.conformance.model.server_events import ServerStarted
from lastcall.conformance.model.step import Pace
from tests.support import ONE_HELD, PATIENT, gated


def cases(folder, number):
    return [
        Case(ONE_HELD, gated(folder, "none", name=f"gated-{place}"), Protocol.H1, Pace.FAST, PATIENT)
        for place in range(number)
    ]


def test_plays_run_at_once_and_come_back_in_their_order(tmp_path):
    finished = []
    with Environment() as environment:
        played = cases(tmp_path, 6)
        traces = play_all(environment, played, tmp_path, lambda case, trace: finished.append((case.server.name, trace)))
    assert [trace.play.server for trace in traces] == [case.server.name for case in played]
    assert all(trace.complete for trace in traces)
    assert sorted(name for name, _trace in finished) == sorted(trace.play.server for trace in traces)
    assert {id(trace) for _name, trace in finished} == {id(trace) for trace in traces}
    ports = {trace.of(ServerStarted)[0].argv[2] for trace in traces}
    assert len(ports) == 6, "each server has a port of its own"


def test_an_environment_can_be_used_again_and_again(tmp_path):
    with Environment() as environment:
        first = play_all(environment, cases(tmp_path, 1), tmp_path)
        second = play_all(environment, cases(tmp_path, 1), tmp_path)
        assert play_all(environment, [], tmp_path) == []
    assert first[0].complete
    assert second[0].complete


def test_an_environment_that_closes_leaves_no_process_and_no_key(tmp_path):
    with Environment() as environment:
        play_all(environment, cases(tmp_path, 1), tmp_path)
        token, key = environment.process_sessions.token, environment.certificates.key
        assert key.stat().st_mode & 0o077 == 0
    assert reaper.members(set(), token) == []
    assert not key.parent.exists()


def test_an_environment_closes_when_something_is_raised_in_it():
    with pytest.raises(ZeroDivisionError), Environment() as environment:
        raise ZeroDivisionError
    assert environment.process_sessions._reaper.returncode == 0
    assert not Path(environment.certificates.key).exists()


def test_clients_of_tls_verify_the_server_and_offer_their_protocol_alone():
    with Environment() as environment:
        for protocol in PROTOCOLS.values():
            if protocol.tls:
                context = environment.certificates.client_context(protocol.alpn)
                assert context.verify_mode is ssl.CERT_REQUIRED
                assert context.check_hostname
                shared = environment.certificates.shared_client_context(protocol.alpn)
                assert shared is environment.certificates.shared_client_context(protocol.alpn) is not context


def hello_of(context):
    """The first bytes that a client with these settings writes: its ClientHello."""
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_protocol_over_tls_without_a_word_for_alpn_offers_none():
    with Environment() as environment:
        offering = hello_of(environment.certificates.client_context("http/1.1"))
        silent = hello_of(environment.certificates.client_context(""))
    # RFC 7301 §3.1: the extension lists the words, each after its length.
    assert b"\x08http/1.1" in offering
    assert b"http/1.1" not in silent
