"""Verdicts of a whole run of six servers, stored when the formats were version 1: judged again, none of them differs.

The sample holds the traces, the controls, and the results.json of the lastcall that recorded and judged them.
"""

import json
import tarfile
from pathlib import Path

import pytest

from lastcall.conformance.judging.judge import judge
from lastcall.conformance.model.limits import Limits
from lastcall.conformance.model.trace_file import load
from lastcall.registry import find

SAMPLE = Path(__file__).parent / "samples" / "version-1-six-servers.tar.xz"
SERVERS = ("go-nethttp", "hypercorn", "nginx", "node-24", "reference", "uvicorn-workers")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("six-servers")
    with tarfile.open(SAMPLE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def stored_plays(folder, server):
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return [play for play in results["plays"] if play["server"] == server and play["trace"]]


SPLIT = {("idle-exit", "server_exits_once_drained"): "idle_server_exits_promptly"}
"""The rule that was a promise in this scenario and a should in the others: it is two checks now, each at its level."""


def as_stored(scenario, verdict):
    """A verdict of the stored results.json, by today's name of its check."""
    verdict.pop("expected", None)  # an expectation stands beside a verdict and is no part of it
    return verdict | {"check": SPLIT.get((scenario, verdict["check"]), verdict["check"])}


def with_the_keys_of(stored, verdict):
    """A verdict as it is stored today, without the fields that were added since."""
    plain = json.loads(json.dumps(verdict.as_json(), default=vars))
    assert set(plain) - set(stored) == {"impact"}
    return {name: plain[name] for name in stored}


@pytest.mark.parametrize("server", SERVERS)
def test_no_verdict_reason_or_evidence_differs(run, server):
    scenarios = find().scenarios
    plays = stored_plays(run, server)
    assert len(plays) >= 50
    for play in plays:
        trace = load(run / play["trace"])
        control = load(run / play["control"]) if play["control"] else None
        verdicts = judge(scenarios[play["scenario"]], trace, Limits(**trace.play.limits), control)
        stored = [as_stored(play["scenario"], verdict) for verdict in play["verdicts"]]
        assert len(verdicts) == len(stored), play["trace"]
        assert list(map(with_the_keys_of, stored, verdicts)) == stored, play["trace"]
