"""The pictures of global minima that fail, from the tables of the constructions."""

import json

import numpy as np
import pandas as pd
import pytest

from zeroloss import figures
from zeroloss.minima.constructions import (
    bound_table,
    box_bound,
    bump_network,
    coverage,
    grid,
    line_table,
    network_table,
    plane_table,
)
from zeroloss.networks import MLP
from zeroloss.plumbing import InputError

LINE, SIGNS = np.linspace(0, 1, 6), np.array([1.0, -1, -1, 1, 1, -1])
NODES = grid(4, 2)
LABELS = np.random.default_rng(1).choice([-1.0, 1.0], 16)


def drawn(chart):
    """The specification, the rows of each layer, and the SVG."""
    import vl_convert

    spec = chart.to_dict()
    text = json.dumps(spec, allow_nan=False)
    assert '"url"' not in text and spec["width"] == "container"
    layers = [layer["data"]["values"] for layer in spec.get("layer", [spec])]
    return spec, layers, vl_convert.vegalite_to_svg(spec | {"width": 400})


def test_the_diagram_of_a_network():
    network = bump_network(LINE, SIGNS, 0.1, 0.9)
    table = network_table(network)
    # 18 units of hats, three into each of 6 bumps, one output: as many weights as edges.
    assert len(table["weight"]) == 18 + 18 + 6
    assert [table["weight"][i] for i in range(36, 42)] == SIGNS.tolist()
    _, (edges, units, names), svg = drawn(figures.network_diagram(table, ["x", "hats", "bumps", "f(x)"]))
    assert len(edges) == 42 and len(units) == 1 + 18 + 6 + 1 and [n["label"] for n in names][1] == "hats"
    below = sum(e["sign"] == "weight below 0" for e in edges)
    assert below == sum(w < 0 for w in table["weight"])
    assert max(e["size"] for e in edges) == 1 and "weight below 0" in svg and "bumps" in svg
    assert [n["label"] for n in drawn(figures.network_diagram(table))[1][2]][-1] == "output"


def test_the_weights_of_any_network_are_its_edges():
    network = MLP(3, 2, width=4, depth=1, parametrization="ntk", dtype="float64", key=0)
    table = network_table(network)
    read = np.zeros((4, 3))
    for layer, start, end, w in zip(
        table["from_layer"], table["from_unit"], table["to_unit"], table["weight"], strict=True
    ):
        if layer == 0:
            read[end, start] = w
    np.testing.assert_array_equal(read, network.weight_scales[0] * np.asarray(network.weights[0]))


def test_bumps_and_sums_on_a_line():
    t = np.linspace(0, 1, 101)
    table = line_table({f"b = {b}": bump_network(LINE, SIGNS, 0.1, b) for b in (0.0, 0.9)}, t)
    at = dict(zip(zip(table["curve"], np.round(table["x"], 9), strict=True), table["value"], strict=True))
    assert at["b = 0.0", 0.65] == pytest.approx(0.5) and at["b = 0.9", 0.65] == pytest.approx(0, abs=1e-12)
    spec, (lines, rings), svg = drawn(figures.curves_on_line(table, {"x": LINE, "value": SIGNS}, value_name="f(x)"))
    assert len(lines) == 202 and len(rings) == 6 and "f(x)" in svg and "b = 0.9" in svg
    assert spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["b = 0.0", "b = 0.9"]
    drawn(figures.curves_on_line(pd.DataFrame(table)))


@pytest.mark.parametrize("b", [1.0, 1.5])
def test_a_map_of_the_plane(b):
    table = plane_table(bump_network(NODES, LABELS, 1 / 6, b), 24)
    x = np.c_[table["x1"], table["x2"]]
    near = np.abs(x[:, None] - NODES).sum(axis=2)
    expected = LABELS[near.argmin(axis=1)] * np.maximum(0, 1 - near.min(axis=1) / ((2 - b) / 6))
    np.testing.assert_allclose(table["value"], expected, atol=1e-12)
    nodes = {"x1": NODES[:, 0], "x2": NODES[:, 1], "value": LABELS}
    spec, (squares, marks), svg = drawn(figures.map_on_plane(table, nodes))
    assert len(squares) == 24**2 and len(marks) == 16 and sum(m["above"] for m in marks) == (LABELS > 0).sum()
    low, zero, high = spec["layer"][0]["encoding"]["color"]["scale"]["domain"]
    assert low == -high and zero == 0 and "above 0" in svg
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == pytest.approx([0, 1], abs=1e-7)


def test_a_map_without_nodes():
    _, (squares,), svg = drawn(figures.map_on_plane(plane_table(bump_network([[0.5, 0.5]], [1.0], 0.1, 1.0), 10)))
    assert len(squares) == 100 and "first input" in svg


def test_the_bound_and_the_coverage():
    b = np.linspace(1.0, 1.99, 12)
    table = bound_table([50, 10_000], b)
    np.testing.assert_allclose(table["bound"][:12], box_bound(50, 2, b))
    np.testing.assert_allclose(table["coverage"][12:], coverage(2, b))
    _, (shares,), svg = drawn(figures.accuracy_bound(table))
    assert all(0 < r["share"] < 1 for r in shares)  # at b = 1 the bound is above 1 and says nothing
    assert len({r["curve"] for r in shares}) == 3 and "10,000 nodes an axis" in svg
    assert sum(r["curve"].startswith("covered") for r in shares) == 12


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: figures.network_diagram({"weight": [1.0]}), "from_layer"),
        (
            lambda: figures.network_diagram(network_table(bump_network([0.5], [1.0], 0.1)), ["x"]),
            "1 names for 4 layers",
        ),
        (lambda: figures.curves_on_line({"x": [], "value": [], "curve": []}), "no rows"),
        (lambda: figures.curves_on_line({"x": [0] * 6, "value": [0] * 6, "curve": list("abcdef")}), "6 curves"),
        (lambda: figures.map_on_plane({"x1": [0]}), "lacks x2"),
        (lambda: figures.accuracy_bound({"b": [1.0], "nodes": [50], "bound": [1.5], "coverage": [0.0]}), "nothing to"),
        (lambda: line_table({"f": MLP(2, 1, width=2, key=0)}, [0.0]), "1 input(s)"),
        (lambda: plane_table(MLP(2, 2, width=2, key=0)), "2 input(s)"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(draw, words):
    with pytest.raises(InputError) as error:
        draw()
    assert words in str(error.value) and "\n" not in str(error.value)
