"""`Probes`: points at a given distance from training points, with the target of the nearest training input."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from zeroloss.audit.answers import unit_of

NEIGHBOURS = 10
"""Number of nearest distinct training inputs to one of which a neighbour direction points."""


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
    _unit: float = 1.0
    _fixed: np.ndarray | None = None

    def of(self, chosen: np.ndarray, key: int) -> Probes:
        """Probes of other inputs, by number, in as many pairs."""
        pairs = len(self.directions)
        return make_probes(
            self.inputs, self.targets, points=len(chosen), pairs=pairs, key=key, fixed=self._fixed, sampled=chosen
        )

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
                    nearest = np.argmin(self._squared - 2 * (step / self._unit) * self._along[pair], axis=1)
                    yield x + step * u, self.targets[nearest]
            if not t:
                return


def make_probes(
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    points: int,
    pairs: int,
    key: int,
    fixed: np.ndarray | None = None,
    sampled: np.ndarray | None = None,
) -> Probes:
    """Sample `points` of the distinct `inputs` without replacement, and `pairs` directions for each.

    Even pairs are uniform on the sphere, odd pairs point to one of the 10 nearest other inputs, chosen uniformly:
    in high dimension a uniform direction hardly moves a point along the data, and a cap of half a space looks wide.

    Args:
        inputs: `(g, d)`, distinct rows, `g >= 2`.
        targets: `(g, c)`.
        key: the seed.
        fixed: `(d,)` truth values: columns that no direction moves. Distances are those of the others, to the nearest input
            that differs there; some must.
        sampled: which inputs are probed, in place of a sample.
    """
    rng = np.random.default_rng(key)
    count = len(inputs)
    if sampled is None:
        sampled = np.sort(rng.permutation(count)[: min(points, count)])
    rows = np.arange(len(sampled))
    moved = inputs if fixed is None else np.where(fixed, 0.0, inputs)
    # In a unit in which no square over- or underflows; dividing by a power of 2 changes no other bit.
    unit = unit_of(moved)
    centred = (moved - moved.mean(axis=0)) / unit
    x = centred[sampled]
    squares = np.sum(centred**2, axis=1)
    squared = np.maximum(squares[sampled][:, None] + squares - 2 * x @ centred.T, 0)
    squared[rows, sampled] = np.inf
    if fixed is not None:
        alike = np.unique(moved, axis=0, return_inverse=True)[1].ravel()
        squared[alike[sampled][:, None] == alike] = np.inf
    # Twice as many candidates as needed, as cancellation in the expanded square may put them in the wrong order.
    wanted = min(2 * NEIGHBOURS, count - 1)
    near = np.argpartition(squared, wanted - 1, axis=1)[:, :wanted]
    # The distances of the candidates again from differences, which neither cancel nor underflow as the expanded square does.
    exact = np.sum(((moved[near] - moved[sampled][:, None, :]) / unit) ** 2, axis=2)
    exact = np.where(np.isinf(np.take_along_axis(squared, near, axis=1)), np.inf, exact)
    np.put_along_axis(squared, near, exact, axis=1)
    near = np.take_along_axis(near, np.argsort(exact, axis=1), axis=1)[:, :NEIGHBOURS]
    reach = np.isfinite(np.take_along_axis(squared, near, axis=1)).sum(axis=1)
    squared[rows, sampled] = 0.0
    directions = np.empty((pairs, *x.shape))
    along = np.empty((pairs, *squared.shape))
    for pair in range(pairs):
        if pair % 2:
            drawn = rng.integers(0, near.shape[1], len(rows))
            chosen = near[rows, np.minimum(drawn, np.maximum(reach, 1) - 1)]
            u = moved[chosen] - moved[sampled]
        else:
            u = rng.standard_normal(x.shape)
            u = u if fixed is None else np.where(fixed, 0.0, u)
        directions[pair] = u / norms(u)[:, None]
        along[pair] = directions[pair] @ centred.T - np.sum(directions[pair] * x, axis=1, keepdims=True)
        along[pair][rows, sampled] = 0.0
    nearest = near[:, 0]
    distance = np.sqrt(exact.min(axis=1)) * unit
    short = ~((distance > 0) & np.isfinite(distance))
    distance[short] = norms(moved[nearest[short]] - moved[sampled[short]])
    return Probes(inputs, targets, sampled, distance, directions, squared, along, unit, fixed)


def norms(rows: np.ndarray) -> np.ndarray:
    """Euclidean norms of rows, 1 where a row is 0; as `np.linalg.norm` where that neither over- nor underflows."""
    found = np.linalg.norm(rows, axis=1)
    odd = (found < 1e-140) | ~np.isfinite(found)
    if odd.any():
        largest = np.abs(rows[odd]).max(axis=1, initial=0.0)
        largest[largest == 0] = 1.0
        found[odd] = largest * np.linalg.norm(rows[odd] / largest[:, None], axis=1)
    return np.where(found > 0, found, 1.0)
