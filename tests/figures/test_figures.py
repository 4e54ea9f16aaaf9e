"""Tidy tables in, charts out: what is drawn, how series are told apart, and what is refused."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys

import pandas as pd
import pytest

from zeroloss import figures
from zeroloss.figures import palette
from zeroloss.figures.axes import power
from zeroloss.figures.kernel import MOST
from zeroloss.plumbing import InputError

OKABE_ITO = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
LOSS = {
    "step": [0, 1, 10, 0, 1, 10],
    "loss": [1.0, 0.5, 0.0, 1.0, 0.4, 0.1],
    "curve": ["measured"] * 3 + ["predicted"] * 3,
}
SPECTRUM = {"index": [1, 2, 3], "eigenvalue": [10.0, 1e-2, 1e-5], "kind": ["trace form"] * 3}
WIDTHS = {
    "width": [1, 1, 9, 9], "parameters": [10, 10, 90, 90], "seed": [0, 1, 0, 1], "train_error": [0.5, 0.7, 0.0, 0.0],
    "test_error": [0.6, 0.8, 0.1, 0.2], "train_loss": [0.1, 0.2, 0.0, 0.0],
}  # fmt: skip
SLICE = {"position": [0, 1, 0, 1], "network": ["fitted", "fitted", "twin", "twin"], "output": [1.0, 0.0, 1.0, 0.0]}
TRUST = {
    "t": [0, 1] * 3, "score": [1.0, 0.9, 1.0, 0.0, 1.0, 0.8], "lower": [0.99, 0.8, 0.99, 0.0, 0.99, 0.7],
    "upper": [1.0, 0.95, 1.0, 0.01, 1.0, 0.9], "network": ["fitted"] * 2 + ["twin"] * 2 + ["reference"] * 2,
}  # fmt: skip
PIXELS = list(itertools.product(range(2), range(2), range(2)))
DIGITS = {
    "image": [p[0] for p in PIXELS], "row": [p[1] for p in PIXELS], "column": [p[2] for p in PIXELS],
    "value": [0, 5, 16, 3, 0, 8, 8, 1], "label": [3] * 8, "fitted": [3] * 8, "twin": [4] * 8,
}  # fmt: skip
THEORY = {
    "quantity": ["width", "rank"], "value": [512, 0], "needed": [1e18, 3], "unit": ["units", ""],
    "standing": ["ours", "paper"], "sentence": ["a", "b"],
}  # fmt: skip
DRAW = {
    "loss": (figures.loss_curves, LOSS),
    "spectrum": (lambda t: figures.spectrum(t, 1e-6, 2e-6), SPECTRUM),
    "width": (lambda t: figures.error_against_width(t, 30), WIDTHS),
    "slice": (lambda t: figures.slice_through(t, target_a=1.0, target_b=0.0), SLICE),
    "trust": (figures.trust_curves, TRUST),
    "digits": (figures.digit_answers, DIGITS),
    "theory": (figures.theory_bars, THEORY),
}


def values(spec: dict) -> list[dict]:
    """Every row of data in a specification."""
    sets = list(spec.get("datasets", {}).values())
    found = [row for rows in sets for row in rows]

    def walk(node):
        if isinstance(node, dict):
            found.extend(node.get("data", {}).get("values", []) if isinstance(node.get("data"), dict) else [])
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk({k: v for k, v in spec.items() if k != "datasets"})
    return found


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_draws_itself_with_its_data_inside(name):
    import vl_convert

    draw, table = DRAW[name]
    spec = draw(table).to_dict()
    text = json.dumps(spec, allow_nan=False)
    assert '"url"' not in text
    if name != "digits":
        assert spec["width"] == "container"
        spec = spec | {"width": 340}
    svg = vl_convert.vegalite_to_svg(spec)
    assert svg.count("<path") > 5
    for title in {"loss": ["step + 1", "training loss"], "trust": ["nearest-neighbour distances"]}.get(name, []):
        assert title in svg


@pytest.mark.parametrize("name", DRAW)
def test_a_data_frame_gives_the_same_figure(name):
    draw, table = DRAW[name]
    assert values(draw(pd.DataFrame(table)).to_dict()) == values(draw(table).to_dict())


@pytest.mark.parametrize("name", DRAW)
def test_a_table_that_cannot_be_drawn_is_refused_in_one_line(name):
    draw, table = DRAW[name]
    first = next(iter(table))
    bad = [
        {k: v for k, v in table.items() if k != first},
        {k: [] for k in table},
        table | {first: table[first][:-1]},
        [1, 2],
    ]
    for wrong in bad:
        with pytest.raises(InputError) as error:
            draw(wrong)
        assert "\n" not in str(error.value) and name in str(error.value)


def test_step_zero_has_a_place_and_a_loss_of_zero_has_none():
    drawn = values(figures.loss_curves(LOSS).to_dict())
    assert {(r["curve"], r["at"]) for r in drawn} == {
        ("measured", 1), ("measured", 2), ("predicted", 1), ("predicted", 2), ("predicted", 11)
    }  # fmt: skip
    assert all(r["loss"] > 0 for r in drawn)


def test_what_is_not_finite_is_left_out_and_never_written():
    table = LOSS | {"loss": [1.0, math.nan, math.inf, 1.0, 0.4, 0.1]}
    spec = figures.loss_curves(table).to_dict()
    json.dumps(spec, allow_nan=False)
    assert len(values(spec)) == 4


@pytest.mark.parametrize(
    "group", [("fitted", "twin", "nearest neighbour"), ("measured", "predicted"), ("test", "training")]
)
def test_series_differ_without_colour_too(group):
    chosen = palette.looks(group)
    for a, b in itertools.combinations(chosen, 2):
        assert a.colour != b.colour and a.dash != b.dash and a.shape != b.shape


def test_colours_are_the_safe_ones_and_grey():
    assert {look.colour for look in palette.LOOKS.values()} <= OKABE_ITO | {palette.GREY}


def test_a_stranger_among_the_series_gets_a_look_of_its_own():
    chosen = palette.looks(["fitted", "something", "something else"])
    assert len({(x.dash, x.colour) for x in chosen}) == 3


@pytest.mark.parametrize("count", [MOST, MOST + 1, 5 * MOST + 3])
def test_a_long_spectrum_is_thinned_and_keeps_both_ends(count):
    table = {"index": list(range(1, count + 1)), "eigenvalue": [1.0 / k for k in range(1, count + 1)]}
    drawn = [r["index"] for r in values(figures.spectrum(table).to_dict())]
    assert len(drawn) == len(set(drawn)) == min(count, MOST)
    assert (min(drawn), max(drawn)) == (1, count)


def test_an_end_of_the_enclosure_below_zero_is_not_drawn():
    spec = json.dumps(figures.spectrum(SPECTRUM, -1e-3, 2e-6).to_dict())
    assert "at most" in spec and "-0.001" not in spec
    assert "at most" not in json.dumps(figures.spectrum(SPECTRUM, 1e-6, 2e-6).to_dict())


def test_the_reference_may_be_a_column():
    table = {k: v[:4] for k, v in TRUST.items()} | {"reference": [1.0, 0.8, 1.0, 0.8]}
    drawn = values(figures.trust_curves(table).to_dict())
    assert sorted((r["t"], r["score"]) for r in drawn if r["network"] == "nearest neighbour") == [(0, 1.0), (1, 0.8)]


def test_answers_say_right_and_wrong_in_words():
    said = [r for r in values(figures.digit_answers(DIGITS).to_dict()) if "is" in r]
    assert [(r["is"], r["fitted_says"], r["twin_says"]) for r in said] == [("label: 3", "fitted: 3 ✓", "twin: 4 ✗")] * 2
    assert "twin_says:" not in json.dumps(figures.digit_answers(DIGITS | {"twin": [None] * 8}).to_dict())


def test_theory_without_two_positive_numbers_is_refused():
    with pytest.raises(InputError):
        figures.theory_bars(THEORY | {"needed": [None, 3]})


@pytest.mark.parametrize(("exponent", "text"), [(0, "1"), (1, "10"), (-24, "10⁻²⁴"), (15, "10¹⁵")])
def test_powers_of_ten_look_like_powers_of_ten(exponent, text):
    assert power(exponent) == text


def test_importing_the_room_is_light():
    heavy = "{'jax', 'altair', 'pandas', 'vl_convert', 'jinja2', 'sklearn'}"
    code = f"import zeroloss.figures, zeroloss.report, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_chart_becomes_a_file_of_each_format(tmp_path):
    from zeroloss.figures.files import write_figure

    chart = figures.spectrum({"index": [1, 2, 3], "eigenvalue": [3.0, 1.0, 0.1]}, 0.05, 0.1)
    assert write_figure(tmp_path / "a.png", chart).read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in write_figure(tmp_path / "a.svg", chart).read_text()
    page = write_figure(tmp_path / "a.html", chart).read_text()
    assert 'src="http' not in page and "vegaEmbed" in page
    with pytest.raises(InputError, match="exists"):
        write_figure(tmp_path / "a.svg", chart)
    with pytest.raises(InputError, match=r"\.png, \.svg, \.html"):
        write_figure(tmp_path / "a.pdf", chart)
