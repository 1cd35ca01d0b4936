"""Servers and scenarios are found without a list: adding one is a new file, and a broken file does not stop the others."""

import sys
import textwrap

import pytest

from lastcall import scenarios, servers
from lastcall.registry import RegistryError, find

SERVER = """
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Server
{value} = {wrapped}Server("{name}", frozenset({{Protocol.H1}}), lambda _: [], lambda: "1", (), ""){comma}
"""
SCENARIO = """
from lastcall.conformance.checks.ending import server_exits_in_time
from lastcall.conformance.model.launch import LaunchPlan
from lastcall.conformance.model.scenario import Scenario, steps
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.timeline import Duration, Shutdown
CHECKS = (server_exits_in_time,)
FIRST = Scenario("{name}", "Is it?", (Protocol.H1,), LaunchPlan(Duration(1, 1)), steps(Shutdown()), CHECKS)
AGAIN = FIRST
"""


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Add modules to the packages for the time of a test."""
    for package in (servers, scenarios):
        folder = tmp_path / package.__name__.removeprefix("lastcall.")
        folder.mkdir()
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    before = set(sys.modules)

    def add(package, module, text):
        (tmp_path / package / f"{module}.py").write_text(textwrap.dedent(text), encoding="utf-8")

    yield add
    for name in set(sys.modules) - before:
        if name.startswith(("lastcall.servers.zz", "lastcall.scenarios.zz")):
            package, _, module = name.rpartition(".")
            delattr(sys.modules[package], module) if hasattr(sys.modules[package], module) else None
            del sys.modules[name]


def server(name, *, many=False):
    return SERVER.format(value="THE", name=name, wrapped="(" if many else "", comma=",)" if many else "")


def test_the_values_of_the_packages_are_found_without_a_problem():
    registry = find()
    assert registry.problems == ()
    assert {"reference", "nginx", "go-nethttp", "uvicorn"} <= set(registry.servers)
    assert "one-request" in registry.scenarios
    assert registry.module_of["one-request"] == "scenarios.founding"
    assert set(registry.module_of) == set(registry.scenarios)
    assert all(name == server.name for name, server in registry.servers.items())


def test_a_new_server_or_scenario_is_one_new_file(added):
    added("servers", "zz_one", server("zz-one"))
    added("servers", "zz_many", server("zz-many", many=True))
    added("scenarios", "zz_question", SCENARIO.format(name="zz-question"))
    registry = find()
    assert {"zz-one", "zz-many"} <= set(registry.servers)
    assert registry.module_of["zz-question"] == "scenarios.zz_question"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError"),
        ("this is no python", "SyntaxError"),
        ("raise ZeroDivisionError('nought')", "ZeroDivisionError: nought"),
    ],
)
def test_file_that_cannot_be_imported_is_reported_and_spares_the_others(added, text, why):
    added("servers", "zz_broken", text)
    added("servers", "zz_good", server("zz-good"))
    registry = find()
    assert "zz-good" in registry.servers
    (line,) = registry.problems
    assert line.startswith("servers.zz_broken cannot be imported: ")
    assert why in line
    assert "\n" not in line


def test_two_servers_of_one_name_are_refused(added):
    added("servers", "zz_one", server("zz-one"))
    added("servers", "zz_two", server("zz-one"))
    with pytest.raises(RegistryError, match=r"servers\.zz_two: a second server is named 'zz-one'"):
        find()


def test_two_scenarios_of_one_id_are_refused(added):
    added("scenarios", "zz_one", SCENARIO.format(name="one-request"))
    with pytest.raises(RegistryError, match=r"scenarios\.zz_one: a second scenario has the id 'one-request'"):
        find()


def test_value_that_a_module_imports_from_another_is_no_second_one(added):
    added("servers", "zz_one", server("zz-one"))
    added("servers", "zz_two", "from lastcall.servers.zz_one import THE\n")
    assert "zz-one" in find().servers
