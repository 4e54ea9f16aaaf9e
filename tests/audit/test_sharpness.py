"""Curvature against dense Hessians, and where it is known by construction."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg
from audit_makers import classes, dataset, real_targets
from jax.flatten_util import ravel_pytree

from zeroloss.audit import audit, training_loss
from zeroloss.audit.curvature import GaussNewton, Hessian, example_loss, loss_root
from zeroloss.networks import MLP, FeedForward, wrap
from zeroloss.plumbing import double
from zeroloss.verdict import Status

LOSSES = ("squared", "cross-entropy", "hinge")


def small(columns=3, activation="tanh", key=0):
    return MLP(4, columns, width=5, depth=2, activation=activation, dtype="float64", key=key)


def dense(network, data, loss):
    """`H` and `G`, formed by autodiff of the whole loss."""
    with double():
        moved, static = eqx.partition(network, eqx.is_inexact_array)
        flat, back = ravel_pytree(moved)
        x, y = jnp.asarray(data.x_train), jnp.asarray(data.y_train)
        cost = example_loss(loss)

        def outputs(w):
            return jax.vmap(eqx.combine(back(w), static))(x)

        def total(w):
            return jnp.mean(jax.vmap(cost)(outputs(w), y))

        hessian = jax.jit(jax.hessian(total))(flat)
        jacobian = jax.jit(jax.jacobian(outputs))(flat)
        second = jax.vmap(jax.hessian(cost))(outputs(flat), y)
        gauss = jnp.einsum("nap,nab,nbq->pq", jacobian, second, jacobian) / len(x)
        return np.asarray(hessian), np.asarray(gauss)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_that_of_the_audit(loss):
    rng = np.random.default_rng(0)
    f, y = rng.standard_normal((20, 3)), np.eye(3)[rng.integers(0, 3, 20)]
    with double():
        assert np.mean(jax.vmap(example_loss(loss))(f, y)) == pytest.approx(training_loss(f, y, loss))
        signs = np.sign(rng.standard_normal((20, 1)))
        assert np.mean(jax.vmap(example_loss(loss))(f[:, :1], signs)) == pytest.approx(
            training_loss(f[:, :1], signs, loss)
        )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("columns", [1, 3])
def test_the_root_squares_to_the_second_derivative(loss, columns):
    rng = np.random.default_rng(1)
    f = 3 * rng.standard_normal((6, columns))
    y = np.sign(f[::-1]) if columns == 1 else np.eye(3)[rng.integers(0, 3, 6)]
    with double():
        expected = np.asarray(jax.vmap(jax.hessian(example_loss(loss)))(f, y))
    root = loss_root(loss, f, y)
    found = np.eye(columns)[None] if root is None else np.einsum("nab,ncb->nac", root, root)
    np.testing.assert_allclose(np.broadcast_to(found, expected.shape), expected, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_products_are_those_of_the_dense_matrices(loss):
    data, network = classes(n=11, d=4), small()
    hessian, gauss = dense(network, data, loss)
    operator = Hessian(network, data.x_train, data.y_train, loss, block=4)  # 11 examples in three blocks
    v = np.random.default_rng(0).standard_normal(operator.size)
    np.testing.assert_allclose(operator.multiply(v), hessian @ v, atol=1e-10)
    side = GaussNewton(network, data.x_train, data.y_train, loss, block=4)
    matrix = np.array([side.multiply(e) for e in np.eye(side.size)])
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-10)
    assert np.trace(matrix) == pytest.approx(np.trace(gauss), abs=1e-10)
    top = scipy.sparse.linalg.eigsh(gauss, 1, which="LA")[0][0] if loss != "hinge" else 0.0
    assert np.linalg.eigvalsh(matrix)[-1] == pytest.approx(top, abs=1e-9)


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
def test_the_measures_are_those_of_the_dense_matrices(loss):
    data, network = classes(n=12, d=4), small()
    hessian, gauss = dense(network, data, loss)
    values = np.linalg.eigvalsh(hessian)
    found = audit(network, data, loss=loss, measures="sharpness", step_size=0.1)
    measure = found.measure
    assert measure("sharpness").value == pytest.approx(values[-1], rel=1e-3) and measure("sharpness").converged
    assert measure("gauss_newton_top").value == pytest.approx(np.linalg.eigvalsh(gauss)[-1], rel=1e-3)
    for name, true in (
        ("sharpness", values[-1]), ("lowest_curvature", values[0]), ("hessian_trace", values.sum()),
        ("gauss_newton_trace", np.trace(gauss)), ("largest_stable_step", 2 / values[-1]),
        ("step_ratio", 0.05 * values[-1]),
    ):  # fmt: skip
        low, high = measure(name).interval
        slack = 1e-9 * abs(true)
        assert low - slack <= true <= high + slack, name
    assert measure("sharpness").details["examples"] == 12


def test_a_linear_model_has_the_curvature_of_its_design():
    # f = w x, squared loss: H = 1/n sum x_i^2 (and n more of bias: none).
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3))
    data = dataset(x, rng.standard_normal(40))
    model = FeedForward([jnp.asarray(rng.standard_normal((1, 3)), jnp.float32)], [None], ())
    values = np.linalg.eigvalsh(x.T @ x / 40)
    found = audit(model, data, measures="sharpness")
    for name, true in (
        ("sharpness", values[-1]), ("gauss_newton_top", values[-1]), ("lowest_curvature", values[0]),
        ("hessian_trace", values.sum()), ("gauss_newton_trace", values.sum()), ("largest_stable_step", 2 / values[-1]),
    ):  # fmt: skip
        assert found.measure(name).value == pytest.approx(true, rel=1e-4), name


def test_at_zero_residual_hessian_and_gauss_newton_agree():
    network = small(columns=1)
    with double():
        x = np.random.default_rng(0).standard_normal((9, 4))
        y = np.asarray(jax.vmap(network)(jnp.asarray(x)))
    found = audit(network, dataset(x, y), measures=["sharpness"])
    assert found.measure("sharpness").value == pytest.approx(found.measure("gauss_newton_top").value, rel=1e-6)
    assert found.measure("lowest_curvature").value == pytest.approx(0, abs=1e-8)
    assert found.measure("lowest_curvature").interval[1] <= 1e-8


def test_descent_above_the_largest_stable_step_leaves_and_below_it_stays():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4))
    y = x @ rng.standard_normal(4)
    model = FeedForward([jnp.zeros((1, 4))], [None], ())
    stable = audit(model, dataset(x, y), measures="largest_stable_step").measure("largest_stable_step").value
    for factor, grows in ((0.98, False), (1.02, True)):
        w = np.zeros(4)
        start = np.linalg.norm(x @ w - y)
        for _ in range(300):
            w -= factor * stable * x.T @ (x @ w - y) / 30
        assert bool(np.linalg.norm(x @ w - y) > start) is grows


def test_the_hinge_loss_has_no_gauss_newton_curvature():
    data = classes(n=10, d=4)
    found = audit(small(), data, loss="hinge", measures=["gauss_newton_top", "gauss_newton_trace"])
    assert found.measure("gauss_newton_top").value == 0 == found.measure("gauss_newton_trace").value


def test_a_flat_point_has_no_largest_step():
    data = dataset(np.zeros((6, 2)) + np.arange(6)[:, None] * 0, np.arange(6))
    model = wrap(lambda p, x: 0 * x @ p["w"], {"w": jnp.ones((2, 1))})
    found = audit(model, data, measures="sharpness")
    assert found.measure("largest_stable_step").value is None
    assert "not positive" in found.measure("largest_stable_step").reason


def test_examples_are_sampled_and_reported():
    data = real_targets(n=60)
    found = audit(MLP(5, 1, width=6, key=0), data, measures="gauss_newton_top", examples=20)
    assert found.measure("gauss_newton_top").details["examples"] == 20
    assert found.measure("gauss_newton_top").details["of"] == 60
    assert found.verdicts["local"].status in set(Status)
