"""Pages that are scripts: the committed page is of the script as it is, and of a run that anyone can repeat."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCRIPTS = sorted([*(DOCS / "tutorials").glob("*.py"), *(DOCS / "concepts").glob("*.py")])
NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
ROUNDING = 1e-4
"""Numbers below this are rounding or distances made of it; another machine may find others of that kind."""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_page_is_of_this_script(scripts, script):
    page = script.with_suffix(".md")
    assert page.exists(), f"python docs/make/scripts.py {script.stem}"
    written = scripts.without_output(page.read_text(encoding="utf-8"))
    made = scripts.skeleton(script.read_text(encoding="utf-8"))
    assert written == made, f"the script has changed since: python docs/make/scripts.py {script.stem}"


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_another_run_gives_the_same(scripts, script):
    if script.stem == "pytorch":
        pytest.importorskip("torch")
    again = scripts.outputs(scripts.Runner(script).page())
    before = scripts.outputs(script.with_suffix(".md").read_text(encoding="utf-8"))
    assert len(again) == len(before)
    for new, old in zip(again, before, strict=True):
        assert not different(new, old), f"{different(new, old)}\n--- page\n{old}\n--- run\n{new}"


def different(a: str, b: str) -> str:
    """Where two outputs differ in words, or in a number by more than a twentieth; seconds are left out."""
    a, b = (re.sub(r"about [\d.]+ (s|min)\b", "", text) for text in (a, b))
    if re.sub(r"\s+", " ", NUMBER.sub("#", a)) != re.sub(r"\s+", " ", NUMBER.sub("#", b)):
        return "the words differ"
    for x, y in zip(NUMBER.findall(a), NUMBER.findall(b), strict=True):
        p, q = (float(text.replace(",", "")) for text in (x, y))
        small = max(abs(p), abs(q)) < ROUNDING
        if not small and abs(p - q) > 0.05 * max(abs(p), abs(q)):
            return f"{x} is not {y}"
    return ""


def test_different_sees_what_matters():
    assert not different("loss 2e-30, 51 of 54 in 3 s", "loss 7e-29, 51 of 54 in 3 s")
    assert not different("expect about 44 s", "expect about 3 s")
    assert different("51 of 54", "44 of 54") and different("PROVED: 1", "UNKNOWN: 1")
    assert different("loss 2e-30", "loss 0.1")


MARKED = '''"""A title

What it is about.
"""

import math  # not prose

# %% First
# Some *prose*.
#
# ```sh run
# echo said $((6 * 7))
# ```

x = math.sqrt(9)
# a comment in the code
print("three:", x)

# %%
x + 1
'''


def test_a_script_becomes_a_page(scripts, tmp_path):
    path = tmp_path / "toy.py"
    path.write_text(MARKED)
    scripts.write(path)
    page = path.with_suffix(".md").read_text()
    assert page.splitlines()[2] == "# A title"
    assert "## First\n\nSome *prose*." in page
    assert "```sh\necho said $((6 * 7))\n```\n\n```text\nsaid 42\n```" in page
    assert "# a comment in the code" in page
    assert "```\n\n```text\nthree: 3.0\n```" in page and page.rstrip().endswith("```text\n4.0\n```")
    assert scripts.outputs(page) == ["said 42\n", "three: 3.0\n", "4.0\n"]
    assert scripts.without_output(page) == scripts.skeleton(MARKED)
    assert scripts.without_output(page) != scripts.skeleton(MARKED.replace("x + 1", "x + 2"))


def test_without_marks_comments_that_stand_alone_are_prose(scripts):
    text = '"""T"""\n\n# Prose.\n# More.\n\ny = """\n# no prose\n\n"""\n# of the code\nz = 1\n'
    found = scripts.cells(text)
    assert [cell.prose for cell in found] == ["# T", "Prose.\nMore."]
    assert found[1].code.startswith('y = """\n# no prose') and found[1].code.endswith("z = 1")


def test_numbered_comments_are_sections(scripts):
    text = '"""Is it so? A tutorial.\n\nMore.\n"""\n\nimport math\n\n# 1. Begin here: one line. It goes\n#    on.\nx = 1\n# 2. no\n'
    found = scripts.cells(text)
    assert [cell.prose for cell in found] == [
        "# Is it so?\n\nA tutorial.\n\nMore.",
        "",
        "## 1. Begin here: one line\n\nIt goes\non.",
    ]
    assert found[1].code == "import math" and found[2].code == "x = 1\n# 2. no"


def test_a_chart_becomes_a_picture(scripts, tmp_path):
    path = tmp_path / "drawn.py"
    path.write_text(
        '"""T"""\n\n# %%\nimport altair as alt\n\n'
        'alt.Chart(alt.Data(values=[{"a": 1}]), description="One point").mark_point().encode(x="a:Q")\n'
    )
    scripts.write(path)
    assert "![One point](drawn/figure-1.png)" in path.with_suffix(".md").read_text()
    assert (tmp_path / "drawn" / "figure-1.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("code", ["1 / 0", "# ```sh run\n# exit 3\n# ```\n"])
def test_what_fails_makes_no_page(scripts, tmp_path, code):
    path = tmp_path / "fails.py"
    path.write_text(f'"""T"""\n\n# %%\n{code}\n')
    with pytest.raises((ZeroDivisionError, RuntimeError)):
        scripts.write(path)
    assert not path.with_suffix(".md").exists()


def test_no_folder_of_this_machine_and_no_half_merge_is_in_a_page():
    for page in DOCS.glob("**/*.md"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE), page.name
        assert not re.search(r"/(tmp|home|root|work)/", text), page.name
