"""The wheel and the source distribution install on their own, with everything the package reads at run time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from zeroloss.plumbing.version import __version__

ROOT = Path(__file__).resolve().parents[1]
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def run(*command: str | Path, cwd: Path, path: str | Path = "") -> str:
    """What the command prints. It looks for modules in the folder `path` first, and not in this tree."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The source distribution, unpacked. It is built from a copy, since a build also writes into the tree it builds."""
    folder = tmp_path_factory.mktemp("source")
    tree = folder / "tree"
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tree)
    run(sys.executable, "-c", BUILD, "build_sdist", folder, cwd=tree)
    with tarfile.open(folder / f"zeroloss-{__version__}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / f"zeroloss-{__version__}"


@pytest.fixture(scope="module")
def wheel(source) -> Path:
    """The wheel, built from the source distribution alone."""
    run(sys.executable, "-c", BUILD, "build_wheel", source.parent, cwd=source)
    (built,) = source.parent.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with the wheel installed and nothing beside it; what it needs is this environment's."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    run(*pip, "--target", folder, wheel, cwd=folder)
    return folder


def test_the_wheel_has_every_file_of_the_package(wheel):
    here = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "zeroloss").glob("**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    assert {"zeroloss/py.typed", "zeroloss/report/page/page.html.j2"} <= here <= inside
    assert {name.split("/")[0] for name in inside} == {"zeroloss", f"zeroloss-{__version__}.dist-info"}


def test_the_source_distribution_says_how_to_cite_it_and_what_changed(source):
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff"} <= {path.name for path in source.iterdir()}


def test_the_installed_package_is_the_one_that_answers(installed):
    where = run(sys.executable, "-c", "import zeroloss; print(zeroloss.__file__)", cwd=installed, path=installed)
    assert Path(where.strip()).is_relative_to(installed)


def test_its_command_runs(installed):
    command = installed / "bin" / "zeroloss"
    assert run(command, "--version", cwd=installed, path=installed).strip() == __version__
    shown = run(command, "--help", cwd=installed, path=installed)
    assert {"examine", "prove", "audit", "twin"} <= set(shown.split())


def test_the_citation_has_the_papers_that_the_documentation_has():
    known = tomllib.loads((ROOT / "docs/make/papers.toml").read_text(encoding="utf-8"))["paper"]
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert text.count("\n  - type: ") == len(known) == 5
    assert all(f"url: https://arxiv.org/abs/{paper['number']}\n" in text for paper in known)
