"""Tidy tables of the constructions, for figures: dicts of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zeroloss.minima.constructions.bounds import box_bound, coverage
from zeroloss.networks import FeedForward, predict
from zeroloss.plumbing import InputError


def _one_output(network: Any, inputs: int) -> None:
    if not isinstance(network, FeedForward) or (network.in_size, network.out_size) != (inputs, 1):
        raise InputError(f"a network of {inputs} input(s) and one output is drawn so; give such a FeedForward.")


def network_table(network: FeedForward) -> dict[str, list]:
    """The edges of a network: columns from_layer (0: the inputs), from_unit, to_layer, to_unit, weight; zeros left out."""
    columns: dict[str, list] = {n: [] for n in ("from_layer", "from_unit", "to_layer", "to_unit", "weight")}
    for layer, (w, a) in enumerate(zip(network.weights, network.weight_scales, strict=True)):
        values = a * np.asarray(w, np.float64)
        for to, start in np.argwhere(values != 0).tolist():
            row = (layer, start, layer + 1, to, float(values[to, start]))
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    return columns


def line_table(networks: Mapping[str, FeedForward], x: Any) -> dict[str, list]:
    """Networks of one input and one output on the numbers `x` `(m,)`: columns x, value, curve (the names given)."""
    x = np.asarray(x, np.float64)
    columns: dict[str, list] = {"x": [], "value": [], "curve": []}
    for name, network in networks.items():
        _one_output(network, 1)
        columns["x"] += x.tolist()
        columns["value"] += predict(network, x[:, None])[:, 0].tolist()
        columns["curve"] += [name] * len(x)
    return columns


def plane_table(network: FeedForward, steps: int = 80, low: float = 0.0, high: float = 1.0) -> dict[str, list]:
    """A network of two inputs and one output on the middles of `steps x steps` squares of `[low, high]^2`.

    Columns x1, x2 (the middles), size (the side of a square), value.
    """
    _one_output(network, 2)
    size = (high - low) / steps
    axis = low + size * (np.arange(steps) + 0.5)
    x1, x2 = (m.ravel() for m in np.meshgrid(axis, axis, indexing="ij"))
    value = predict(network, np.c_[x1, x2])[:, 0]
    return {"x1": x1.tolist(), "x2": x2.tolist(), "size": [size] * len(x1), "value": value.tolist()}


def bound_table(per_axis: Sequence[int], b: Any, d: int = 2) -> dict[str, list]:
    """The box bound of `N^d` nodes for each `N`, and the coverage: columns b, nodes (`N`), bound, coverage.

    `b` `(m,)`: thresholds with `d - 1 <= b < d`. See `box_bound` for the labels it holds for.
    """
    b = np.asarray(b, np.float64)
    return {
        "b": np.tile(b, len(per_axis)).tolist(),
        "nodes": np.repeat(np.asarray(per_axis, int), len(b)).tolist(),
        "bound": np.concatenate([box_bound(n, d, b) for n in per_axis]).tolist(),
        "coverage": np.tile(coverage(d, b), len(per_axis)).tolist(),
    }
