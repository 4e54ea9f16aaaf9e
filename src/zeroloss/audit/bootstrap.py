"""Intervals of ratios of sums and of R^2 over examples (`zeroloss.verdict.bootstrap`), by explicit seed."""

from __future__ import annotations

import numpy as np

from zeroloss.verdict.bootstrap import percentiles, resampled_sums

RESAMPLES = 1000


def ratio_interval(
    numerator: np.ndarray, denominator: np.ndarray, *, key: int, confidence: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile bootstrap interval of `sum(numerator)/sum(denominator)` over examples, `(lower, upper)`.

    Args:
        numerator, denominator: `(n,)` each, of the same examples; resampled together.
    """
    top, bottom = resampled_sums(np.stack([numerator, denominator], axis=1), np.random.default_rng(key), resamples).T
    return percentiles(top[bottom > 0] / bottom[bottom > 0], confidence)


def r_squared_interval(
    errors: np.ndarray, targets: np.ndarray, *, key: int, confidence: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile bootstrap interval of `R^2 = 1 - sum_i e_i / sum_i |y_i - mean y|^2`, `(lower, upper)`.

    Args:
        errors: `(n,)` squared errors `e_i`.
        targets: `(n, c)`; their mean is taken anew in each resample.
    """
    n = len(targets)
    centred = targets - targets.mean(axis=0)
    columns = np.concatenate([errors[:, None], np.sum(centred**2, axis=1, keepdims=True), centred], axis=1)
    sums = resampled_sums(columns, np.random.default_rng(key), resamples)
    spread = sums[:, 1] - np.sum(sums[:, 2:] ** 2, axis=1) / n
    usable = spread > 1e-12 * np.sum(centred**2)
    return percentiles(1 - sums[usable, 0] / spread[usable], confidence)


def r_squared(errors: np.ndarray, targets: np.ndarray) -> float:
    """`R^2 = 1 - sum_i e_i / sum_i |y_i - mean y|^2`; the targets must not all be equal."""
    return float(1 - np.sum(errors) / np.sum((targets - targets.mean(axis=0)) ** 2))
