"""A server of the user's own: the values of a TOML file, and one clear line for each mistake in it."""

import dataclasses
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastcall.conformance.model.launch import Launch
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Feature,
    Timed,
)
from lastcall.server_toml import ServerFileError, load_server

MINIMAL = """
name = "mine"
speaks = ["h1"]
command = ["mine", "--port", "{port}"]
"""
FULL = """
name = "mine"
speaks = ["h1", "h2"]
graceful_signal = "SIGQUIT"
exit_statuses = [0, -15, 143]
documentation = "https://example.org/mine"
install = "apt-get install mine"
needs_origin = true
version = ["./mine", "--version"]
[command]
h1 = ["./mine", "--plain", "{host}:{port}", "{{literal}}", "{origin}"]
h2 = ["../mine", "{cert}", "{key}", "{drain_s}", "{here}", "{directory}", "{protocol}"]
[drain]
option = "--grace"
documented = "https://example.org/grace"
whole_seconds = true
[environment]
CONF = "{here}/mine.conf"
NUMBER = 7
"""


def written(folder, text):
    path = folder / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def launch(protocol):
    return Launch(protocol, 8080, Path("/c/cert.pem"), Path("/c/key.pem"), 2.5, Path("/w"), "127.0.0.1:9")


def test_three_keys_are_enough(tmp_path):
    server = load_server(written(tmp_path, MINIMAL))
    assert (server.name, server.speaks, server.drain) == ("mine", {Protocol.H1}, None)
    assert list(server.command(launch(Protocol.H1))) == ["mine", "--port", "8080"]
    assert (server.graceful_signal, server.exit_statuses, server.install) == ("SIGTERM", (0,), ())
    assert server.version() == "version not stated"
    assert not server.mutant
    assert not server.needs_origin


def test_a_default_drain_has_a_command_of_its_own(tmp_path):
    server = load_server(written(tmp_path, changed(BARE)))
    assert server.drain == Drain("--grace", "", default=DefaultDrain(30.0, ""))
    left_alone = dataclasses.replace(launch(Protocol.H1), default_drain=True)
    assert list(server.command(left_alone)) == [str(tmp_path.resolve() / "./mine")]
    assert list(server.command(launch(Protocol.H1))) != list(server.command(left_alone))
    without_limit = load_server(written(tmp_path, changed(BARE.replace("seconds = 30", ""))))
    assert without_limit.drain.default == DefaultDrain(None, "")


def test_every_key_is_used(tmp_path):
    server = load_server(written(tmp_path, FULL))
    here = tmp_path.resolve()
    assert list(server.command(launch(Protocol.H1))) == [
        str(here / "./mine"), "--plain", "127.0.0.1:8080", "{literal}", "127.0.0.1:9"
    ]  # fmt: skip
    assert list(server.command(launch(Protocol.H2))) == [
        str(here / "../mine"), "/c/cert.pem", "/c/key.pem", "2.5", str(here), "/w", "h2"
    ]  # fmt: skip
    assert (server.graceful_signal, server.exit_statuses) == ("SIGQUIT", (0, -15, 143))
    assert server.drain == Drain("--grace", "https://example.org/grace", whole_seconds=True)
    assert server.environment == {"CONF": f"{here}/mine.conf", "NUMBER": "7"}
    assert server.install == ("apt-get install mine",)
    assert server.needs_origin


BARE = """
[drain]
option = "--grace"
[drain.default]
command = ["./mine"]
seconds = 30
"""


def changed(line, *replaced):
    """The minimal file with a new line, in place of those that begin with ``replaced`` or in addition."""
    kept = [
        kept_line for kept_line in MINIMAL.splitlines() if not kept_line.startswith(replaced or (line.split(" ")[0],))
    ]
    return "\n".join([*kept, line])


