"""`import zeroloss` and `zeroloss --help` load nothing heavy, and every public name is there when asked for."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import zeroloss

HEAVY = {"altair", "equinox", "jax", "matplotlib", "optax", "pandas", "pyarrow", "scipy", "sklearn", "vl_convert"}
HELP = """
import sys, zeroloss.cli
sys.argv = ["zeroloss", "--help"]
try:
    zeroloss.cli.main()
except SystemExit as end:
    assert not end.code
"""
LISTED = "import json, sys; print('LOADED', json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh Python holds once `code` has run."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{LISTED}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.rpartition("LOADED ")[2]))


@pytest.mark.parametrize("code", ["import zeroloss", "import zeroloss; dir(zeroloss); zeroloss.__version__"])
def test_the_package_is_light(code):
    loaded = loaded_after(code)
    assert "zeroloss" in loaded
    assert not loaded & (HEAVY | {"numpy"})


def test_what_is_heavy_is_seen_when_it_is_loaded():
    assert "jax" in loaded_after("import zeroloss; zeroloss.MLP")


def test_the_help_is_light():
    loaded = loaded_after(HELP)
    assert "typer" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("name", zeroloss.__all__)
def test_every_public_name_is_there(name):
    assert getattr(zeroloss, name) is not None
    assert name in dir(zeroloss)


def test_a_type_checker_sees_the_same_names():
    tree = ast.parse(Path(zeroloss.__file__).read_text(encoding="utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen | {"__version__"} == set(zeroloss.__all__)


def test_the_audit_is_a_room_and_a_verb():
    assert callable(zeroloss.audit)
    assert zeroloss.audit.Audit is zeroloss.Audit


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="no attribute 'certifies'"):
        zeroloss.certifies  # noqa: B018
