"""Test a server's adapter and application against the gate's protocol, and try the capabilities that the adapter claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.chosen_servers import servers_named
from lastcall.conformance.harness.capability_probe import probe
from lastcall.conformance.harness.contract import hold
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.server_session import ServerSessionError
from lastcall.conformance.model.limits import DEFAULT
from lastcall.install import missing_reason, version_of

if TYPE_CHECKING:
    import argparse

    from lastcall.conformance.harness.contract import Outcome
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.server import Server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the servers."""
    parser.add_argument("names", nargs="+", metavar="SERVER", help="a name, or the path of a TOML or Python file")


def run(options: argparse.Namespace) -> int:
    """Print a line for each article and capability; the status is 1 if one of them is not as declared."""
    good = True
    with Environment() as environment:
        for server in servers_named(options.names):
            if reason := missing_reason(server):
                print(f"{server.name}: {reason}")
                good = False
                continue
            for protocol in sorted(server.speaks) if server.timed is None else ():
                good &= _hold(environment, server, protocol)
            good &= _try_capabilities(environment, server)
    return 0 if good else 1


def _hold(environment: Environment, server: Server, protocol: Protocol) -> bool:
    try:
        outcomes = hold(environment, server, protocol)
    except ServerSessionError as error:
        print(f"{server.name} over {protocol}: {error}")
        return False
    installed = version_of(server) or ""
    judged = [judge_outcome(server, outcome, protocol, installed) for outcome in outcomes]
    for _good, line in judged:
        print(f"{server.name} over {protocol}: {line}")
    return all(good for good, _line in judged)


def judge_outcome(server: Server, outcome: Outcome, protocol: Protocol, installed: str) -> tuple[bool, str]:
    """Return whether the outcome of an article is the one that the adapter declares, and the line that reports it."""
    departure = server.departure(outcome.article, protocol.version)
    departs = server.departs(outcome.article, protocol.version, installed)
    declared = ""
    if departure and not departs:
        declared = f" (declared for {departure.versions}, not for {installed})"
    elif departure:
        declared = f" ({'as declared' if outcome.broken else 'no longer departs'}: {departure.reason})"
    return bool(outcome.broken) == departs, f"{outcome.article}: {outcome.broken or 'kept'}{declared}"


def _try_capabilities(environment: Environment, server: Server) -> bool:
    capabilities = environment.run(probe(environment, server, DEFAULT))
    for capability in capabilities:
        declared = "declared" if capability.declared else "not declared"
        detail = f": {capability.detail}" if capability.detail else ""
        outcome = "found" if capability.found else f"not found{detail}"
        print(f"{server.name}: {capability.what} is {declared}, and was {outcome}")
    return not any(capability.contradicted for capability in capabilities)
