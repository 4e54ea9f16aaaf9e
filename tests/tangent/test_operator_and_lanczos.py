"""The kernel as an operator, Lanczos, and what the linearised model predicts."""

import numpy as np
import pytest
from tangent_references import jacobian

from zeroloss.networks import MLP, predict
from zeroloss.tangent import KernelOperator, kernel_matrix, lanczos, linearised_curve, top_eigenvalue

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 3))
NET = MLP(3, 2, 6, dtype="float64", key=0)


@pytest.mark.parametrize("trainable", [None, "readout"])
def test_operator_is_the_matrix(trainable):
    matrix = kernel_matrix(NET, X, trainable=trainable)
    operator = KernelOperator(NET, X, trainable)
    assert operator.shape == matrix.shape
    v = RNG.standard_normal(10)
    np.testing.assert_allclose(operator @ v, matrix @ v, rtol=1e-11)
    assert (operator @ v.reshape(5, 2)).shape == (5, 2)
    np.testing.assert_array_equal((operator @ v.reshape(5, 2)).ravel(), operator @ v)


def test_top_eigenvalue():
    top = np.linalg.eigvalsh(kernel_matrix(NET, X))[-1]
    found = top_eigenvalue(KernelOperator(NET, X))
    assert found == pytest.approx(top, rel=1e-9)
    assert top_eigenvalue(KernelOperator(NET, X), steps=2) <= top * (1 + 1e-12)


def symmetric(n, values=None):
    q = np.linalg.qr(RNG.standard_normal((n, n)))[0]
    return (q * (RNG.uniform(-1, 2, n) if values is None else values)) @ q.T


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8])
def test_quadrature_is_exact_up_to_its_degree(steps):
    matrix, start = symmetric(12), RNG.standard_normal(12)
    result = lanczos(lambda v: matrix @ v, start, steps)
    assert len(result.nodes) == len(result.weights) == steps
    assert (result.weights >= 0).all()
    power = start
    for degree in range(2 * steps):
        assert result.weights @ result.nodes**degree == pytest.approx(start @ power, rel=1e-9, abs=1e-9)
        power = matrix @ power
    # One degree more is exact no longer.
    assert abs(result.weights @ result.nodes ** (2 * steps) - start @ power) > 1e-7
    np.testing.assert_allclose(result.vectors.T @ result.vectors, np.eye(steps), atol=1e-12)


def test_lanczos_finds_the_whole_spectrum_and_stops_when_it_has_it():
    values = np.array([-1.0, 0.5, 2.0, 2.0, 2.0])
    matrix = symmetric(5, values)
    result = lanczos(lambda v: matrix @ v, RNG.standard_normal(5), 50)
    np.testing.assert_allclose(result.nodes, [-1.0, 0.5, 2.0], atol=1e-10)
    np.testing.assert_allclose(matrix @ result.vectors, result.vectors * result.nodes, atol=1e-9)
    vector = np.eye(5)[0]
    one = lanczos(lambda v: 3 * v, vector, 10)
    np.testing.assert_allclose(one.nodes, [3.0])


def test_lanczos_of_nothing():
    result = lanczos(lambda v: v, np.zeros(4), 3)
    assert result.weights.sum() == 0
    with pytest.raises(ValueError, match="not finite"):
        lanczos(lambda v: v, np.full(3, np.nan), 3)


def linearised_descent(network, x, y, step_size, steps):
    """Gradient descent on the weights of the linear model `f(w0) + J (w - w0)`, simulated."""
    j = jacobian(network, x).reshape(len(x) * y.shape[1], -1)
    start, w, losses = predict(network, x).ravel(), np.zeros(j.shape[1]), []
    for _ in range(steps + 1):
        residual = start + j @ w - y.ravel()
        losses.append(residual @ residual / (2 * len(x)))
        w = w - step_size * (j.T @ residual) / len(x)
    return np.array(losses)


def test_linearised_curve_is_linearised_descent():
    y = RNG.standard_normal((5, 2))
    operator = KernelOperator(NET, X)
    curve = linearised_curve(operator, predict(NET, X) - y)
    steps = np.arange(41)
    for fraction in (0.1, 0.5, 0.99):
        step_size = fraction * curve.largest_stable_step
        np.testing.assert_allclose(
            curve.loss(steps, step_size), linearised_descent(NET, X, y, step_size, 40), rtol=1e-8
        )
    unstable = curve.loss(np.array([0, 500]), 1.05 * curve.largest_stable_step)
    assert unstable[1] > unstable[0]
    assert curve.weights.sum() == pytest.approx(((predict(NET, X) - y) ** 2).sum())


def test_the_step_that_kills_an_eigendirection_at_once():
    curve = linearised_curve(KernelOperator(NET, X), RNG.standard_normal((5, 2)))
    start = curve.weights.sum() / 10
    step_size = 5 / curve.nodes[-1]
    found = curve.loss(np.array([0, 1]), step_size)
    assert found[0] == pytest.approx(start)
    assert found[1] == pytest.approx(curve.weights @ (1 - step_size * curve.nodes / 5) ** 2 / 10)


def test_a_linear_model_descends_as_predicted():
    from zeroloss.descent import descend

    net, y = MLP(3, 2, depth=0, dtype="float64", key=1), RNG.standard_normal((5, 2))
    curve = linearised_curve(KernelOperator(net, X), predict(net, X) - y)
    step_size = 0.4 * curve.largest_stable_step
    fit = descend(net, (X, y), step_size=step_size, steps=30, tolerance=0.0)
    np.testing.assert_allclose(fit.history["loss"], curve.loss(np.array(fit.history["step"]), step_size), rtol=1e-9)
