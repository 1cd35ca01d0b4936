"""The capability probe: a declared capability that is missing, and one that is there and not declared."""

import dataclasses

import pytest

from lastcall.conformance.harness.capability_probe import probe
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.model.capabilities import Capability
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Feature
from lastcall.registry import find
from tests.support import PATIENT, QUICK, gated, program

REFERENCE = find().servers["reference"]


@pytest.fixture(scope="module")
def environment():
    with Environment() as environment:
        yield environment


def contradictions(environment, server, limits=PATIENT):
    tried = environment.run(probe(environment, server, limits))
    return [capability.contradicted for capability in tried if capability.contradicted]


def test_the_reference_server_is_what_its_adapter_says(environment):
    assert contradictions(environment, REFERENCE) == []


def test_an_undeclared_capability_is_found(environment):
    modest = dataclasses.replace(REFERENCE, speaks=frozenset({Protocol.H1, Protocol.H1_TLS}), features=frozenset())
    assert sorted(contradictions(environment, modest)) == [
        "h2 was found and is not declared",
        "h2c was found and is not declared",
        "lifespan was found and is not declared",
        "websocket was found and is not declared",
    ]


def test_websockets_over_http2_are_found_where_http2_is_declared(environment):
    modest = dataclasses.replace(REFERENCE, speaks=frozenset({Protocol.H2C}), features=frozenset({Feature.LIFESPAN}))
    assert sorted(contradictions(environment, modest)) == [
        "h1 was found and is not declared",
        "websocket-h2 was found and is not declared",
    ]


def test_a_declared_capability_that_is_missing_is_reported(environment, tmp_path):
    boastful = gated(tmp_path, features=frozenset({Feature.WEBSOCKET, Feature.WEBSOCKET_H2, Feature.LIFESPAN}))
    assert sorted(contradictions(environment, boastful)) == [
        "lifespan is declared and was not found",
        "websocket is declared and was not found",
        "websocket-h2 is declared and was not found: its adapter claims no HTTP/2",
    ]


def test_a_server_that_does_not_start_is_reported_with_its_reason(environment, tmp_path):
    stillborn = program(tmp_path, "stillborn", "raise SystemExit('no licence')")
    (contradiction,) = contradictions(environment, stillborn, QUICK)
    assert contradiction.startswith("h1 is declared and was not found: stillborn over h1 cannot be asked: ")
    assert "no licence" in contradiction


def test_a_capability_that_agrees_with_the_adapter_is_no_contradiction():
    assert Capability("h2", declared=True, found=True).contradicted == ""
    assert Capability("h2", declared=False, found=False).contradicted == ""
