"""Intervals that hold the truth as often as they say, and findings that follow from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from zeroloss.studies import Finding, Interval, all_of, judge, mean, paired_difference, proportion, slope
from zeroloss.verdict import Status


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (33, 48), (1, 2000)])
def test_proportions_agree_with_scipy(k, n):
    found, reference = proportion(k, n), binomtest(k, n).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-12)
    assert found.estimate == k / n


def test_no_trials_tell_nothing():
    found = proportion(0, 0)
    assert (found.low, found.high) == (0.0, 1.0) and math.isnan(found.estimate)
    with pytest.raises(ValueError, match="3 successes of 2"):
        proportion(3, 2)


def test_the_mean_is_covered():
    rng = np.random.default_rng(0)
    for draw, truth in ((lambda: rng.normal(2, 1, 15), 2.0), (lambda: rng.exponential(1, 25), 1.0)):
        inside = sum(i.low <= truth <= i.high for i in (mean(draw(), key=k) for k in range(300)))
        assert 0.90 <= inside / 300 <= 0.99


def test_a_few_observations_get_students_interval():
    """Against SciPy; the same three numbers sent a studentised bootstrap's end to thousands."""
    from scipy import stats

    x = [0.9661, 0.9661, 0.9660]
    found = mean(x)
    low, high = stats.t.interval(0.95, 2, loc=np.mean(x), scale=stats.sem(x))
    assert found.method == "Student's t"
    np.testing.assert_allclose([found.low, found.high], [low, high], rtol=1e-12)


def test_a_mean_of_equal_or_too_few_values():
    assert (mean([3.0, 3.0]).low, mean([3.0, 3.0]).high) == (3.0, 3.0)
    for values in ([], [1.0], [math.nan, 2.0]):
        found = mean(values)
        assert math.isinf(found.low) and judge(found, "it", at_least=0).status == Status.UNKNOWN


def test_pairs_are_taken_together():
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 100, 50)
    found = paired_difference(shared + 1 + 0.01 * rng.normal(size=50), shared)
    assert 0.99 < found.low < 1 < found.high < 1.01


def test_the_slope_is_covered():
    inside, x = 0, np.repeat([10.0, 20, 40, 80, 160], 12)
    for k in range(200):
        y = x**-0.7 * np.random.default_rng(k).lognormal(0, 0.5, len(x))
        found = slope(x, y, key=k)
        inside += found.low <= -0.7 <= found.high
    assert 0.88 <= inside / 200 <= 0.99


def test_the_slope_of_a_line_is_exact():
    x = np.repeat([1.0, 2, 4], 3)
    assert slope(x, 5 * x**-2).estimate == pytest.approx(-2, abs=1e-12)
    assert slope(x, 3 * x + 1, log=False).estimate == pytest.approx(3, abs=1e-12)
    assert slope(x, x, average=np.median).estimate == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("x", "y"), [([1, 1], [2, 3]), ([1, 2], [0, 0]), ([], []), ([1, 2], [math.nan, 1])])
def test_a_slope_that_cannot_be_had_is_unknown(x, y):
    finding = judge(slope(x, y), "the slope", at_most=0)
    assert finding.status == Status.UNKNOWN and "could not be estimated" in finding.reason


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (0.2, 0.8, Status.SUPPORTED),
        (0.0, 1.0, Status.SUPPORTED),
        (1.01, 2.0, Status.CONTRADICTED),
        (-2.0, -0.01, Status.CONTRADICTED),
        (0.5, 1.5, Status.UNKNOWN),
        (-1.0, 2.0, Status.UNKNOWN),
        (0.5, math.inf, Status.UNKNOWN),
    ],
)
def test_an_interval_is_held_against_the_range(low, high, status):
    finding = judge(Interval((low + min(high, 9)) / 2, low, high, "test", 7), "the thing", at_least=0, at_most=1)
    assert finding.status == status
    assert "the thing" in finding.reason and "7 observations" in finding.reason


def test_one_sided_ranges_and_how_far_it_misses():
    interval = Interval(3.0, 2.5, 3.5, "test", 9)
    assert judge(interval, "it", at_most=4).status == Status.SUPPORTED
    missed = judge(interval, "it", at_least=4)
    assert missed.status == Status.CONTRADICTED and "off by 1" in missed.reason
    unsure = judge(interval, "it", at_least=3)
    assert unsure.status == Status.UNKNOWN and "0.5 beyond" in unsure.reason


def test_all_of_several():
    yes, no, open_ = (Finding(s, f"r{s}") for s in (Status.SUPPORTED, Status.CONTRADICTED, Status.UNKNOWN))
    assert all_of({"a": yes, "b": yes}).status == Status.SUPPORTED
    assert all_of({"a": yes, "b": open_}).status == Status.UNKNOWN
    assert all_of({"a": yes, "b": open_, "c": no}).status == Status.CONTRADICTED
    assert all_of({}).status == Status.UNKNOWN


def test_of_many_cases_the_reason_tells_those_closest_to_the_edge():
    found = {f"n = {k}": judge(Interval(k, k - 0.5, k + 0.5, "test", 9), "it", at_least=0) for k in range(1, 8)}
    reason = all_of(found).reason
    assert "7 of 7 cases decide it; the 3 closest to the edge" in reason
    assert all(f"n = {k}:" in reason for k in (1, 2, 3)) and "n = 4:" not in reason
    found["n = -9"] = judge(Interval(-9, -9.5, -8.5, "test", 9), "it", at_least=0)
    whole = all_of(found)
    assert whole.status == Status.CONTRADICTED and whole.reason.startswith("1 of 8 cases decides it: n = -9:")
    assert set(whole.evidence) == set(found)
