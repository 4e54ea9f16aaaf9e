"""One tent per point on one projection of the inputs.

    p(x) = a . x,     slab_i(x) = R(1 - (R(p - p_i) + R(p_i - p))/w_i),     3n units in two hidden layers.

A slab is the whole strip between two hyperplanes. The projections of `n` random points have a smallest gap of about
0.4 of their range over `n^2`, so this is for float64, and for up to a few thousand points.

Standing: ours, after Guan 2407.16872.
"""

from __future__ import annotations

import numpy as np

from zeroloss.minima.constructions.spoilers import Spoilers, gaps, nearest
from zeroloss.plumbing import InputError

DIRECTIONS = 64
ROUNDING = 1e4
"""Least gap of two projections, in roundings of a projection."""


def cost(n: int, d: int) -> int:
    """Parameters of a slab, without the read-out."""
    return 2 * n * (d + 1) + 2 * n * n + n


def projection(x: np.ndarray, key: int = 0) -> np.ndarray:
    """Of random unit vectors and the axes, the one with the largest smallest gap over largest projection."""
    d = x.shape[1]
    u = np.random.default_rng(key).standard_normal((DIRECTIONS, d))
    u = np.vstack([u / np.linalg.norm(u, axis=1, keepdims=True), np.eye(d)[:DIRECTIONS]])
    scores = [gaps(x @ a).min() / max(np.abs(x @ a).max(), np.finfo(float).tiny) for a in u]
    return u[int(np.argmax(scores))]


def slab(x: np.ndarray, key: int = 0) -> Spoilers:
    """Slabs at the rows of `x` `(n, d)`.

    `separation` is the smallest gap of the projections, `width` the smallest half-width `w_i`.

    Raises:
        InputError: projections that rounding cannot distinguish (the message names the smallest gap).
    """
    n, d = x.shape
    a = projection(x, key) if n > 1 else np.eye(d)[0]
    p = x @ a
    gap = gaps(p)
    rounding = np.finfo(float).eps * (np.abs(x) @ np.abs(a)).max()
    if gap.min() <= ROUNDING * rounding:
        raise InputError(
            f"the projections of {n} points come as close as {gap.min():.1e}, within {ROUNDING:.0e} roundings of "
            f"{rounding:.1e}; use kind='caps' or kind='bumps', or fewer points."
        )
    # Half the gap, unless moving by a tenth of the nearest distance would seldom leave so wide a slab.
    width = (
        np.minimum(0.5 * gap, np.maximum(1e-3 * nearest(x) / np.sqrt(d), ROUNDING * rounding)) if n > 1 else np.ones(1)
    )
    w = np.vstack([np.tile(a, (n, 1)), np.tile(-a, (n, 1))])
    steep = np.diag(-1 / width)
    note = f"tents on one projection, smallest gap {gap.min():.1e} of a range of {np.ptp(p):.1e}"
    return Spoilers(
        "slab",
        (w, np.hstack([steep, steep])),
        (np.concatenate([-p, p]), np.ones(n)),
        float(gap.min()),
        float(width.min()),
        note,
    )
