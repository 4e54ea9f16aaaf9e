"""Levenberg-Marquardt in batches: against SciPy's, on problems whose answer is known, and where there is no zero."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from zeroloss.descent.levenberg_marquardt import IDLE, LeastSquares, _damped, levenberg_marquardt
from zeroloss.plumbing import InputError, double


def rosenbrock(w, scale):
    return jnp.stack([scale * (w[1] - w[0] ** 2), 1 - w[0]])


def decay(w, t, y):
    return w[0] * jnp.exp(-w[1] * t) + w[2] - y


def linear(w, a, b):
    return a @ w - b


def lifted(w):
    return jnp.stack([w[0] ** 2 + 1.0])


def logarithm(w):
    return jnp.log(w) - 1.0


def solved(residual, start, *arguments, **options):
    with double():
        found = levenberg_marquardt(residual, jnp.asarray(start), tuple(map(jnp.asarray, arguments)), **options)
        return LeastSquares(*map(np.asarray, found))


def test_rosenbrock_s_valley_for_several_scales_at_once():
    scales = np.array([1.0, 10.0, 100.0])
    found = solved(rosenbrock, np.tile([-1.2, 1.0], (3, 1)), scales, tolerance=1e-26)
    assert found.converged.all() and not found.stalled.any() and (found.loss <= 1e-26).all()
    np.testing.assert_allclose(found.w, 1, atol=1e-9)
    assert found.steps[0] < found.steps[2] < 200  # each stops by itself


def test_the_minima_are_those_of_scipy():
    rng = np.random.default_rng(0)
    t = np.tile(np.linspace(0, 3, 25), (6, 1))
    truth = np.c_[rng.uniform(1, 3, 6), rng.uniform(0.5, 2, 6), rng.uniform(-1, 1, 6)]
    y = truth[:, :1] * np.exp(-truth[:, 1:2] * t) + truth[:, 2:] + 0.1 * rng.standard_normal(t.shape)
    found = solved(decay, np.ones((6, 3)), t, y)
    assert found.stalled.all() and not found.converged.any()  # noise: no zero
    for k in range(6):
        own = scipy.optimize.least_squares(
            lambda w, k=k: w[0] * np.exp(-w[1] * t[k]) + w[2] - y[k], np.ones(3), method="lm", xtol=1e-14, ftol=1e-14
        )
        assert found.loss[k] == pytest.approx(own.cost, rel=1e-10)
        np.testing.assert_allclose(found.w[k], own.x, rtol=1e-5)
    assert found.gradient.max() < 1e-5


@pytest.mark.parametrize(("equations", "parameters"), [(4, 9), (9, 4), (5, 5)])
def test_linear_problems_end_at_the_nearest_solution(equations, parameters):
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((3, equations, parameters)), rng.standard_normal((3, equations))
    start = rng.standard_normal((3, parameters))
    found = solved(linear, start, a, b)
    for k in range(3):
        wanted = start[k] + np.linalg.pinv(a[k]) @ (b[k] - a[k] @ start[k])
        np.testing.assert_allclose(found.w[k], wanted, atol=1e-8)
    assert (found.converged == (equations <= parameters)).all()


@pytest.mark.parametrize(("equations", "parameters"), [(4, 9), (9, 4), (6, 6)])
def test_both_forms_give_the_damped_step(equations, parameters):
    rng = np.random.default_rng(2)
    jac, r = rng.standard_normal((equations, parameters)), rng.standard_normal(equations)
    wanted = np.linalg.solve(jac.T @ jac + 0.3 * np.eye(parameters), jac.T @ r)
    with double():
        found = _damped(jnp.asarray(jac), jnp.asarray(r), jnp.asarray(jac.T @ r), 0.3)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_no_zero_is_claimed_where_there_is_none():
    found = solved(lifted, np.array([[2.0], [-0.5]]), steps=500)
    assert not found.converged.any() and found.stalled.all()
    np.testing.assert_allclose(found.loss, 0.5, rtol=1e-6)
    assert found.steps.max() < 500


def test_the_budget_is_kept_and_the_loss_never_rises():
    start = np.tile([-1.2, 1.0], (1, 1))
    losses = [float(solved(rosenbrock, start, np.array([100.0]), steps=k).loss[0]) for k in range(8)]
    assert losses[0] == pytest.approx(0.5 * ((100 * (1 - 1.44)) ** 2 + 2.2**2))
    assert all(a >= b for a, b in itertools.pairwise(losses)) and losses[-1] < losses[0]
    assert solved(rosenbrock, start, np.array([100.0]), steps=7).steps[0] == 7


def test_a_step_out_of_the_domain_is_refused():
    found = solved(logarithm, np.array([[30.0]]), damping=1e-12)  # a full step goes to log of a negative number
    assert found.converged.all()
    np.testing.assert_allclose(found.w, np.e, rtol=1e-9)


def test_a_start_without_a_finite_loss_is_given_up():
    found = solved(logarithm, np.array([[-1.0], [2.0]]))
    assert not found.converged[0] and found.stalled[0] and found.steps[0] <= IDLE and found.converged[1]


@pytest.mark.parametrize(("equations", "parameters"), [(4, 6), (6, 4)])
def test_padding_changes_nothing(equations, parameters):
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, equations, parameters)), rng.standard_normal((2, equations))
    wide = np.zeros((2, equations + 2, parameters + 1))
    wide[:, :equations, :parameters] = a
    found = solved(linear, np.ones((2, parameters)), a, b, steps=5)
    padded = solved(linear, np.ones((2, parameters + 1)), wide, np.c_[b, np.zeros((2, 2))], steps=5)
    np.testing.assert_allclose(padded.w[:, :parameters], found.w, rtol=1e-9)
    np.testing.assert_array_equal(padded.w[:, parameters:], 1.0)


def test_a_jacobian_of_one_s_own_is_used():
    def jacobian(w, a, b):
        return a

    a, b = np.random.default_rng(4).standard_normal((1, 3, 5)), np.ones((1, 3))
    plain = solved(linear, np.zeros((1, 5)), a, b)
    own = solved(linear, np.zeros((1, 5)), a, b, jacobian=jacobian)
    np.testing.assert_allclose(own.w, plain.w, rtol=1e-12)


def test_single_precision_and_other_shapes_are_refused():
    with pytest.raises(InputError, match="double"):
        levenberg_marquardt(lifted, jnp.ones((2, 1), jnp.float32))
    with double(), pytest.raises(InputError, match=r"\(3,\)"):
        levenberg_marquardt(lifted, jnp.ones(3))
    assert not jax.config.jax_enable_x64
