"""Figures of rates: what is drawn, what is left out, what is refused."""

import pytest

from zeroloss.figures.rates import ESTIMATES, error_against_n, excess_against_steps, visited_part
from zeroloss.plumbing import InputError


def values(chart, with_field):
    """All rows of data in the chart that have this field."""
    spec = chart.to_dict()
    found = []

    def look(node):
        if isinstance(node, dict):
            found.extend(r for r in node.get("values", []) if isinstance(r, dict) and with_field in r)
            for child in node.values():
                look(child)
        elif isinstance(node, list):
            for child in node:
                look(child)

    look(spec)
    return found


TABLE = {
    "d": [1, 1, 2, 2],
    "n": [10, 100, 10, 100],
    "curve": ["local mean"] * 4,
    "error": [0.1, 0.02, 0.2, 0.1],
    "low": [0.05, 0.01, None, 0.05],
    "high": [0.2, 0.03, None, 0.2],
}
LINES = {"d": [1, 1, 2, 2], "n": [10, 100] * 2, "error": [0.1, 0.01, 0.1, 0.03], "line": ["minimax"] * 4}


def test_a_panel_a_dimension_with_its_own_rows():
    spec = error_against_n(TABLE, LINES).to_dict()
    assert [panel["title"] for panel in spec["hconcat"]] == ["d = 1", "d = 2"]
    first = spec["hconcat"][0]["layer"]
    domains = {
        str(layer["encoding"]["y"].get("scale", {}).get("domain"))
        for layer in first
        if "scale" in layer["encoding"]["y"]
    }
    assert len(domains) == 1  # one scale for all panels and layers
    assert "minimax" in str(spec) and ESTIMATES["local mean"].colour in str(spec)


def test_the_limit_is_drawn_and_said():
    table = {"n": [10, 100], "visited": [0.5, 0.49], "curve": ["measured"] * 2}
    chart = visited_part(table, table, limit=0.4848)
    assert {"visited": 0.4848, "text": "limit 0.4848"} in values(chart, "text")
    assert not values(visited_part(table, table), "text")


def test_an_excess_of_zero_has_no_place_on_a_logarithmic_axis():
    table = {"step": [1, 10, 100], "excess": [0.5, 0.1, 0.0], "curve": ["a"] * 3}
    assert {r["step"] for r in values(excess_against_steps(table), "step")} == {1, 10}
    with pytest.raises(InputError, match="no excess above 0"):
        excess_against_steps({"step": [1], "excess": [0.0], "curve": ["a"]})


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match="lacks line"):
        error_against_n(TABLE, {k: v for k, v in LINES.items() if k != "line"})
    with pytest.raises(InputError, match="too many to distinguish"):
        excess_against_steps({"step": [1] * 7, "excess": [0.1] * 7, "curve": list("abcdefg")})
