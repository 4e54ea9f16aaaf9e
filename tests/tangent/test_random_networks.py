"""Random small networks, whose weights are met in every order, direction and number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tangent_references import assert_close, brute_force

from zeroloss.networks import wrap
from zeroloss.plumbing import double
from zeroloss.tangent import kernel

SIZE = 4
MATRIX, VECTOR = st.integers(0, 2), st.integers(0, 1)
LAYERS = st.one_of(
    st.tuples(st.just("dense"), MATRIX, st.booleans(), st.sampled_from([1.0, -0.5])),
    st.tuples(st.just("bias"), VECTOR, st.booleans(), st.just(1.0)),
    st.tuples(st.just("scale"), VECTOR, st.booleans(), st.just(1.0)),
    st.tuples(st.just("part"), MATRIX, st.booleans(), st.just(1.0)),
    st.tuples(st.just("sum"), MATRIX, st.booleans(), st.just(1.0)),
    st.tuples(st.just("loop"), MATRIX, st.booleans(), st.just(0.7)),
    st.tuples(st.just("window"), VECTOR, st.booleans(), st.just(1.0)),
    st.tuples(st.just("twice"), MATRIX, st.booleans(), st.just(1.0)),
)


def apply(layer, p, h):
    """One layer on `(n, 4)`."""
    kind, which, flag, number = layer
    matrix, vector = p["matrices"][which], p["vectors"][which % 2]
    turned = matrix.T if flag else matrix
    if kind == "dense":
        return jnp.tanh(number * (h @ turned))
    if kind == "bias":
        return h + vector if flag else vector - h
    if kind == "scale":
        return h * vector if flag else jnp.sin(h) * (2 * vector)
    if kind == "part":
        return jnp.concatenate([h @ turned[:, :2], jnp.cos(h @ turned[:, 2:])], axis=-1)
    if kind == "sum":
        return h + jax.nn.softplus(h @ turned + p["vectors"][0])
    if kind == "loop":
        return jax.lax.scan(lambda c, _: (jnp.tanh(number * (c @ turned)), None), h, None, length=3)[0]
    if kind == "window":
        kernel = vector[:3][None, None]
        return jnp.tanh(jax.lax.conv_general_dilated(h[:, None], kernel, (1,), [(1, 1)])[:, 0])
    return jnp.tanh((h @ turned) @ matrix)


def compare(layers, outputs):
    rng = np.random.default_rng(0)
    with double():
        params = {
            "matrices": [jnp.asarray(rng.standard_normal((SIZE, SIZE)) / 2) for _ in range(3)],
            "vectors": [jnp.asarray(rng.standard_normal(SIZE)) for _ in range(2)],
        }

    def function(p, x):
        for layer in layers:
            x = apply(layer, p, x)
        return x[:, :outputs] + 0.5 * x[:, 2:3]

    network = wrap(function, params)
    x1, x2 = rng.standard_normal((2, 3, SIZE))
    assert_close(kernel(network, x1, x2), brute_force(network, x1, x2), np.float64)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(st.lists(LAYERS, min_size=1, max_size=5), st.integers(1, 2))
def test_random_networks(layers, outputs):
    compare(layers, outputs)


@pytest.mark.slow
@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(LAYERS, min_size=1, max_size=6), st.integers(1, 2))
def test_many_random_networks(layers, outputs):
    compare(layers, outputs)
