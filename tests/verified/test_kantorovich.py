"""The theorem on numbers, where the truth is known by construction: `F = eps + sigma w - beta w^2/2`."""

import math

import numpy as np
import pytest

from zeroloss.verified.newton_kantorovich import kantorovich


def _nearest_zero(eps, sigma, beta):
    """The distance of the nearest real zero of `eps + sigma w - beta w^2/2` from 0 (infinite: there is none)."""
    disc = sigma**2 - 2 * beta * eps  # of beta/2 w^2 - sigma w + eps after w -> -w
    return math.inf if disc < 0 else 2 * eps / (sigma + math.sqrt(disc))


@pytest.mark.parametrize("h", [1e-12, 0.1, 0.25, 0.45, 0.49, 0.4999])
def test_radius_is_the_nearest_zero_of_the_scalar_example(h):
    eps, sigma = 3.0, 0.7
    found = kantorovich(eps, sigma, lambda radius: h * sigma**2 / eps)
    exact = _nearest_zero(eps, sigma, h * sigma**2 / eps)
    assert exact <= found.radius <= exact * (1 + 1e-4 if h < 0.49 else 1.02)
    assert found.radius <= found.ball


@pytest.mark.parametrize("h", [0.5 + 1e-9, 0.5001, 0.6, 3.0])
def test_just_above_one_half_there_is_no_zero_and_no_proof(h):
    eps, sigma = 1.0, 2.0
    beta = h * sigma**2 / eps
    assert _nearest_zero(eps, sigma, beta) == math.inf
    assert kantorovich(eps, sigma, lambda radius: beta).radius is None


def test_a_ball_must_contain_its_own_radius():
    """`beta` is small only on balls too small to hold the zero."""
    eps, sigma = 1.0, 1.0
    assert kantorovich(eps, sigma, lambda radius: 0.1 if radius < 1.0 else 10.0).radius is None
    # Here every ball up to 1.5 will do, and none beyond.
    found = kantorovich(eps, sigma, lambda radius: 0.1 if radius < 1.5 else 10.0)
    assert found.radius <= found.ball < 1.5


def test_no_constants_no_proof():
    def one(radius):
        return 1.0

    for eps, sigma in ((1.0, 0.0), (math.inf, 1.0), (math.nan, 1.0), (1.0, math.nan), (1.0, -1.0), (1e308, 1e-308)):
        assert kantorovich(eps, sigma, one).radius is None
    assert kantorovich(1.0, 1.0, lambda radius: math.inf).radius is None
    assert kantorovich(1.0, 1.0, lambda radius: math.nan).radius is None


def test_many_scalar_systems_are_never_given_a_zero_they_do_not_have():
    """3,000 systems around `h = 1/2`, with a `beta` that grows with the radius as it does for `F = r + w - c w^3`."""
    rng = np.random.default_rng(0)
    proved = 0
    for _ in range(3000):
        eps, sigma = 10.0 ** rng.uniform(-3, 3, 2)
        h = rng.uniform(0.2, 0.8)
        if rng.uniform() < 0.5:
            beta = h * sigma**2 / eps
            found, exact = kantorovich(eps, sigma, lambda radius, beta=beta: beta), _nearest_zero(eps, sigma, beta)
        else:  # F(w) = eps + sigma w - c w^3/6 near w < 0 has |F''| <= c R; its zero beyond the turning point does not count
            c = h * sigma**3 / eps**2
            found = kantorovich(eps, sigma, lambda radius, c=c: c * radius)
            roots = np.roots([-c / 6, 0.0, sigma, eps])
            real = roots[np.abs(roots.imag) < 1e-9 * np.abs(roots).max()].real
            exact = float(np.min(np.abs(real)))
        if found.radius is not None:
            proved += 1
            assert exact <= found.radius * (1 + 1e-9)
    assert proved > 500
