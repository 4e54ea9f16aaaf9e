"""The composite theorem: it must hold where it says PROVED, on problems made to be tight."""

import math

import numpy as np
import pytest

from zeroloss.theorems import composite_theorem


def test_linear_problem_has_no_curvature_and_always_holds():
    found = composite_theorem(2.0, 8.0, 5.0, 10, lambda radius: 0.0)
    assert found.holds
    # kappa >= 1/2 at every step tried, and the path of a linear problem is at most |r0|/(kappa s0)
    assert 5 / math.sqrt(2) <= found.radius <= 2 * 5 / math.sqrt(2) * (1 + 1e-6)
    assert 0 < found.rate < 1


def test_known_quadratic_switches_where_the_hypothesis_does():
    """`F(w) = r + w - b w^2/2`: lam0 = 1, beta = b; for small steps the condition is `2 b r < 1`."""
    assert composite_theorem(1.0, 1.0, 0.49, 1, lambda radius: 1.0).holds
    assert not composite_theorem(1.0, 1.0, 0.51, 1, lambda radius: 1.0).holds


def test_it_refuses_steps_above_one_over_the_smoothness():
    fine = composite_theorem(1.0, 1.0, 0.1, 1, lambda radius: 1.0)
    assert fine.holds
    assert not composite_theorem(1.0, 1.0, 0.1, 1, lambda radius: 1.0, step_size=1.5).holds


@pytest.mark.parametrize(("lam0", "beta"), [(0.0, 1.0), (1.0, math.inf)])
def test_missing_constants_are_named(lam0, beta):
    found = composite_theorem(lam0, 1.0, 0.1, 1, lambda radius: beta)
    assert not found.holds
    assert found.obstacle


def _descend(residual, jacobian, w, step, n, steps):
    """Gradient descent on `1/(2n) |residual(w)|^2`; losses and path length."""
    losses, path = [], 0.0
    for _ in range(steps):
        r = residual(w)
        losses.append(float(r @ r) / (2 * n))
        move = -step / n * jacobian(w).T @ r
        path += float(np.linalg.norm(move))
        w = w + move
    return np.array(losses), path


def test_promises_are_kept_on_random_tight_problems():
    """`F_i(w) = r_i + (A w)_i - b/2 |P_i w|^2`-like systems whose derivative is exactly beta-Lipschitz, hypothesis nearly tight."""
    rng = np.random.default_rng(0)
    proved = 0
    for _ in range(300):
        n = int(rng.integers(1, 4))
        p = n + int(rng.integers(0, 3))
        a = rng.standard_normal((n, p))
        s = np.linalg.svd(a, compute_uv=False)
        direction = rng.standard_normal(p)
        direction /= np.linalg.norm(direction)
        sign = rng.standard_normal(n)
        sign /= np.linalg.norm(sign)
        beta = float(rng.uniform(0.2, 3))
        lam0, Lam0 = float(s[-1] ** 2) * (1 - 1e-12), float(s[0] ** 2) * (1 + 1e-12)
        r = rng.standard_normal(n)
        # The hypothesis is met with a margin between nothing and a half.
        r *= rng.uniform(0.5, 1.0) * lam0 / (2 * beta) / np.linalg.norm(r)
        size = float(np.linalg.norm(r)) * (1 + 1e-12)
        found = composite_theorem(lam0, Lam0, size, n, lambda radius, b=beta: b)
        if not found.holds:
            continue
        proved += 1

        def residual(w, r=r, a=a, u=direction, v=sign, b=beta):
            return r + a @ w - b / 2 * (u @ w) ** 2 * v

        def jacobian(w, a=a, u=direction, v=sign, b=beta):
            return a - b * (u @ w) * np.outer(v, u)

        losses, path = _descend(residual, jacobian, np.zeros(p), found.step_size, n, 60)
        bound = losses[0] * found.rate ** np.arange(len(losses))
        assert (losses <= bound * (1 + 1e-9) + 1e-28).all()
        assert path <= found.radius * (1 + 1e-9)
    assert proved > 100


@pytest.mark.parametrize("step", [0.0, -0.5, math.nan])
def test_a_step_that_goes_nowhere_or_back_proves_nothing(step):
    """`1 - eta L/2` is above 1/2 for these, and everything else holds."""
    assert not composite_theorem(1.0, 1.0, 0.1, 1, lambda radius: 1.0, step_size=step).holds


def test_how_much_smaller_beta_would_have_to_be():
    """For a constant `beta` it is the ratio; where it grows with the radius the exact solution of a quadratic."""
    constant = composite_theorem(1.0, 1.0, 2.0, 1, lambda radius: 1.0)
    assert constant.shrink == pytest.approx(4.0, rel=0.02)
    assert composite_theorem(1.0, 1.0, 2.0, 1, lambda radius: 1 / (constant.shrink * 1.05)).holds
    growing = composite_theorem(1.0, 1.0, 2.0, 1, lambda radius: 1.0 + radius)
    assert growing.shrink > growing.ratio
    assert composite_theorem(1.0, 1.0, 2.0, 1, lambda radius: (1.0 + radius) / (growing.shrink * 1.1)).holds
    assert not composite_theorem(1.0, 1.0, 2.0, 1, lambda radius: (1.0 + radius) / (growing.shrink * 0.9)).holds
