"""Ports: two runs never have the same one, and who listens is read from the kernel, without a connection."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import lastcall
from lastcall.conformance.harness.process import ports
from lastcall.conformance.harness.process.ports import HOST, RANGE, NoPortError, can_listen, listening_ports, own_port

ROOT = str(Path(lastcall.__file__).parent.parent)


def test_owned_ports_differ_and_can_be_listened_on():
    with contextlib.ExitStack() as stack:
        owned = [stack.enter_context(own_port()) for _ in range(30)]
        assert len(set(owned)) == 30
        assert all(port in RANGE and can_listen(port) for port in owned)


def test_range_keeps_clear_of_the_ports_of_clients():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:  # noqa: PTH123 - it is no file
        lowest = int(file.read().split()[0])
    assert RANGE.stop <= max(lowest, 32768)


def test_port_that_another_process_owns_is_not_given(monkeypatch):
    holder = """
import sys
from lastcall.conformance.harness.process.ports import own_port
with own_port() as port:
    print(port, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ROOT},
    ) as process:
        port = int(process.stdout.readline())
        only_this = range(port, port + 1)
        monkeypatch.setattr(ports.random, "sample", lambda *_: only_this)
        with pytest.raises(NoPortError), own_port():
            pass
        process.kill()
        process.wait()
        # The lock ended with its process, however that ended.
        with own_port() as again:
            assert again == port


def test_lock_of_a_port_ends_with_its_context(monkeypatch):
    with own_port() as port:
        pass
    monkeypatch.setattr(ports.random, "sample", lambda *_: [port])
    with own_port() as again:
        assert again == port


def test_port_on_which_another_program_listens_is_not_given(monkeypatch):
    with socket.create_server((HOST, 0)) as stranger:
        monkeypatch.setattr(ports.random, "sample", lambda *_: [stranger.getsockname()[1]])
        with pytest.raises(NoPortError, match="no free port among"), own_port():
            pass


def test_port_without_a_listener_can_be_listened_on():
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert not can_listen(port)
        client = socket.create_connection((HOST, port))
        served, _ = server.accept()
    # The server closes first, which leaves TIME_WAIT on its side: a successor can still listen.
    served.close()
    client.close()
    assert can_listen(port)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, HOST), (socket.AF_INET6, "::1")])
def test_kernel_lists_a_listener_until_it_is_closed(family, address):
    try:
        server = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip(f"no {family.name} here")
    with server:
        port = server.getsockname()[1]
        assert port in listening_ports()
        with socket.create_connection((address, port)) as client:
            assert client.getsockname()[1] not in listening_ports()
    assert port not in (listening_ports() or ())


def test_where_the_kernel_does_not_answer_its_tables_are_read(monkeypatch):
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert port in listening_ports()

        def refuse(_family):
            raise OSError

        monkeypatch.setattr(ports, "_ask_for_listeners", refuse)
        assert port in listening_ports()
    assert port not in (listening_ports() or ())
