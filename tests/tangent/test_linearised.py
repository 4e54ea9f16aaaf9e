"""The linearised model: equal to the network and its first derivative at the origin, and linear."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tangent_references import assert_close, brute_force, jacobian

from zeroloss.descent import descend
from zeroloss.networks import MLP, is_double, predict, trainable_mask, wrap
from zeroloss.plumbing import InputError, double
from zeroloss.tangent import KernelOperator, kernel, kernel_matrix, linearised_curve
from zeroloss.tangent.gradient_flow import gradient_flow
from zeroloss.tangent.linearised import linearized

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 3))
Y = RNG.standard_normal((5, 2))
NET = MLP(3, 2, 6, dtype="float64", key=0)


def displaced(model, size, trainable=None):
    """The model at a random displacement, and that displacement in the order of `jacobian`."""
    rng = np.random.default_rng(1)
    moved, fixed = eqx.partition(model, trainable_mask(model))
    with double():
        moved = jax.tree.map(lambda leaf: jnp.asarray(size * rng.standard_normal(leaf.shape)), moved)
        flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(moved)])
        return eqx.combine(moved, fixed), flat


@pytest.mark.parametrize("trainable", [None, "readout", ["layer1", "biases"]])
def test_it_is_the_first_order_expansion(trainable):
    model = linearized(NET, trainable)
    np.testing.assert_array_equal(predict(model, X), predict(NET, X))
    far, u = displaced(model, 3.0)
    j = jacobian(NET, X, trainable)
    assert u.size == j.shape[2]
    np.testing.assert_allclose(predict(far, X), predict(NET, X) + j @ u, rtol=1e-12, atol=1e-12)


def test_the_network_it_stands_for():
    near, u = displaced(linearized(NET), 1e-4)
    gap = predict(near.network(), X) - predict(near, X)
    assert 0 < np.abs(gap).max() < 100 * np.sum(u**2)  # second order
    farther, _ = displaced(linearized(NET), 1e-3)
    more = predict(farther.network(), X) - predict(farther, X)
    np.testing.assert_allclose(np.abs(more).max() / np.abs(gap).max(), 100, rtol=0.1)


@pytest.mark.parametrize("trainable", [None, "readout"])
def test_its_kernel_is_that_of_the_network_wherever_it_is(trainable):
    far, _ = displaced(linearized(NET, trainable), 2.0)
    expected = brute_force(NET, X, trainable=trainable)
    assert_close(brute_force(far, X), expected, np.float64)
    assert_close(kernel(far, X), expected, np.float64)
    np.testing.assert_allclose(
        KernelOperator(far, X) @ Y, np.einsum("ijab,jb->ia", expected, Y), rtol=1e-11, atol=1e-12
    )


def test_only_the_displacement_is_trained():
    model = linearized(NET, "hidden")
    mask = trainable_mask(model)
    assert not any(jax.tree.leaves(mask.origin)) and not any(jax.tree.leaves(mask.rest))
    assert len([flag for flag in jax.tree.leaves(mask.displacement) if flag]) == 2
    fit = descend(model, (X, Y), step_size=0.05, steps=20, tolerance=0.0)
    assert fit.loss < fit.history["loss"][0]
    for part in ("origin", "rest"):
        before, after = getattr(model, part), getattr(fit.network, part)
        assert eqx.tree_equal(before, after)
    assert any(np.any(np.asarray(leaf)) for leaf in jax.tree.leaves(fit.network.displacement))


def test_descent_follows_the_closed_form():
    model, k = linearized(NET), kernel(NET, X)
    curve = linearised_curve(KernelOperator(NET, X), predict(NET, X) - Y)
    step_size = 0.7 * curve.largest_stable_step
    fit = descend(model, (X, Y), method="gradient", step_size=step_size, steps=40, tolerance=0.0)
    steps = np.array(fit.history["step"])
    np.testing.assert_allclose(fit.history["loss"], curve.loss(steps, step_size), rtol=1e-9)
    new = RNG.standard_normal((4, 3))
    closed = gradient_flow(
        k,
        Y,
        kernel(NET, new, X),
        f0_train=predict(NET, X),
        f0_test=predict(NET, new),
        steps=steps,
        step_size=step_size,
    )
    np.testing.assert_allclose(fit.history["loss"], closed.loss, rtol=1e-9)
    np.testing.assert_allclose(predict(fit.network, X), closed.train[-1], rtol=1e-9)
    np.testing.assert_allclose(predict(fit.network, new), closed.test[-1], rtol=1e-9)


def test_precision_is_kept():
    single = linearized(MLP(3, 2, 6, key=0))
    assert not is_double(single)
    assert predict(single, X).dtype == np.float32
    assert is_double(linearized(NET))


def test_a_wrapped_function():
    with double():
        params = {"w": jnp.asarray(RNG.standard_normal((3, 4))), "v": jnp.asarray(RNG.standard_normal((4, 2))), "n": 3}
    network = wrap(lambda p, x: jnp.tanh(x @ p["w"]) @ p["v"], params)
    model = linearized(network)
    far, u = displaced(model, 1.0)
    np.testing.assert_allclose(predict(far, X), predict(network, X) + jacobian(network, X) @ u, rtol=1e-11)
    np.testing.assert_allclose(kernel_matrix(far, X), kernel_matrix(network, X), rtol=1e-11, atol=1e-12)


def test_a_wrapped_function_that_mixes_examples_stays_refused():
    with double():
        weights = jnp.asarray(RNG.standard_normal((3, 2)))
    model = linearized(wrap(lambda p, x: (x - x.mean(0)) @ p, weights))
    for use in (kernel, KernelOperator):
        with pytest.raises(InputError, match="one example's output depends on another's"):
            use(model, X)


def test_bad_trainable():
    with pytest.raises(InputError, match="is not a part of this network"):
        linearized(NET, "head")
