"""The layerwise kernel against Jacobians written out."""

import sys

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tangent_references import assert_close, brute_force, form, jacobian

from zeroloss.networks import ACTIVATIONS, MLP, FeedForward
from zeroloss.plumbing import InputError, double
from zeroloss.tangent import as_matrix, kernel, kernel_matrix

# Few shapes (every one compiles), many networks.
ARCHITECTURES = [
    (3, 1, ()),
    (2, 2, (5,)),
    (3, 1, (4, 3)),
    (1, 3, (4, 4, 4)),
    (3, 2, (3, 3, 2, 3)),
    (2, 1, (1, 1)),
]


def matrices(leaf):
    return leaf.ndim == 2


@st.composite
def problems(draw):
    in_size, out_size, widths = draw(st.sampled_from(ARCHITECTURES))
    name = draw(st.sampled_from(list(ACTIVATIONS)))
    parametrization = draw(st.sampled_from(["standard", "ntk", "mup"]))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    bias_std = draw(st.sampled_from([0.0, 0.1, 1.0]))
    net = MLP(in_size, out_size, widths, None, name, parametrization, None, bias_std, dtype, draw(st.integers(0, 99)))
    subsets = [None, "readout", "biases", matrices] + (["hidden", ["layer1", "readout"]] if widths else [])
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x1 = rng.standard_normal((4, in_size)).astype(dtype)
    x2 = rng.standard_normal((4, in_size)).astype(dtype) if draw(st.booleans()) else None
    return net, x1, x2, draw(st.sampled_from(subsets)), draw(st.sampled_from(["full", "trace", "diagonal"]))


@settings(max_examples=3, deadline=None, derandomize=True)
@given(problems())
def test_against_brute_force(problem):
    check_problem(problem)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(problems())
def test_against_brute_force_at_length(problem):
    check_problem(problem)


def check_problem(problem):
    net, x1, x2, trainable, outputs = problem
    first = jacobian(net, x1, trainable)
    second = first if x2 is None else jacobian(net, x2, trainable)
    expected = np.einsum("iap,jbp->ijab", first, second)
    found = kernel(net, x1, x2, outputs, trainable=trainable, check=False)
    # An entry may cancel: the size of its summands counts.
    sizes = [np.sqrt((j**2).sum(-1).max()) for j in (first, second)]
    assert_close(found, form(expected, outputs), net.dtype, sizes[0] * sizes[1])


@pytest.mark.parametrize(
    "name", ["relu", *(pytest.param(n, marks=pytest.mark.slow) for n in ACTIVATIONS if n != "relu")]
)
def test_every_activation(name):
    net = MLP(3, 2, (5, 4), None, name, dtype="float64", key=1)
    x = np.random.default_rng(0).standard_normal((4, 3))
    assert_close(kernel(net, x, check=False), brute_force(net, x), np.float64)


@pytest.mark.parametrize("parametrization", ["standard", "ntk", "mup"])
def test_depth_one_by_the_formula(parametrization):
    """Two layers by hand: `K = c2^2 + a2^2 h.h + sum_units (a2 v phi')(a2 v phi') (a1^2 x.x + c1^2)`."""
    net = MLP(3, 1, 6, None, "tanh", parametrization, 1.5, 0.7, "float64", key=3)
    x = np.random.default_rng(1).standard_normal((5, 3))
    (a1, a2), (c1, c2) = net.weight_scales, net.bias_scales
    w, v = (np.asarray(array) for array in net.weights)
    h = np.tanh(a1 * x @ w.T + c1 * np.asarray(net.biases[0]))
    g = a2 * v * (1 - h**2)
    expected = c2**2 + a2**2 * h @ h.T + (g @ g.T) * (a1**2 * x @ x.T + c1**2)
    np.testing.assert_allclose(kernel(net, x)[..., 0, 0], expected, rtol=1e-12)


