"""The pages under docs keep their word: their Python runs, from the first block of a page to the last."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page: Path) -> list[str]:
    """The Python of a page that needs zeroloss alone, in order; a block that imports neural-tangents is left out."""
    found = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [block for block in found if "neural_tangents" not in block]


# A page that a script makes is run as that script (tests/docs/test_scripts.py).
PAGES = [page for page in sorted(DOCS.glob("**/*.md")) if blocks(page) and not page.with_suffix(".py").exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what a page writes
    (tmp_path / "docs").symlink_to(DOCS)  # and what it reads
    names: dict = {}
    torch = importlib.util.find_spec("torch") is not None
    for number, block in enumerate(blocks(page), 1):
        if "import torch" in block and not torch:
            continue
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)


def test_the_page_for_users_of_neural_tangents_has_some():
    assert DOCS / "moving-from-neural-tangents.md" in PAGES
