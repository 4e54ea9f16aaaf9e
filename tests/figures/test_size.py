"""The figures of parameter counts: what is drawn where, and what is refused."""

import pytest

from zeroloss.figures.size import (
    boundary_places,
    natural_and_random,
    phase_diagram,
    proved_and_measured,
    residual_below,
)
from zeroloss.plumbing import InputError

CELLS = {"depth": [1, 1, 1, 1, 2, 2], "size": [32, 32, 64, 64, 32, 64], "ratio": [1.0, 2.0, 1.0, 2.0, 1.0, 1.0]}
CELLS["share"] = [0.0, 1.0, 0.25, 1.0, 0.0, 0.5]
EDGE = {
    "depth": [1, 1, 2],
    "size": [32, 64, 32],
    "place": [1.4, 1.3, None],
    "low": [1.2, 1.1, None],
    "high": [1.6, 1.5, None],
}


def values(chart):
    """The rows of the chart's data and of its layers'."""
    spec = chart.to_dict()
    parts = [spec, *spec.get("layer", [])]
    return [row for part in parts for row in part.get("data", {}).get("values", [])]


def test_cells_meet_halfway_and_missing_boundaries_are_left_out():
    drawn = values(phase_diagram(CELLS, EDGE))
    boxes = [row for row in drawn if row["kind"] == "cell"]
    assert len(boxes) == 6 and {row["title"] for row in boxes} == {"1 hidden layer", "2 hidden layers"}
    low, high = (next(b for b in boxes if b["depth"] == 1 and b["size"] == 32 and b["ratio"] == r) for r in (1.0, 2.0))
    assert low["y2"] == pytest.approx(high["y"]) == pytest.approx(2**0.5)
    assert low["x2"] == pytest.approx((32 * 64) ** 0.5) and low["share"] == 0 and high["share"] == 1
    assert [row["place"] for row in drawn if row["kind"] == "boundary"] == [1.4, 1.3]
    assert {row["place"] for row in drawn if row["kind"] == "even"} == {1.0}


def test_places_lines_and_points():
    table = {"method": ["a", "a", "b"], **EDGE}
    chart = boundary_places(table)
    assert chart.to_dict()["width"] == "container" and len(chart.to_dict()["layer"]) == 4
    found = [row for row in values(chart) if "method" in row]
    assert {row["layers"] for row in found} == {"1 hidden layer"} and len({row["beside"] for row in found}) == 2


def test_exact_zeros_stand_at_the_floor():
    chart = residual_below(
        {"depth": [1, 1], "ratio": [0.5, 2.0], "left": [0.3, 0.0], "low": [0.2, 0.0], "high": [0.4, 0.0]}
    )
    assert {row["left"] for row in values(chart) if "left" in row} == {1e-24, 0.3}


def test_kinds_keep_their_order_and_words():
    kinds = ["random-labels", "natural"]
    table = {"data": ["wine"] * 2, "kind": kinds, "accuracy": [0.3, 0.9], "low": [0.2, 0.8], "high": [0.4, 1.0]}
    spec = natural_and_random(table | {"chance": [1 / 3, 0.4]}).to_dict()
    scale = spec["layer"][2]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["natural", "random labels"] and len(set(scale["range"])) == 2


def test_variants_have_looks_of_their_own():
    names = ["read-out alone: proved bound", "read-out alone: measured", "all layers: measured only"]
    spec = proved_and_measured(
        {"step": [1, 10] * 3, "loss": [1.0, 0.1] * 3, "variant": [n for n in names for _ in "12"]}
    ).to_dict()
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == names and len(set(scale["range"])) == 3 and len(spec["layer"]) == 4


@pytest.mark.parametrize("draw", [boundary_places, residual_below, natural_and_random, proved_and_measured])
def test_tables_without_their_columns_are_refused(draw):
    with pytest.raises(InputError, match="columns"):
        draw({"nothing": [1]})


def test_a_phase_diagram_needs_cells():
    with pytest.raises(InputError, match="no rows"):
        phase_diagram({name: [] for name in CELLS}, EDGE)