def test_a_linear_model_has_the_gram_matrix():
    x = np.random.default_rng(0).standard_normal((5, 3))
    net = MLP(3, 2, depth=0, parametrization="standard", dtype="float64", key=0)
    np.testing.assert_allclose(kernel_matrix(net, x), np.kron(x @ x.T + 1, np.eye(2)), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_matrix_is_bitwise_symmetric_and_example_major(dtype):
    net = MLP(3, 2, (5, 4), dtype=dtype, key=0)
    x = np.random.default_rng(0).standard_normal((7, 3))
    matrix, full = kernel_matrix(net, x), kernel(net, x)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(as_matrix(full), matrix)
    assert full[2, 5, 0, 1] == matrix[2 * 2 + 0, 5 * 2 + 1]


def test_blocks_of_rows_change_nothing(monkeypatch):
    """More rows than one block of the extraction, and more than one of the product."""
    from zeroloss.tangent import contraction

    net = MLP(2, 2, 3, dtype="float64", key=0)
    x1, x2 = np.random.default_rng(0).standard_normal((2, 300, 2))
    monkeypatch.setattr(contraction, "TILE", 64)
    monkeypatch.setattr(sys.modules["zeroloss.tangent.kernel"], "FEATURE_BYTES", 20_000)
    for other in (None, x2[:17]):
        assert_close(kernel(net, x1, other), brute_force(net, x1, other), np.float64)
        for outputs in ("trace", "diagonal"):
            expected = form(brute_force(net, x1, other), outputs)
            assert_close(kernel(net, x1, other, outputs), expected, np.float64)


@pytest.mark.parametrize("outputs", ["full", *(pytest.param(o, marks=pytest.mark.slow) for o in ("trace", "diagonal"))])
def test_proportional_cotangents_of_one_set_of_points(outputs):
    """One unit, active on the first set of points: cotangents are proportional there, and not on the second."""
    with double():
        net = FeedForward([jnp.ones((1, 1)), jnp.full((1, 1), 2.0)], [jnp.full(1, 0.5), jnp.ones(1)], ["relu"])
    for x1, x2 in (
        ([[1.0]], [[-3.0], [2.0]]),
        ([[-3.0], [2.0]], [[1.0]]),
        ([[1.0], [2.0]], [[-1.0]]),
        ([[-1.0]], [[-2.0]]),
    ):
        x1, x2 = np.array(x1), np.array(x2)
        np.testing.assert_allclose(
            kernel(net, x1, x2, outputs), form(brute_force(net, x1, x2), outputs), rtol=1e-12, atol=1e-14
        )


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_one_unit_and_one_point_each(name):
    """With one number a layer any two cotangents of one point are proportional."""
    for seed in range(5):
        net = MLP(2, 1, (1, 1), None, name, bias_std=1.0, dtype="float64", key=seed)
        x1, x2 = np.random.default_rng(seed).standard_normal((2, 1, 2))
        np.testing.assert_allclose(kernel(net, x1, x2, check=False), brute_force(net, x1, x2), rtol=1e-11, atol=1e-13)


def test_repeated_points_and_dead_units():
    net = MLP(2, 1, 4, None, "relu", dtype="float64", key=0)
    x = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    assert_close(kernel(net, x), brute_force(net, x), np.float64)
    with double():
        dead = FeedForward([jnp.ones((3, 2)), jnp.ones((1, 3))], [jnp.full(3, -100.0), jnp.zeros(1)], ["relu"])
    np.testing.assert_array_equal(kernel(dead, x)[..., 0, 0], np.ones((3, 3)))


def test_the_probe_finds_a_wrong_kernel(monkeypatch):
    module = sys.modules["zeroloss.tangent.kernel"]  # the package's attribute of that name is the function
    right = module.gram
    net = MLP(3, 2, 4, dtype="float64", key=0)
    x = np.random.default_rng(0).standard_normal((5, 3))
    for outputs in ("full", "trace", "diagonal"):
        kernel(net, x, outputs=outputs)
        monkeypatch.setattr(module, "gram", lambda *parts: right(*parts) * 1.01)
        with pytest.raises(ArithmeticError, match="disagrees with vjp and jvp"):
            kernel(net, x, outputs=outputs)
        monkeypatch.undo()


BAD = [
    ((np.full((2, 3), np.nan),), {}, "NaN or infinity"),
    ((np.full((2, 3), np.inf),), {}, "NaN or infinity"),
    ((np.ones((0, 3)),), {}, "at least one example"),
    ((np.float64(3.0),), {}, "at least one example"),
    ((np.ones((2, 4)),), {}, "does not take inputs of shape"),
    ((np.ones((2, 3)), np.full((2, 3), np.nan)), {}, "NaN or infinity"),
    ((np.ones((2, 3)),), {"outputs": "sum"}, "choose one of full, trace, diagonal"),
    ((np.ones((2, 3)),), {"trainable": "head"}, "not a part of this network"),
    ((np.full((2, 3), 1e30),), {}, "not finite"),
]


@pytest.mark.parametrize(("arrays", "options", "words"), BAD)
@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_bad_input(arrays, options, words):
    with pytest.raises(InputError, match=words) as caught:
        kernel(MLP(3, 1, 4, None, "relu", key=0), *arrays, **options)
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite():
    net = MLP(2, 1, 3, key=0)
    broken = eqx.tree_at(lambda n: n.weights[1], net, jnp.full((1, 3), jnp.nan))
    with pytest.raises(InputError, match=r"weights\[1\] of the network holds NaN"):
        kernel(broken, np.ones((2, 2)))
    huge = eqx.tree_at(lambda n: n.weights[1], net, jnp.full((1, 3), 3e38))
    with pytest.raises(InputError, match="not finite"):
        kernel(huge, np.ones((2, 2)))


def test_a_number_instead_of_a_vector_is_refused():
    class Scalar(eqx.Module):
        w: object

        def __call__(self, x):
            return (self.w * x).sum()

    with pytest.raises(InputError, match=r"must be \(c,\)"):
        kernel(Scalar(jnp.ones(3)), np.ones((2, 3)))


def test_as_matrix_refuses_other_forms():
    with pytest.raises(InputError, match="give a matrix"):
        as_matrix(np.ones((2, 2, 2)))
