"""What bumps, slabs and caps share: relu layers whose last units are 1 at one point each and 0 at the others."""

from __future__ import annotations

import dataclasses

import numpy as np

from zeroloss.minima.constructions.combine import Stack


@dataclasses.dataclass(frozen=True)
class Spoilers:
    """`n` functions, the `i`-th 1 at `x_i` and 0 at the other `x_j` (to rounding).

    Attributes:
        kind: "bumps", "slab" or "caps".
        weights, biases: the hidden layers, relu throughout; the last has `n` units.
        separation: the smallest distance between two points in the measure the kind uses (see its function), in the
            unit of the inputs.
        width: the smallest distance from a point at which its own function is 0 (in the same measure).
        note: what was done, as a clause.
    """

    kind: str
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    separation: float
    width: float
    note: str

    def values(self, x: np.ndarray, block: int = 1024) -> np.ndarray:
        """The functions at `x` `(m, d)`: `(m, n)`."""
        out = []
        for start in range(0, len(x), block):
            h = x[start : start + block]
            for w, b in zip(self.weights, self.biases, strict=True):
                h = np.maximum(h @ w.T + b, 0)
            out.append(h)
        return np.concatenate(out)

    def active(self, x: np.ndarray, block: int = 1024) -> np.ndarray:
        """Whether any of the functions is above 0 at each row of `x`: `(m,)` booleans."""
        parts = [(self.values(x[s : s + block]) > 0).any(axis=1) for s in range(0, len(x), block)]
        return np.concatenate(parts) if parts else np.zeros(0, bool)

    def stack(self, coefficients: np.ndarray) -> Stack:
        """`sum_i coefficients[i] * function_i` for `coefficients` `(n, c)`."""
        return Stack(
            (*self.weights, np.ascontiguousarray(coefficients.T)),
            (*self.biases, np.zeros(coefficients.shape[1])),
            tuple((("relu", len(b)),) for b in self.biases),
        )


def nearest(x: np.ndarray, block: int = 1024) -> np.ndarray:
    """Distance (Euclidean) of each row of `x` to the nearest other row, `(n,)`; infinite for a single row."""
    out = np.full(len(x), np.inf)
    if len(x) < 2:
        return out
    from scipy.spatial import cKDTree

    if x.shape[1] <= 16:
        return cKDTree(x).query(x, k=2)[0][:, 1]
    centred = x - x.mean(axis=0)
    square = np.einsum("ij,ij->i", centred, centred)
    for start in range(0, len(x), block):
        rows = slice(start, min(start + block, len(x)))
        distance = square[rows, None] + square - 2 * centred[rows] @ centred.T
        index = np.arange(rows.start, rows.stop)
        distance[index - rows.start, index] = np.inf
        closest = distance.argmin(axis=1)  # the distance itself without the cancellation
        out[rows] = np.linalg.norm(x[rows] - x[closest], axis=1)
    return out


def gaps(p: np.ndarray) -> np.ndarray:
    """Distance of each number of `p` `(n,)` to the nearest other one; infinite for a single number."""
    order = np.argsort(p, kind="stable")
    step = np.diff(p[order], prepend=-np.inf, append=np.inf)
    out = np.empty(len(p))
    out[order] = np.minimum(step[:-1], step[1:])
    return out
