"""The bootstrap: observations drawn anew with replacement, and the intervals read off what each draw gives.

Randomness comes in as a generator, so that the same seed gives the same interval on one machine. The audit and the
studies draw here; what they compute from a draw (a ratio of sums, a slope, the place of a boundary) stays with them.
"""

from __future__ import annotations

import math

import numpy as np

Array = np.ndarray
TIE = 1e-9
"""Part of the estimate's size within which a draw counts as equal to it: beyond rounding, and far below any interval."""
_AT_ONCE = 50
"""Draws whose counts are held in memory together."""


def resampled(values: Array, rng: np.random.Generator, count: int) -> Array:
    """`count` samples of `n` from the `n` values, with replacement: `(count, n)`."""
    return values[rng.integers(0, len(values), (count, len(values)))]


def resampled_sums(columns: Array, rng: np.random.Generator, count: int) -> Array:
    """Column sums of `count` samples of `n` from the `n` rows, with replacement: `(count, columns)`.

    By how often each row is drawn (multinomial counts), so that no sample is ever formed.
    """
    n = len(columns)
    sums = np.empty((count, columns.shape[1]))
    for start in range(0, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        sums[start:stop] = rng.multinomial(n, np.full(n, 1 / n), size=stop - start) @ columns
    return sums


def percentiles(draws: Array, confidence: float) -> tuple[float, float]:
    """The ends between which the middle `confidence` of the finite draws lies; the whole line without a draw."""
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return -math.inf, math.inf
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def bias_corrected(draws: Array, estimate: float, confidence: float) -> tuple[float, float]:
    """Efron's bias-corrected percentiles: `Phi(2 z_0 -+ z)` with `Phi(z_0)` the share of draws below the estimate.

    Where a resample repeats the sample its draw equals the estimate up to rounding, and on which side rounding puts it
    differs from one processor to the next. So draws within `TIE` of the estimate are put above it for the lower end and below
    it for the upper one: the interval contains that of every way to place them.

    Source: B. Efron, Canad. J. Statist. 9 (1981) 139-158.
    """
    from scipy.stats import norm

    near = TIE * max(1.0, abs(estimate))
    share = np.clip([np.mean(draws < estimate - near), np.mean(draws <= estimate + near)], 1e-4, 1 - 1e-4)
    below, above = norm.ppf(share)
    z = norm.ppf(0.5 + confidence / 2)
    low, high = np.quantile(draws, norm.cdf([2 * below - z, 2 * above + z]))
    return float(min(low, estimate)), float(max(high, estimate))


def studentised(values: Array, rng: np.random.Generator, count: int, confidence: float) -> tuple[float, float]:
    """The interval of the mean by the bootstrap's distribution of `t = (mean* - mean)/(s*/sqrt n)`, Student's ratio."""
    n, centre, error = len(values), np.mean(values), np.std(values, ddof=1) / math.sqrt(len(values))
    draws = resampled(values, rng, count)
    spread = np.std(draws, axis=1, ddof=1) / math.sqrt(n)
    usable = spread > 0
    t_low, t_high = percentiles((draws.mean(axis=1)[usable] - centre) / spread[usable], confidence)
    return float(centre - t_high * error), float(centre - t_low * error)
