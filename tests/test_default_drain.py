"""An adapter that says what drain timeout a server comes with does not configure one when it is told to leave it alone."""

import pytest

from lastcall.conformance.model.launch import Launch
from lastcall.registry import find

DECLARING = [
    server for server in find().servers.values() if server.drain and server.drain.default and not server.mutant
]


def started(server, protocol, drain_s, here, *, default):
    """Everything that a server is given, for two drain timeouts that no other option of a launch could equal."""
    key = here / "key.pem"
    key.write_text("a key")
    launch = Launch(protocol, 8080, key, key, drain_s, here, origin="127.0.0.1:9", default_drain=default)
    return [*server.command(launch)], dict(server.files(launch)) if server.files else {}


@pytest.mark.parametrize("server", DECLARING, ids=lambda server: server.name)
def test_a_drain_timeout_that_is_left_alone_is_not_configured(server, tmp_path):
    for protocol in sorted(server.speaks):
        alone = [started(server, protocol, drain_s, tmp_path, default=True) for drain_s in (7, 11)]
        told = [started(server, protocol, drain_s, tmp_path, default=False) for drain_s in (7, 11)]
        assert alone[0] == alone[1]
        assert told[0] != told[1]
        assert alone[0] not in told


@pytest.mark.parametrize("server", DECLARING, ids=lambda server: server.name)
def test_what_holds_then_is_documented(server):
    default = server.drain.default
    if not default.documented:
        assert default.seconds is None, "who says so?"
        return
    assert default.seconds is None or default.seconds >= 0
    assert default.documented.startswith("https://") or server.name == "reference"
