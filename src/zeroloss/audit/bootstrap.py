"""Percentile bootstrap intervals, with an explicit seed."""

from __future__ import annotations

import numpy as np

RESAMPLES = 1000


def ratio_interval(
    numerator: np.ndarray, denominator: np.ndarray, *, key: int, confidence: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile bootstrap interval of `sum(numerator)/sum(denominator)` over examples, `(lower, upper)`.

    Args:
        numerator, denominator: `(n,)` each, of the same examples; resampled together.
    """
    top, bottom = _resampled(np.stack([numerator, denominator], axis=1), key, resamples).T
    return _quantiles(top[bottom > 0] / bottom[bottom > 0], confidence)


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
    sums = _resampled(columns, key, resamples)
    spread = sums[:, 1] - np.sum(sums[:, 2:] ** 2, axis=1) / n
    usable = spread > 1e-12 * np.sum(centred**2)
    return _quantiles(1 - sums[usable, 0] / spread[usable], confidence)


def r_squared(errors: np.ndarray, targets: np.ndarray) -> float:
    """`R^2 = 1 - sum_i e_i / sum_i |y_i - mean y|^2`; the targets must not all be equal."""
    return float(1 - np.sum(errors) / np.sum((targets - targets.mean(axis=0)) ** 2))


def _resampled(columns: np.ndarray, key: int, resamples: int) -> np.ndarray:
    """Column sums over `n` draws with replacement, `(resamples, columns)`."""
    n = len(columns)
    rng = np.random.default_rng(key)
    sums = np.empty((resamples, columns.shape[1]))
    for start in range(0, resamples, 50):
        stop = min(start + 50, resamples)
        counts = rng.multinomial(n, np.full(n, 1 / n), size=stop - start)
        sums[start:stop] = counts @ columns
    return sums


def _quantiles(values: np.ndarray, confidence: float) -> tuple[float, float]:
    if not len(values):
        return -np.inf, np.inf
    lower, upper = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(lower), float(upper)