@pytest.mark.parametrize(
    ("text", "wrong", "wanted"),
    [
        (b"\xff\xfe", "not TOML", ""),
        ("name = ", "not TOML", "end of document"),
        ("name = oops\n", "not TOML", "line 1"),
        ("", "'name' is missing", "needed are name, speaks, command"),
        ('name = "mine"', "'speaks' is missing", "needed are name, speaks, command"),
        ('name = "mine"\nspeaks = ["h1"]', "'command' is missing", "needed are"),
        (changed('comand = ["x"]'), "unknown key 'comand'", "known are name, speaks, command"),
        (changed("name = 7"), "'name' has the wrong type (int)", ""),
        (changed('speaks = "h1"'), "'speaks' has the wrong type (str)", ""),
        (changed('command = "mine --port {port}"'), "'command' has the wrong type (str)", ""),
        (changed("exit_statuses = 0"), "'exit_statuses' has the wrong type (int)", ""),
        (changed("needs_origin = 1"), "'needs_origin' has the wrong type (int)", ""),
        (changed('name = "my server"'), "'name' must be a word", ""),
        (changed('name = "a/b"'), "'name' must be a word", "without /"),
        (changed('name = ".."'), "'name' must be a word", "begins with a letter or digit"),
        (changed('name = ""'), "'name' must be a word", ""),
        (changed("speaks = []"), "'speaks' must not be empty", ""),
        (changed('speaks = ["h3"]'), "not 'h3'", "'speaks' knows h1, h1-tls, h2, h2c"),
        (changed("speaks = [1]"), "not 1", "'speaks' knows"),
        (changed("command = []"), "'command' must be a list of words, for h1", ""),
        (changed('command = ["mine", 8080]'), "'command' must be a list of words", ""),
        (changed('command = {h2 = ["mine"]}'), "'command' must be a list of words, for h1 too", ""),
        (changed('command = {h1 = ["mine"], h3 = ["mine"]}'), "not 'h3'", "knows h1"),
        (changed('command = ["mine", "{prot}"]'), "unknown placeholder 'prot'", "protocol, port"),
        (changed('command = ["mine", "{}"]'), "'command': ", "a literal brace is doubled"),
        (changed('command = ["mine", "{0}"]'), "'command': ", "a literal brace is doubled"),
        (changed('command = ["mine", "{port"]'), "'command': ", "a literal brace is doubled"),
        (changed('command = ["mine", "{port.foo}"]'), "'command'", ""),
        (changed('command = ["mine", "{port[0]}"]'), "'command'", ""),
        (changed('command = ["mine", "{port:x.y}"]'), "'command'", ""),
        (changed('graceful_signal = "TERM"'), "'graceful_signal' 'TERM' is no signal's name", "such as SIGTERM"),
        (changed('exit_statuses = ["0"]'), "'exit_statuses' are numbers", "not '0'"),
        (changed("exit_statuses = []"), "'exit_statuses'", ""),
        (changed("exit_statuses = [true]"), "'exit_statuses' are numbers", "not True"),
        (changed('[drain]\ndocumented = "x"'), "[drain] wants 'option'", "may have 'documented'"),
        (changed('[drain]\noption = "x"\ntimeout = 3'), "[drain] wants 'option'", "and 'default'"),
        (changed("[drain]\noption = 3"), "[drain]", "'option'"),
        (changed('[drain]\noption = "x"\ndefault = 3'), "[drain.default] wants 'command'", "'seconds', a number"),
        (changed('[drain]\noption = "x"\n[drain.default]\nseconds = 3'), "[drain.default] wants 'command'", ""),
        (changed(BARE.replace("30", '"30"')), "[drain.default] wants 'command'", "'seconds', a number"),
        (changed(BARE.replace("seconds", "minutes")), "[drain.default] wants 'command'", "'seconds', a number"),
        (changed(BARE.replace('["./mine"]', "[3]")), "[drain.default] command must be a list of words, for h1", ""),
        (changed(BARE.replace("./mine", "{what}")), "unknown placeholder 'what'", ""),
        (changed("version = [1]"), "'version'", "words"),
    ],
)
def test_a_mistake_is_reported_in_one_line(tmp_path, text, wrong, wanted):
    path = written(tmp_path, text)
    with pytest.raises(ServerFileError) as refused:
        load_server(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert wrong in message
    assert wanted in message
    assert "\n" not in message


@pytest.mark.parametrize(("name", "why"), [("none.toml", "No such file"), (".", "Is a directory")])
def test_file_that_cannot_be_read_is_named(tmp_path, name, why):
    with pytest.raises(ServerFileError, match=f"{name}: .*{why}" if name != "." else why):
        load_server(tmp_path / name)


@given(
    st.dictionaries(
        st.sampled_from(["name", "speaks", "command", "version", "drain", "environment"]),
        st.none()
        | st.integers()
        | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]))
        | st.lists(st.integers()),
    )
)
@settings(max_examples=60, deadline=None)
def test_any_values_raise_at_most_one_kind_of_error(tmp_path_factory, table):
    lines = [f"{name} = {toml(value)}" for name, value in table.items() if value is not None]
    path = written(tmp_path_factory.mktemp("toml"), "\n".join(lines))
    with pytest.raises(ServerFileError) as refused:
        load_server(path)
    assert str(refused.value).startswith(f"{path}: ")


