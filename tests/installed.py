"""Environments in which lastcall is installed: built with the tools that are installed here, so that nothing is downloaded."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent


def done(*arguments, cwd, timeout=500, **fields):
    return subprocess.run(
        [str(word) for word in arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **fields,
    )


def clean_environment():
    """The environment without the variables of the tests' own run, on which no installation may depend."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}


def build_wheel(tree, folder):
    """Build the wheel of a source tree into a folder."""
    arguments = ("--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", folder)
    built = done(sys.executable, "-m", "pip", "wheel", *arguments, tree, cwd=folder)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("lastcall-*.whl")
    return path


def build_sdist(tree, folder):
    """Build the sdist of a source tree into a folder, by the build backend's own hook."""
    program = "import sys; from hatchling.build import build_sdist; build_sdist(sys.argv[1])"
    built = done(sys.executable, "-c", program, folder, cwd=tree)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("lastcall-*.tar.gz")
    return path


def unpack(sdist, folder):
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return tree


def build_editable(tree, folder):
    """Build the wheel of an editable install, which points to the tree."""
    program = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    built = done(sys.executable, "-c", program, folder, cwd=tree)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("lastcall-*.whl")
    return path


def environment_with(wheel, folder):
    """Make an environment with a wheel; it borrows the libraries of this one, and nothing else."""
    venv.create(folder, with_pip=False)
    install = ("install", "--quiet", "--no-deps", "--no-index", wheel)
    put = done(sys.executable, "-m", "pip", "--python", folder / "bin" / "python", *install, cwd=folder)
    assert put.returncode == 0, put.stderr
    (site,) = folder.glob("lib/python*/site-packages")
    # A path from a .pth file comes after the environment's own, and .pth files in it are not read: lastcall comes first.
    (site / "zz-libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return folder / "bin"
