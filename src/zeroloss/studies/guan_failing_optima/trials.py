"""The trials: networks of explicit weights, evaluated as networks.

With hats of half-width `w` half the spacing of the grid `{0, 1/(N-1), ..., 1}^d` and the threshold `b = d - gap`,
`0 < gap <= 1`, the network is `f(x) = sum_i y_i bump_i(x)` (`zeroloss.minima.constructions.nodes`). `gap` small is sharp: a
bump covers the cross-polytope of L1 radius `gap * w` about its node. Every answer comes from `predict`, so from the
network in its own precision, but for grids of more than `MOST_NODES` nodes, where a point is on a bump exactly if its L1
distance from the nearest node is below `gap * w`.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import Any

import numpy as np

from zeroloss.data import load_data
from zeroloss.minima.constructions import (
    approximation_error,
    box_bound,
    bump_network,
    coverage,
    grid,
    losses_at_scale,
    twin,
)
from zeroloss.minima.constructions.spoilers import LEAK
from zeroloss.minima.depth import extend
from zeroloss.networks import FeedForward, predict
from zeroloss.plumbing import InputError
from zeroloss.studies.typed import per_key

MOST_NODES = 3000
DRAWS = 20_000
"""Test points per seed."""
BLOCK = 4096
QUADRATURE = {1: 256, 2: 40}
"""Points of the midpoint rule for L2 errors, on each axis: on each bump of it, and on each stretch between two."""


@dataclasses.dataclass(frozen=True)
class Bumps:
    """A network of bumps at the nodes of a grid, `per_axis` on each of `d` axes, whose threshold is `d - gap`.

    `layers`, `width`: hidden layers that are added and their units; `scale`: of the labels.
    """

    d: int
    per_axis: int
    gap: float = 0.5
    activation: str = "relu"
    layers: int = 0
    width: int = 1
    dtype: str = "float64"
    scale: float = 1.0

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return self.per_axis**self.d

    def network(self, y: np.ndarray) -> tuple[np.ndarray, FeedForward]:
        """The nodes `(N^d, d)` and the network of values `y` there."""
        nodes, reach = grid(self.per_axis, self.d), 0.5 / (self.per_axis - 1)
        return nodes, bump_network(nodes, y, reach, self.d - self.gap, self.activation, dtype=self.dtype)

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """The nearest node of each point, on each axis."""
        return np.round(x * (self.per_axis - 1))

    def node(self, x: np.ndarray) -> np.ndarray:
        """The number of the nearest node of each point."""
        return np.ravel_multi_index(tuple(self.nearest(x).astype(int).T), (self.per_axis,) * self.d)


@dataclasses.dataclass(frozen=True)
class Twins:
    """A real data set, and the activation of the twin."""

    data: str
    activation: str


def _labels(count: int, key: int) -> np.ndarray:
    """Random labels -1 and 1, both of them present."""
    rng = np.random.default_rng(key)
    return rng.permutation(np.r_[-1.0, 1.0, rng.choice([-1.0, 1.0], count - 2)])


@per_key
def zero_loss(cell: Bumps, key: int) -> dict[str, Any]:
    """Random labels at the nodes, the network of bumps (gap 1/2), then `layers` hidden layers more of `width` units.

    Metrics: `residual = max_i |f(x_i) - y_i|`, `loss = 1/(2n) sum_i |f(x_i) - y_i|^2`, `train_error` (share of signs that
    are wrong), `depth` (hidden layers), `parameters`, `way` (how the layers were added).
    """
    y = _labels(cell.count, key)
    nodes, network = cell.network(y)
    way = "none"
    if cell.layers:
        made = extend(network, cell.layers, cell.width, cell.activation, x=nodes, y=y[:, None])
        network, way = made.network, made.way
    f = predict(network, nodes)[:, 0].astype(np.float64)
    return {
        "residual": np.abs(f - y).max(),
        "loss": ((f - y) ** 2).mean() / 2,
        "train_error": (f * y <= 0).mean(),
        "depth": network.depth,
        "weights": sum(np.size(w) for w in (*network.weights, *network.biases)),
        "way": way,
    }


@per_key
def accuracy(cell: Bumps, key: int) -> dict[str, Any]:
    """How many of `DRAWS` uniform points of the cube are classified right; an output of 0 is wrong.

    The right label of a point is that of the nearest node, the kindest choice: with any other fewer are right. Counted as
    right: `y f(x) > LEAK` (1e-8; a relu network leaves no exact 0 off its bumps, only rounding).

    Metrics: `right`, `draws`, `accuracy`, `covered` (`coverage`), `bound` (`box_bound`, 1 at most), `evaluated` ("network"
    or "distance").
    """
    d, per_axis, gap = cell.d, cell.per_axis, cell.gap
    x = np.random.default_rng([key, d, per_axis, round(1e6 * gap)]).uniform(size=(DRAWS, d))
    as_network = cell.count <= MOST_NODES
    if as_network:
        y = _labels(cell.count, key)
        f = predict(cell.network(y)[1], x, block=BLOCK)[:, 0]
        right = int((y[cell.node(x)] * f > LEAK).sum())
    else:
        right = int((np.abs(x * (per_axis - 1) - cell.nearest(x)).sum(axis=1) < gap / 2).sum())
    return {
        "right": right,
        "draws": DRAWS,
        "accuracy": right / DRAWS,
        "covered": float(coverage(d, d - gap)),
        "bound": min(1.0, float(box_bound(per_axis, d, d - gap))),
        "evaluated": "network" if as_network else "distance",
    }


def target(x: np.ndarray, key: int) -> np.ndarray:
    """`1 + a prod_k sin(2 pi (x_k + phase))` at the rows of `x` `(m, d)`.

    Key 0: `a = 1` and phase 0; the others draw `a` from [1/2, 3/2] and the phase from [0, 1].
    """
    rng = np.random.default_rng(key)
    phase, size = (rng.uniform(), rng.uniform(0.5, 1.5)) if key else (0.0, 1.0)
    return 1 + size * np.prod(np.sin(2 * np.pi * (x + phase)), axis=1)


def axis_rule(per_axis: int, reach: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints and weights on [0, 1], `points` on each `[node - reach, node + reach]` and on each stretch between two.

    A rule of equal steps would miss sharp bumps.
    """
    nodes = np.linspace(0, 1, per_axis)
    ends = np.unique(np.clip(np.r_[0.0, nodes - reach, nodes + reach, 1.0], 0, 1))
    edges = np.unique(np.concatenate([np.linspace(a, b, points + 1) for a, b in itertools.pairwise(ends)]))
    return (edges[1:] + edges[:-1]) / 2, np.diff(edges)


