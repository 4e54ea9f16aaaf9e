"""One file has the version; whoever records it reads it there, and nothing imports the root for it."""

import ast
import tomllib
from pathlib import Path

import zeroloss
from zeroloss.plumbing.version import __version__

PACKAGE = Path(zeroloss.__file__).parent
ROOT = Path(__file__).parents[2]


def test_the_root_has_it():
    assert zeroloss.__version__ is __version__


def test_the_build_reads_it_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "zeroloss.plumbing.version.__version__"


def test_the_changelog_names_it():
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if line.startswith("## "))
    assert first.split()[1] == __version__


def test_the_citation_names_it():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_no_module_imports_the_root():
    """`from zeroloss import name` takes a public name from above; only a room may be taken so."""
    rooms = {folder.name for folder in PACKAGE.iterdir() if folder.is_dir()}
    modules = [path for path in PACKAGE.glob("**/*.py") if path != PACKAGE / "__init__.py"]
    upward = [
        path.relative_to(PACKAGE).as_posix()
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and "zeroloss" in {alias.name for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module == "zeroloss" and {a.name for a in node.names} - rooms)
    ]
    assert len(modules) > 100
    assert not upward