def toml(value):
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


@pytest.mark.parametrize(
    ("command", "version"),
    [
        ([sys.executable, "-c", "print('mine 1.2'); print('more')"], "mine 1.2"),
        ([sys.executable, "-c", "import sys; print('mine 1.3', file=sys.stderr)"], "mine 1.3"),
        ([sys.executable, "-c", ""], "version unknown"),
        (["/no/such/program"], "version unknown"),
    ],
)
def test_version_is_the_first_line_of_its_command(tmp_path, command, version):
    server = load_server(written(tmp_path, f"{MINIMAL}version = {command!r}"))
    assert server.version().startswith(version)


def test_further_keys_are_used(tmp_path):
    server = load_server(
        written(
            tmp_path,
            MINIMAL
            + """
stop = ["docker", "kill", "--signal=TERM", "mine-{port}"]
remove = ["./remove", "{pid}"]
features = ["websocket", "lifespan"]
[signals]
force = "SIGINT"
[timed]
slow = "/report"
slow_s = 2
streaming = "/export"
""",
        )
    )
    assert server.stop(launch(Protocol.H1), 7) == ["docker", "kill", "--signal=TERM", "mine-8080"]
    assert server.remove(launch(Protocol.H1), 7) == [str(tmp_path / "remove"), "7"]
    assert server.features == {Feature.WEBSOCKET, Feature.LIFESPAN}
    assert server.signals == {"force": "SIGINT"}
    assert server.timed == Timed("/report", 2.0, "/export", "/")
    assert server.ready == "/"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stop = []", "'stop' must be a list of words"),
        ('stop = ["x", "{prot}"]', "'stop' has the unknown placeholder 'prot'"),
        ("remove = [1]", "'remove' must be a list of words"),
        ('features = ["http3"]', "'features' knows lifespan, workers, websocket"),
        ('signals = {force = "KILL"}', "'force' 'KILL' is no signal's name"),
        ("timed = {slow_s = 2.0}", "[timed] wants 'slow'"),
        ('timed = {slow = "report", slow_s = 2}', "paths that begin with /"),
        ('timed = {slow = "/r", slow_s = 0.1}', "'slow_s' is a number of seconds from 1 to 10"),
        ('timed = {slow = "/r", slow_s = 2, fast = "/"}', "[timed] wants"),
    ],
)
def test_a_mistake_in_a_further_key_is_reported_in_one_line(tmp_path, line, message):
    with pytest.raises(ServerFileError) as caught:
        load_server(written(tmp_path, f"{MINIMAL}\n{line}\n"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
