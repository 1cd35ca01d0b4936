"""Scenarios of the user's own: in a file that the command line names, or in an installed distribution."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lastcall import registry
from lastcall.conformance.results.results import load_results
from lastcall.registry import RegistryError, find


def text(name="MINE", scenario="mine-in-flight"):
    return (
        "from lastcall.conformance.checks.ending import server_exits_in_time\n"
        "from lastcall.conformance.model.launch import LaunchPlan\n"
        "from lastcall.conformance.model.protocol import Protocol\n"
        "from lastcall.conformance.model.scenario import Scenario, steps\n"
        "from lastcall.conformance.model.timeline import Await, Duration, Shutdown\n"
        "from lastcall.conformance.model.server_events import ServerExited\n"
        f'{name} = Scenario("{scenario}", "Does it end?", (Protocol.H1,), LaunchPlan(Duration(1, 1)),'
        " steps(Shutdown(), Await(ServerExited())), (server_exits_in_time,))\n"
    )


def lastcall(*arguments, cwd, path=""):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=cwd,
        env=os.environ | ({"PYTHONPATH": str(path)} if path else {}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["one process", "workers"])
def test_a_path_on_the_command_line_is_played(tmp_path, workers):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "my_scenarios.py").write_text(text(), encoding="utf-8")
    arguments = ("--server=reference", "deep/my_scenarios.py", "--results=out", "-v", *workers)
    run = lastcall(*arguments, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "deep/my_scenarios.py::mine-in-flight::server_exits_in_time[reference-h1]" in run.stdout
    results = load_results(tmp_path / "out")
    assert {play.scenario for play in results.plays if play.verdicts} == {"mine-in-flight"}
    assert "1 passed" in run.stdout


def test_the_advice_to_play_it_again_names_the_file(tmp_path):
    (tmp_path / "my_scenarios.py").write_text(text(), encoding="utf-8")
    run = lastcall("--server=reference+ignores-signal", "my_scenarios.py", "--results=out", cwd=tmp_path)
    assert run.returncode == 1
    assert "pytest --server=reference+ignores-signal my_scenarios.py -k\n" in run.stdout, run.stdout


def test_files_of_installed_scenarios_may_be_named_beside_it(tmp_path):
    (tmp_path / "mine.py").write_text(text(), encoding="utf-8")
    ours = find().file_of["one-request"]
    run = lastcall("--server=reference", "mine.py", ours, "--collect-only", "-q", cwd=tmp_path)
    assert f"{tmp_path}/mine.py::mine-in-flight::server_exits_in_time[reference-h1]" in run.stdout
    assert "scenarios/founding.py::one-request::goaway_is_sent[reference-h2]" in run.stdout
    assert "scenarios/http1.py" not in run.stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("x = 1", "no lastcall.conformance.model.scenario.Scenario stands at its top level"),
        ("import nowhere_at_all", "cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def (", "cannot be imported: SyntaxError"),
        (text(scenario="one-request"), "a second scenario has the id 'one-request'"),
        (None, "no such file"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, content, says):
    path = tmp_path / "mine.py"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(RegistryError, match=r"mine\.py: ") as refused:
        find([path])
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_pytest_refuses_it_in_that_line_too(tmp_path):
    (tmp_path / "mine.py").write_text("x = 1", encoding="utf-8")
    run = lastcall("--server=reference", "mine.py", cwd=tmp_path)
    assert run.returncode == 4
    (line,) = [line for line in run.stderr.splitlines() if line]
    assert line.endswith("mine.py: no lastcall.conformance.model.scenario.Scenario stands at its top level")


def test_a_file_in_a_named_folder_is_not_imported(tmp_path):
    """Only a file that the command line names is imported: a folder may contain any module."""
    (tmp_path / "mine.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    run = lastcall("--server=reference", ".", "--collect-only", "-q", cwd=tmp_path)
    assert "imported" not in run.stdout + run.stderr


def test_the_example_of_the_documentation_is_played(tmp_path):
    example = Path(__file__).parent.parent / "docs" / "examples" / "my_scenarios.py"
    run = lastcall("--server=reference", example, "--results=out", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "4 passed" in run.stdout


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Lay down an installed distribution with an entry point, as pip does."""
    before = set(sys.modules)

    def lay(name, value, files):
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(content, encoding="utf-8")
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        points = f"[lastcall.scenarios]\n{name} = {value}\n"
        (folder / "entry_points.txt").write_text(points, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return tmp_path

    yield lay
    for name in set(sys.modules) - before:
        if name.partition(".")[0].startswith("theirs"):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("value", "files", "module"),
    [
        ("theirs_m", {"theirs_m.py": text()}, "theirs_m"),
        ("theirs_v:MINE", {"theirs_v.py": text()}, "theirs_v"),
        (
            "theirs_p",
            {"theirs_p/__init__.py": "from theirs_p.inner import MINE\n", "theirs_p/inner.py": text()},
            "theirs_p.inner",
        ),
    ],
    ids=["module", "value", "package"],
)
def test_an_installed_distribution_brings_its_scenario(distribution, value, files, module):
    folder = distribution("theirs", value, files)
    registry = find()
    assert registry.problems == ()
    assert registry.module_of["mine-in-flight"] == module
    run = lastcall("--server=reference", "--collect-only", "-q", "-k", "mine-in-flight", cwd=folder, path=folder)
    ids = [line for line in run.stdout.splitlines() if "::" in line]
    assert ids == [f"{module.replace('.', '/')}.py::mine-in-flight::server_exits_in_time[reference-h1]"], run.stderr


def test_a_broken_module_of_a_distribution_does_not_stop_the_others(distribution):
    files = {"theirs_b/__init__.py": "", "theirs_b/bad.py": "import nowhere_at_all\n", "theirs_b/good.py": text()}
    distribution("theirs", "theirs_b", files)
    registry = find()
    assert {"one-request", "mine-in-flight"} <= set(registry.scenarios)
    assert registry.problems == (
        "theirs_b.bad cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'",
    )


def test_a_distribution_without_a_scenario_is_reported(distribution):
    distribution("theirs", "theirs_n", {"theirs_n.py": "x = 1\n"})
    assert find().problems == ("entry point theirs (theirs_n): no Scenario stands there",)


def test_the_own_values_of_the_suite_come_through_the_same_groups():
    for group in (registry.SERVERS, registry.SCENARIOS):
        (point,) = importlib.metadata.entry_points(group=group, name="lastcall")
        assert point.value == group


def test_metadata_older_than_the_sources_is_reported(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_group: [])
    registry = find()
    assert registry.servers == {}
    assert registry.problems[0].startswith("entry point group lastcall.servers does not name the servers of lastcall: ")
