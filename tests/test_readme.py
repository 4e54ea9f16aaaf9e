"""The README keeps its word: its example runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import csv
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "results").glob("*.md"), *(ROOT / "docs").glob("**/*.md")])


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def collect() -> ModuleType:
    """results/collect.py, which writes the tables."""
    spec = importlib.util.spec_from_file_location("collect", ROOT / "results/collect.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_short_and_begins_with_the_picture_and_the_commands():
    assert len(README) < 5000
    order = [
        "![Report of zeroloss examine digits",
        "pip install .",
        "zeroloss examine digits --out report",
        "```python",
    ]
    places = [README.index(text) for text in order]
    assert places == sorted(places)
    assert README[: places[2]].count("\n") < 25, "the first screen shows what it is, and how to run it"


def test_the_example_runs(capsys):
    pytest.importorskip("torch")
    (example,) = blocks("python")
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert printed.count("PROVED: a global minimum") == 2, "the comments say so of the network and of its twin"
    assert "CONTRADICTED: this fit is local" in printed
    assert "SUPPORTED: this fit is local" in printed.splitlines()[-2]


def test_the_tables_are_those_of_the_results(collect):
    stale = [path.name for path, text in collect.tables(collect.stored()).items() if path.read_text("utf-8") != text]
    assert not stale, "run: make results"


def test_the_table_has_the_papers_and_the_examination(collect):
    rows = re.findall(r"^\| (?!after|-).*\|$", README, re.MULTILINE)
    assert len(rows) == 8
    assert {study for _, study, _, _ in collect.FEATURED} == set(collect.HEADLINES), "one claim of each study"
    assert all(key in collect.HEADLINES[study][1] for _, study, key, _ in collect.FEATURED), "in full in results/"


def test_the_figure_shown_is_one_that_was_judged(collect):
    judged = {"type": "Interval", "estimate": 1.0, "low": 0.5, "high": 1.5}
    aside = {"type": "Interval", "estimate": 7.0, "low": 0.0, "high": 9.0}
    assert collect.measured({"interval": judged, "range": [0, 2], "places": {"32": aside}}) == "1 [0.5, 1.5]"
    several = {name: {"interval": judged | {"high": high}, "range": [0, 2]} for name, high in (("a", 1.6), ("b", 1.7))}
    assert collect.measured(several | {"aside": aside}) == "1 [0.5, 1.7], the widest of 2 intervals"


def test_the_picture_is_described_with_the_numbers_of_the_results():
    with (ROOT / "results/examinations.csv").open(newline="") as stream:
        (digits,) = (row for row in csv.DictReader(stream) if row["data"] == "digits")
    (described,) = re.findall(r"!\[(.*?)\]\(docs/report.png\)", README)
    assert re.findall(r"([\d.]+) %", described) == [f"{100 * float(digits[k]):.1f}" for k in ("fit_test", "twin_test")]


def test_the_commands_are_targets():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)
    assert {"examine", "test"} <= set(commands) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing
