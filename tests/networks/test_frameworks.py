"""Models of Flax, Haiku and Keras, as their users have them."""

import os
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.plumbing import InputError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 4)).astype(np.float32)
DATA = zl.from_arrays(X, np.arange(6) % 2)


def check(model, arrays, answer):
    """Kernel of all of `arrays` by one Jacobian, and the answers, against the model's own; a step of descent and an audit."""
    j = jax.jacrev(lambda p: jnp.ravel(answer(p, X)))(arrays)
    j = np.concatenate([np.asarray(leaf).reshape(12, -1) for leaf in jax.tree.leaves(j)], axis=1)
    np.testing.assert_allclose(zl.tangent.kernel_matrix(model, X), j @ j.T, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(zl.predict(model, X), answer(arrays, X), rtol=1e-5, atol=1e-5)
    fit = zl.descend(model, DATA, steps=2)
    assert fit.loss < fit.history["loss"][0]
    assert zl.audit(fit.network, DATA, initial=model).numbers["movement"] > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:flax")
def test_nnx_in_evaluation_mode_with_its_statistics_constant():
    nnx = pytest.importorskip("flax.nnx", reason="Flax is not installed")

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.first, self.norm = nnx.Linear(4, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
            self.drop, self.last = nnx.Dropout(0.5, rngs=rngs), nnx.Linear(8, 2, rngs=rngs)

        def __call__(self, x):
            return self.last(self.drop(nnx.relu(self.norm(self.first(x)))))

    model = Net(nnx.Rngs(0))
    before = jax.tree.map(np.asarray, nnx.state(model, nnx.BatchStat))
    graph, params, rest = nnx.split(model, nnx.Param, ...)

    def answer(p, x):
        copy = nnx.merge(graph, p, rest)
        copy.eval()
        return copy(x)

    check(model, params, answer)
    after = jax.tree.map(np.asarray, nnx.state(model, nnx.BatchStat))
    assert jax.tree.all(jax.tree.map(np.array_equal, before, after))


@pytest.mark.slow
def test_linen_bound_with_variables_and_as_a_train_state():
    linen = pytest.importorskip("flax.linen", reason="Flax is not installed")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(2)(linen.tanh(linen.Dense(8)(x)))

    module = Net()
    variables = module.init(jax.random.key(0), X[:1])

    def answer(p, x):
        return module.apply({"params": p}, x)

    check(zl.wrap(module, variables), variables["params"], answer)
    expected = zl.predict(zl.wrap(module, variables["params"]), X)
    np.testing.assert_array_equal(zl.predict(module.bind(variables), X), expected)
    state = types.SimpleNamespace(apply_fn=module.apply, params=variables["params"])
    np.testing.assert_array_equal(zl.predict(state, X), expected)
    with pytest.raises(InputError, match=r"zeroloss.wrap\(module, variables\)"):
        zl.tangent.kernel(module, X)


@pytest.mark.slow
def test_haiku_with_and_without_state():
    haiku = pytest.importorskip("haiku", reason="Haiku is not installed")

    def net(x):
        return haiku.Linear(2)(jax.nn.tanh(haiku.Linear(8)(x)))

    transformed = haiku.transform(net)
    params = transformed.init(jax.random.key(0), X[:1])
    check(zl.wrap(transformed, params), params, lambda p, x: transformed.apply(p, None, x))
    stateful = haiku.transform_with_state(net)
    expected = transformed.apply(params, None, X)
    np.testing.assert_allclose(zl.predict(zl.wrap(stateful, (params, {})), X), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match=r"\(params, state\)"):
        zl.wrap(stateful, params)
    with pytest.raises(InputError, match=r"zeroloss.wrap\(transformed, params\)"):
        zl.descend(transformed, DATA)


@pytest.mark.slow
def test_keras_on_jax():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    if keras.backend.backend() != "jax":
        pytest.skip("Keras runs on another backend here")
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((4,)), layers.Dense(8, "tanh"), layers.BatchNormalization(), layers.Dense(2)]
    )
    rest = [v.value for v in model.non_trainable_variables]
    own = [v.value for v in model.trainable_variables]
    check(model, own, lambda p, x: model.stateless_call(p, rest, x, training=False)[0])
