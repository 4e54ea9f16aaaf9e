"""The kernel as an operator, Lanczos, and what the linearised model predicts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg
from tangent_references import brute_force, jacobian

from zeroloss.networks import MLP, predict, wrap
from zeroloss.plumbing import InputError, double
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


OTHER = RNG.standard_normal((7, 3))


@pytest.mark.parametrize("block", [None, 1, 2, 3, 5, 100])
@pytest.mark.parametrize("two", [False, True])
def test_blocks_change_nothing(block, two):
    """Also where the last block is not full: the rows that fill it must not count."""
    full = brute_force(NET, X, OTHER if two else None)
    matrix = full.transpose(0, 2, 1, 3).reshape(10, -1)
    operator = KernelOperator(NET, X, x2=OTHER if two else None, block=block)
    assert operator.shape == matrix.shape and operator.symmetric is not two
    v, u = RNG.standard_normal(matrix.shape[1]), RNG.standard_normal(10)
    np.testing.assert_allclose(operator @ v, matrix @ v, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(operator.rmatvec(u), matrix.T @ u, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(operator.T @ u, matrix.T @ u, rtol=1e-11, atol=1e-12)
    columns = RNG.standard_normal((matrix.shape[1], 3))
    np.testing.assert_allclose(operator.matmat(columns), matrix @ columns, rtol=1e-11, atol=1e-12)


def test_scipy_solvers_work_on_it():
    matrix, operator = kernel_matrix(NET, X), KernelOperator(NET, X, block=2)
    values = scipy.sparse.linalg.eigsh(operator, k=3, return_eigenvectors=False)
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(matrix)[-3:], rtol=1e-10)
    shifted = operator + scipy.sparse.linalg.aslinearoperator(0.1 * np.eye(10))
    y = RNG.standard_normal(10)
    found, info = scipy.sparse.linalg.cg(shifted, y, rtol=1e-12)
    assert info == 0
    np.testing.assert_allclose(found, np.linalg.solve(matrix + 0.1 * np.eye(10), y), rtol=1e-8)


@pytest.mark.parametrize("block", [None, 2])
def test_matfree_works_on_it(block):
    from matfree import decomp, funm, stochtrace

    matrix = kernel_matrix(NET, X)
    function, parameters = KernelOperator(NET, X, block=block).traceable()
    with double():
        v = jnp.asarray(RNG.standard_normal(10))
        result = jax.jit(lambda v, *p: decomp.tridiag_sym(10)(function, v, *p))(v, *parameters)
        np.testing.assert_allclose(np.linalg.eigvalsh(result.J_small), np.linalg.eigvalsh(matrix), rtol=1e-8)
        root = funm.funm_lanczos_sym(funm.dense_funm_sym_eigh(lambda t: t**2), decomp.tridiag_sym(6))
        np.testing.assert_allclose(root(function, v, *parameters), matrix @ matrix @ np.asarray(v), rtol=1e-9)
        signs = stochtrace.sampler_signs(v, num=400)
        trace = stochtrace.estimator_monte_carlo_mean_and_sem(stochtrace.monte_carlo_trace(), signs)
        mean, error = trace(function, jax.random.PRNGKey(0), *parameters)
    assert abs(float(mean) - np.trace(matrix)) < 4 * float(error)


def test_precision_follows_the_network():
    single = MLP(3, 2, 6, key=0)
    operator = KernelOperator(single, X, block=2)
    assert operator.dtype == np.float32 and (operator @ np.ones(10)).dtype == np.float32
    assert (KernelOperator(NET, X) @ np.ones(10, np.float32)).dtype == np.float64
    np.testing.assert_allclose(operator @ np.ones(10), kernel_matrix(single, X) @ np.ones(10), rtol=1e-5)
    function, parameters = operator.traceable()
    assert function(jnp.ones(10, jnp.float32), *parameters).dtype == jnp.float32
    largest = scipy.sparse.linalg.eigsh(operator, k=1, return_eigenvectors=False)
    assert largest[0] == pytest.approx(np.linalg.eigvalsh(kernel_matrix(single, X))[-1], rel=1e-5)


class Embedding(eqx.Module):
    table: jax.Array
    readout: jax.Array
    activation: object = jnp.tanh  # a leaf that is not an array

    def __call__(self, tokens):
        return self.readout @ self.activation(self.table[tokens].mean(0))


@pytest.mark.parametrize("block", [None, 3])
def test_integer_inputs_stay_integers(block):
    tokens = RNG.integers(0, 11, (5, 4))
    with double():
        net = Embedding(jnp.asarray(RNG.standard_normal((11, 3))), jnp.asarray(RNG.standard_normal((2, 3))))
        rows = np.stack(
            [
                np.concatenate([np.ravel(g) for g in jax.tree.leaves(j)])
                for i in range(5)
                for j in [
                    eqx.filter(
                        jax.grad(lambda p, a=a, i=i: eqx.combine(p, net)(tokens[i])[a])(eqx.filter(net, eqx.is_array)),
                        eqx.is_array,
                    )
                    for a in range(2)
                ]
            ]
        )
    v = RNG.standard_normal(10)
    np.testing.assert_allclose(KernelOperator(net, tokens, block=block) @ v, rows @ (rows.T @ v), rtol=1e-11)


@pytest.mark.parametrize(
    ("function", "inputs", "words"),
    [
        (lambda p, x: (x - x.mean(0)) @ p, X, "one example's output depends on another's"),
        (lambda p, x: x @ p, X[:, :2], "does not take inputs of shape"),
        (lambda p, x: x @ p, X[:0], "at least one example"),
        (lambda p, x: x @ p, np.full((2, 3), np.nan), "NaN or infinity"),
    ],
)
def test_what_the_operator_refuses(function, inputs, words):
    with pytest.raises(InputError, match=words):
        KernelOperator(wrap(function, jnp.ones((3, 2))), inputs)
    with pytest.raises(InputError, match="block=0"):
        KernelOperator(NET, X, block=0)


def test_what_the_blocks_hold_is_bounded(monkeypatch):
    from zeroloss.tangent import operator as module

    monkeypatch.setattr(module, "ACTIVATION_BYTES", 4000)
    net = MLP(3, 2, 100, dtype="float64", key=0)  # 2 x 100 float64 and some an example
    many = RNG.standard_normal((30, 3))
    found = KernelOperator(net, many)
    blocks, rows = found._parameters[2].shape[:2]
    assert blocks * rows >= 30 and rows * 2 * 100 * 8 <= 4000
    np.testing.assert_allclose(found @ np.ones(60), KernelOperator(net, many, block=30) @ np.ones(60), rtol=1e-11)


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
