"""Readiness: an open port is not a ready server, and what does not change by waiting is reported at once."""

import asyncio
import textwrap

import pytest

from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.server_session import ServerSessionError, boot
from lastcall.conformance.model.protocol import Protocol
from tests.support import PATIENT, QUICK, gated, program

ANSWERS = """
    import socket, sys
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    for answer in {answers!r}:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            client.sendall(answer)
    {then}
"""
READY = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n"
LOADING = b"HTTP/1.1 503 Loading\r\ncontent-length: 0\r\n\r\n"
MISSING = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def environment():
    with Environment() as environment:
        yield environment


def booted(environment, server, protocol=Protocol.H1, limits=QUICK):
    """Boot a server and end it; return its process's status at the moment when it was ready."""

    async def work():
        async with boot(environment, server, protocol, limits) as ready:
            return ready.process.status

    return environment.run(work())


def answering(folder, *answers, then="import signal; signal.pause()"):
    return program(folder, "answering", textwrap.dedent(ANSWERS.format(answers=answers, then=then)))


def test_server_that_answers_is_ready(environment, tmp_path):
    assert booted(environment, gated(tmp_path), limits=PATIENT) is None


def test_server_that_first_answers_503_or_nothing_is_tried_again(environment, tmp_path):
    assert booted(environment, answering(tmp_path, LOADING, b"", LOADING, READY), limits=PATIENT) is None


def test_server_that_binds_late_is_waited_for(environment, tmp_path):
    late = """
    import socket, subprocess, sys
    subprocess.run([sys.executable, "-c", "import asyncio, ssl, http.client"])
    """
    text = textwrap.dedent(late) + textwrap.dedent(
        ANSWERS.format(answers=[READY], then="import signal; signal.pause()")
    )
    assert booted(environment, program(tmp_path, "late", text), limits=PATIENT) is None


@pytest.mark.parametrize(
    ("answers", "then", "reason"),
    [
        ([LOADING] * 3, "sys.exit(5)", "ended before it was ready, with status 5; it printed nothing"),
        ([], "print('bad config\\n\\n'); sys.exit(1)", "with status 1; its last output: bad config"),
        ([MISSING] * 1000, "", r"answered GET /ready with 404: it does not run the gated application \(docs/gate.md\)"),
        ([READY.replace(b"200", b"204")], "", "is not h1|answered GET /ready with 204"),
        ([b"HTTP/9.9 what\r\n\r\n"], "", "answer to GET /ready is not h1: "),
        ([LOADING] * 10_000, "", r"bound port \d+ but answered with status 503 to GET /ready over h1 within 1 s"),
    ],
)
def test_why_a_server_is_not_ready_is_one_line(environment, tmp_path, answers, then, reason):
    limits = QUICK if len(answers) > 1000 else PATIENT
    with pytest.raises(ServerSessionError, match=reason) as refused:
        booted(environment, answering(tmp_path, *answers, then=then or "import signal; signal.pause()"), limits=limits)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("answering over h1 cannot be asked: the server")


def test_server_that_speaks_no_tls_is_reported(environment, tmp_path):
    with pytest.raises(ServerSessionError, match="the TLS handshake with the server failed: "):
        booted(environment, answering(tmp_path, *[MISSING] * 1000), Protocol.H1_TLS, PATIENT)


def test_server_whose_routes_come_after_its_port_is_waited_for(environment, tmp_path):
    seen = tmp_path / "seen"
    noted = f"import signal; open({str(seen)!r}, 'w').write('three'); signal.pause()"

    async def work():
        async with boot(environment, answering(tmp_path, MISSING, MISSING, READY, then=noted), Protocol.H1, PATIENT):
            while not (seen.exists() and seen.read_text()):  # noqa: ASYNC110 - a file has no event to wait for
                await asyncio.sleep(0)
            return seen.read_text()

    assert environment.run(work()) == "three"


def test_server_that_speaks_http1_in_place_of_http2_is_reported_at_once(environment, tmp_path):
    with pytest.raises(ServerSessionError, match="answer to GET /ready is not h2c: "):
        booted(environment, answering(tmp_path, *[MISSING] * 9), Protocol.H2C, PATIENT)


def test_what_a_server_prints_is_shown_as_plain_text(environment, tmp_path):
    with pytest.raises(ServerSessionError) as refused:
        booted(environment, answering(tmp_path, then="print('\\x1b[31mred\\x07'); sys.exit(1)"), limits=PATIENT)
    assert "red" in str(refused.value)
    assert str(refused.value).isprintable()
