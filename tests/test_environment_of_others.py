"""Projects that only share an environment with lastcall: they keep their names, and their test runs load little of it."""

import subprocess
import sys

import pytest

from lastcall.conformance.results.results import load_results
from tests.installed import ROOT, build_editable, build_wheel, clean_environment, done, environment_with

NAMES = ("conformance", "servers", "scenarios", "reports")
MOST_MODULES = 20
QUICK = "http1-idle-and-new and h1]"
RUNNERS = {"pytest": ["pytest"], "python -m pytest": ["python", "-m", "pytest"]}
PLUGINS = {"with xdist": [], "without xdist": ["-p", "no:xdist"]}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment with the wheel."""
    wheel = build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))
    folder = environment_with(wheel, tmp_path_factory.mktemp("installed"))
    script = f"#!{folder}/python\nimport sys\nfrom pytest import console_main\nsys.exit(console_main())\n"
    (folder / "pytest").write_text(script, encoding="utf-8")
    (folder / "pytest").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def editable(tmp_path_factory):
    wheel = build_editable(ROOT, tmp_path_factory.mktemp("wheel"))
    return environment_with(wheel, tmp_path_factory.mktemp("editable"))


def own_project(folder, *, packages):
    """A project that owns the four names, as packages or as modules, and tests that they are its own."""
    for name in NAMES:
        path = folder / name / "__init__.py" if packages else folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")
    test = "".join(f"def test_{name}():\n    import {name}\n\n    assert {name}.x == 1\n\n\n" for name in NAMES)
    # The test stands beside them, so that plain pytest finds them too.
    (folder / "test_own.py").write_text(test, encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=["packages", "modules"])
def project(request, tmp_path_factory):
    return own_project(tmp_path_factory.mktemp(request.param), packages=request.param == "packages")


@pytest.mark.parametrize("plugins", PLUGINS.values(), ids=PLUGINS)
@pytest.mark.parametrize("runner", RUNNERS.values(), ids=RUNNERS)
def test_a_projects_tests_import_its_own_names(installed, project, runner, plugins):
    arguments = [installed / runner[0], *runner[1:], "-p", "no:cacheprovider", *plugins]
    run = done(*arguments, cwd=project, env=clean_environment())
    assert run.returncode == 0, run.stdout + run.stderr
    assert "4 passed" in run.stdout
    assert "lastcall-" in run.stdout.partition("plugins: ")[2]


@pytest.mark.parametrize(
    "command",
    [
        ["lastcall", "-k", "one-request"],
        ["python", "-m", "lastcall", "-k", QUICK, "-p", "no:xdist"],
        ["pytest", "-k", QUICK],
        ["python", "-m", "pytest", "-k", QUICK, "-p", "no:xdist"],
    ],
    ids=" ".join,
)
def test_the_suite_runs_in_the_folder_of_such_a_project(installed, project, command, tmp_path):
    arguments = ["--server", "reference", "-p", "no:cacheprovider", f"--results={tmp_path}/out"]
    run = done(installed / command[0], *command[1:], *arguments, cwd=project, env=clean_environment())
    assert run.returncode == 0, run.stdout + run.stderr
    played = [play for play in load_results(tmp_path / "out").plays if play.verdicts]
    assert played
    assert {play.scenario for play in played} <= {"one-request", "http1-one-request", "http1-idle-and-new"}


def test_an_environment_inside_of_the_project_works_too(tmp_path):
    """The scenarios are in the environment, below the root of the project, in a folder that pytest does not collect."""
    own_project(tmp_path, packages=True)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["."]\n', encoding="utf-8")
    inside = environment_with(build_wheel(ROOT, tmp_path / "reports"), tmp_path / ".venv")
    arguments = ("-m", "pytest", "-p", "no:cacheprovider", "--server", "reference", "--collect-only", "-q")
    run = done(inside / "python", *arguments, "-k", "one-request and h2c", cwd=tmp_path, env=clean_environment())
    assert "scenarios/founding.py::one-request::goaway_is_sent[reference-h2c]" in run.stdout, run.stdout + run.stderr
    plain = done(inside / "python", "-m", "pytest", "-p", "no:cacheprovider", cwd=tmp_path, env=clean_environment())
    assert "4 passed" in plain.stdout, plain.stdout + plain.stderr


@pytest.mark.parametrize("kind", ["installed", "editable"])
def test_no_name_but_lastcall_can_be_imported(kind, request, tmp_path):
    python = request.getfixturevalue(kind) / "python"
    program = "import sys; from importlib.util import find_spec; print([n for n in sys.argv[1:] if find_spec(n)])"
    known = done(python, "-c", program, "lastcall", *NAMES, cwd=tmp_path, env=clean_environment())
    assert known.stdout == "['lastcall']\n", known.stderr


def test_the_editable_install_is_of_the_checkout(editable, tmp_path):
    program = "import lastcall.servers.nginx as it; print(it.__file__)"
    where = done(editable / "python", "-c", program, cwd=tmp_path, env=clean_environment())
    assert where.stdout.startswith(str(ROOT)), where.stderr


def loaded_modules(*arguments, folder):
    """The modules that another project's test run has loaded at its end."""
    (folder / "conftest.py").write_text(
        "import sys\n\n\ndef pytest_unconfigure():\n    print('LOADED', *sorted(sys.modules))\n", encoding="utf-8"
    )
    (folder / "test_it.py").write_text("def test_it():\n    pass\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("LOADED ")]
    return set(line.split()[1:])


def test_the_entry_point_imports_nothing_but_itself(tmp_path):
    without = loaded_modules("-p", "no:lastcall", folder=tmp_path)
    added = loaded_modules(folder=tmp_path) - without
    assert {name for name in added if name.partition(".")[0] == "lastcall"} == {"lastcall", "lastcall.plugin"}
    assert len(added) <= MOST_MODULES
    assert not {name for name in without if name.partition(".")[0] == "lastcall"}


def test_the_entry_point_declares_every_pace():
    from lastcall.conformance.model.step import Pace  # noqa: PLC0415 - for this alone
    from lastcall.plugin import PACES  # noqa: PLC0415

    assert list(PACES) == [str(pace) for pace in Pace]
