"""What `wrap` and `differentiable` take, and what they refuse in one sentence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import differentiable
from zeroloss.plumbing import InputError

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 2))
K = np.kron(X @ X.T, np.eye(2))

EXTRAS = {
    "counter": np.int64(7),
    "key": jax.random.key(0),
    "old key": np.array([0, 1], np.uint32),
    "none": None,
    "number": 0.5,
    "text": "relu",
    "function": jnp.tanh,
    "mask": np.ones(3, bool),
    "nothing": np.zeros((0, 2)),
}


@pytest.mark.parametrize("name", EXTRAS)
def test_what_is_no_parameter_may_stand_among_them(name):
    net = zl.wrap(lambda p, x: x @ p["w"], {"w": W, "extra": EXTRAS[name]})
    np.testing.assert_allclose(zl.tangent.kernel_matrix(net, X), K, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_leaves_are_taken_at_their_exact_values(dtype):
    tiny = np.float32(2.0**-130)  # a subnormal float32, and a bfloat16 number
    half = jnp.asarray(W, dtype)
    net = zl.wrap(lambda p, x: x @ p["w"], {"w": half, "small": np.full(1, tiny).astype(jnp.bfloat16)})
    assert net.params["w"].dtype == jnp.float32
    np.testing.assert_array_equal(np.asarray(net.params["w"]), np.asarray(half).astype(np.float32))
    assert float(np.asarray(net.params["small"])[0]) == float(tiny)
    np.testing.assert_allclose(zl.tangent.kernel_matrix(net, X), K, rtol=1e-5, atol=1e-5)


def test_leaves_of_two_precisions_give_a_kernel_in_the_wider_one():
    net = zl.wrap(lambda p, x: x @ p["w"] + p["b"], {"w": W.astype(np.float32), "b": np.zeros(2)})
    found = zl.tangent.kernel_matrix(net, X)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, np.kron(X @ X.T + 1, np.eye(2)), rtol=1e-6)


def test_a_block_in_low_precision_is_checked_to_that_precision_and_named():
    def low(p, x):
        return (x.astype(jnp.bfloat16) @ p["w"].astype(jnp.bfloat16)).astype(jnp.float32) @ p["v"]

    net = zl.wrap(low, {"w": RNG.standard_normal((3, 64)), "v": RNG.standard_normal((64, 2))})
    explained = zl.tangent.explained_kernel(net, X)
    found, estimate = explained.kernel, explained.estimate
    assert estimate.precision == "bfloat16"
    assert "bfloat16" in str(estimate)
    h = X @ np.asarray(net.params["w"])
    exact = np.kron(h @ h.T, np.eye(2)) + np.kron(X @ X.T, np.asarray(net.params["v"]).T @ np.asarray(net.params["v"]))
    assert np.abs(zl.tangent.kernel(net, X).transpose(0, 2, 1, 3).reshape(10, 10) - exact).max() < 0.05 * exact.max()
    assert found.shape == (5, 5, 2, 2)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_parameters_are_refused_by_name(dtype):
    net = zl.wrap(lambda p, x: jnp.abs(x @ p["inner"]) ** 2, {"inner": W.astype(dtype)})
    data = zl.from_arrays(X, RNG.standard_normal((5, 2)))
    for call in (
        lambda: zl.tangent.kernel(net, X),
        lambda: zl.tangent.KernelOperator(net, X),
        lambda: zl.descend(net, data, steps=1),
        lambda: zl.audit(net, data, measures="sharpness"),
    ):
        with pytest.raises(InputError, match=r"inner.* is complex.*real and imaginary part"):
            call()


class Predictor:
    def predict(self, x):
        return np.zeros(len(x))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Predictor(), "no weights that can be differentiated.*zeroloss.audit"),
        ("model.onnx", "ONNX file.*zeroloss.audit"),
        ("net.npz", "load_network"),
        (lambda x: x, r"zeroloss.wrap\(function, params\)"),
        (3, "no network"),
    ],
    ids=["estimator", "onnx", "file", "function", "number"],
)
def test_what_has_no_weights_is_refused_with_what_can_be_done(model, words):
    with pytest.raises(InputError, match=words):
        zl.tangent.kernel(model, X)
    with pytest.raises(InputError, match=words):
        differentiable(model)


def test_a_model_that_fails_in_its_own_way_gives_one_line():
    def fails(p, x):
        raise RuntimeError("Dropout requires a key when running in non-deterministic mode.\nmore")

    def branches(p, x):
        return x @ p if x[0, 0] > 0 else -x @ p

    with pytest.raises(InputError, match="evaluation mode"):
        zl.tangent.kernel(zl.wrap(fails, W), X)
    with pytest.raises(InputError, match=r"jnp.where or lax.cond"):
        zl.tangent.kernel(zl.wrap(branches, W), X)
    with pytest.raises(InputError, match="no function"):
        zl.wrap(3, W)
    with pytest.raises(InputError, match="has no parameters"):
        zl.wrap(jnp.tanh)
