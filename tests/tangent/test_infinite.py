"""Kernels of infinite width: against finite networks, textbook formulas in ball arithmetic, and at degenerate inputs."""

import dataclasses
import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from infinite_references import recursion_reference, relu_in_balls
from scipy.stats import chi2

from zeroloss.networks import ACTIVATIONS, MLP, FeedForward, ResidualMLP, predict
from zeroloss.networks.activations import LEAKY_SLOPE
from zeroloss.plumbing import InputError, double
from zeroloss.tangent import kernel
from zeroloss.tangent.infinite import (
    Activation,
    Dense,
    InfiniteKernel,
    Residual,
    Serial,
    convergence,
    convergence_rate,
    describe,
    infinite_kernel,
    propagate,
)
from zeroloss.verdict import from_json

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3))
HARD = np.array([[1.0, 2, 2], [1, 2, 2], [-1, -2, -2], [2, 4, 4], [1, 2, 2 + 1e-9], [0, 0, 0], [-3, 0.5, 1]])


def mlp(name, depth=2, width=4, out=1, **kw):
    return MLP(3, out, width, depth, name, dtype="float64", **({"weight_std": 1.3, "bias_std": 0.3} | kw))


def residual(name, blocks=1, width=4, **kw):
    return ResidualMLP(3, 1, width, blocks, name, dtype="float64", **({"weight_std": 1.3, "bias_std": 0.3} | kw))


# Finite networks


@eqx.filter_jit
def _tangent(networks, x):
    def one(network):
        moved, fixed = eqx.partition(network, eqx.is_inexact_array)
        rows = jax.vmap(lambda v: jax.grad(lambda w: eqx.combine(w, fixed)(v)[0])(moved))(x)
        return sum(leaf.reshape(len(x), -1) @ leaf.reshape(len(x), -1).T for leaf in jax.tree.leaves(rows))

    return eqx.filter_vmap(one)(networks)


def finite_kernels(make, width, seeds, x):
    """Tangent kernels `(seeds, n, n)` of one-output networks with stacked weights."""
    with double():
        keys = jax.vmap(jax.random.PRNGKey)(jnp.arange(seeds))
        networks = eqx.filter_vmap(lambda key: make(width=width, key=key))(keys)
        return np.asarray(_tangent(networks, jnp.asarray(x)))


def probability(expected, samples):
    """Of a mean as far from `expected` as that of independent estimates with means and covariances as given."""
    pick = np.triu_indices(expected.shape[0])
    gap, covariance = -expected[pick], 0.0
    for factor, sample in samples:
        entries = sample[:, *pick]
        gap = gap + factor * entries.mean(0)
        covariance = covariance + factor**2 * np.cov(entries.T) / len(entries)
    return chi2.sf(gap @ np.linalg.solve(covariance, gap), len(gap))


