"""The wheel: it has every file of the checkout's folders, and works without the checkout."""

import collections
import tarfile
import zipfile
from pathlib import PurePosixPath

import pytest

from lastcall.conformance.results.results import load_results
from tests.installed import ROOT, build_sdist, build_wheel, clean_environment, done, environment_with, unpack

FOLDERS = ("conformance", "servers", "scenarios", "reports")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build_sdist(ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    return environment_with(wheel, tmp_path_factory.mktemp("installed"))


def contents(wheel):
    archive = zipfile.ZipFile(wheel)
    return {name: archive.read(name) for name in archive.namelist()}


def listed_by_git(*places):
    """The files of the checkout; None without a checkout, where the list is not known."""
    listed = done("git", "ls-files", "--cached", "--others", "--exclude-standard", *places, cwd=ROOT)
    if listed.returncode != 0:
        return None
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def test_the_wheel_holds_every_file_of_the_folders(wheel):
    own, linked = listed_by_git("lastcall"), listed_by_git(*FOLDERS)
    if own is None or linked is None:
        pytest.skip("this is no checkout, so what belongs to it is not known")
    wanted = {f"lastcall/{name}": ROOT / name for name in linked} | {name: ROOT / name for name in own}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {
        "lastcall/py.typed",
        "lastcall/servers/apps/go/gate/gate.go",
        "lastcall/reports/templates/page.html.j2",
    } <= held
    assert any(name.startswith("lastcall/servers/apps/") and name.endswith(".sh") for name in held)
    # Others may write into the checkout while this runs; what was there from the beginning must be held.
    before = wheel.stat().st_mtime - 60
    assert {name for name in wanted.keys() - held if wanted[name].stat().st_mtime < before} == set()
    assert {name for name in held if "__pycache__" in name or ".cache" in name} == set()


def test_the_wheel_installs_one_package(wheel):
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"lastcall"}


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_tree(wheel, sdist, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "wheel").mkdir()
    again = contents(build_wheel(unpack(sdist, tmp_path / "tree"), tmp_path / "wheel"))
    first = contents(wheel)
    assert again.keys() == first.keys()
    assert [name for name in first if first[name] != again[name]] == []


def test_the_sdist_holds_no_file_twice(sdist):
    with tarfile.open(sdist) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        assert {member for member in archive.getmembers() if member.issym() or member.islnk()} == set()
    names = [PurePosixPath(*PurePosixPath(member.name).parts[1:]) for member in members]
    assert [name for name, count in collections.Counter(names).items() if count > 1] == []
    assert {name.parts[0] for name in names if len(name.parts) > 1} == {"docs", "lastcall"}


def test_the_wheel_names_its_command_its_plugin_its_groups_and_its_licence(wheel):
    held = {name.rpartition("/")[2]: text.decode() for name, text in contents(wheel).items() if ".dist-info/" in name}
    points = held["entry_points.txt"]
    assert "[console_scripts]\nlastcall = lastcall.__main__:run" in points
    assert "[pytest11]\nlastcall = lastcall.plugin" in points
    assert "[lastcall.servers]\nlastcall = lastcall.servers" in points
    assert "[lastcall.scenarios]\nlastcall = lastcall.scenarios" in points
    assert "License-Expression: Apache-2.0" in held["METADATA"]
    assert "Project-URL: Homepage, https://" in held["METADATA"]
    assert "Classifier: Typing :: Typed" in held["METADATA"]
    assert "LICENSE" in held


def test_the_installed_suite_runs_from_any_folder(installed, tmp_path):
    clean = clean_environment()
    where = done(installed / "python", "-c", "import lastcall; print(lastcall.__file__)", cwd=tmp_path, env=clean)
    assert where.stdout.startswith(str(installed.parent)), where.stderr
    arguments = ("--server", "reference", "-k", "one-request", "-p", "no:cacheprovider", "--results=out")
    run = done(installed / "lastcall", *arguments, cwd=tmp_path, env=clean)
    assert run.returncode == 0, run.stdout + run.stderr
    results = load_results(tmp_path / "out")
    assert {play.scenario for play in results.plays if play.trace} >= {"one-request"}
    assert all(str(installed.parent) in play.argv[0] for play in results.plays if play.trace)
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    table = done(installed / "lastcall", "table", "out", cwd=tmp_path, env=clean)
    assert "reference" in table.stdout, table.stderr
