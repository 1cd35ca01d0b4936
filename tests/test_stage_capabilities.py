"""The capability probe: a claim that the server does not bear out, and a thing that nobody claimed."""

import dataclasses

import pytest

from lastcall.conformance.harness.capability_probe import probe
from lastcall.conformance.harness.environment import House
from lastcall.conformance.model.capabilities import Claim
from lastcall.conformance.model.server import Feature, Protocol
from lastcall.registry import find
from tests.support import PATIENT, QUICK, gated, program

REFERENCE = find().servers["reference"]


@pytest.fixture(scope="module")
def house():
    with House() as house:
        yield house


def contradictions(house, server, limits=PATIENT):
    return [claim.contradicted for claim in house.run(probe(house, server, limits)) if claim.contradicted]


def test_the_reference_server_is_what_its_adapter_says(house):
    assert contradictions(house, REFERENCE) == []


def test_what_nobody_claimed_is_found(house):
    modest = dataclasses.replace(REFERENCE, speaks=frozenset({Protocol.H1, Protocol.H1_TLS}), features=frozenset())
    assert sorted(contradictions(house, modest)) == [
        "h2 was found and is not declared",
        "h2c was found and is not declared",
        "lifespan was found and is not declared",
        "websocket was found and is not declared",
    ]


def test_websockets_over_http2_are_found_where_http2_is_claimed(house):
    modest = dataclasses.replace(REFERENCE, speaks=frozenset({Protocol.H2C}), features=frozenset({Feature.LIFESPAN}))
    assert sorted(contradictions(house, modest)) == [
        "h1 was found and is not declared",
        "websocket-h2 was found and is not declared",
    ]


def test_what_is_claimed_and_not_there_is_told(house, tmp_path):
    boastful = gated(tmp_path, features=frozenset({Feature.WEBSOCKET, Feature.WEBSOCKET_H2, Feature.LIFESPAN}))
    assert sorted(contradictions(house, boastful)) == [
        "lifespan is declared and was not found",
        "websocket is declared and was not found",
        "websocket-h2 is declared and was not found: its adapter claims no HTTP/2",
    ]


def test_a_server_that_does_not_start_is_told_with_its_reason(house, tmp_path):
    stillborn = program(tmp_path, "stillborn", "raise SystemExit('no licence')")
    (told,) = contradictions(house, stillborn, QUICK)
    assert told.startswith("h1 is declared and was not found: stillborn over h1 cannot be asked: ")
    assert "no licence" in told


def test_a_claim_that_is_borne_out_says_nothing():
    assert Claim("h2", declared=True, found=True).contradicted == ""
    assert Claim("h2", declared=False, found=False).contradicted == ""
