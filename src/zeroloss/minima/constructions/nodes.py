"""The networks of the paper: bumps of explicit weights at given nodes, in any dimension.

With hats `phi(t) = (R(t + w) - 2 R(t) + R(t - w))/w` of half-width `w` and a threshold `b`, `d - 1 <= b < d`,

    bump_i(x) = R(sum_k phi(x_k - x_ik) - b)/(d - b),        f(x) = sum_i y_i bump_i(x).

The support of a bump is exactly the cross-polytope of L1 radius `(d - b) w`. In one dimension `b = 0` is the hat itself
and `b > 0` its sharpened form, of half-width `(1 - b) w`. Three units per distinct value of a coordinate, one per node.

Parametric relu: `R(z) = (P(z) + a P(-z))/(1 - a^2)`. Sigmoid `s`: hats `s(K (t + h)/(2h)) - s(K (t - h)/(2h))` with
`h = (d - b) w/(2 d)`, bumps `s(K (sum_k hat - d + 1/2))`: boxes, at most about `exp(-K/2)` outside the cross-polytope of
L1 radius `(d - b) w` as well; and the `y_i` replaced by the solution of the `n x n` system, so that `f(x_i) = y_i`.

Standing: paper (Guan 2407.16872); the sigmoid's constants, ours.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from zeroloss.minima.constructions.activated import STEEP, check_activation, with_activation
from zeroloss.minima.constructions.combine import to_network
from zeroloss.minima.constructions.spoilers import Spoilers, nearest
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError


def grid(per_axis: int, d: int) -> np.ndarray:
    """The nodes `0, 1/(N - 1), ..., 1` on each of `d` axes, `(N^d, d)`; half their spacing is `1/(2 (N - 1))`."""
    if per_axis < 2 or d < 1:
        raise InputError(
            f"a grid of {per_axis} nodes per axis in {d} dimensions: give 2 nodes and 1 dimension or more."
        )
    return np.array(list(itertools.product(np.linspace(0, 1, per_axis), repeat=d)))


def node_bumps(
    nodes: Any, half_width: float, b: Any = None, activation: str = "relu", steep: float = STEEP
) -> Spoilers:
    """The bumps at `nodes` `(n, d)`: two hidden layers.

    Args:
        nodes: distinct rows, or `(n,)` in one dimension.
        half_width: `w` of the hats.
        b: the threshold, one number or one per node (for instance one for each class); by default
            `d - 1/2`.
        activation: "relu", "leaky_relu", "prelu(a)" with 0 < a < 1, or "sigmoid".
        steep: `K`, the steepness of sigmoids.

    Raises:
        InputError: nodes, width, threshold or activation that make no bumps, or nodes so close that one lies on the
            bump of another (`(d - b) w` beyond their L1 distance).
    """
    check_activation(activation)
    x = np.asarray(nodes, np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or 0 in x.shape or not np.isfinite(x).all():
        raise InputError(f"nodes of shape {x.shape}: give finite numbers (n, d), or (n,) in one dimension.")
    n, d = x.shape
    thresholds = np.full(n, d - 0.5) if b is None else np.asarray(b, np.float64)
    if thresholds.ndim > 1 or thresholds.size not in (1, n):
        raise InputError(f"b of shape {thresholds.shape}: give one number, or one for each of the {n} nodes.")
    thresholds = np.broadcast_to(thresholds, (n,))
    if not ((thresholds >= d - 1) & (thresholds < d)).all():
        raise InputError(
            f"b from {thresholds.min():g} to {thresholds.max():g}: bumps in {d}-D need {d - 1} <= b < {d}."
        )
    if not half_width > 0 or not steep > 0:
        raise InputError(f"half_width={half_width}, steep={steep}: both must be above 0.")
    sigmoid = activation == "sigmoid"
    made = Spoilers(
        "nodes",
        *_layers(x, float(half_width), thresholds, steep if sigmoid else None),
        float(nearest(x).min()),
        float(((d - thresholds) * half_width).min()),
        f"hats of half-width {half_width:g} at {n} nodes",
        "sigmoid" if sigmoid else "relu",
    )
    # Sigmoids are never 0; what matters there is that the n x n system can be solved well.
    off = made.values(x) - np.eye(n)
    if np.abs(off).sum(axis=1).max() > (0.5 if sigmoid else 1e-9):
        raise InputError(
            f"a node lies on the bump of another: half_width={half_width:g} is too wide for nodes "
            f"{nearest(x).min():.3g} apart; make it smaller, or b closer to {d}."
        )
    return made if sigmoid else with_activation(made, activation)


def _layers(x: np.ndarray, w: float, b: np.ndarray, steep: float | None) -> tuple[tuple, tuple]:
    """Weights and biases of both hidden layers; relu if `steep` is None, sigmoid otherwise."""
    d = x.shape[1]
    rows, offsets, blocks = [], [], []
    for k in range(d):
        levels, which = np.unique(x[:, k], return_inverse=True)
        which = which.reshape(-1)
        if steep is None:
            size, slope = np.full(len(levels), w), np.ones(len(levels))
            shifts, parts = np.array([1.0, 0.0, -1.0]), np.array([1.0, -2.0, 1.0]) / w
        else:
            size = np.full(len(levels), np.inf)
            np.minimum.at(size, which, (d - b) * w / (2 * d))
            slope = steep / (2 * size)
            shifts, parts = np.array([1.0, -1.0]), np.array([1.0, -1.0])
        units = np.zeros((len(levels) * len(shifts), d))
        units[:, k] = np.repeat(slope, len(shifts))
        rows.append(units)
        offsets.append((slope[:, None] * (size[:, None] * shifts - levels[:, None])).ravel())
        blocks.append(np.kron(np.eye(len(levels))[which], parts[None, :]))
    gap = d - b
    if steep is None:
        second, bias = np.hstack(blocks) / gap[:, None], -b / gap
    else:
        second, bias = np.hstack(blocks) * steep, np.full(len(x), -steep * (d - 0.5))
    return (np.vstack(rows), second), (np.concatenate(offsets), bias)


def bump_network(
    nodes: Any,
    y: Any,
    half_width: float,
    b: Any = None,
    activation: str = "relu",
    steep: float = STEEP,
    dtype: str = "float64",
) -> FeedForward:
    """The network `f(x) = sum_i y_i bump_i(x)` with `f(nodes[i]) = y[i]`: zero training loss at the nodes.

    For classification `y` is -1 and 1 (or any scale of it, see `losses_at_scale`), for function approximation the values
    of the target, whose L2 norm its error tends to as `b` tends to `d` (`approximation_error`).

    Args:
        nodes, half_width, b, activation, steep: see `node_bumps`.
        y: `(n,)` or `(n, c)`.
        dtype: "float64" or "float32".

    Raises:
        InputError: as `node_bumps`, or values that do not fit the nodes.
    """
    bumps = node_bumps(nodes, half_width, b, activation, steep)
    x = np.asarray(nodes, np.float64)
    x = x[:, None] if x.ndim == 1 else x
    values = np.asarray(y, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != len(x) or not np.isfinite(values).all():
        raise InputError(f"y of shape {np.shape(y)}: give one finite value, or one row, for each of {len(x)} nodes.")
    coefficients = np.linalg.solve(bumps.values(x), values) if activation == "sigmoid" else values
    return to_network(bumps.stack(coefficients), dtype)
