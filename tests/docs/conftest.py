"""The scripts of docs/make, as modules, and the folders they work in."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SITE_NEEDS = ("mkdocs", "material", "mkdocstrings", "latex2mathml")


def machinery(name: str) -> ModuleType:
    """A script of docs/make."""
    folder = str(DOCS / "make")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)


@pytest.fixture
def scripts() -> ModuleType:
    return machinery("scripts")


@pytest.fixture
def pages() -> ModuleType:
    return machinery("pages")


@pytest.fixture
def links() -> ModuleType:
    return machinery("links")


@pytest.fixture
def hooks() -> ModuleType:
    for name in SITE_NEEDS:
        pytest.importorskip(name)
    return machinery("hooks")
