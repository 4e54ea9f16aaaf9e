"""Bounds for the bumps of a grid: how little of a cube they cover, and so how wrong a network of zero training loss can be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError


def _check(d: int, b: Any, per_axis: int | None = None) -> np.ndarray:
    b = np.asarray(b, np.float64)
    if d < 1 or not ((b >= d - 1) & (b < d)).all():
        raise InputError(f"b={b!s} in {d}-D: give a threshold with {d - 1} <= b < {d}.")
    if per_axis is not None and per_axis < 2:
        raise InputError(f"{per_axis} nodes per axis: give 2 or more.")
    return b


def box_bound(per_axis: Any, d: int, b: Any) -> Any:
    """`N^d (d - b)^d/(N - 1)^d`: a bound on the accuracy of the bumps of an `N^d` grid on the unit cube.

    The bumps have half-width `w` half the spacing, so that each support lies in a box of sides `(d - b)/(N - 1)`, and a
    point outside all of them gets the output 0. It bounds the accuracy, for inputs uniform on `[0, 1]^d`, **only where
    the output 0 counts as wrong**: labels -1 and 1. It is false for labels 0 and 1 with a threshold between them, where
    0 is the right answer for half of the points. Values of 1 and more (`b` near `d - 1`) bound nothing.

    Args:
        per_axis: `N`, 2 or more (number or array).
        d: dimension.
        b: threshold, `d - 1 <= b < d` (number or array).

    Standing: paper (Guan 2407.16872) for d = 2; any d and the labels it holds for, ours.
    """
    b = _check(d, b, int(np.min(per_axis)))
    n = np.asarray(per_axis, np.float64)
    return (n * (d - b) / (n - 1)) ** d


def coverage(d: int, b: Any) -> Any:
    """`(d - b)^d/d!`: the share of `[0, 1]^d` on the bumps of a grid, exactly, whatever the number of nodes.

    Half-width half the spacing, nodes on the border included: the orthants of the cross-polytopes fill each cell from its
    `2^d` corners. It is the accuracy itself where every covered point is classified correctly and the output 0 counts as wrong
    (labels -1, 1), and a bound on it where only the second holds; with labels 0 and 1 it bounds nothing.

    Args:
        d: dimension.
        b: threshold, `d - 1 <= b < d` (number or array).

    Standing: ours.
    """
    return (d - _check(d, b)) ** d / math.factorial(d)


def grid_coverage(per_axis: int, d: int, b: float, draws: int = 100_000, key: int = 0) -> tuple[float, float]:
    """The same share by Monte-Carlo, and its standard error: draws of which a bump is above 0.

    `x` is on a bump exactly if its L1 distance from the nearest node is below `(d - b) w`, `w = 1/(2 (N - 1))`.
    """
    _check(d, b, per_axis)
    x = np.random.default_rng(key).uniform(size=(draws, d)) * (per_axis - 1)
    distance = np.abs(x - np.round(x)).sum(axis=1)  # in units of the spacing
    share = float((distance < (d - b) / 2).mean())
    return share, math.sqrt(max(share * (1 - share), 1 / draws) / draws)


def bump_norm(d: int, radius: float) -> float:
    """The L2 norm of a bump of peak 1 on a cross-polytope of L1 radius `r`: `sqrt(2 (2r)^d/(d + 2)!)`. Standing: ours."""
    return math.sqrt(2 * (2 * radius) ** d / math.factorial(d + 2))


def approximation_error(y: Any, d: int, radius: float, norm: float) -> tuple[float, float]:
    """Lower and upper bound of the L2 error of `sum_i y_i bump_i`, for a target of L2 norm `norm`.

    The bumps' supports do not overlap, so `|sum_i y_i bump_i| = |y| bump_norm` (less where a bump is cut off at the
    border of the domain), and the triangle inequality gives `norm -+` that: the error tends to the norm of the target,
    that of the network 0, as the radius tends to 0, with zero training error all the way. Standing: ours.

    Args:
        y: values at the nodes.
        d: dimension; `radius`: `(d - b) w`, at most half the L1 distance of any two nodes.
        norm: L2 norm of the target on its domain.
    """
    own = float(np.linalg.norm(np.asarray(y, np.float64))) * bump_norm(d, radius)
    return max(norm - own, 0.0), norm + own


def losses_at_scale(scale: float) -> dict[str, float]:
    """Mean losses of a classifier whose outputs at the training points are `scale` times the labels -1 and 1.

    `squared`: `(c - 1)^2/2`, zero at c = 1. `hinge`: `max(0, 1 - c)`, zero from c = 1 on. `cross_entropy`:
    `log(1 + e^-c)`, above its infimum 0 for every `c`: **never attained**, so a claim has to name its loss.
    """
    c = float(scale)
    return {"squared": (c - 1) ** 2 / 2, "hinge": max(0.0, 1 - c), "cross_entropy": float(np.logaddexp(0.0, -c))}