KINDS = {
    "relu, 1 layer": (mlp, {"name": "relu", "depth": 1}),
    "tanh, 2 layers": (mlp, {"name": "tanh", "depth": 2}),
    "silu, 3 layers": (mlp, {"name": "silu", "depth": 3}),
    "relu, 2 sums": (residual, {"name": "relu", "blocks": 2}),
    "softplus, 1 sum": (residual, {"name": "softplus", "blocks": 1}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_finite_kernels(kind):
    """With one hidden layer the mean is exact; else its bias is c/width + O(width^-2), and two widths remove c."""
    make, options = KINDS[kind]
    seeds, width, x = 6000, 32, X[:3]

    def build(width, key):
        return make(width=width, key=key, **options)

    small = finite_kernels(build, width, seeds, x)
    for seed in range(2):
        np.testing.assert_allclose(small[seed], kernel(build(width, seed), x, outputs="trace"), rtol=1e-9)
    alone = options.get("depth") == 1
    samples = [(1.0, small)] if alone else [(-1.0, small), (2.0, finite_kernels(build, 2 * width, seeds, x))]
    limit = infinite_kernel(build(width, 0), x).ntk
    assert probability(limit, samples) > 0.001
    without_bias = infinite_kernel(build(width, 0) if alone else make(bias_std=0.0, **options), x).ntk
    for wrong in (1.06 * limit, limit - 0.09 if alone else without_bias):
        assert probability(wrong, samples) < 0.001


@pytest.mark.slow
@pytest.mark.parametrize("make", [mlp, residual])
def test_the_covariance_of_finite_outputs(make):
    """The read-out is Gaussian given the layer before it, so the sample covariance at width 128 is close."""
    seeds = 1500
    with double():
        keys = jax.vmap(jax.random.PRNGKey)(jnp.arange(seeds))
        networks = eqx.filter_vmap(lambda key: make("erf", width=128, key=key))(keys)
        outputs = eqx.filter_jit(lambda n, x: eqx.filter_vmap(lambda f: jax.vmap(f)(x)[:, 0])(n))(networks, X)
    products = np.einsum("si,sj->sij", np.asarray(outputs), np.asarray(outputs))
    nngp = infinite_kernel(make("erf"), X).nngp
    error = products.std(0) / math.sqrt(seeds)
    assert (np.abs(products.mean(0) - nngp) < 4 * error + nngp.max() / 128).all()
    assert (4 * error < 0.25 * nngp.max()).all()


@pytest.mark.slow
@pytest.mark.parametrize("network", [mlp("tanh", out=2), residual("relu")], ids=["MLP", "ResidualMLP"])
def test_convergence_as_the_root_of_the_width(network):
    table = convergence(network, X, [128, 256, 512, 1024], range(40))
    assert len(table["width"]) == len(table["seed"]) == len(table["deviation"]) == 160
    rate = convergence_rate(table)
    assert -0.5 in rate
    assert rate.upper - rate.lower < 0.25
    assert -1 not in rate and 0 not in rate
    assert from_json(rate.to_json()) == rate


def test_the_rate_of_a_table_made_by_hand():
    table = {"width": [4, 16] * 3, "seed": [0, 0, 1, 1, 2, 2], "deviation": [1, 1 / 2, 1, 1 / 4, 1, 1 / 8]}
    rate = convergence_rate(table)
    assert rate.slope == pytest.approx(-1) and rate.seeds == 3
    # Slopes -1/2, -1, -3/2: standard deviation 1/2; Student's quantile with 2 degrees of freedom is 4.3027
    assert rate.upper - rate.slope == pytest.approx(4.302652729911275 * 0.5 / math.sqrt(3))


# Independent references


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_recursion_by_other_integrals(name):
    for network, depth, blocks in ((mlp(name), 2, 0), (residual(name), 1, 1)):
        got = infinite_kernel(network, X[:2])
        assert got.method == ("quadrature" if name in ("tanh", "sigmoid", "softplus", "silu") else "closed form")
        for i, j in ((0, 0), (0, 1)):
            nngp, ntk = recursion_reference(name, X[i], X[j], depth, 1.3, 0.3, blocks)
            tolerance = 1e-10 if ACTIVATIONS[name].analytic else 1e-6 if i == j else 1e-10
            assert got.nngp[i, j] == pytest.approx(nngp, rel=tolerance)
            assert got.ntk[i, j] == pytest.approx(ntk, rel=tolerance)
        assert (got.error < 1e-10 * got.ntk.max()).all()


@pytest.mark.parametrize(
    ("name", "alpha", "beta"),
    [("relu", 0.5, 0.5), ("abs", 0, 1), ("leaky_relu", (1 + LEAKY_SLOPE) / 2, (1 - LEAKY_SLOPE) / 2)],
)
@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_arc_cosine_kernels_in_ball_arithmetic(name, alpha, beta, bias):
    """Near parallel and antipodal inputs too: the stated error covers what 400 bits say."""
    tilts = [0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3]
    base = np.array([0.3, -1.7, 0.9])
    rows = [base] + [
        sign * scale * (base + np.array([t, -t, 2 * t])) for t in tilts for sign in (1, -1) for scale in (1, 7.3)
    ]
    x = np.array(rows)
    got = infinite_kernel(mlp(name, depth=3, weight_std=1.4, bias_std=bias), x)
    pairs = list(itertools.product(range(3), range(len(x))))
    for i, j in pairs:
        nngp, ntk, radius = relu_in_balls(x[i], x[j], 3, 1.4, bias, alpha, beta)
        assert radius < 1e-25 * abs(ntk) + 1e-30
        assert abs(got.nngp[i, j] - nngp) <= got.error[i, j]
        assert abs(got.ntk[i, j] - ntk) <= got.error[i, j]
        assert got.error[i, j] < 1e-13 * math.sqrt(got.ntk[i, i] * got.ntk[j, j])


def test_a_linear_network_and_no_hidden_layer():
    gram = X @ X.T / 3
    for network, nngp, ntk in (
        (mlp("identity", depth=1, weight_std=2, bias_std=0.5), 16 * gram + 1.25, 32 * gram + 2.25),
        (MLP(3, 1, 1, 0, weight_std=2, bias_std=0.5), 4 * gram + 0.25, 4 * gram + 0.25),
        (ResidualMLP(3, 1, 5, 0, "identity", weight_std=2, bias_std=0.5), 16 * gram + 1.25, 32 * gram + 2.25),
    ):
        got = infinite_kernel(network, X)
        np.testing.assert_allclose(got.nngp, nngp, rtol=1e-13)
        np.testing.assert_allclose(got.ntk, ntk, rtol=1e-13)


# Degenerate inputs


@pytest.mark.slow
@pytest.mark.parametrize("bias", [0.0, 0.3])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_symmetric_positive_and_finite(name, bias):
    for network in (mlp(name, bias_std=bias), residual(name, bias_std=bias)):
        got = infinite_kernel(network, HARD)
        for matrix in (got.nngp, got.ntk):
            assert matrix.dtype == np.float64 and np.array_equal(matrix, matrix.T)
            assert np.linalg.eigvalsh(matrix)[0] > -1e-13 * np.trace(matrix)
        assert (np.diag(got.ntk) >= np.diag(got.nngp) * (1 - 1e-14)).all()
        tolerance = 1e-12 * got.ntk.max()
        assert np.abs(got.ntk[0] - got.ntk[1]).max() <= tolerance
        other = infinite_kernel(network, HARD[:4], HARD)
        assert np.abs(other.ntk - got.ntk[:4]).max() <= tolerance
        np.testing.assert_allclose(infinite_kernel(network, HARD, HARD[:4]).ntk, other.ntk.T, atol=tolerance)


@pytest.mark.parametrize("name", ["relu", "abs", "leaky_relu"])
def test_homogeneous_kernels_scale_from_tiny_to_huge(name):
    network = mlp(name, bias_std=0.0)
    plain = infinite_kernel(network, X)
    for power in (2.0**-498, 2.0**498):  # about 1e-150 and 1e150
        got = infinite_kernel(network, X * power, X)
        np.testing.assert_allclose(got.ntk, plain.ntk * power, rtol=1e-13)
        both = infinite_kernel(network, X * power)
        np.testing.assert_allclose(both.nngp, plain.nngp * power**2, rtol=1e-13)


@pytest.mark.parametrize("name", ["tanh", "silu", "softplus"])
def test_smooth_kernels_at_tiny_and_large_inputs(name):
    for scale in (1e-150, 1e-8, 1e4, 1e6):
        got = infinite_kernel(mlp(name), HARD * scale)
        assert np.isfinite(got.ntk).all() and (got.error <= 1e-3 * got.ntk.max()).all()
        assert np.linalg.eigvalsh(got.ntk)[0] > -got.error.max() * len(HARD)


GRADIENT = jax.jit(
    jax.grad(lambda a, b, layers: sum(jnp.sum(k) for k in propagate(layers, a, b)[2:5:2]), argnums=(0, 1)),
    static_argnums=2,
)


@pytest.mark.parametrize("bias", [0.0, 0.3])
@pytest.mark.parametrize(
    "name", ["relu", "tanh", *(pytest.param(n, marks=pytest.mark.slow) for n in ("abs", "gelu", "silu", "erf", "sin"))]
)
def test_gradients_are_finite_and_right(name, bias):
    block = Residual(Activation(name), Dense(1.1, bias))
    layers = Serial(Dense(1.3, bias), block, Activation(name), Dense(1.3, bias))
    with double():
        for x1, x2 in itertools.product(HARD, HARD):
            for g in GRADIENT(jnp.asarray(x1[None]), jnp.asarray(x2[None]), layers):
                assert np.isfinite(g).all()
        a, b = HARD[6:], HARD[:1]
        g, _ = GRADIENT(jnp.asarray(a), jnp.asarray(b), layers)

        def total(x):
            state = propagate(layers, jnp.asarray(x), jnp.asarray(b))
            return float(state.nngp[0, 0] + state.ntk[0, 0])

        numeric = [(total(a + 1e-6 * e) - total(a - 1e-6 * e)) / 2e-6 for e in np.eye(3)[:, None, :]]
        np.testing.assert_allclose(np.asarray(g)[0], numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.slow
def test_the_gradient_at_equal_inputs_of_a_smooth_kernel():
    """`d/da K(a, b)` at `a = b` is half the derivative of `K(a, a)`."""
    layers = describe(mlp("tanh"))
    with double():
        a = jnp.asarray(X[:1])
        g, _ = GRADIENT(a, a, layers)
        whole = jax.grad(lambda v: sum(jnp.sum(k) for k in propagate(layers, v, v)[2:5:2]))(a)
    np.testing.assert_allclose(np.asarray(g), np.asarray(whole) / 2, rtol=1e-8)


# Interface


def test_descriptions_and_records():
    layers = describe(residual("relu", 2))
    block = Residual(Activation("relu"), Dense(1.3, 0.3))
    assert layers == Serial(Dense(1.3, 0.3), block, block, Activation("relu"), Dense(1.3, 0.3))
    assert describe(layers) is layers and hash(layers) == hash(describe(residual("relu", 2)))
    got = infinite_kernel(layers, X)
    assert isinstance(got, InfiniteKernel) and from_json(got.to_json()) == got
    assert "4 x 4" in repr(got) and "closed form" in repr(got)
    assert np.array_equal(got.ntk, infinite_kernel(residual("relu", 2, width=9, key=5), X).ntk)
    with pytest.raises(dataclasses.FrozenInstanceError):
        got.ntk = None


def test_a_layer_of_ones_own():
    @dataclasses.dataclass(frozen=True)
    class Twice:
        def apply(self, state, rule):
            return Dense(2.0).apply(state, rule)

        def gaussian(self, before):
            return True

    own = infinite_kernel(Serial(Twice(), Activation("relu"), Twice()), X)
    ours = infinite_kernel(Serial(Dense(2.0), Activation("relu"), Dense(2.0)), X)
    assert np.array_equal(own.ntk, ours.ntk)


def test_blocks_of_rows_are_the_whole(monkeypatch):
    whole = infinite_kernel(mlp("tanh"), X, HARD).ntk
    monkeypatch.setattr("zeroloss.tangent.infinite.kernel.ENTRIES", 3 * len(HARD))
    np.testing.assert_allclose(infinite_kernel(mlp("tanh"), X, HARD).ntk, whole, rtol=1e-14)


def test_the_residual_network_is_what_it_says():
    network = residual("tanh", blocks=1, width=5)
    (w0, w1, w2), (b0, b1, b2) = (list(map(np.asarray, part)) for part in (network.weights, network.biases))
    z = 1.3 / math.sqrt(3) * X @ w0.T + 0.3 * b0
    z = z + 1.3 / math.sqrt(5) * np.tanh(z) @ w1.T + 0.3 * b1
    expected = 1.3 / math.sqrt(5) * np.tanh(z) @ w2.T + 0.3 * b2
    np.testing.assert_allclose(predict(network, X), expected, rtol=1e-12)
    assert (network.in_size, network.out_size, str(network.dtype)) == (3, 1, "float64")
    for options in ({"width": 0}, {"blocks": -1}, {"activation": "cube"}):
        with pytest.raises(InputError) as error:
            ResidualMLP(3, 1, **options)
        assert "\n" not in str(error.value)


BAD = {
    "grows with the width": lambda: infinite_kernel(MLP(3, 1, 4, parametrization="standard"), X),
    "'mup' is not known": lambda: infinite_kernel(MLP(3, 1, 4, parametrization="mup"), X),
    "FeedForward does not say": lambda: infinite_kernel(
        FeedForward([np.ones((2, 3)), np.ones((1, 2))], [None, None], [(("relu", 1), ("tanh", 1))]), X
    ),
    "a function has no infinite kernel": lambda: infinite_kernel(lambda x: x, X),
    "5 columns for 3": lambda: infinite_kernel(mlp("relu"), np.ones((2, 5))),
    "2 columns for 3": lambda: infinite_kernel(mlp("relu"), X, np.ones((2, 2))),
    "shape (3,)": lambda: infinite_kernel(mlp("relu"), X[0]),
    "shape (0, 3)": lambda: infinite_kernel(mlp("relu"), X[:0]),
    "NaN": lambda: infinite_kernel(mlp("relu"), X * math.nan),
    "not numbers": lambda: infinite_kernel(mlp("relu"), [["a", "b", "c"]]),
    "too large": lambda: infinite_kernel(mlp("relu"), X * 1e200),
    "no infinite layer 'cube'": lambda: Activation("cube"),
    "give a finite number": lambda: Dense(math.nan),
    "put a Dense": lambda: infinite_kernel(Serial(Activation("relu"), Dense(1.0)), X),
    "must end in a Dense": lambda: infinite_kernel(Serial(Dense(1.0), Residual(Activation("relu"))), X),
    "is not a layer": lambda: Serial("relu"),
    "takes an MLP": lambda: convergence(describe(mlp("relu")), X, [4], [0]),
    "at least one width": lambda: convergence(mlp("relu"), X, [], [0]),
    "2 widths and 2 seeds": lambda: convergence_rate({"width": [4, 8], "seed": [0, 0], "deviation": [1.0, 1.0]}),
    "deviations above 0": lambda: convergence_rate(
        {"width": [4, 8] * 2, "seed": [0, 0, 1, 1], "deviation": [1.0, 0.0, 1.0, 1.0]}
    ),
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_line(words):
    with pytest.raises(InputError) as error:
        BAD[words]()
    assert words in str(error.value) and "\n" not in str(error.value)
