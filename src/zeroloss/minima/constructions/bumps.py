"""One bump per point, in any dimension.

With `S` a set of coordinates (all of them where that is affordable)

    bump_i(x) = R(1 - (1/r_i) sum_{k in S} |x_k - x_ik|),     |t| = R(t) + R(-t),

which is the paper's `R(sum_k phi_ik(x_k) - b)/(|S| - b)` for hats `phi` of half-width `w = r_i/(|S| - b)`,
`|S| - 1 <= b < |S|`: both are the cone over the cross-polytope of L1 radius `r_i`. Written this way a value `v` of a
coordinate needs two units, `R(x_k - v)` and `R(v - x_k)`, shared by all points that have it; the radius is
bounded by the distance of points, not by the gaps of each coordinate; and at `x_i` every term is exactly 0, so that the
peak is exactly 1 in any precision in which the points stay distinct.

With all coordinates and `r_i = share * (distance to the nearest point)` the bump is left in every direction within that
distance, because the L1 norm is at least the Euclidean one.

Standing: bumps from hats, paper (Guan 2407.16872); this form, ours.
"""

from __future__ import annotations

import numpy as np

from zeroloss.minima.constructions.spoilers import Spoilers, nearest
from zeroloss.plumbing import InputError

SHARE = 0.05
"""Radius of a bump over the distance to the nearest point."""
TARGET = 1e-3
"""Separation over the largest coordinate at which a set of coordinates is good enough (8,000 float32 steps)."""


def all_coordinates(x: np.ndarray) -> np.ndarray:
    """The coordinates that are not constant over the rows of `x`, as indices (the first one if all are)."""
    varying = np.flatnonzero(np.ptp(x, axis=0) > 0)
    return varying if len(varying) else np.arange(1)


def cost(x: np.ndarray, coordinates: np.ndarray | None = None) -> int:
    """Parameters of `bumps(x, coordinates)`, without the read-out."""
    coordinates = np.arange(x.shape[1]) if coordinates is None else coordinates
    units = 2 * sum(len(np.unique(x[:, k])) for k in coordinates)
    return units * (x.shape[1] + 1 + len(x)) + len(x)


def choose_coordinates(x: np.ndarray, budget: int, key: int = 0) -> np.ndarray:
    """A small set of coordinates in which all rows of `x` `(n, d)` differ.

    Greedy: the next coordinate is the one that does most for the pairs that are still closer than `TARGET * max |x|` in
    the L1 distance over the set (judged on 4,096 of them); until none is left or `budget` parameters are used.

    Raises:
        InputError: the budget is used up and some rows still agree on all coordinates of the set.
    """
    target = TARGET * np.abs(x).max()
    rng = np.random.default_rng(key)
    n, d = x.shape
    values = np.array([len(np.unique(x[:, k])) for k in range(d)])
    left, right = np.triu_indices(n, 1)
    distance = np.zeros(len(left))
    chosen: list[int] = []
    candidates = set(np.flatnonzero(values > 1).tolist())
    while len(left):
        used = values[chosen].sum()
        # First layer: two units per value, each with d weights and a bias; second layer: n units with a bias.
        candidates = {k for k in candidates if 2 * (used + values[k]) * (d + 1 + n) + n <= budget}
        if not candidates:
            break
        sample = rng.choice(len(left), min(len(left), 4096), replace=False)
        pool = np.array(sorted(candidates))
        steps = np.abs(x[np.ix_(left[sample], pool)] - x[np.ix_(right[sample], pool)])
        solved = np.minimum(distance[sample, None] + steps, target).sum(axis=0) / target
        best = int(pool[np.argmax(solved)])
        chosen.append(best)
        candidates.discard(best)
        distance += np.abs(x[left, best] - x[right, best])
        keep = distance < target
        left, right, distance = left[keep], right[keep], distance[keep]
    if not chosen or (len(distance) and distance.min() == 0):
        raise InputError(
            f"bumps of {n} points in {d} dimensions need more than {budget:,} parameters; use kind='caps' or fewer "
            "points."
        )
    return np.array(sorted(chosen))


def bumps(x: np.ndarray, coordinates: np.ndarray | None = None, key: int = 0) -> Spoilers:
    """Bumps at the rows of `x` `(n, d)`, which must be distinct, over `coordinates` (all, if not given).

    Two hidden layers, of `2 * (distinct values)` and `n` units. `separation` is the smallest distance of two points
    (Euclidean; L1 over the coordinates if these are not all), `width` the smallest radius `r_i`.

    Raises:
        InputError: two rows agree on all the coordinates.
    """
    n, d = x.shape
    every = all_coordinates(x)
    chosen = every if coordinates is None else np.asarray(coordinates)
    whole = len(np.setdiff1d(every, chosen)) == 0
    euclid = nearest(x)
    apart = euclid if whole else _nearest_l1(x[:, chosen])
    if apart.min() == 0:
        raise InputError(f"two points agree on all of the coordinates {chosen.tolist()}; choose more coordinates.")
    # A random direction moves the chosen coordinates by less than the Euclidean distance: allow for a rare one.
    reach = 1.0 if whole else _reach(len(chosen), d, key)
    radius = np.minimum(SHARE * euclid * reach, 0.25 * apart) if n > 1 else np.ones(1)
    first, biases, second = [], [], []
    for k in chosen:
        levels, which = np.unique(x[:, k], return_inverse=True)
        for sign in (1.0, -1.0):
            w = np.zeros((len(levels), d))
            w[:, k] = sign
            first.append(w)
            biases.append(-sign * levels)
            block = np.zeros((n, len(levels)))
            block[np.arange(n), which.reshape(-1)] = -1 / radius
            second.append(block)
    note = (
        f"L1 cones over {'all' if whole else len(chosen)} of the {d} coordinates, "
        f"{sum(map(len, biases))} units for the distances and {n} for the points"
    )
    return Spoilers(
        "bumps",
        (np.vstack(first), np.hstack(second)),
        (np.concatenate(biases), np.ones(n)),
        float(apart.min()),
        float(radius.min()),
        note,
    )


def _reach(q: int, d: int, key: int) -> float:
    """The 1e-3 quantile of `sum_{k <= q} |u_k|` for a random unit vector `u` in `d` dimensions (10,000 draws)."""
    u = np.random.default_rng(key).standard_normal((10_000, d))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    return float(np.quantile(np.abs(u[:, :q]).sum(axis=1), 1e-3))


def _nearest_l1(x: np.ndarray) -> np.ndarray:
    from scipy.spatial import cKDTree

    if len(x) < 2:
        return np.full(len(x), np.inf)
    return cKDTree(x).query(x, k=2, p=1)[0][:, 1]
