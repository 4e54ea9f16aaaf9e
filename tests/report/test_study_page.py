"""The page of a study: claims first, what is missing is named, closed to the outside."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from zeroloss.report.study import headline, render_study
from zeroloss.studies import Store, conclude, find_study, run

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "random_features.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The example study, run at smoke scale, and its result."""
    study, _ = find_study(str(EXAMPLE))
    store = Store(tmp_path_factory.mktemp("study") / "store.sqlite")
    run(study, "smoke", store=store)
    result = conclude(
        study, "smoke", store=store, command="zeroloss study report mine.py --scale smoke --out x.html --force"
    )
    store.close()
    return study, result


def test_the_page_shows_claim_verdict_and_how_to_repeat_it(made):
    page = render_study(*made)
    assert "1 claim: 1 SUPPORTED. Judged on 1,200 trials." in page
    assert (
        page.index("The claims and their verdicts")
        < page.index("How often the fit is exact")
        < page.index("Verdicts in full")
    )
    commands = re.findall(r"<code>(zeroloss study .*?)</code>", page)
    assert commands[:2] == [
        "zeroloss study run mine.py --scale smoke",
        "zeroloss study report mine.py --scale smoke --out x.html --force",
    ]
    assert "up to 200 per cell" in page and "Means: fit" in page
    assert "default-src 'none'" in page and not re.search(r"(src|href)=.https?:", page)


def test_what_is_missing_is_reported(made):
    study, result = made
    empty = dataclasses.replace(
        result,
        tables={"fit": result.tables["fit"].iloc[:0]},
        trials={"fit": {"expected": 1200, "finished": 0, "failed": 200, "reasons": {"ValueError: <no>": 200}}},
    )
    page = render_study(study, empty)
    assert "Not made. No trial of fit has finished." in page
    assert "Judged on 0 trials of 1,200; 200 failed." in page
    assert "ValueError: &lt;no&gt;" in page


def test_the_headline_counts(made):
    _, result = made
    assert headline(dataclasses.replace(result, verdicts={})) == "No claims. Judged on 1,200 trials."


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_draws_it_and_nothing_is_sent(browser, made, tmp_path, width, dark):
    path = tmp_path / "study.html"
    path.write_text(render_study(*made))
    browser.call("POST", "/url", {"url": "about:blank"})
    browser.room(width, dark=dark)
    browser.console(), browser.requests()
    browser.open(path)
    browser.wait("document.documentElement.dataset.drawn === 'yes'")
    assert browser.console() == []
    assert [url for url in browser.requests() if url != path.as_uri() and not url.startswith(("data:", "blob:"))] == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.querySelectorAll('[data-figure] svg').length") == 1
