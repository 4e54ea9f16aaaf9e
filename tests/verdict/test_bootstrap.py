"""Draws with replacement by two ways, and intervals that no rounding can narrow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zeroloss.verdict.bootstrap import bias_corrected, percentiles, resampled, resampled_sums, studentised


def test_sums_of_resamples_have_the_moments_of_sampling_with_replacement():
    columns = np.array([[1.0, 10.0], [2.0, 0.0], [6.0, 5.0]])
    sums = resampled_sums(columns, np.random.default_rng(0), 20_000)
    drawn = resampled(columns[:, 0], np.random.default_rng(1), 20_000).sum(axis=1)
    np.testing.assert_allclose(sums.mean(axis=0), columns.sum(axis=0), rtol=0.02)
    assert sums[:, 0].var() == pytest.approx(3 * columns[:, 0].var(), rel=0.05)
    assert drawn.var() == pytest.approx(3 * columns[:, 0].var(), rel=0.05)
    assert np.corrcoef(sums.T)[0, 1] == pytest.approx(np.corrcoef(columns.T)[0, 1], abs=0.05)


def test_percentiles_leave_out_what_is_not_finite():
    assert percentiles(np.array([math.nan, 1.0, 2.0, 3.0, math.inf]), 1.0) == (1.0, 3.0)
    assert percentiles(np.array([math.nan]), 0.95) == (-math.inf, math.inf)


def with_repeats(rng, spread):
    """Draws about 0.3 of which a fifth repeat the sample, off by the last digits, to one side or the other."""
    draws = 0.3 + 0.1 * rng.standard_normal(2000)
    draws[:400] = 0.3 + spread * rng.choice([-1, 1], 400)
    return draws


@pytest.mark.parametrize("side", [-1, 0, 1])
def test_an_interval_does_not_depend_on_where_rounding_puts_a_repeat(side):
    """Every draw that repeats the sample is rounded to one side: below, equal, above. The interval stays what it is."""
    draws = with_repeats(np.random.default_rng(0), 1e-16)
    moved = draws.copy()
    moved[:400] = 0.3 + side * 2e-16
    np.testing.assert_allclose(
        bias_corrected(moved, 0.3, 0.95), bias_corrected(draws, 0.3, 0.95), rtol=1e-12, atol=1e-12
    )


def exact(draws, estimate, confidence=0.95):
    """The textbook's interval, half of the equal draws below: what one processor gives."""
    from scipy.stats import norm

    z0 = norm.ppf(np.mean(draws < estimate) + 0.5 * np.mean(draws == estimate))
    z = norm.ppf(0.5 + confidence / 2)
    return np.quantile(draws, norm.cdf([2 * z0 - z, 2 * z0 + z]))


@pytest.mark.parametrize("below", [0, 100, 200, 400])
def test_it_contains_the_interval_of_every_rounding(below):
    draws = with_repeats(np.random.default_rng(1), 0.0)
    draws[:below] -= 2e-16
    draws[below : (below + 400) // 2] += 2e-16
    low, high = bias_corrected(draws, 0.3, 0.95)
    exact_low, exact_high = exact(draws, 0.3)
    assert low <= exact_low + 1e-12 and exact_high - 1e-12 <= high
    assert high - low < 2 * (exact_high - exact_low)


def test_without_repeats_it_is_the_textbook_interval():
    draws = np.random.default_rng(2).gamma(2, size=4001)
    np.testing.assert_allclose(bias_corrected(draws, 1.9, 0.95), exact(draws, 1.9), rtol=1e-12)


def test_the_studentised_interval_is_skewed_as_the_observations_are():
    x = np.random.default_rng(3).exponential(size=30)
    low, high = studentised(x, np.random.default_rng(0), 2000, 0.95)
    assert low < x.mean() < high and high - x.mean() > x.mean() - low
