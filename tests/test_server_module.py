"""Servers of the user's own in Python: from a file or an entry point, and the messages for a wrong one."""

import subprocess
import sys

import pytest

from lastcall.conformance.model.protocol import Protocol
from lastcall.registry import find
from lastcall.server_module import load_servers
from lastcall.server_toml import ServerFileError

MINE = """
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Server

MINE = Server(
    name="{name}",
    speaks=frozenset({{Protocol.H1}}),
    command=lambda launch: ["mine", str(launch.port)],
    version=lambda: "1.0",
    install=(),
    documentation="https://example.org/mine",
)
AGAIN = (MINE,)
"""


def test_a_python_file_gives_its_servers(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE.format(name="mine"))
    (server,) = load_servers(path)
    assert (server.name, server.speaks) == ("mine", {Protocol.H1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "no lastcall.conformance.model.server.Server stands at its top level"),
        ("import nowhere_at_all", "cannot be imported: ModuleNotFoundError"),
        ("def (", "cannot be imported: SyntaxError"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(ServerFileError, match=r"mine\.py") as caught:
        load_servers(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_files_of_one_stem_are_two_modules(tmp_path):
    servers = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "mine.py"
        path.write_text(MINE.format(name=folder))
        servers += load_servers(path)
    modules = [sys.modules[server.command.__module__] for server in servers]
    assert [module.MINE for module in modules] == servers


def test_a_file_that_cannot_be_imported_leaves_no_module_behind(tmp_path):
    path = tmp_path / "broken_file.py"
    path.write_text("import nowhere_at_all")
    with pytest.raises(ServerFileError):
        load_servers(path)
    assert [name for name in sys.modules if "broken_file" in name] == []


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ServerFileError, match="no such file"):
        load_servers(tmp_path / "mine.py")


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Lay down an installed distribution with an entry point, as pip does."""

    def lay(name, value, text):
        (tmp_path / f"{name}.py").write_text(text)
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[lastcall.servers]\n{name} = {value}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return lay


@pytest.mark.parametrize("value", ["theirs_a", "theirs_a:MINE"])
def test_an_installed_distribution_brings_its_server(distribution, monkeypatch, value):
    monkeypatch.delitem(sys.modules, "theirs_a", raising=False)
    distribution("theirs_a", value, MINE.format(name="theirs"))
    assert find().servers["theirs"].documentation == "https://example.org/mine"


def test_a_broken_entry_point_does_not_stop_the_others(distribution):
    distribution("theirs_b", "theirs_b", "import nowhere_at_all")
    registry = find()
    assert "reference" in registry.servers
    assert any("theirs_b" in line and "nowhere_at_all" in line for line in registry.problems)


def test_pytest_takes_the_path_of_a_python_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE.format(name="mine"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", f"--server={path}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "::in_flight_requests_are_served[mine-h1]" in done.stdout, done.stdout + done.stderr
