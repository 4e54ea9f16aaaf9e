"""Required parameters against n as a picture: every line named, nothing on top of another name."""

from __future__ import annotations

import itertools
import json

import pytest

from zeroloss.figures import atlas_lines
from zeroloss.figures.atlas import GAP, _ends, _place
from zeroloss.plumbing import InputError
from zeroloss.theorems.survey import SIZES, lines

TABLE = lines(SIZES["mnist-size"])


def test_every_theory_is_named_once_in_its_panel():
    spec = atlas_lines(TABLE, 60_000, 407_050).to_dict()
    text = json.dumps(spec, allow_nan=False)
    panels = spec["vconcat"]
    assert [p["title"]["text"] for p in panels] == list(dict.fromkeys(TABLE["group"]))
    names = [row["name"] for p in panels for layer in p["layer"] for row in layer["data"]["values"] if "name" in row]
    for theory in set(TABLE["theory"]):
        assert any(theory in name for name in names)
    assert "n = 60,000" in text and "your network: 407,050" in text and '"url"' not in text


def test_names_keep_their_distance_and_stay_in_the_panel():
    ends = [{"name": str(k), "log": value} for k, value in enumerate((30.0, 25.0, 9.0, 9.0, 8.9, 1.0))]
    _place(ends, 0.0, 20.0, 150)
    places = [r["place"] for r in ends]
    assert all(b - a >= GAP - 1e-9 for a, b in itertools.pairwise(places))
    assert 0 <= places[0] and places[-1] <= 150
    assert ends[0]["name"].endswith("up to 1e30") and ends[0]["at"] == 0.0  # it leaves the frame at the top


def test_the_end_of_a_line_is_its_largest_n():
    rows = [{"theory": "a", "n": n, "parameters": p, "at_least": False} for n, p in ((10, 1.0), (100, 1e3), (30, 1e2))]
    (end,) = _ends(rows, None)
    assert end["log"] == pytest.approx(3.0)


def test_it_draws_itself():
    import vl_convert

    svg = vl_convert.vegalite_to_svg(atlas_lines(TABLE, 60_000).to_dict())
    for words in ("examples n (log scale)", "one hidden layer", "Kawaguchi", "recalled"):
        assert words in svg


def test_without_standing_there_is_no_legend_and_without_numbers_no_figure():
    bare = {k: v for k, v in TABLE.items() if k != "standing"}
    assert "strokeDash" not in json.dumps(atlas_lines(bare).to_dict()["vconcat"][0]["layer"][0]["encoding"])
    empty = {k: [v[0]] for k, v in TABLE.items()} | {"parameters": [None]}
    with pytest.raises(InputError, match="nothing to draw"):
        atlas_lines(empty)
