"""The wheel: it holds everything that the checkout's packages hold, and works where nothing of the checkout is."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from lastcall.conformance.results.results import load_results

ROOT = Path(__file__).parent.parent
PACKAGES = ("conformance", "servers", "scenarios", "reports")


def done(*words, cwd, timeout=500, **fields):
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False, **fields
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built by what is installed here: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", folder)
    built = done(sys.executable, *build, ROOT, cwd=folder)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("lastcall-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An empty environment with the wheel; it borrows the libraries of this one, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", wheel)
    put = done(sys.executable, "-m", "pip", "--python", python, *install, cwd=folder)
    assert put.returncode == 0, put.stderr
    (site,) = folder.glob("lib/python*/site-packages")
    # A path from a .pth file comes after the environment's own, and .pth files in it are not read: the wheel comes first.
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return folder / "bin"


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    listed = done("git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES, cwd=ROOT)
    if listed.returncode != 0:
        pytest.skip("this is no checkout, so what belongs to it is not known")
    wanted = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {"servers/apps/go/gate/gate.go", "reports/templates/page.html.j2"} <= held
    assert any(name.startswith("servers/apps/") and name.endswith(".sh") for name in held)
    # Others may write into the checkout while this runs; what was there from the beginning must be held.
    assert {name for name in wanted - held if (ROOT / name).stat().st_mtime < wheel.stat().st_mtime - 60} == set()
    assert {name for name in held - wanted if "__pycache__" in name or ".cache" in name} == set()


def test_the_wheel_names_its_command_its_plugin_and_its_licence(wheel):
    archive = zipfile.ZipFile(wheel)
    told = {name.rpartition("/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
    assert "lastcall = conformance.__main__:run" in archive.read(told["entry_points.txt"]).decode()
    assert "lastcall = conformance.plugin" in archive.read(told["entry_points.txt"]).decode()
    assert "License-Expression: Apache-2.0" in archive.read(told["METADATA"]).decode()
    assert "LICENSE" in told


def test_the_installed_suite_runs_from_any_folder(installed, tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    asked = "import conformance, servers, scenarios, reports; print(conformance.__file__, servers.__file__)"
    where = done(installed / "python", "-c", asked, cwd=tmp_path, env=clean)
    assert str(ROOT) not in where.stdout
    assert where.stdout.count(str(installed.parent)) == 2, where.stderr
    words = ("--server", "reference", "-k", "one-request", "-p", "no:cacheprovider", "--results=out")
    run = done(installed / "lastcall", *words, cwd=tmp_path, env=clean)
    assert run.returncode == 0, run.stdout + run.stderr
    results = load_results(tmp_path / "out")
    assert {play.scenario for play in results.plays if play.trace} >= {"one-request"}
    assert all(str(installed.parent) in play.argv[0] for play in results.plays if play.trace)
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    table = done(installed / "lastcall", "table", "out", cwd=tmp_path, env=clean)
    assert "reference" in table.stdout, table.stderr
