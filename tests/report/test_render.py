"""The page as text: whole, in order, closed to the outside, and true to the examination."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import html.parser
import json
import re

import pytest

from zeroloss.examine.examination import Examination
from zeroloss.plumbing import InputError
from zeroloss.report import render, write_report
from zeroloss.report.render import script_json
from zeroloss.verdict import from_json


class Reader(html.parser.HTMLParser):
    """Elements with their attributes, the text of scripts, and the text a person reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.scripts: list[tuple[dict, str]] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        if self._inside and self._inside[-1] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(pages) -> str:
    return pages["invented"].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def gaps(pages) -> str:
    return pages["regression"].read_text(encoding="utf-8")


def test_it_is_one_small_file_that_points_nowhere(page):
    assert len(page.encode()) < 2_500_000
    for tag, attributes in Reader(page).elements:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            assert attributes.get(name, "#").startswith("#") or attributes[name] == "data:,", (tag, attributes)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    assert "url(" not in style and "@import" not in style


def test_the_policy_names_exactly_the_scripts_inside(page):
    reader = Reader(page)
    policy = next(a["content"] for t, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy
    running = [text for attributes, text in reader.scripts if attributes.get("type") != "application/json"]
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in running}
    assert len(running) == 2
    assert hashes == set(re.search(r"script-src ([^;]*);", policy).group(1).split())


def test_hostile_text_stays_text(gaps, regression):
    reader = Reader(gaps)
    assert len(reader.scripts) == 3
    assert '<script>alert("x")</script>' in reader.text
    assert "</script> collapse them first." in reader.text
    nasty = '</script><!--<script>\u2028"'
    written = script_json({"key": nasty})
    assert "<" not in written and "\u2028" not in written
    assert json.loads(written) == {"key": nasty}


def test_the_reading_order_is_a_short_paper(page):
    places = [page.index(f'id="{key}"') for key in (
        "title", "card-fitted", "card-twin", "settled", "loss", "spectrum", "widths", "slice", "digits", "trust",
        "theory", "verdicts", "settings",
    )]  # fmt: skip
    assert places == sorted(places)
    reader = Reader(page)
    assert ("html", {"lang": "en"}) in reader.elements
    assert sum(tag == "h1" for tag, _ in reader.elements) == 1


@pytest.mark.parametrize("name", ["invented", "regression"])
def test_every_verdict_stands_in_full(name, pages, request):
    examination, reader = request.getfixturevalue(name), Reader(pages[name].read_text(encoding="utf-8"))
    for verdict in examination.verdicts.values():
        assert f"“{verdict.claim}” {verdict.reason}" in reader.text
    badges = [a["class"].split()[-1] for t, a in reader.elements if t == "span" and "badge" in (a.get("class") or "")]
    for status in {v.status for v in examination.verdicts.values()}:
        known = sum(v.status is status for v in examination.verdicts.values())
        assert badges.count(status.lower()) >= 2 * known
    assert examination.headline in reader.text


def test_every_figure_has_words_for_those_who_cannot_see_it(page):
    reader = Reader(page)
    charts = [a for t, a in reader.elements if "data-figure" in a]
    assert len(charts) == 7
    for chart in charts:
        assert chart["role"] == "img" and len(chart["aria-label"]) > 80
    saves = [(a["data-of"], a["data-save"]) for t, a in reader.elements if t == "button" and "data-save" in a]
    assert sorted(saves) == sorted((c["data-figure"], kind) for c in charts for kind in ("png", "svg"))


def test_what_was_not_made_has_a_reason(gaps):
    text = Reader(gaps).text
    assert "Not made. 331 equations and 769 parameters: not asked for." in text
    assert "There is none. Two inputs are equal and have different targets;" in text
    assert "Not made. It was not part of this examination." in text


def test_regression_speaks_of_its_own_score(gaps):
    text = Reader(gaps).text
    assert "R² on new examples" in text and "accuracy" not in text.lower().split("verdicts in full")[0]
    assert "−0.213" in text


def test_an_examination_of_nothing_is_still_a_page():
    empty = Examination("Nothing", {}, {}, {}, "Nothing was found out.")
    text = Reader(render(empty)).text
    assert text.count("Not made. It was not part of this examination.") == 8
    assert text.count("There is none. It was not part of this examination.") == 2
    assert "No claim was judged." in text


def test_missing_numbers_are_called_missing(invented):
    bare = dataclasses.replace(invented, numbers={"fitted": {"train_score": 1.0}})
    text = Reader(render(bare)).text
    assert "training loss not measured" in text and "test accuracy not measured" in text


def test_the_page_survives_the_way_through_json(invented, page):
    again = from_json(invented.to_json())
    assert again == invented
    assert render(again) == page


def test_a_report_is_not_overwritten_unless_forced(tmp_path, invented):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(InputError):
        write_report(path, invented)
    assert path.read_text() == "mine"
    assert write_report(path, invented, force=True) == path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_measures_stand_side_by_side_with_their_intervals(page):
    text = Reader(page).text
    assert "Measures of the fit" in text and "drift of the tangent kernel" in text
    assert "0.275 (0.27 to 0.281)" in text  # sampled: an interval
    assert "18.2 (" not in text  # a function of the weights: none
    assert "None of them is a verdict" in text and "2 measures of 3 known for both networks" in text
