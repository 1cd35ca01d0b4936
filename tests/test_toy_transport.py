"""A transport of one's own: HTTP/1.1 over a unix socket, added by this file and a registration.

A protocol value, a transport and a server that speaks it are all that is here; the play, its verdicts and its report
are those of every other server.
"""

import asyncio
import dataclasses
import socket
import sys
from pathlib import Path

import pytest

from lastcall import __version__
from lastcall.conformance.harness.client.load import Load
from lastcall.conformance.harness.client.stream import StreamTransport
from lastcall.conformance.harness.client.transport import Endpoint
from lastcall.conformance.harness.client.transports import TRANSPORTS, register_transport, transport_of
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.client_events import ConnectionEnded, ConnectionOpened, RequestSent, ResponseEnded
from lastcall.conformance.model.limits import DEFAULT
from lastcall.conformance.model.protocol import HTTP1, PROTOCOLS, Protocol, register
from lastcall.conformance.model.server import Drain, Server
from lastcall.conformance.model.server_events import HarnessFailed, ListenerClosed, PortChecked, SetupFailed
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.timeline import BeginLoad
from lastcall.conformance.model.trace_file import load
from lastcall.conformance.model.verdict import Answer
from lastcall.conformance.results.descriptions import describe_checks, describe_scenario, describe_server
from lastcall.conformance.results.results import Results, describe_clauses
from lastcall.registry import find
from lastcall.reports.page import write_page
from lastcall.run import Run
from tests.ends import fin_received

UNIX_HTTP1 = Protocol("unix-http1", version=1, transport="unix")
SOCKET = "http.sock"


class UnixTransport(StreamTransport):
    """A connection to the socket that lies in the server's directory."""

    def _make_socket(self):
        return socket.socket(socket.AF_UNIX)

    def _address(self):
        return str(self._endpoint.directory / SOCKET)


PROGRAM = """
import signal, socket, socketserver, sys
sys.path.insert(0, sys.argv[2])
from gated_server import Handler, Server

class UnixServer(Server):
    address_family = socket.AF_UNIX
    server_bind = socketserver.TCPServer.server_bind

server = UnixServer(sys.argv[1], Handler)
signal.signal(signal.SIGTERM, server.stop)
server.serve_forever(poll_interval=0.05)
server.server_close()
"""
EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
GRACEFUL = Server(
    name="unix-socket",
    speaks=frozenset({UNIX_HTTP1}),
    command=lambda launch: [sys.executable, "-c", PROGRAM, str(launch.directory / SOCKET), str(EXAMPLES)],
    version=lambda: "1",
    install=(),
    documentation="",
    drain=Drain("none", ""),
)
ABRUPT = dataclasses.replace(
    GRACEFUL,
    name="unix-socket-that-ends-at-once",
    command=lambda launch: [
        *(sys.executable, "-c", PROGRAM.replace("server.stop", "signal.SIG_DFL")),
        *(str(launch.directory / SOCKET), str(EXAMPLES)),
    ],
    exit_statuses=(-15,),
)


@pytest.fixture
def registered():
    """Register the protocol and the transport as a package that brings them does once, and undo both after the test."""
    register(UNIX_HTTP1)
    register_transport("unix", UnixTransport, tls=False)
    yield
    del PROTOCOLS[UNIX_HTTP1.name]
    del TRANSPORTS["unix", False]


def played(folder, server):
    scenario = dataclasses.replace(find().scenarios["http1-one-request"], protocols=(UNIX_HTTP1,))
    case = Case(scenario, server, UNIX_HTTP1, Pace.FAST, DEFAULT, "1")
    assert not case.why_not
    with Run(folder) as run:
        (judged,) = run.perform([case])
    return judged


def answers(judged):
    return {verdict.check: verdict.answer for verdict in judged.verdicts}


def report_of(judged, folder):
    scenario, server = judged.case.scenario, judged.case.server
    results = Results(
        started_at="2026-01-02T03:04:05+00:00",
        pace="fast",
        platform="",
        suite_version=__version__,
        limits=DEFAULT.as_dict(),
        servers={server.name: describe_server(server, "1", [])},
        scenarios={scenario.id: describe_scenario(scenario, "tests")},
        checks=describe_checks([scenario]),
        clauses=describe_clauses(),
        plays=(judged.as_result(folder),),
    )
    results.write(folder)
    return write_page(results, folder).read_text(encoding="utf-8")


@pytest.mark.usefixtures("registered")
def test_a_server_on_a_unix_socket_is_played_judged_and_drawn(tmp_path):
    judged = played(tmp_path, GRACEFUL)
    assert not judged.trace.of(SetupFailed, HarnessFailed)
    assert judged.trace.of(ConnectionOpened)[0].local_port == 0
    assert {sent.stream_id for sent in judged.trace.of(RequestSent)} == {None}
    assert judged.trace.of(ResponseEnded)
    assert judged.trace.first(fin_received())
    assert not judged.trace.of(ListenerClosed, PortChecked), "these are about a TCP port, which it has not"
    assert load(judged.stored_at).events == judged.trace.events
    # The checks that are about HTTP/1.1 are about it over a unix socket too.
    about_http1 = {check.id for check in judged.case.scenario.checks if check.over is HTTP1}
    assert about_http1
    assert about_http1 <= set(answers(judged))
    assert not {Answer.BROKEN, Answer.SETUP_FAILED, Answer.HARNESS_ERROR} & set(answers(judged).values())
    assert answers(judged)["in_flight_requests_are_served"] is Answer.KEPT
    page = report_of(judged, tmp_path)
    assert "unix-http1" in page
    assert '<h3 id="matrix-h1">Over HTTP/1.1</h3>' in page
    assert "the server closed its side (FIN)" in page


@pytest.mark.usefixtures("registered")
def test_a_server_that_breaks_off_is_blamed_over_it_as_over_any_other(tmp_path):
    judged = played(tmp_path, ABRUPT)
    assert answers(judged)["in_flight_requests_are_served"] is Answer.BROKEN
    assert judged.trace.all(ConnectionEnded(by="server"))
    assert "in_flight_requests_are_served" in report_of(judged, tmp_path)


@pytest.mark.usefixtures("registered")
def test_no_server_of_ours_speaks_it():
    assert find().servers
    assert not any(UNIX_HTTP1 in server.speaks for server in find().servers.values())
    assert not any(UNIX_HTTP1 in scenario.protocols for scenario in find().scenarios.values())


@pytest.mark.usefixtures("registered")
def test_an_ordinary_client_that_has_only_tcp_is_not_taken_for_a_server_s_fault():
    load = Load(None, None, Endpoint(UNIX_HTTP1, 1))
    with pytest.raises(LookupError, match="an ordinary client has TCP alone, and unix-http1 is something else"):
        asyncio.run(load.client(BeginLoad("load"), 1, asyncio.Event()))


def test_a_protocol_without_a_transport_says_so():
    with pytest.raises(LookupError, match="no client has the transport of unix-http1: unix without TLS"):
        transport_of(UNIX_HTTP1)


@pytest.mark.usefixtures("registered")
def test_a_transport_is_registered_once():
    assert register_transport("unix", UnixTransport, tls=False) is UnixTransport
    with pytest.raises(ValueError, match=r"^the transport unix without TLS is registered already: UnixTransport$"):
        register_transport("unix", StreamTransport, tls=False)
    assert transport_of(UNIX_HTTP1) is UnixTransport
