"""The measured figures of failing optima and of filters: what is drawn, and what is refused."""

import numpy as np
import pytest

from zeroloss.figures.constructions import FLOOR, cross_entropy_of_scale, gain_over_zero, measured_accuracy, residuals
from zeroloss.figures.filters import error_against_images, filter_images
from zeroloss.minima.constructions import bound_table
from zeroloss.plumbing import InputError


def values(chart):
    """The rows of each layer; the specification must draw."""
    import vl_convert

    spec = chart.to_dict()
    assert spec["width"] == "container"
    assert "<svg" in vl_convert.vegalite_to_svg(spec | {"width": 400})
    # Layers that share their rows have them from the chart.
    return [layer.get("data", spec.get("data"))["values"] for layer in spec.get("layer", [spec])]


def test_accuracies_stand_beside_their_bounds():
    cells = {"b": [1.5, 1.5, 1.9], "nodes": [4, 50, 50], "accuracy": [0.12, 0.13, 0.0]}
    cells |= {"low": [0.11, 0.12, 0.0], "high": [0.13, 0.14, 0.001]}
    bounds, covered, bars, dots, *words = values(measured_accuracy(cells, bound_table([4, 50], [1.01, 1.5, 1.9])))
    assert all(0 < r["share"] < 1 for r in bounds) and len(covered) == 3
    assert [r["accuracy"] for r in dots] == [0.12, 0.13] and bars == dots  # no place for 0
    assert dots[0]["x"] < 1.5 < dots[1]["x"] and len(words) == 2
    with pytest.raises(InputError, match="no accuracy above 0"):
        measured_accuracy(cells | {"accuracy": [0.0] * 3}, bound_table([4, 50], [1.5]))


def test_gains_residuals_and_cross_entropies():
    (gains,) = values(gain_over_zero({"gap": [0.1, 0.2, 0.4], "gain": [0.01, 0.02, 0.0], "curve": ["relu"] * 3}))
    assert len(gains) == 2
    with pytest.raises(InputError, match="no gain above 0"):
        gain_over_zero({"gap": [0.1], "gain": [0.0], "curve": ["relu"]})
    table = {"layers": [0, 4], "residual": [0.0, 1e-10], "curve": ["sigmoid, float64"] * 2}
    drawn, _ = values(residuals(table))
    assert [(r["drawn"], r["exact"]) for r in drawn] == [(FLOOR, True), (1e-10, False)]
    line, dots, label = values(
        cross_entropy_of_scale({"scale": [1.0, 10.0], "measured": [0.3, 4e-5], "predicted": [0.3, 4e-5]})
    )
    assert line == dots and label == [line[-1]]


def test_test_errors_and_filters():
    table = {
        "images": [100, 100, 1500],
        "seed": [0, 1, 0],
        "net": ["large", "large", "kmeans"],
        "test_error": [0.1, 0.2, 0.05],
    }
    means, *points = values(error_against_images(table))
    assert len(points) == 2 and {r["net"] for r in means} == {"many filters", "few, k-means centres"}
    with pytest.raises(InputError, match="no net 'tiny'"):
        error_against_images(table | {"net": ["tiny"] * 3})
    squares, names = values(filter_images({"a": np.arange(9), "b": -np.ones((3, 3))}))
    assert len(squares) == 18 and [r["name"] for r in names] == ["a", "b"]
    assert squares[0]["y"] > squares[3]["y"] and squares[0]["x"] < squares[1]["x"]
    for wrong in ({}, {"a": [1.0, 2.0]}, {"a": [np.nan] * 4}):
        with pytest.raises(InputError):
            filter_images(wrong)
