"""Attempts to fool Newton-Kantorovich where, by construction, no minimum of the claimed kind exists."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.minima import prove
from zeroloss.networks import FeedForward
from zeroloss.plumbing import double
from zeroloss.verdict import Status

NK = "newton-kantorovich"
ABOVE_ZERO = ("relu", "abs", "sigmoid", "softplus")
BELOW_ONE = ("tanh", "erf", "sigmoid")


def _network(rng, activation, d, width, depth, readout):
    """Random hidden layers with a fixed read-out."""
    sizes = [d, *[width] * depth]
    scale = 10.0 ** rng.uniform(-2, 1.5)
    weights = [jnp.asarray(scale * rng.standard_normal((b, a))) for a, b in itertools.pairwise(sizes)]
    biases = [jnp.asarray(scale * rng.standard_normal(width)) for _ in range(depth)]
    return FeedForward([*weights, jnp.asarray(readout[None, :])], [*biases, None], [activation] * depth)


def _unreachable(rng):
    """A network and one to three examples with a target that no hidden weights can produce, by a little or by much."""
    activation = str(rng.choice(ABOVE_ZERO + BELOW_ONE))
    width, depth, d, n = int(rng.integers(1, 6)), int(rng.integers(1, 3)), 2, int(rng.integers(1, 4))
    readout = rng.uniform(0.1, 1.0, width)
    miss = 10.0 ** rng.uniform(-15, 0)
    with double():
        network = _network(rng, activation, d, width, depth, readout)
    x = rng.standard_normal((n, d))
    from zeroloss.networks import predict

    y = np.array(predict(network, x))
    below = activation in ABOVE_ZERO and not (activation in BELOW_ONE and rng.uniform() < 0.5)
    y[0, 0] = -miss if below else float(np.sum(readout)) * (1 + 1e-15) + miss
    return network, (x, y)


def _attack(seed, attempts, polish):
    rng = np.random.default_rng(seed)
    proved = [
        k
        for k in range(attempts)
        if prove(*_unreachable(rng), polish, method=NK, trainable="hidden").status is Status.PROVED
    ]
    assert proved == []


@pytest.mark.slow
def test_targets_out_of_reach_are_never_proved():
    _attack(0, 60, polish=False)
    _attack(1, 4, polish=True)


@pytest.mark.slow
def test_a_thousand_targets_out_of_reach():
    _attack(2, 1200, polish=False)
    _attack(3, 150, polish=True)


@pytest.mark.slow
def test_the_same_networks_are_proved_for_targets_in_reach():
    """The attacks above fail because there is no zero, not because nothing is ever proved."""
    rng, proved = np.random.default_rng(4), 0
    for _ in range(60):
        network, (x, y) = _unreachable(rng)
        from zeroloss.networks import predict

        near = np.array(predict(network, x)) + 1e-9 * rng.standard_normal(y.shape)
        proved += prove(network, (x, near), False, method=NK, trainable="hidden").status is Status.PROVED
    assert proved > 20


def _steps_to_zero(function, derivative, w, y):
    for _ in range(60):
        move = np.linalg.lstsq(derivative(w), y - function(w), rcond=None)[0]
        w = w + move
        if np.linalg.norm(move) < 1e-15 * (1 + np.linalg.norm(w)):
            break
    return w


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "abs", "softplus"])
def test_whatever_is_proved_has_a_zero_inside_its_radius(activation):
    """300 starts each beside random targets; the zero is found by NumPy alone, from derivatives written out here."""
    value, slope = {
        "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
        "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
        "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1.0, 0.01)),
        "abs": (np.abs, np.sign),
        "softplus": (lambda z: np.logaddexp(0, z), lambda z: 1 / (1 + np.exp(-z))),
    }[activation]
    rng, proved, unknown = np.random.default_rng(5), 0, 0
    for _ in range(300):
        d, m, n = 2, int(rng.integers(2, 7)), int(rng.integers(1, 4))
        x, flat = rng.standard_normal((n, d)), rng.standard_normal(m * d + m)

        def function(w, x=x, m=m, d=d):
            return value(x @ w[: m * d].reshape(m, d).T) @ w[m * d :]

        def derivative(w, x=x, m=m, d=d):
            z = x @ w[: m * d].reshape(m, d).T
            hidden = (slope(z) * w[m * d :])[:, :, None] * x[:, None, :]
            return np.concatenate([hidden.reshape(len(x), -1), value(z)], axis=1)

        y = function(flat) + 10.0 ** rng.uniform(-8, 0) * rng.standard_normal(n)
        with double():
            net = FeedForward(
                [jnp.asarray(flat[: m * d].reshape(m, d)), jnp.asarray(flat[m * d :][None, :])],
                [None, None],
                [activation],
            )
        proof = prove(net, (x, y[:, None]), False, method=NK)
        if proof.status is not Status.PROVED:
            unknown += 1
            continue
        proved += 1
        w = _steps_to_zero(function, derivative, flat, y)
        assert np.abs(function(w) - y).max() < 1e-10
        assert np.linalg.norm(w - flat) <= proof.radius * (1 + 1e-5) + 1e-12
    assert proved > 50
    assert unknown > 20
