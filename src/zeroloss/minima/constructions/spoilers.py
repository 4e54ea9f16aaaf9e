"""`Spoilers`: the common form of bumps, slabs and caps, layers whose last units are 1 at one point each and 0 at the others."""

from __future__ import annotations

import dataclasses

import numpy as np

from zeroloss.minima.constructions.combine import Stack
from zeroloss.networks.activations import negative_slope


@dataclasses.dataclass(frozen=True)
class Spoilers:
    """`n` functions, the `i`-th 1 at `x_i` and 0 at the other `x_j` (to rounding; sigmoid: to about 1e-17).

    Attributes:
        kind: "bumps", "slab", "caps" or "nodes".
        weights, biases: the hidden layers; the last has `n` units, or twice as many for a parametric relu.
        separation: the smallest distance between two points in the measure the kind uses (see its function), in the
            unit of the inputs.
        width: the smallest distance from a point at which its own function is 0 (in the same measure).
        note: what was done, as a clause.
        activation: of every hidden layer.
        combine: `(n, units)`, what makes the functions of the last hidden layer; None: its units are the functions.
    """

    kind: str
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    separation: float
    width: float
    note: str
    activation: str = "relu"
    combine: np.ndarray | None = None

    def values(self, x: np.ndarray, block: int = 1024) -> np.ndarray:
        """The functions at `x` `(m, d)`: `(m, n)`."""
        out = []
        for start in range(0, len(x), block):
            h = x[start : start + block]
            for w, b in zip(self.weights, self.biases, strict=True):
                h = applied(self.activation, h @ w.T + b)
            out.append(h if self.combine is None else h @ self.combine.T)
        return np.concatenate(out)

    def active(self, x: np.ndarray, block: int = 1024) -> np.ndarray:
        """Whether any of the functions differs from 0 at each row of `x`: `(m,)` booleans.

        By more than `LEAK` where rounding or the activation leaves no exact 0: all but the bumps, slabs and caps of relu.
        """
        floor = 0.0 if self.activation == "relu" and self.kind != "nodes" else LEAK
        parts = [(np.abs(self.values(x[s : s + block])) > floor).any(axis=1) for s in range(0, len(x), block)]
        return np.concatenate(parts) if parts else np.zeros(0, bool)

    def stack(self, coefficients: np.ndarray) -> Stack:
        """`sum_i coefficients[i] * function_i` for `coefficients` `(n, c)`."""
        readout = coefficients.T if self.combine is None else coefficients.T @ self.combine
        return Stack(
            (*self.weights, np.ascontiguousarray(readout)),
            (*self.biases, np.zeros(coefficients.shape[1])),
            tuple(((self.activation, len(b)),) for b in self.biases),
        )


LEAK = 1e-8
"""Largest absolute value that counts as 0, where rounding or the activation leaves no exact 0."""


def applied(name: str, z: np.ndarray) -> np.ndarray:
    """relu, a parametric relu or the sigmoid of an array."""
    if name == "sigmoid":
        from scipy.special import expit

        return expit(z)
    slope = negative_slope(name)
    return np.maximum(z, 0) if slope is None else np.where(z > 0, z, slope * z)


def float32_separation(spoilers: Spoilers, x: np.ndarray, share: float = 0.01) -> float:
    """The smallest separation this kind can serve in float32, for points of the size of `x` `(n, d)`.

    Rounding with `u = 2^-24` moves a point by `e = u sum_k max |x_k|` in the L1 distance over the coordinates used
    (bumps), and a sum `v . x` of `d` terms by `e = (d + 2) u |v| . |x|/|v|` (slab, caps). Bumps stand at the rounded
    points, where they are exact; they must only stay apart, `s - 2 e >= r` with `r <= s/4`: the answer is `8/3 e`. The
    peaks of slabs and caps fall by `e` over their width, which is a fixed part of `s`: the answer is the `s` at which
    that is `share`. A parametric relu of slope `a` cancels numbers as large as the L1 range over the width off its bumps,
    to `2 u/(1 - a^2)^2` of them, which must be at most `share` as well; a sigmoid's argument must be right to half of
    its 40, so that its half-width is at least `2 u max |x|`. A worst case: rounding errors mostly cancel. Standing: ours.
    """
    if not np.isfinite(spoilers.separation):
        return 0.0
    u, first = 2.0**-24, np.abs(spoilers.weights[0])
    used = x[:, first.any(axis=0)]
    part = spoilers.separation / spoilers.width
    needs = []
    if spoilers.kind == "bumps":
        needs.append(8 / 3 * u * np.abs(used).max(axis=0).sum())
    else:
        size = np.linalg.norm(first, axis=1)
        moved = max(((np.abs(x[i : i + 1024]) @ first.T) / size).max() for i in range(0, len(x), 1024))
        needs.append((x.shape[1] + 2) * u * moved / share * part)
    slope = negative_slope(spoilers.activation)
    if slope is not None:
        needs.append(2 * u / (1 - slope**2) ** 2 * np.ptp(used, axis=0).sum() / share * part)
    if spoilers.activation == "sigmoid":
        needs.append(2 * u * np.abs(used).max() * part)
    return float(max(needs))


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
