"""The small CNN against JAX's own convolution and pooling, and on cases whose answer is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.networks import predict
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.plumbing import InputError


def by_convolution(net, x):
    """The same function by `lax.conv` and `reduce_window`, bias and relu before the maximum."""
    image = jnp.reshape(x, (1, 1, *net.image_shape))
    kernels = net.filters.reshape(-1, 1, net.size, net.size)
    z = jax.lax.conv(image, kernels, (1, 1), "VALID")[0] + net.filter_biases[:, None, None]
    window = (1, net.pool, net.pool)
    h = jax.lax.reduce_window(jax.nn.relu(z), -jnp.inf, jax.lax.max, window, window, "VALID")
    return net.readout @ h.transpose(1, 2, 0).reshape(-1) + net.readout_biases


@pytest.mark.parametrize(("shape", "size", "pool"), [((9, 7), 3, 2), ((8, 8), 3, 2), ((10, 11), 4, 3), ((5, 5), 5, 1)])
def test_function_and_gradients_are_those_of_the_convolution(shape, size, pool):
    net = SmallCNN(shape, 3, 4, size=size, pool=pool, key=1)
    biases = jax.random.normal(jax.random.key(2), (4,))
    net = eqx.tree_at(lambda n: n.filter_biases, net, biases)
    x = jax.random.normal(jax.random.key(3), (6, *shape))
    ours, theirs = (jax.jit(jax.vmap(f))(x) for f in (net, lambda one: by_convolution(net, one)))
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)
    gradients = [
        eqx.filter_jit(eqx.filter_grad(lambda n, f=f: sum((f(n, one) ** 2).sum() for one in x[:2])))(net)
        for f in (lambda n, one: n(one), by_convolution)
    ]
    for a, b in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_batch_is_its_examples():
    net = SmallCNN((9, 7), 3, 4, size=3, pool=2, key=1)
    net = eqx.tree_at(lambda n: n.filter_biases, net, jax.random.normal(jax.random.key(2), (4,)))
    x = jax.random.normal(jax.random.key(3), (6, 63))
    np.testing.assert_allclose(eqx.filter_jit(net.batch)(x), jax.jit(jax.vmap(net))(x), rtol=2e-5, atol=2e-6)
    batch, each = (
        eqx.filter_jit(eqx.filter_grad(lambda n, f=f: (f(n) ** 2).sum()))(net)
        for f in (lambda n: n.batch(x), lambda n: jax.vmap(n)(x))
    )
    for a, b in zip(jax.tree.leaves(batch), jax.tree.leaves(each), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_an_answer_known_by_hand():
    net = SmallCNN((3, 3), 1, 1, size=2, pool=2)
    # The filter picks the lower right pixel of each patch; one pool, over the lower right 2 x 2 pixels of the image.
    net = eqx.tree_at(
        lambda n: (n.filters, n.filter_biases, n.readout, n.readout_biases),
        net,
        (jnp.array([[0.0, 0, 0, 1]]), jnp.array([-1.0]), jnp.array([[2.0]]), jnp.array([0.5])),
    )
    image = jnp.array([[9.0, 9, 9], [9, 3, 5], [9, 4, 2]])
    assert float(net(image)[0]) == 2 * (5 - 1) + 0.5
    assert float(net(-image)[0]) == 0.5  # max is -2, below the bias: the relu is shut


def test_images_and_rows_are_the_same_and_networks_are_pytrees():
    net = SmallCNN((8, 8), 10, 4, size=3)
    x = np.random.default_rng(0).random((5, 64))
    np.testing.assert_array_equal(predict(net, x), predict(net, x.reshape(5, 8, 8)))
    assert predict(net, x).shape == (5, 10)
    assert [leaf.shape for leaf in jax.tree.leaves(net)] == [(4, 9), (4,), (10, 36), (10,)]


def test_the_start_has_the_scale_asked_for_and_follows_the_key():
    usual, small = (SmallCNN((8, 8), 10, 4000, size=3, scale=s, key=1) for s in (1.0, 0.1))
    np.testing.assert_allclose(small.filters, 0.1 * usual.filters, rtol=1e-6)
    wanted = np.sqrt(2 / 9)
    assert abs(float(usual.filters.std()) - wanted) < 4 * wanted / np.sqrt(2 * usual.filters.size)
    assert not np.array_equal(usual.filters, SmallCNN((8, 8), 10, 4000, size=3, key=2).filters)


def test_sizes_that_leave_nothing_are_refused():
    with pytest.raises(InputError, match="leave nothing of a 4 x 9 image"):
        SmallCNN((4, 9), 1, 1, size=4, pool=2)
    with pytest.raises(InputError, match="filters=0: give a whole number, 1 or more"):
        SmallCNN((4, 4), 1, 0)
