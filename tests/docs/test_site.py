"""The site: it builds without a warning, its links lead somewhere, and reading it asks nothing of another machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_site_builds_strictly_and_its_links_lead_somewhere(hooks, links, tmp_path):
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    place = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path]), "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert links.problems(site) == []
    formulas = (site / "concepts" / "zero_loss.html").read_text(encoding="utf-8")
    assert "<math" in formulas and "arithmatex" not in formulas
    reference = (site / "reference" / "minima.html").read_text(encoding="utf-8")
    assert 'id="zeroloss.prove.proof.prove"' in reference and "Newton-Kantorovich" in reference
    assert (site / "repository" / "results" / "studies" / "guan_failing_optima" / "claims.html").exists()


def test_the_check_of_links_sees_what_is_wrong(links, tmp_path):
    (tmp_path / "style.css").write_text("@import 'https://fonts.example/a.css';")
    (tmp_path / "index.html").write_text(
        '<p id="here"></p><a href="other.html#there">1</a><a href="#here">2</a><a href="https://example.org">3</a>'
        '<link rel="canonical" href="https://example.org/"><img src="absent.png"><script src="https://cdn.example/x.js"></script>'
        '<a href="/root.html">4</a><a href="gone.html">5</a>'
    )
    (tmp_path / "other.html").write_text('<h1 id="elsewhere">T</h1><a href="index.html#here">back</a>')
    found = links.problems(tmp_path)
    assert len(found) == 6
    for part in (
        "#there: there is no such anchor",
        "absent.png: there is no such file",
        "fetches https://cdn.example/x.js",
    ):
        assert any(part in line for line in found)
    for part in (
        "gone.html: there is no such file",
        "/root.html: leads out of the site",
        "style.css fetches https://fonts",
    ):
        assert any(part in line for line in found)


def page_at(uri: str) -> SimpleNamespace:
    return SimpleNamespace(file=SimpleNamespace(src_uri=uri))


def test_links_beside_the_pages_are_moved(hooks):
    text = "[a](../README.md#x) [b](studies.md) ![c](../results/studies/guan_failing_optima/residual.png) [d](https://a.b/)\n"
    moved = hooks.on_page_markdown(text + "```sh\n[a](../README.md)\n```\n", page=page_at("gallery.md"))
    assert "[a](repository/README.md#x)" in moved and "[b](studies.md)" in moved and "[d](https://a.b/)" in moved
    assert "![c](repository/results/studies/guan_failing_optima/residual.png)" in moved
    assert "```sh\n[a](../README.md)\n```" in moved, "code stays as it is"
    deep = hooks.on_page_markdown("[a](../../results/README.md)", page=page_at("papers/guan.md"))
    assert deep == "[a](../repository/results/README.md)"
    back = hooks.on_page_markdown("![r](docs/report.png) [s](results/)", page=page_at("repository/README.md"))
    assert back == "![r](../report.png) [s](results/README.md)"
    assert hooks.on_page_markdown("[a](nowhere.md)", page=page_at("index.md")) == "[a](nowhere.md)", "mkdocs will warn"


def test_formulas_become_mathml(hooks):
    html = '<p><span class="arithmatex">\\(a &lt; \\lambda_{\\min}\\)</span></p><div class="arithmatex">\\[x^2\\]</div>'
    made = hooks.on_page_content(html)
    assert made.count("<math") == 2 and 'display="block"' in made and "arithmatex" not in made and "&#x0003C;" in made


def test_one_entry_of_a_docstring_may_serve_several_names(hooks):
    html = '<b><code><autoref identifier="T.a," optional>a,</autoref></code></b>\n  (<code>(<span title="b">b</span>, c)</code>)\n –'
    assert hooks.on_page_content(html) == "<b><code>a, b, c</code></b>\n –"
    one = "<b><code>a</code></b>\n (<code>float</code>)"
    assert hooks.on_page_content(one) == one


def test_patterns_of_the_navigation_take_what_is_not_named(hooks, tmp_path):
    for name in ("index.md", "b.md", "a.md", "t/first.md", "t/z.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("# T")
    nav = ["index.md", {"Start": "t/z.md"}, {"T": ["t/first.md", "t/absent*.md", "t/*.md"]}, {"Rest": ["*.md"]}]
    config = SimpleNamespace(nav=nav, docs_dir=str(tmp_path))
    found = hooks.on_config(config).nav
    assert found == ["index.md", {"Start": "t/z.md"}, {"T": ["t/first.md"]}, {"Rest": ["a.md", "b.md"]}]
