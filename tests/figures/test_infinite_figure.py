"""The approach to infinite width as a picture."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from zeroloss.figures.infinite import kernel_convergence
from zeroloss.plumbing import InputError

TABLE = {"width": [4, 4, 16, 16], "seed": [0, 1, 0, 1], "deviation": [0.5, 2.0, 0.25, 1.0]}


def drawn(chart):
    spec = chart.to_dict()
    return spec, [row for layer in spec["layer"] for row in layer["data"]["values"]]


def test_points_means_and_the_root_law():
    spec, rows = drawn(kernel_convergence(TABLE))
    assert sum("seed" in row for row in rows) == 4
    lines = {(r["line"], r["width"]): r["deviation"] for r in rows if "seed" not in r}
    # This table obeys the law exactly in the geometric mean, with C = 2.
    expected = {(name, w): 2 / math.sqrt(w) for name in ("measured", "predicted") for w in (4, 16)}
    assert lines == pytest.approx(expected)
    assert spec["width"] == "container"


def test_it_draws_itself_with_its_data_inside():
    import vl_convert

    spec, _ = drawn(kernel_convergence(pd.DataFrame(TABLE)))
    text = json.dumps(spec, allow_nan=False)
    assert '"url"' not in text
    svg = vl_convert.vegalite_to_svg(spec | {"width": 340})
    assert svg.count("<path") > 5
    for words in ("width (log scale)", "relative distance", "mean over seeds", "height fitted"):
        assert words in svg


def test_what_has_no_place_on_a_logarithmic_axis_is_left_out():
    for bad in (0.0, math.nan, math.inf):
        _, rows = drawn(kernel_convergence(TABLE | {"deviation": [bad, 2.0, 0.25, 1.0]}))
        assert sum("seed" in row for row in rows) == 3


@pytest.mark.parametrize(
    "wrong", [{"width": [1]}, {k: [] for k in TABLE}, TABLE | {"width": [1, 2]}, [1], TABLE | {"deviation": [0.0] * 4}]
)
def test_a_table_that_cannot_be_drawn_is_refused_in_one_line(wrong):
    with pytest.raises(InputError) as error:
        kernel_convergence(wrong)
    assert "\n" not in str(error.value) and "convergence" in str(error.value)
