"""The proved constants against brute force on small networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from zeroloss.data import collapse
from zeroloss.networks import MLP, trainable_mask
from zeroloss.plumbing import double
from zeroloss.verified import lipschitz as smoothness
from zeroloss.verified.jacobian import trained_layers


def _problem(activation, parametrization="ntk", trainable=None, depth=2, repeats=False):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    if repeats:
        x, y = np.concatenate([x, x[:2]]), np.concatenate([y, -y[:2]])
    net = MLP(3, 2, 8, depth, activation, parametrization, dtype="float64", key=1)
    distinct = collapse(x, y)
    mask = trainable_mask(net, trainable)
    known = smoothness.constants(
        net, distinct.x, distinct.y, distinct.rounding, distinct.sizes, trained_layers(net, mask)
    )
    return net, distinct, mask, known


def _jacobian(net, mask, x, root):
    """Rows `sqrt(n_g) df_a(x_g)/dw` over the trained leaves, and the flattening used."""
    import equinox as eqx

    moved, fixed = eqx.partition(net, mask)
    flat, unravel = ravel_pytree(moved)

    def function(w):
        return (root[:, None] * jax.vmap(eqx.combine(unravel(w), fixed))(x)).ravel()

    return flat, jax.jit(jax.jacobian(function)), function


@pytest.mark.parametrize("trainable", [None, "hidden", "readout"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "gelu"])
def test_constants_enclose_brute_force(activation, trainable):
    net, distinct, mask, known = _problem(activation, trainable=trainable, repeats=True)
    root = np.sqrt(distinct.sizes)
    with double():
        flat, jacobian, function = _jacobian(net, mask, jnp.asarray(distinct.x), jnp.asarray(root))
        j = np.asarray(jacobian(flat))
        residual = np.asarray(function(flat)) - (root[:, None] * distinct.y).ravel()
        values = np.linalg.svd(j, compute_uv=False) ** 2
        assert known.lam0 <= values.min() * (1 + 1e-9)
        assert known.lam0 >= 0.99 * values.min() - 1e-9
        assert values.max() <= known.Lam0 <= values.max() * 1.01
        assert np.linalg.norm(residual) <= known.residual <= np.linalg.norm(residual) * (1 + 1e-4)
        rng = np.random.default_rng(0)
        for radius in (0.1, 1.0, 5.0):
            beta = known.beta(radius)
            for _ in range(12):
                u, v = rng.standard_normal((2, len(flat)))
                u *= radius * rng.uniform() / np.linalg.norm(u)
                v = u + rng.choice([1e-3, 0.1]) * v / np.linalg.norm(v)
                v *= min(1.0, radius / np.linalg.norm(v))
                change = np.linalg.norm(np.asarray(jacobian(flat + u)) - np.asarray(jacobian(flat + v)), 2)
                assert change <= beta * np.linalg.norm(u - v) * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("parametrization", ["standard", "mup"])
def test_every_parametrization(parametrization):
    net, distinct, mask, known = _problem("silu", parametrization)
    with double():
        flat, jacobian, _ = _jacobian(net, mask, jnp.asarray(distinct.x), jnp.ones(len(distinct.x)))
        values = np.linalg.svd(np.asarray(jacobian(flat)), compute_uv=False) ** 2
        assert known.lam0 <= values.min() * (1 + 1e-9)
        assert values.max() <= known.Lam0
        step = 1e-3 * np.ones(len(flat)) / np.sqrt(len(flat))
        change = np.linalg.norm(np.asarray(jacobian(flat + step)) - np.asarray(jacobian(flat)), 2)
        assert change <= known.beta(0.1) * 1e-3


def test_beta_falls_with_width_in_ntk_parametrisation():
    """The refined recursion scales like width^-1/2 up to a logarithm; products of norms would stay flat."""
    rng = np.random.default_rng(0)
    x, y = np.eye(4) * 2.0, rng.standard_normal((4, 1))
    betas = []
    for width in (64, 1024):
        net = MLP(4, 1, width, 2, "tanh", "ntk", weight_std=1.0, dtype="float64", key=0)
        trained = trained_layers(net, trainable_mask(net))
        betas.append(smoothness.constants(net, x, y, np.zeros_like(y), np.ones(4), trained).beta(0.1))
    assert betas[1] < 0.45 * betas[0]


def test_many_equations_take_the_blocked_route(monkeypatch):
    net, distinct, _, known = _problem("tanh")
    monkeypatch.setattr(smoothness, "MOST_EQUATIONS", 0)
    monkeypatch.setattr(smoothness, "BLOCK", 40)
    trained = trained_layers(net, trainable_mask(net))
    blocked = smoothness.constants(net, distinct.x, distinct.y, distinct.rounding, distinct.sizes, trained)
    assert blocked.beta(0.5) == pytest.approx(known.beta(0.5), rel=1e-12)
    assert blocked.lam0 <= known.lam0 * (1 + 1e-9)
    assert blocked.Lam0 >= known.Lam0 * (1 - 1e-9)


def test_kinks_have_no_constant():
    _, _, _, known = _problem("relu")
    assert known.lam0 == 0
    assert known.beta(1.0) == np.inf
