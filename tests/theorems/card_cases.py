"""For every theorem: a problem where its hypotheses hold, and for each hypothesis one where it does not."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from zeroloss.data import from_arrays
from zeroloss.data.xord import make_xord
from zeroloss.networks import MLP, FeedForward, predict, wrap
from zeroloss.networks.xor import XorNetwork
from zeroloss.plumbing import double
from zeroloss.theorems import xor_formulas

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 4)), RNG.standard_normal((8, 1))
TWICE = (np.concatenate([X, X[:2]]), np.concatenate([Y, Y[:2]]))
TORN = (np.concatenate([X, X[:2]]), np.concatenate([Y, Y[:2] + 1]))
C_ETA = 1 / 410


def mlp(width=64, activation="tanh", out=1, inputs=4, key=1, **more):
    with double():
        return MLP(inputs, out, width, 1, activation, dtype="float64", key=key, **more)


def antisymmetric(width=128, d=20, seed=0):
    """`m^-1/2 sum_k v_k tanh(w_k . x)` with pairs of opposite sign: 0 at the start."""
    first = np.repeat(np.random.default_rng(seed).standard_normal((width // 2, d)), 2, 0)
    signs = np.tile([1.0, -1.0], width // 2)[None]
    with double():
        return FeedForward([jnp.asarray(first), jnp.asarray(signs)], [None, None], ["tanh"], [1.0, width**-0.5])


def near_by(network, x=X, off=1e-3):
    """Data that the network nearly fits."""
    return x, predict(network, x) + off * np.random.default_rng(3).standard_normal((len(x), network.out_size))


def xor(k=120, c_eta=C_ETA):
    return XorNetwork(k, xor_formulas.weight_std(k, c_eta), key=0)


def xord(p_plus=None, p_minus=None, samples=40):
    return make_xord(samples, 16, p_plus, p_minus)


def grid(n=3, d=2):
    axis = np.arange(n) / (n - 1)
    x = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    return x, np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0)[:, None]


FOREIGN = wrap(lambda p, v: v @ p, jnp.ones((4, 1)))
KINKED = mlp(activation="relu")
TINY = mlp(width=1)
REGRESSION = from_arrays(X, Y[:, 0], task="regression")
CLASSES = from_arrays(X, np.arange(8) % 2, task="classification")
SMALL_TARGETS = (np.eye(20)[:10], 0.1 * np.sign(RNG.standard_normal((10, 1))))
WIDE = mlp(width=512)
SIGMOID = mlp(activation="sigmoid")
TOLD = {"design": "random", "smoothness": 1.0, "minimises": True}
TAIL = {"tail": 0.2, "noise_variance": 1.0, "smoothness": 1.0}
DEAD = FeedForward([np.zeros((16, 4)), np.ones((1, 16))], [None, np.zeros(1)], ["tanh"])
MANY = (np.random.default_rng(5).standard_normal((1100, 2)), np.zeros((1100, 3)))
NINE = np.concatenate([xord(1, 1)[0], -np.ones((1, 32))]), np.concatenate([xord(1, 1)[1], [1]])

HOLDS = {
    "terjek-gonzalez-sanchez": (WIDE, near_by(WIDE), {}),
    "composite": (antisymmetric(), SMALL_TARGETS, {"trainable": "hidden"}),
    "rademacher": (mlp(), (X, Y), {"radius": 0.1}),
    "kawaguchi-huang": (mlp(activation="softplus"), (X, Y), {}),
    "readout": (KINKED, (X, Y), {}),
    "counting": (mlp(width=1, inputs=2), (MANY[0][:20], MANY[0][:20, :1]), {}),
    "depth-extension": (mlp(), (X, Y), {"layers": 3}),
    "twin": (None, (X, Y), {}),
    "coverage": (None, grid(), {"b": 1.5}),
    "kohler-krzyzak": (SIGMOID, REGRESSION, TOLD),
    "atoms": (None, (X, Y), {"atoms": 8, "noise_variance": 2.0}),
    "heavy-tail": (None, (X, Y), TAIL),
    "xord-large": (xor(), xord(), {}),
    "xord-small": (xor(2), xord(1.0, 1.0), {}),
    "rump": (mlp(), (X, Y), {}),
    "newton-kantorovich": (WIDE, near_by(WIDE), {}),
    "repeated-inputs": (None, TORN, {}),
}

FAILS = {
    "terjek-gonzalez-sanchez": {
        "NTK parametrization": (mlp(parametrization="standard"), (X, Y), {}),
        "smooth activation": (KINKED, (X, Y), {}),
        "lambda_min": (TINY, (X, Y), {}),
        "wide enough": (mlp(), (X, Y), {}),
    },
    "composite": {
        "fully connected": (FOREIGN, (X, Y), {}),
        "smooth activation": (KINKED, (X, Y), {}),
        "lambda_min": (TINY, (X, Y), {}),
        "close enough": (mlp(), (X, Y), {}),
        "step": (antisymmetric(), SMALL_TARGETS, {"trainable": "hidden", "step_size": 1e4}),
    },
    "rademacher": {
        "fully connected": (FOREIGN, (X, Y), {"radius": 0.1}),
        "smooth activation": (KINKED, (X, Y), {"radius": 0.1}),
        "one output": (mlp(out=2), (X, np.hstack([Y, Y])), {"radius": 0.1}),
        "radius": (mlp(), (X, Y), {}),
        "constants": (KINKED, (X, Y), {"radius": 0.1}),
    },
    "kawaguchi-huang": {
        "fully connected": (FOREIGN, (X, Y), {}),
        "activation": (KINKED, (X, Y), {}),
        "distinct inputs": (mlp(activation="softplus"), TWICE, {}),
        "last width": (mlp(width=4, activation="softplus"), (X, Y), {}),
    },
    "readout": {
        "fully connected": (FOREIGN, (X, Y), {}),
        "trained read-out": (mlp(), (X, Y), {"trainable": "hidden"}),
        "features": (TINY, (X, Y), {}),
        "independence": (DEAD, (X, Y), {}),
    },
    "counting": {"fully connected": (FOREIGN, (X, Y), {}), "fewer parameters": (mlp(), (X, Y), {})},
    "depth-extension": {
        "fully connected": (FOREIGN, (X, Y), {}),
        "layers": (mlp(), (X, Y), {"layers": 0}),
        "width": (mlp(out=2), (X, np.hstack([Y, Y])), {"width": 1}),
    },
    "twin": {"no contradictions": (None, TORN, {})},
    "coverage": {
        "grid": (None, (grid()[0][:-1], grid()[1][:-1]), {}),
        "threshold": (None, grid(), {"b": 0.9}),
        "labels": (None, (grid()[0], (grid()[1] + 1) / 2), {}),
    },
    "kohler-krzyzak": {
        "logistic units": (mlp(), REGRESSION, TOLD),
        "regression": (mlp(activation="sigmoid", out=2), CLASSES, TOLD),
        "random design": (SIGMOID, REGRESSION, TOLD | {"design": "fixed"}),
        "smooth function": (SIGMOID, REGRESSION, {"design": "random", "minimises": True}),
        "global minimum": (SIGMOID, REGRESSION, TOLD | {"minimises": False}),
    },
    "atoms": {
        "design": (None, (X, Y), {"atoms": 9, "noise_variance": 1.0}),
        "noise": (None, (X, Y), {"atoms": 8, "noise_variance": 0.0}),
    },
    "heavy-tail": {
        "tail": (None, (X, Y), {"noise_variance": 1.0, "smoothness": 1.0}),
        "noise": (None, (X, Y), {"tail": 0.2, "smoothness": 1.0}),
        "smooth function": (None, (X, Y), {"tail": 0.2, "noise_variance": 1.0}),
        "heavy enough": (None, (X, Y), TAIL | {"tail": 0.6}),
    },
    "xord-large": {
        "XOR network": (mlp(inputs=32), xord(), {}),
        "XORD data": (xor(), (xord()[0], -xord()[1]), {}),
        "diverse points": (xor(), xord(0.0, 1.0), {}),
        "filters": (xor(119), xord(), {}),
        "gamma": (xor(), xord(), {"gamma": 7.9}),
        "c_eta": (xor(), xord(), {"c_eta": 1 / 400}),
        "start": (xor(c_eta=1 / 100), xord(), {}),
        "step": (xor(), xord(), {"step_size": 1.0}),
    },
    "xord-small": {
        "XOR network": (mlp(inputs=32), xord(1, 1), {}),
        "XORD data": (xor(2), (xord(1, 1)[0] * 2, xord(1, 1)[1]), {}),
        "diverse points only": (xor(2), NINE, {}),
        "filters": (xor(3), xord(1, 1), {}),
        "gamma": (xor(2), xord(1, 1), {"gamma": 1}),
        "c_eta": (xor(2), xord(1, 1), {"c_eta": 0.1}),
        "start": (xor(2, c_eta=1 / 100), xord(1, 1), {}),
        "step": (xor(2), xord(1, 1), {"step_size": 1.0}),
    },
    "rump": {
        "fully connected": (FOREIGN, (X, Y), {}),
        "smooth activation": (KINKED, (X, Y), {}),
        "kernel formed": (mlp(width=2, inputs=2, out=3), MANY, {}),
        "lambda_min": (TINY, (X, Y), {}),
    },
    "newton-kantorovich": {
        "fully connected": (FOREIGN, (X, Y), {}),
        "smooth activation": (KINKED, (X, Y), {}),
        "lambda_min": (TINY, (X, Y), {}),
        "residual": (mlp(), (X, 10 * Y), {}),
    },
    "repeated-inputs": {"contradictions": (None, TWICE, {})},
}
