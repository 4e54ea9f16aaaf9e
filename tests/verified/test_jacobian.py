"""The factored rows of `DF` against a dense Jacobian, with the tiles' edges in every position."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from zeroloss.networks import MLP, FeedForward, trainable_mask
from zeroloss.plumbing import double
from zeroloss.verified import jacobian as room
from zeroloss.verified.forward import backward, forward
from zeroloss.verified.jacobian import Trained, jacobian_rows, trained_layers

RNG = np.random.default_rng(0)
X, ROOT = RNG.standard_normal((7, 3)), np.sqrt(RNG.integers(1, 5, 7).astype(float))


def _both(activation="tanh", trainable=None):
    """The rows, and the dense Jacobian with the unravelling of its columns."""
    net = MLP(3, 2, (5, 4), None, activation, dtype="float64", key=2)
    mask = trainable_mask(net, trainable)
    layers = forward(net, X)
    rows = jacobian_rows(net, layers, backward(net, layers, kinks=True), ROOT, trained_layers(net, mask))
    with double():
        moved, fixed = eqx.partition(net, mask)
        flat, unravel = ravel_pytree(moved)
        dense = jax.jacobian(lambda w: jax.vmap(eqx.combine(unravel(w), fixed))(jnp.asarray(X)).ravel())(flat)
    return rows, np.asarray(dense) * np.repeat(ROOT, 2)[:, None], unravel


@pytest.mark.parametrize("tile", [1, 3, 4, 6, 14, 1024])
def test_tiles_make_one_symmetric_kernel(tile, monkeypatch):
    monkeypatch.setattr(room, "TILE", tile)
    rows, dense, _ = _both()
    kernel, rounding = rows.kernel()
    exact = dense @ dense.T
    assert np.array_equal(kernel, kernel.T)
    assert np.abs(kernel - exact).max() < 1e-12 * np.trace(exact)
    assert np.trace(exact) * (1 - 1e-14) <= rows.trace <= np.trace(exact) * (1 + 1e-11)  # a bound from above
    assert np.linalg.norm(kernel - exact, 2) < rounding + 2 * rows.error * np.linalg.norm(dense) < 1e-10
    other = RNG.standard_normal(kernel.shape)
    for stored in (kernel, kernel + other + other.T, kernel + other):
        true = np.linalg.norm(0.5 * (stored + stored.T) - exact)
        assert true <= rows.distance(stored) + 1e-12 <= true * (1 + 1e-5) + 1e-9
    assert rows.distance(kernel + other, most=1.0) == np.inf
    assert rows.distance(kernel * np.nan) == np.inf


@pytest.mark.parametrize("trainable", [None, "hidden", "readout", "weights", "biases", "layer2"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "abs"])
def test_kernel_and_pull_back_of_what_is_trained(activation, trainable):
    rows, dense, unravel = _both(activation, trainable)
    kernel, _ = rows.kernel()
    assert np.abs(kernel - dense @ dense.T).max() < 1e-12 * (1 + np.trace(kernel))
    a = RNG.standard_normal((7, 2))
    with double():
        expected = unravel(jnp.asarray(dense.T @ a.ravel()))
    for layer, (weight, bias) in rows.pull_back(a).items():
        for found, exact in ((weight, expected.weights[layer]), (bias, expected.biases[layer])):
            assert (found is None) == (exact is None)
            if found is not None:
                np.testing.assert_allclose(found, np.asarray(exact), rtol=1e-10, atol=1e-12)
    assert sorted(rows.pull_back(a)) == [
        k for k in range(3) if expected.weights[k] is not None or expected.biases[k] is not None
    ]


def test_one_array_in_two_layers_is_two_parameters():
    with double():
        shared = jnp.eye(3)
        net = FeedForward([shared, shared], [None, jnp.zeros(3)], ["tanh"])
    trained = trained_layers(net, trainable_mask(net, "layer1"))
    assert trained == Trained((True, False), (False, False))
    assert trained_layers(net, trainable_mask(net)) == Trained((True, True), (False, True))
