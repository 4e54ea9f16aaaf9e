"""`zeroloss study` as a user meets it: list, run, go on, report, export, and one line for what is wrong."""

import json
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from cli_checks import refused

from zeroloss.studies import PAPERS
from zeroloss.verdict import from_json

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "random_features.py"


@pytest.fixture
def run(zeroloss, monkeypatch, tmp_path):
    """`run("run", "mine.py")` -> (exit code, standard output, standard error), in a folder with the example."""
    monkeypatch.delenv("ZEROLOSS_STORE", raising=False)
    shutil.copy(EXAMPLE, tmp_path / "mine.py")
    return lambda *words: zeroloss("study", *words)


def test_help_has_examples(run):
    for name in ("list", "run", "report", "export"):
        code, out, _ = run(name, "--help")
        assert code == 0 and f"Example: zeroloss study {name}" in out


def test_list_names_the_papers_and_what_they_cost(run):
    code, out, _ = run("list")
    assert code == 0
    for name in PAPERS:
        assert name in out
    assert "1810.03037" in out and "desk" in out and "claims" in out
    listed = json.loads(run("list", "--json")[1])
    assert [study["name"] for study in listed] == list(PAPERS)
    assert all(scale["seconds"] > 0 for study in listed for scale in study["scales"].values())


def test_a_study_of_ones_own_from_price_to_page(run, tmp_path):
    code, out, _ = run("run", "mine.py", "--scale", "smoke", "--estimate")
    assert code == 0 and "1,200 of 1,200 trials to run, of unknown length" in out
    assert not (tmp_path / "zeroloss-studies.sqlite").exists()
    code, out, _ = run("run", "mine.py", "--scale", "smoke")
    assert code == 0 and "1,200 trials run" in out and "SUPPORTED" in out
    code, out, _ = run("run", "mine.py", "--scale", "smoke")
    assert code == 0 and "All 1,200 trials are there" in out
    code, out, _ = run("report", "mine.py", "--scale", "smoke")
    assert code == 0 and "Wrote random_features.html" in out
    page = (tmp_path / "random_features.html").read_text()
    assert "zeroloss study run mine.py --scale smoke" in page and "Twice as many features" in page
    refused(run("report", "mine.py", "--scale", "smoke"), "exists")
    code, out, _ = run("export", "mine.py", "--out", "rows.csv")
    assert code == 0 and "1,200 rows" in out
    assert len(pd.read_csv(tmp_path / "rows.csv")) == 1200


def test_json_is_the_result_and_nothing_else(run):
    code, out, _ = run("run", "mine.py", "--scale", "smoke", "--set", "seeds=30", "--json")
    result = from_json(out)
    assert code == 0 and result.study == "random_features" and result.trials["fit"]["finished"] == 180
    assert result.overrides == {"seeds": [30]}
    assert (
        from_json(run("report", "mine.py", "--scale", "smoke", "--set", "seeds=30", "--json")[1]).verdicts
        == result.verdicts
    )


def test_strict_fails_when_a_claim_is_contradicted(run, tmp_path):
    text = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(text.replace('query("width == 80")', 'query("width == 20")'))
    assert run("run", "mine.py", "--scale", "smoke")[0] == 0
    assert run("run", "mine.py", "--scale", "smoke", "--strict")[0] == 1
    assert run("report", "mine.py", "--scale", "smoke", "--strict")[0] == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("run", "nothing"), ("there is no study 'nothing'", "brutzkus_globerson_xor")),
        (("run", "missing.py"), ("there is no file missing.py",)),
        (("run", "mine.py", "--scale", "huge"), ("no scale 'huge'", "smoke, desk, paper")),
        (("run", "mine.py", "--set", "depth=3"), ("no axis 'depth'", "seeds, width")),
        (("run", "mine.py", "--set", "width"), ("AXIS=VALUE",)),
        (("run", "mine.py", "--experiment", "other"), ("no experiment 'other'", "fit")),
        (("run", "mine.py", "--store", "mine.py"), ("is no SQLite database",)),
        (("report", "mine.py"), ("there is no store zeroloss-studies.sqlite", "run the study first")),
        (("export", "mine.py", "--out", "x.csv"), ("there is no store",)),
    ],
)
def test_what_is_wrong_is_reported_in_one_line(run, words, expected):
    refused(run(*words), *expected)


def test_a_report_of_nothing_is_refused(run):
    run("run", "mine.py", "--scale", "smoke", "--set", "width=10", "--set", "seeds=2")
    refused(run("report", "mine.py", "--scale", "smoke", "--set", "width=77"), "no trial of random_features")


def test_ctrl_c_keeps_what_is_done(run, tmp_path):
    text = (tmp_path / "mine.py").read_text()
    (tmp_path / "stopped.py").write_text(
        text.replace(
            "    misfit = []", "    if parameters['width'] == 30:\n        raise KeyboardInterrupt\n    misfit = []"
        )
    )
    code, out, _ = run("run", "stopped.py", "--scale", "smoke")
    assert code == 130 and "interrupted: 800 are left, run again to go on" in out
    with sqlite3.connect(tmp_path / "zeroloss-studies.sqlite") as database:
        assert database.execute("select status, count(*) from zeroloss_trial group by 1").fetchall() == [("done", 400)]
    database.close()
    assert "800 trials run" in run("run", "mine.py", "--scale", "smoke")[1]


def test_what_takes_more_than_a_week_needs_anyway(run, tmp_path):
    text = (tmp_path / "mine.py").read_text()
    (tmp_path / "long.py").write_text(text.replace("block=50", "block=50, seconds=lambda parameters: 1e5"))
    refused(run("run", "long.py", "--scale", "smoke"), "more than a week", "--anyway")