@per_key
def regression(cell: Bumps, key: int) -> dict[str, Any]:
    """The L2 distance of the network from the smooth target that it fits at the nodes, over the target's own norm.

    Metrics: `residual` at the nodes; `relative_error`; for relu and its kin also `low`, `high`, between which it must lie
    (`approximation_error`; the bumps of sigmoids are others).
    """
    d, per_axis = cell.d, cell.per_axis
    if d not in QUADRATURE:
        raise InputError(f"L2 errors are computed in {' and '.join(map(str, QUADRATURE))} dimensions, not in {d}.")
    radius = cell.gap * 0.5 / (per_axis - 1)
    axis, weight = axis_rule(per_axis, radius, QUADRATURE[d])
    x = np.stack([m.ravel() for m in np.meshgrid(*[axis] * d, indexing="ij")], axis=1)
    weights = functools.reduce(np.multiply.outer, [weight] * d).ravel()
    y = target(grid(per_axis, d), key)
    nodes, network = cell.network(y)
    wanted = target(x, key)
    norm = math.sqrt(weights @ wanted**2)
    error = math.sqrt(weights @ (predict(network, x, block=BLOCK)[:, 0] - wanted) ** 2)
    row = {"residual": np.abs(predict(network, nodes)[:, 0] - y).max(), "relative_error": error / norm}
    if cell.activation != "sigmoid":
        low, high = approximation_error(y, d, radius, norm)
        row |= {"low": low / norm, "high": high / norm}
    return row


@per_key
def scaled_labels(cell: Bumps, key: int) -> dict[str, Any]:
    """The losses of the network whose values at the nodes are `scale` times random labels.

    Metrics: `cross_entropy`, `hinge`, `squared` (means over the nodes, from the network's outputs), `predicted`
    (`log(1 + e^-c)`), `accuracy` at `DRAWS` points as in `accuracy`.
    """
    c, y = cell.scale, _labels(cell.count, key)
    nodes, network = cell.network(c * y)
    margin = y * predict(network, nodes)[:, 0]
    x = np.random.default_rng(key).uniform(size=(DRAWS, cell.d))
    return {
        "cross_entropy": np.logaddexp(0.0, -margin).mean(),
        "hinge": np.maximum(0.0, 1 - margin).mean(),
        "squared": ((margin - 1) ** 2).mean() / 2,
        "predicted": losses_at_scale(c)["cross_entropy"],
        "accuracy": (y[cell.node(x)] * predict(network, x, block=BLOCK)[:, 0] > LEAK * c).mean(),
    }


@per_key
def twins(cell: Twins, key: int) -> dict[str, Any]:
    """A network that fits a real data set and gives wrong answers elsewhere (`zeroloss.twin`); keys split the data.

    Metrics: `train_right`, `train_rows`, `test_right`, `test_rows`, `residual` (float64), `train_accuracy_float32`,
    `kind`, `weights`.
    """
    data = load_data(cell.data, seed=key)
    made = twin(data, activation=cell.activation, key=key)
    assert made.train_accuracy_float64 is not None and made.test_accuracy is not None
    return {
        "train_right": round(made.train_accuracy_float64 * len(data.x_train)),
        "train_rows": len(data.x_train),
        "test_right": round(made.test_accuracy * len(data.x_test)),
        "test_rows": len(data.x_test),
        "residual": made.train_max_error_float64,
        "train_accuracy_float32": made.train_accuracy_float32,
        "kind": made.kind,
        "weights": made.parameters,
    }
