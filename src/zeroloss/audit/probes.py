"""Where a fit is probed: points at a given distance from training points, and what their nearest neighbour says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

NEIGHBOURS = 10
"""A neighbour direction points to one of this many nearest distinct training inputs."""


@dataclasses.dataclass(frozen=True)
class Probes:
    """Sampled training points with directions to leave them by.

    Attributes:
        inputs: the `g` distinct training inputs, `(g, d)`, and `targets`, the mean target of each, `(g, c)`.
        sampled: which of them are probed, `(q,)` indices.
        distance: Euclidean distance of each sampled point to the nearest other distinct input, `(q,)`, positive.
        directions: unit vectors, `(pairs, q, d)`.
    """

    inputs: np.ndarray
    targets: np.ndarray
    sampled: np.ndarray
    distance: np.ndarray
    directions: np.ndarray
    _squared: np.ndarray
    _along: np.ndarray

    def at(self, t: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The probes `x +/- t d(x) u` and their references, `((q, d), (q, c))`, one pair of signs after the other.

        The reference is the target of the nearest distinct training input. With `D_j = |x_j - x|^2` and
        `a_j = u . (x_j - x)` the squared distance of `x + s u` to `x_j` is `D_j - 2 s a_j + s^2`. For `t < 1/2` the
        nearest one is `x` itself, by the triangle inequality.
        """
        x, own = self.inputs[self.sampled], self.targets[self.sampled]
        for pair, u in enumerate(self.directions):
            for sign in (1.0, -1.0) if t else (1.0,):
                step = sign * t * self.distance[:, None]
                if t < 0.5:
                    yield x + step * u, own
                else:
                    nearest = np.argmin(self._squared - 2 * step * self._along[pair], axis=1)
                    yield x + step * u, self.targets[nearest]
            if not t:
                return


def make_probes(inputs: np.ndarray, targets: np.ndarray, *, points: int, pairs: int, key: int) -> Probes:
    """Sample `points` of the distinct `inputs` without replacement, and `pairs` directions for each.

    Even pairs are uniform on the sphere, odd pairs point to one of the 10 nearest other inputs, chosen uniformly:
    in high dimension a uniform direction hardly moves a point along the data, and a cap of half a space looks wide.

    Args:
        inputs: `(g, d)`, distinct rows, `g >= 2`.
        targets: `(g, c)`.
        key: the seed.
    """
    rng = np.random.default_rng(key)
    count = len(inputs)
    sampled = np.sort(rng.permutation(count)[: min(points, count)])
    rows = np.arange(len(sampled))
    centred = inputs - inputs.mean(axis=0)
    x = centred[sampled]
    squares = np.sum(centred**2, axis=1)
    squared = np.maximum(squares[sampled][:, None] + squares - 2 * x @ centred.T, 0)
    squared[rows, sampled] = np.inf
    near = np.argpartition(squared, min(2 * NEIGHBOURS, count - 1) - 1, axis=1)[:, : min(2 * NEIGHBOURS, count - 1)]
    # Differences once more, without the cancellation of the expanded square.
    exact = np.sum((inputs[near] - inputs[sampled][:, None, :]) ** 2, axis=2)
    np.put_along_axis(squared, near, exact, axis=1)
    near = np.take_along_axis(near, np.argsort(exact, axis=1), axis=1)[:, :NEIGHBOURS]
    squared[rows, sampled] = 0.0
    directions = np.empty((pairs, *x.shape))
    along = np.empty((pairs, *squared.shape))
    for pair in range(pairs):
        if pair % 2:
            chosen = near[rows, rng.integers(0, near.shape[1], len(rows))]
            u = inputs[chosen] - inputs[sampled]
        else:
            u = rng.standard_normal(x.shape)
        directions[pair] = u / np.linalg.norm(u, axis=1, keepdims=True)
        along[pair] = directions[pair] @ centred.T - np.sum(directions[pair] * x, axis=1, keepdims=True)
        along[pair][rows, sampled] = 0.0
    distance = np.sqrt(exact.min(axis=1))
    return Probes(inputs, targets, sampled, distance, directions, squared, along)
