"""`beta` with all examples together, and by sampling: against dense second derivatives and pairs of points."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from zeroloss.networks import MLP, AntisymmetricMLP, FeedForward, trainable_mask
from zeroloss.plumbing import InputError, double
from zeroloss.tangent.sampled import sampled_lipschitz
from zeroloss.verified.jacobian import trained_layers
from zeroloss.verified.lipschitz_one_layer import one_layer_lipschitz

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 3))
SIZES = np.array([1, 2, 1, 1, 3, 1])


def answers(net, trainable):
    """`w -> sqrt(n_g) f(x_g; w)` and the start, flat."""
    moved, fixed = eqx.partition(net, trainable_mask(net, trainable))
    flat, unravel = ravel_pytree(moved)
    root = jnp.sqrt(jnp.asarray(SIZES, jnp.float64))[:, None]
    return lambda w: (jax.vmap(eqx.combine(unravel(w), fixed))(jnp.asarray(X)) * root).ravel(), flat


def bound(net, trainable):
    return one_layer_lipschitz(net, X, np.sqrt(SIZES), trained_layers(net, trainable_mask(net, trainable)))


CASES = [
    ("ntk", "tanh", None),
    ("ntk", "gelu", ["layer1", "biases"]),
    ("standard", "tanh", "hidden"),
    ("standard", "tanh", None),
    ("mup", "gelu", None),
    ("mup", "tanh", "biases"),
    ("ntk", "tanh", "readout"),
]


@pytest.mark.parametrize(("parametrization", "name", "trainable"), CASES)
def test_no_pair_of_points_of_the_ball_moves_the_derivative_more(parametrization, name, trainable):
    with double():
        net = MLP(3, 2, 6, 1, name, parametrization, bias_std=0.7, dtype="float64", key=4)
        f, w = answers(net, trainable)
        jacobian = jax.jit(jax.jacrev(f))
        beta, radius = bound(net, trainable), 1.5
        most = 0.0
        for _ in range(30):
            a, b = RNG.standard_normal((2, w.size))
            a *= radius * RNG.uniform() / np.linalg.norm(a)
            b = a + 1e-3 * b / np.linalg.norm(b) if RNG.uniform() < 0.5 else radius * b / np.linalg.norm(b)
            b *= min(1.0, radius / np.linalg.norm(b))
            change = np.asarray(jacobian(w + a) - jacobian(w + b))
            most = max(most, np.linalg.norm(change, 2) / np.linalg.norm(a - b))
    assert most <= beta(radius)
    assert beta(0.0) <= beta(radius)


def test_one_unit_whose_curvature_is_known():
    """`f = V tanh(w x)` at `w = z*`, where `|tanh''|` is largest, read-out fixed: `|V| c2 x^2`, and the bound is no less nor more."""
    peak, x = np.arctanh(1 / np.sqrt(3)), np.array([[1.0]])
    with double():
        net = FeedForward([jnp.full((1, 1), peak), jnp.full((1, 1), 5.0)], [None, None], ["tanh"])
    beta = one_layer_lipschitz(net, x, np.ones(1), trained_layers(net, trainable_mask(net, "hidden")))(0.0)
    assert 5 * 4 / (3 * np.sqrt(3)) <= beta <= 5 * 4 / (3 * np.sqrt(3)) * (1 + 1e-5)
    found = sampled_lipschitz(net, x, trainable="hidden")
    assert found.value == pytest.approx(5 * 4 / (3 * np.sqrt(3)), rel=1e-9)


def test_it_falls_like_the_root_of_the_width_with_fixed_signs():
    values = [bound(AntisymmetricMLP(3, 1, width), "hidden")(10.0) for width in (64, 256)]
    assert values[0] / values[1] == pytest.approx(2, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e155])
def test_inputs_of_any_scale(scale):
    net = AntisymmetricMLP(3, 1, 8)
    trained = trained_layers(net, trainable_mask(net, "hidden"))
    one = one_layer_lipschitz(net, X, np.ones(6), trained)(1.0)
    other = one_layer_lipschitz(net, X * scale, np.ones(6), trained)(1.0)
    assert other >= min(one * scale**2 if scale < 1e150 else np.inf, other) and other > 0


def test_kinks_have_no_bound():
    net = MLP(3, 1, 8, 1, "relu")
    assert bound(net, None)(1.0) == np.inf


@pytest.mark.slow
def test_sampling_finds_the_largest_curvature_of_one_answer():
    """One example, one answer: `|D^2 f|` at the start is the spectral norm of the Hessian."""
    with double():
        net = MLP(3, 1, 5, 2, dtype="float64", key=2)
        moved, fixed = eqx.partition(net, trainable_mask(net))
        flat, unravel = ravel_pytree(moved)
        hessian = jax.hessian(lambda w: eqx.combine(unravel(w), fixed)(jnp.asarray(X[0]))[0])(flat)
        wanted = float(np.abs(np.linalg.eigvalsh(np.asarray(hessian))).max())
    found = sampled_lipschitz(net, X[:1], iterations=200)
    assert found.at_start == pytest.approx(wanted, rel=1e-6)
    assert "no part of a proof" in found.note


def test_sampling_stays_below_the_bound_and_grows_with_the_ball():
    net = MLP(3, 1, 16, 1, key=1)
    still, far = sampled_lipschitz(net, X, sizes=SIZES), sampled_lipschitz(net, X, sizes=SIZES, radius=3.0)
    with double():
        wide = MLP(3, 1, 16, 1, dtype="float64", key=1)
    beta = bound(wide, None)
    assert 0 < still.value <= beta(0.0) and 0 < far.value <= beta(3.0)
    with pytest.raises(InputError, match="radius"):
        sampled_lipschitz(net, X, radius=-1.0)
