"""Hold a server's adapter and test application to the gate's protocol, and try what the adapter claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.harness.capability_probe import probe
from lastcall.conformance.harness.contract import hold
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.server_session import ServerSessionError
from lastcall.conformance.model.limits import DEFAULT
from lastcall.install import version_of, why_missing
from lastcall.session import servers_named

if TYPE_CHECKING:
    import argparse

    from lastcall.conformance.harness.contract import Outcome
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.server import Server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the servers."""
    parser.add_argument("names", nargs="+", metavar="SERVER", help="a name, or the path of a TOML or Python file")


def run(options: argparse.Namespace) -> int:
    """Print a line for each article and claim; the status is 1 if one of them does not hold."""
    good = True
    with Environment() as environment:
        for server in servers_named(options.names):
            if why := why_missing(server):
                print(f"{server.name}: {why}")
                good = False
                continue
            for protocol in sorted(server.speaks) if server.timed is None else ():
                good &= _hold(environment, server, protocol)
            good &= _try_claims(environment, server)
    return 0 if good else 1


def _hold(environment: Environment, server: Server, protocol: Protocol) -> bool:
    try:
        outcomes = hold(environment, server, protocol)
    except ServerSessionError as error:
        print(f"{server.name} over {protocol}: {error}")
        return False
    installed = version_of(server) or ""
    told = [in_words(server, outcome, protocol, installed) for outcome in outcomes]
    for _good, line in told:
        print(f"{server.name} over {protocol}: {line}")
    return all(good for good, _line in told)


def in_words(server: Server, outcome: Outcome, protocol: Protocol, installed: str) -> tuple[bool, str]:
    """Return whether an article came out as the adapter declares it, and the line that says what came of it."""
    departure = server.departure(outcome.article, protocol.version)
    departs = server.departs(outcome.article, protocol.version, installed)
    declared = ""
    if departure and not departs:
        declared = f" (declared of {departure.versions}, and not judged of {installed})"
    elif departure:
        declared = f" ({'as declared' if outcome.broken else 'no longer departs'}: {departure.reason})"
    return bool(outcome.broken) == departs, f"{outcome.article}: {outcome.broken or 'kept'}{declared}"


def _try_claims(environment: Environment, server: Server) -> bool:
    claims = environment.run(probe(environment, server, DEFAULT))
    for claim in claims:
        said = "declared" if claim.declared else "not declared"
        found = "found" if claim.found else f"not found{': ' if claim.detail else ''}{claim.detail}"
        print(f"{server.name}: {claim.what} is {said}, and was {found}")
    return not any(claim.contradicted for claim in claims)
