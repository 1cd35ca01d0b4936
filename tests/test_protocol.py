"""Protocols are values: named, registered once, and grouped by their properties and not by a list."""

import dataclasses
import pickle

import pytest

from lastcall.conformance.model.protocol import (
    H1,
    H1_TLS,
    H2,
    H2C,
    HTTP1,
    HTTP2,
    MULTIPLEXED,
    OVER_TLS,
    PROTOCOLS,
    Protocol,
    ProtocolError,
    protocol_named,
    register,
)
from lastcall.registry import find

LATER = Protocol("h3", version=3, transport="quic", tls=True, alpn="h3", multiplexes=True, byte_stream=False)
OVER_A_VIRTUAL_SOCKET = Protocol("vsock-tls", version=1, transport="vsock", tls=True)


def test_two_of_the_same_name_are_the_same():
    same = Protocol("h2", version=2)
    assert same == H2
    assert hash(same) == hash(H2)
    assert H2 != H2C
    assert H2 != "h2"
    assert str(H2) == f"{H2}" == "h2"
    assert sorted([H2C, H1_TLS, H2, H1]) == [H1, H1_TLS, H2, H2C]
    assert pickle.loads(pickle.dumps(H2)) == H2


def test_a_protocol_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        H1.version = 2


def test_a_protocol_is_found_by_its_name():
    assert [protocol_named(name) for name in ("h1", "h1-tls", "h2", "h2c")] == [H1, H1_TLS, H2, H2C]
    assert Protocol.H1_TLS is H1_TLS
    with pytest.raises(ProtocolError, match=r"^there is no protocol 'h9'; these are known: h1, h1-tls, h2, h2c"):
        protocol_named("h9")


def test_a_name_is_registered_once():
    assert register(H2) is H2
    with pytest.raises(ValueError, match="a protocol named 'h2' is registered already"):
        register(Protocol("h2", version=2))


@pytest.mark.parametrize(
    ("alike", "expected"),
    [
        (HTTP1, {H1, H1_TLS, OVER_A_VIRTUAL_SOCKET}),
        (HTTP2, {H2, H2C}),
        (MULTIPLEXED, {H2, H2C, LATER}),
        (OVER_TLS, {H1_TLS, H2, OVER_A_VIRTUAL_SOCKET}),
    ],
    ids=lambda value: getattr(value, "title", ""),
)
def test_what_a_protocol_belongs_to_is_read_from_it(alike, expected):
    tried = (H1, H1_TLS, H2, H2C, LATER, OVER_A_VIRTUAL_SOCKET)
    assert {protocol for protocol in tried if protocol in alike} == expected
    assert set(alike) == expected & set(PROTOCOLS.values())
    assert alike, "an empty set of protocols would mean every protocol"


def test_a_protocol_that_is_registered_later_is_spoken_by_no_server(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "h3", LATER)
    assert protocol_named("h3") is LATER
    assert LATER in set(MULTIPLEXED)
    assert {name for name, server in find().servers.items() if LATER in server.speaks} == set()
