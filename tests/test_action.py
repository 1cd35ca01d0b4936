"""The action by which a server's own project runs the suite: its steps, run in such a project, and the workflows' form."""

import os
import re
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from lastcall.conformance.judging.expectations import Expectation, Expectations, as_toml
from lastcall.conformance.results.results import load_results
from tests.test_documentation import ROOT, blocks, environment, own_project

ACTION = ROOT / "action.yml"
QUICK = "-k 'http1-idle-and-new and h1]'"


def read(text):
    return YAML(typ="safe").load(text)


def example():
    """The workflow of the documentation."""
    return next(text for _mark, text in blocks(ROOT / "docs" / "ci.md", "yaml") if "jobs:" in text)


def filled(value, inputs):
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], value)


class Runner:
    """Runs the steps that are commands, as a runner does, except for ``install``."""

    def __init__(self, folder, inputs):
        self.folder = folder
        self.summary = folder / "summary.md"
        self.inputs = {
            name: description.get("default", "") for name, description in read(ACTION.read_text())["inputs"].items()
        }
        assert set(inputs) <= set(self.inputs)
        self.inputs |= inputs
        installed = folder / "runner" / "lastcall" / "bin"
        installed.mkdir(parents=True)
        (installed / "lastcall").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lastcall "$@"\n', encoding="utf-8")
        (installed / "lastcall").chmod(0o755)

    def step(self, name):
        (step,) = [item for item in read(ACTION.read_text())["runs"]["steps"] if item.get("name") == name]
        own = {key: filled(value, self.inputs) for key, value in step.get("env", {}).items()}
        runner = {"RUNNER_TEMP": str(self.folder / "runner"), "GITHUB_STEP_SUMMARY": str(self.summary)}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env=environment() | runner | own,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )


def inputs_of_the_example():
    (step,) = [item for item in read(example())["jobs"]["lastcall"]["steps"] if "lastcall" in item.get("uses", "")]
    return dict(step["with"])


def test_the_example_is_ten_lines():
    assert len(example().splitlines()) == 10


def test_a_project_of_its_own_runs_the_suite_by_the_ten_lines(tmp_path):
    own_project(tmp_path)
    runner = Runner(tmp_path, inputs_of_the_example() | {"arguments": QUICK})
    played = runner.step("play")
    assert played.returncode == 0, played.stdout + played.stderr
    assert runner.step("summary").returncode == 0
    assert "| mine version not stated | 0 | 0 |" in runner.summary.read_text(encoding="utf-8")
    out = tmp_path / "lastcall-results"
    assert {"report.html", "results.json", "junit.xml", "traces"} <= {path.name for path in out.iterdir()}
    assert {play.server for play in load_results(out).plays} == {"mine"}


def test_a_known_deviation_that_is_over_fails_the_job(tmp_path):
    own_project(tmp_path)
    known = Expectation("http1-idle-and-new::exit_status_is_documented", "It was so.", "2026-11-01")
    (tmp_path / "expectations.toml").write_text(as_toml(Expectations("mine", (known,))), encoding="utf-8")
    played = Runner(tmp_path, inputs_of_the_example() | {"arguments": QUICK}).step("play")
    assert played.returncode == 1
    assert (
        'delete [[expected]] id = "http1-idle-and-new::exit_status_is_documented" from expectations.toml'
        in played.stdout
    )


def test_without_expectations_the_option_is_left_out(tmp_path):
    own_project(tmp_path)
    (tmp_path / "expectations.toml").unlink()
    inputs = {"server": "mine.toml", "results": "out of the way", "arguments": QUICK}
    played = Runner(tmp_path, inputs).step("play")
    assert played.returncode == 0, played.stdout + played.stderr
    assert (tmp_path / "out of the way" / "results.json").exists()


def schema_faults(kind, path):
    tool = [sys.executable, "-m", "check_jsonschema", "--no-cache", "--builtin-schema", f"vendor.{kind}", str(path)]
    done = subprocess.run(tool, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_action_and_workflows_have_the_form_that_the_forge_reads(tmp_path):
    assert schema_faults("github-actions", ACTION) == ""
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        assert schema_faults("github-workflows", path) == ""
    (tmp_path / "example.yml").write_text(example(), encoding="utf-8")
    assert schema_faults("github-workflows", tmp_path / "example.yml") == ""


def test_the_example_for_gitlab_has_the_form_that_it_reads(tmp_path):
    (text,) = [text for _mark, text in blocks(ROOT / "docs" / "ci.md", "yaml") if "jobs:" not in text]
    path = tmp_path / ".gitlab-ci.yml"
    path.write_text(text, encoding="utf-8")
    assert schema_faults("gitlab-ci", path) == ""


@pytest.mark.parametrize(
    "path", [ACTION, *sorted((ROOT / ".github" / "workflows").glob("*.yml"))], ids=lambda path: path.name
)
def test_no_input_is_pasted_into_a_command(path):
    """An input reaches a shell through its environment, so that it can never be part of the command."""
    for command in re.findall(
        r"^ *- run: (.*)|^ *run: \|\n((?: {8,}.*\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert "${{ inputs." not in "".join(command)
