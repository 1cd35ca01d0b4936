"""Why the HTTP/2 client is built on hyperframe and hpack, and not on h2's connection.

A graceful server announces its shutdown with GOAWAY(2^31-1), and then answers what is in flight. To h2 the connection
is closed by the first of these frames, so the second is an error to it: https://github.com/python-hyper/h2/issues/1181
"""

from __future__ import annotations

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from lastcall.conformance.model.client_events import (
    GoawayReceived,
    ProtocolViolated,
    ResponseEnded,
)
from lastcall.conformance.wire import H2Client, Outgoing

HEADERS = [(":method", "GET"), (":scheme", "http"), (":authority", "origin.test"), (":path", "/")]


def graceful_answer(request: bytes) -> tuple[bytes, bytes]:
    """Return a graceful server's bytes: its GOAWAY, and then the response to the request on stream 1."""
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(request)
    # Written around the server's own h2 object, which would let nothing out after a GOAWAY either.
    goodbye = server.data_to_send() + GoAwayFrame(last_stream_id=2**31 - 1).serialize()
    server.send_headers(1, [(":status", "200")])
    server.send_data(1, b"lastcall\n", end_stream=True)
    return goodbye, server.data_to_send()


def test_h2_refuses_the_response_that_comes_after_a_graceful_goaway() -> None:
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    client.send_headers(1, HEADERS, end_stream=True)
    goodbye, response = graceful_answer(client.data_to_send())
    client.receive_data(goodbye)
    with pytest.raises(ProtocolError):
        client.receive_data(response)


def test_the_wire_client_reads_the_same_response() -> None:
    client = H2Client("a", authority="origin.test", scheme="http")
    client.start()
    client.send_request(Outgoing("one"))
    goodbye, response = graceful_answer(client.flush()[0])
    events = client.receive(goodbye) + client.receive(response)
    assert [event.last_stream_id for event in events if isinstance(event, GoawayReceived)] == [2**31 - 1]
    assert [event.length for event in events if isinstance(event, ResponseEnded)] == [9]
    assert not [event for event in events if isinstance(event, ProtocolViolated)]
    assert client.draining
    assert client.open_requests == set()
