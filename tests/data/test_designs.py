"""Designs: their laws, the exact visited part against simulation and brute force, the smoothness of the targets."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom

from zeroloss.data import designs
from zeroloss.plumbing import InputError


def by_the_binomial(weights, n):
    """The definition, term by term."""
    j = np.arange(1, n + 1)
    return sum(p * float(np.sum(binom.pmf(j, n, p) / j)) for p in weights)


@pytest.mark.parametrize("weights", [np.full(7, 1 / 7), np.array([0.5, 0.3, 0.15, 0.05])])
@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_the_visited_expectation_is_the_sum(weights, n):
    assert designs.visited_expectation(weights, n) == pytest.approx(by_the_binomial(weights, n), rel=1e-12)


def test_the_visited_part_of_equal_atoms_falls_to_its_limit():
    values = [designs.visited_expectation(np.full(n, 1 / n), n) for n in (1, 2, 10, 50, 1000, 5000)]
    assert values[0] == 1 and values[1] == pytest.approx(0.625)
    assert all(a > b for a, b in itertools.pairwise(values)) and values[-1] > designs.visited_limit()
    assert values[-1] == pytest.approx(designs.visited_limit(), rel=1e-4)
    # The limit is E[1{N > 0}/N] for N Poisson(1): e^-1 int_0^1 (e^s - 1)/s ds.
    assert designs.visited_limit() == pytest.approx(math.exp(-1) * quad(lambda s: math.expm1(s) / s, 0, 1)[0])


@pytest.mark.parametrize("tail", [0.25, 1.0])
def test_heavy_tails_lose_at_the_rate_of_the_formula(tail):
    weights = designs.heavy_tailed(tail, 1, 20_000).weights
    ns = [300, 3000]
    values = [designs.visited_expectation(weights, n) for n in ns]
    slope = math.log(values[1] / values[0]) / math.log(ns[1] / ns[0])
    assert designs.visited_exponent(tail) < slope < designs.visited_exponent(tail) + 0.025


def test_slower_than_minimax_iff_the_tail_is_below_its_threshold():
    for tail, p, d in itertools.product((0.1, 0.5, 0.9, 1.5, 3.0), (0.5, 1.0, 2.0), (1, 2, 3)):
        if tail != 2 * p / d:
            slower = designs.visited_exponent(tail) > designs.minimax_exponent(p, d)
            assert slower == (tail < 2 * p / d)


def test_draws_follow_the_weights():
    design = designs.heavy_tailed(0.5, 2, 30)
    index = design.draw(100_000, np.random.default_rng(0))
    counts = np.bincount(index, minlength=30) / len(index)
    assert (abs(counts - design.weights) < 5 * np.sqrt(design.weights / len(index))).all()


def test_visited_errors_average_to_their_expectation():
    design, rng = designs.heavy_tailed(1.0, 1, 50), np.random.default_rng(0)
    found = [designs.visited_error(design.weights, design.draw(20, rng), rng.standard_normal(20)) for _ in range(4000)]
    wanted = designs.visited_expectation(design.weights, 20)
    assert abs(np.mean(found) - wanted) < 4 * np.std(found) / math.sqrt(len(found))


def test_one_sample_by_hand():
    weights = np.array([0.5, 0.3, 0.2])
    found = designs.visited_error(weights, np.array([2, 0, 2]), np.array([1.0, 2.0, 4.0]))
    assert found == pytest.approx(0.5 * 4 + 0.2 * 2.5**2)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_atoms_are_distinct_and_fill_the_cube(d):
    for design in (designs.equal_atoms(500, d), designs.heavy_tailed(0.5, d, 500)):
        assert design.points.shape == (500, d) and design.d == d and design.weights.sum() == pytest.approx(1)
        assert (design.points >= 0).all() and (design.points < 1).all()
        assert len(np.unique(design.points, axis=0)) == 500
        halves = (design.points < 0.5) @ 2 ** np.arange(d)
        assert np.bincount(halves, minlength=2**d).min() > 0.85 * 500 / 2**d


def test_the_rule_of_the_continuous_design_is_unbiased_and_close():
    rng, design = np.random.default_rng(0), designs.uniform(2)
    means = [np.prod(np.sin(np.pi * design.rule(512, rng)), axis=1).mean() for _ in range(20)]
    assert np.mean(means) == pytest.approx((2 / np.pi) ** 2, abs=2e-3) and np.std(means) < 5e-3
    assert design.draw(5, rng).shape == (5, 2)


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("p", [0.5, 1.0])
def test_targets_have_the_smoothness_they_say(p, d):
    m, rng = designs.smooth_function(p, d, key=3), np.random.default_rng(0)
    x, z = rng.uniform(size=(2, 4000, d))
    z[2000:] = x[2000:] + 1e-3 * (z[2000:] - x[2000:])
    quotient = abs(m(x) - m(z)) / np.linalg.norm(x - z, axis=1) ** p
    assert quotient.max() <= m.constant
    assert m(designs.r_sequence(20_000, d)).std() == pytest.approx(0.5, rel=0.02)
    # No smoother: near a cusp the quotient for a larger p has no bound.
    place, u = m.places[0], m.directions[0]
    steps = 10.0 ** -np.arange(3, 9)
    rise = np.array([abs(m((place + s * u)[None]) - m(place[None]))[0] for s in steps]) / steps ** (p + 0.2)
    assert rise[-1] > 3 * rise[0]


@pytest.mark.parametrize("p", [1.5, 2.0])
def test_smoother_targets_have_a_hoelder_derivative(p):
    m, h = designs.smooth_function(p, 1, key=1), 1e-6
    x, z = np.random.default_rng(0).uniform(0.01, 0.99, size=(2, 3000, 1))
    slope = [(m(v + h) - m(v - h)) / (2 * h) for v in (x, z)]
    distance = np.abs(x - z)[:, 0]
    far = distance > 1e-2
    assert (abs(slope[0] - slope[1])[far] <= m.constant * distance[far] ** (p - 1) * 1.01).all()


def test_bad_arguments_are_named():
    for call, words in (
        (lambda: designs.smooth_function(2.5, 1), "p=2.5"),
        (lambda: designs.equal_atoms(0, 1), "n=0"),
        (lambda: designs.heavy_tailed(-1.0, 1, 5), "tail=-1"),
        (lambda: designs.Atoms(np.zeros((3, 1)), np.ones(2)), "make no design"),
    ):
        with pytest.raises(InputError, match=words):
            call()
