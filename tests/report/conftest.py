"""Invented examinations, and a browser to look at their reports."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the helpers beside this file, in every import mode

import browser as browsers
import examinations


@pytest.fixture(scope="session")
def invented():
    """A classification of pictures where everything was made."""
    return examinations.invented()


@pytest.fixture(scope="session")
def regression():
    """A regression without a twin, with UNKNOWN, missing tables and text that would break a careless page."""
    return examinations.regression()


@pytest.fixture(scope="session")
def pages(tmp_path_factory, invented, regression) -> dict[str, Path]:
    """The reports of both, as files."""
    from zeroloss.report import write_report

    folder = tmp_path_factory.mktemp("pages")
    return {
        "invented": write_report(folder / "invented.html", invented),
        "regression": write_report(folder / "regression.html", regression),
    }


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless browser, or a skip that says why."""
    programs = browsers.programs()
    if programs is None:
        pytest.skip("no chromium with a chromedriver on this machine")
    with browsers.browser(*programs, tmp_path_factory.mktemp("browser")) as started:
        yield started
