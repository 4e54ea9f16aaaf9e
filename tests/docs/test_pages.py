"""The pages made from committed results: they are what the results make, and say so where there are none."""

from __future__ import annotations

import json

import pytest


def test_the_committed_pages_are_those_of_the_committed_results(pages):
    stale = [
        path.relative_to(pages.ROOT).as_posix()
        for path, text in pages.pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "run: python docs/make/pages.py"


def test_no_page_is_left_from_what_is_gone(pages):
    made = pages.pages()
    assert not [
        path for folder in ("papers", "reference") for path in (pages.DOCS / folder).glob("*.md") if path not in made
    ]


def test_five_papers_each_with_a_page(pages):
    papers = pages.papers()
    assert {p["number"] for p in papers} == {"2205.13507", "2407.16872", "1912.03925", "1908.02419", "1810.03037"}
    assert {pages.DOCS / "papers" / f"{p['slug']}.md" for p in papers} <= dict(pages.paper_pages()).keys()


@pytest.fixture
def results(pages, tmp_path, monkeypatch):
    """A results folder of its own: one examination, no study."""
    monkeypatch.setattr(pages, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    registry = tmp_path / "src/zeroloss/studies"
    registry.mkdir(parents=True)
    (registry / "registry.py").write_text('PAPERS = ("guan_failing_optima",)\n')
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "examinations.csv").write_text(
        "data,task,network,command,reaches_ratio,fit_minimum,fit_radius,fit_test,fit_low,fit_high,fit_local,"
        "twin_minimum,twin_radius,twin_test,twin_low,twin_high,twin_local\n"
        'wine,classification,"13-2-3 tanh, ntk",zeroloss examine wine,200,PROVED,1.23e-9,0.9,0.8,0.95,CONTRADICTED,'
        "PROVED,0.5,0.1,0.05,0.2,SUPPORTED\n"
    )
    return tmp_path / "results"


def study(results, name: str, after: str, status: str = "SUPPORTED") -> None:
    """A committed study with one claim and one figure."""
    folder = results / "studies" / name
    folder.mkdir(parents=True)
    interval = {"type": "Interval", "estimate": 0.5, "low": 0.25, "high": 0.75}
    said = {
        "study": name,
        "title": f"Title of {name}?",
        "after": after,
        "notes": ["A *note*."],
        "scale": "desk",
        "verdicts": {
            "c": {
                "claim": "a | b.",
                "status": status,
                "reason": "Because.",
                "evidence": {"interval": interval, "range": [0, 1]},
            }
        },
        "standing": {"c": "ours"},
        "trials": {"t": {"finished": 12}},
        "settings": {"command": "python results/studies.py", "version": "0", "date": "2026-01-01"},
    }
    (folder / "claims.json").write_text(json.dumps(said))
    (folder / "claims.md").write_text("# T\n\n![Drawn](f.png)\n\nA caption.\nGoes on.\n\n![Absent](g.png)\n\nNone.\n")
    (folder / "f.png").write_bytes(b"\x89PNG")


def page(pages, name: str) -> str:
    return dict(pages.paper_pages())[pages.DOCS / "papers" / f"{name}.md"]


def test_a_paper_without_a_result_says_so(pages, results):
    assert "No result of it is committed yet. It runs by `zeroloss study run guan_failing_optima`" in page(
        pages, "guan"
    )
    assert "not in this version yet" in page(pages, "kohler")
    assert "no result yet" in pages.paper_list()
    assert "| wine | 13-2-3 tanh | PROVED | 5.0e-01 | 10.0 % [5.0, 20.0] | SUPPORTED |" in page(pages, "guan")
    assert "| wine | 13-2-3 tanh | UNKNOWN | 2e+02 |" in page(pages, "terjek")


def test_a_paper_with_a_result_shows_it(pages, results):
    study(results, "guan_failing_optima", "Guan 2407.16872", "UNKNOWN")
    text = page(pages, "guan")
    assert "committed yet" not in text
    assert "| a \\| b. | UNKNOWN | 0.5 [0.25, 0.75] | ours |" in text
    assert "UNKNOWN: Because." in text, "what did not come out has its reason on the page"
    assert "![Drawn](../../results/studies/guan_failing_optima/f.png)\n\nA caption.\nGoes on." in text
    assert "Absent" not in text, "a figure that was not made has no place"
    assert "A \\*note\\*." in text
    assert "UNKNOWN 1" in pages.paper_list()
    assert "papers/guan.md" in pages.gallery()


def test_a_study_after_no_paper_gets_a_page_of_its_own(pages, results):
    study(results, "mine", "")
    assert "# Title of mine?" in page(pages, "mine")
    assert "[Title of mine?](mine.md) | a question of ours | SUPPORTED 1 |" in pages.paper_list()
    assert "papers/mine.md" in pages.gallery()


def test_the_reference_has_every_public_name(pages):
    import zeroloss.tangent

    text = dict(pages.reference_pages())[pages.DOCS / "reference" / "tangent.md"]
    for name in zeroloss.tangent.__all__:
        assert f"[`{name}`]" in text and f" as {name} -->" in text
