"""Wrapped functions of several inputs, and whose answer is a dict."""

import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import predict, wrap
from zeroloss.plumbing import InputError

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((5, 3)).astype(np.float32), RNG.standard_normal((5, 2, 2)).astype(np.float32)
IDS = RNG.integers(0, 4, (5, 3))
PARAMS = {"a": RNG.standard_normal((3, 2)).astype(np.float32), "b": RNG.standard_normal((4, 2)).astype(np.float32)}


def towers(p, batch):
    left, right = batch
    return jnp.tanh(left @ p["a"] + right.reshape(len(right), -1) @ p["b"])


def by_name(p, batch):
    return {"logits": jnp.tanh(p["a"][batch["ids"] % 3].sum(1)) * batch["x"][:, :1], "hidden": batch["x"]}


def test_several_inputs():
    network = wrap(towers, PARAMS, inputs=(A, B))
    np.testing.assert_allclose(predict(network, (A, B)), towers(PARAMS, (A, B)), rtol=1e-5)
    data = zl.from_arrays((A, B), [0, 1, 0, 1, 1])
    np.testing.assert_allclose(predict(wrap(towers, PARAMS, inputs=data), data.x_train), predict(network, data.x_train))
    assert zl.tangent.kernel(network, (A, B)).shape == (5, 5, 2, 2)
    assert zl.descend(network, data, steps=2).steps == 2


def test_names_whole_numbers_and_an_output():
    inputs = {"ids": IDS, "x": A}
    network = wrap(by_name, PARAMS, inputs=inputs, output="logits")
    expected = np.asarray(by_name(PARAMS, inputs)["logits"])
    np.testing.assert_allclose(predict(network, inputs), expected, rtol=1e-5)
    np.testing.assert_allclose(predict(network, {"x": A, "ids": IDS}), expected, rtol=1e-5)
    assert network.takes_tokens and not wrap(towers, PARAMS, inputs=(A, B)).takes_tokens
    with pytest.raises(InputError, match=r"several arrays.*output="):
        predict(wrap(by_name, PARAMS, inputs=inputs), inputs)


def test_the_only_array_of_a_dict_is_taken():
    network = wrap(lambda p, x: {"logits": x @ p["a"], "n": 2}, PARAMS)
    np.testing.assert_allclose(predict(network, A), A @ PARAMS["a"], rtol=1e-5)
    assert zl.tangent.kernel(network, A).shape == (5, 5, 2, 2)
