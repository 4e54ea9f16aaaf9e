"""The boundary between "no run reaches zero" and "every run does": its place at each size, and how it grows with n.

At one size the shares of runs that reach zero are made monotone in the ratio p/n (isotonic least squares); the boundary lies where
they cross one half, linearly between the two ratios on either side, on a logarithmic axis. The slope is that of
`log p* = log(place * size)` against `log size`, by least squares over the sizes.

Intervals: problems are resampled within each cell, and in each resample the boundary is drawn uniformly between the two ratios that
bracket it. So they do not shrink below what the grid can resolve, however sharp the step is. (Ours.)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from zeroloss.studies.judging import CONFIDENCE, Interval
from zeroloss.verdict.bootstrap import percentiles, resampled

RESAMPLES = 1000
METHOD = "bootstrap over problems, uniform between grid points"


@dataclasses.dataclass(frozen=True)
class Curve:
    """The runs of one size: ratios `(k,)` rising, and for each the shares of its problems."""

    size: int
    ratios: np.ndarray
    shares: tuple[np.ndarray, ...]


def curves(rows: Any, value: str = "share") -> list[Curve]:
    """One curve per size from a table with columns size, ratio and `value` (a share in [0, 1]), one row per problem."""
    found = []
    for size, part in rows.groupby("size"):
        cells = [(float(r), np.asarray(cell[value], float)) for r, cell in part.groupby("ratio")]
        found.append(Curve(int(size), np.array([r for r, _ in cells]), tuple(s for _, s in cells)))
    return found


def monotone(shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The nearest rising sequence (weighted least squares; pool adjacent violators)."""
    blocks: list[list[float]] = []
    for share, weight in zip(shares, weights, strict=True):
        blocks.append([float(share), float(weight), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            b, a = blocks.pop(), blocks.pop()
            blocks.append([(a[0] * a[1] + b[0] * b[1]) / (a[1] + b[1]), a[1] + b[1], a[2] + b[2]])
    return np.concatenate([np.full(int(k), level) for level, _, k in blocks])


def bracket(ratios: np.ndarray, levels: np.ndarray) -> tuple[float, float, float]:
    """The ratios below and above one half, and where the line between them crosses it; NaN where the shares do not."""
    above = np.flatnonzero(levels >= 0.5)
    if not len(above) or above[0] == 0:
        return math.nan, math.nan, math.nan
    k = above[0]
    part = (0.5 - levels[k - 1]) / (levels[k] - levels[k - 1])
    low, high = float(ratios[k - 1]), float(ratios[k])
    return low, high, math.exp(math.log(low) + part * math.log(high / low))


def _estimate(curve: Curve) -> float:
    weights = np.array([len(s) for s in curve.shares])
    return bracket(curve.ratios, monotone(np.array([s.mean() for s in curve.shares]), weights))[2]


def _draws(curve: Curve, rng: np.random.Generator) -> np.ndarray:
    weights = np.array([len(s) for s in curve.shares])
    means = np.stack([resampled(s, rng, RESAMPLES).mean(axis=1) for s in curve.shares], axis=1)
    k = first_above(means, weights)
    inside = (k > 0) & (k < len(curve.ratios))
    low, high = (np.log(curve.ratios[np.where(inside, k - back, 0)]) for back in (1, 0))
    return np.where(inside, np.exp(low + rng.random(RESAMPLES) * (high - low)), np.nan)


def first_above(shares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each row of `shares` `(m, k)` the first place at which `monotone` of it is at least one half; k if there is none.

    By the max-min formula of isotonic regression: at place j it is at least 1/2 iff, for some i <= j, all means over i..l with
    l >= j are; with S the running sums of `weights * (share - 1/2)`, iff the least S from j on is at least the least S before j.
    """
    sums = np.cumsum(weights * (shares - 0.5), axis=1)
    before = np.minimum.accumulate(np.pad(sums, ((0, 0), (1, 0)))[:, :-1], axis=1)
    after = np.minimum.accumulate(sums[:, ::-1], axis=1)[:, ::-1]
    above = after >= before - 1e-12
    return np.where(above.any(axis=1), above.argmax(axis=1), shares.shape[1])


def _interval(estimate: float, draws: np.ndarray, count: int) -> Interval:
    """Percentiles; without an estimate, or with a tenth of the draws without one, there is no interval."""
    good = draws[np.isfinite(draws)]
    if not math.isfinite(estimate) or len(good) < 0.9 * len(draws):
        return Interval(math.nan, -math.inf, math.inf, METHOD, count)
    low, high = percentiles(good, CONFIDENCE)
    return Interval(estimate, min(low, estimate), max(high, estimate), METHOD, count)


def places(rows: Any, value: str = "share") -> dict[int, Interval]:
    """Parameters per equation at the boundary, by size."""
    found = {}
    for curve in curves(rows, value):
        draws = _draws(curve, np.random.default_rng(curve.size))
        found[curve.size] = _interval(_estimate(curve), draws, sum(len(s) for s in curve.shares))
    return found


def growth(rows: Any, value: str = "share") -> Interval:
    """The slope of `log p*` against `log size` (1: parameters in proportion to equations)."""
    found = curves(rows, value)
    count = sum(len(s) for curve in found for s in curve.shares)
    if len(found) < 2:
        return Interval(math.nan, -math.inf, math.inf, METHOD, count)
    sizes = np.log([curve.size for curve in found])
    centred = (sizes - sizes.mean()) / np.sum((sizes - sizes.mean()) ** 2)
    estimate = 1 + float(np.log([_estimate(curve) for curve in found]) @ centred)
    draws = 1 + np.log(np.stack([_draws(c, np.random.default_rng(c.size)) for c in found], axis=1)) @ centred
    return _interval(estimate, draws, count)


def quotient(first: Any, second: Any, value: str = "share") -> Interval:
    """The place of the first over that of the second; each a table of one size.

    Where fewer than half of the first's runs get there at every ratio of its grid, its place lies beyond the last one: the interval
    then has a lower end only.
    """
    (a,), (b,) = curves(first, value), curves(second, value)
    upper, lower = _draws(a, np.random.default_rng(1)), _draws(b, np.random.default_rng(2))
    count = sum(len(s) for c in (a, b) for s in c.shares)
    if max(s.mean() for s in a.shares) >= 0.5:
        return _interval(_estimate(a) / _estimate(b), upper / lower, count)
    if not math.isfinite(_estimate(b)) or not np.isfinite(lower).all():
        return Interval(math.nan, -math.inf, math.inf, METHOD, count)
    upper = np.where(np.isfinite(upper), upper, a.ratios[-1])
    low = float(np.quantile(upper / lower, (1 - CONFIDENCE) / 2))
    return Interval(math.inf, low, math.inf, f"{METHOD}; the first lies beyond its grid", count)


def in_words(found: Mapping[int, Interval]) -> str:
    """The places in words: `1.12 at n = 64, ...`."""
    return ", ".join(
        f"{place.estimate:.3g} at n = {size}" if math.isfinite(place.estimate) else f"not within the grid at n = {size}"
        for size, place in found.items()
    )
