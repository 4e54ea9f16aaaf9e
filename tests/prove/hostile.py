"""Networks and data at hostile scales, and the same in ball arithmetic of 600 bits and more, whose exponents have no end."""

from __future__ import annotations

import itertools

import flint
import jax.numpy as jnp
import numpy as np
from flint import arb, arb_mat

from zeroloss.networks import ACTIVATIONS, FeedForward
from zeroloss.networks.activations import LEAKY_SLOPE
from zeroloss.plumbing import double

BITS = 3000
NAMES = (*ACTIVATIONS, "prelu(0.25)", "prelu(-2.0)", "prelu(1e-200)")
SMOOTH = tuple(name for name, a in ACTIVATIONS.items() if np.isfinite(a.curvature))


def _cdf(z):
    return (-z / arb(2).sqrt()).erfc() / 2


def _logistic(z):
    return 1 / (1 + (-z).exp()) if not z < 0 else z.exp() / (1 + z.exp())


def value(name: str, z: arb) -> arb:
    """`phi(z)`."""
    if name.startswith("prelu"):
        return z if z > 0 else arb(float(name[6:-1])) * z
    return {
        "relu": lambda: z if z > 0 else arb(0),
        "leaky_relu": lambda: z if z > 0 else arb(LEAKY_SLOPE) * z,
        "abs": lambda: abs(z),
        "tanh": lambda: z.tanh(),
        "erf": lambda: z.erf(),
        "sigmoid": lambda: _logistic(z),
        "softplus": lambda: (z if z > 0 else arb(0)) + (-abs(z)).exp().log1p(),
        "gelu": lambda: z * _cdf(z),
        "silu": lambda: z * _logistic(z),
        "identity": lambda: z,
    }[name]()


def slope(name: str, z: arb) -> arb:
    """`phi'(z)` of a smooth activation."""
    return {
        "tanh": lambda: 1 - z.tanh() ** 2,
        "erf": lambda: 2 / arb.pi().sqrt() * (-z * z).exp(),
        "sigmoid": lambda: _logistic(z) * _logistic(-z),
        "softplus": lambda: _logistic(z),
        "gelu": lambda: _cdf(z) + z * (-z * z / 2).exp() / (2 * arb.pi()).sqrt(),
        "silu": lambda: _logistic(z) * (1 + z * _logistic(-z)),
        "identity": lambda: arb(1),
    }[name]()


def numbers(array) -> list:
    """An array as nested lists of balls without radius."""
    array = np.asarray(array).astype(np.float64)
    return [numbers(row) for row in array] if array.ndim else arb(float(array))


class Exact:
    """A network in ball arithmetic; `weights` and `biases` may be changed."""

    def __init__(self, network: FeedForward):
        self.weights = [numbers(w) for w in network.weights]
        self.biases = [None if b is None else numbers(b) for b in network.biases]
        self.scales = [arb(a) for a in network.weight_scales]
        self.offsets = [arb(c) for c in network.bias_scales]
        self.names = [[name for name, units in segments for _ in range(units)] for segments in network.activations]

    def layers(self, x: list) -> tuple[list, list]:
        """`h_{l-1}` and `z_l` of every layer at one example."""
        inputs, outputs, h = [], [], x
        for index, w in enumerate(self.weights):
            z = [self.scales[index] * sum((p * q for p, q in zip(row, h, strict=True)), arb(0)) for row in w]
            if self.biases[index] is not None:
                z = [v + self.offsets[index] * u for v, u in zip(z, self.biases[index], strict=True)]
            inputs.append(h)
            outputs.append(z)
            if index < len(self.names):
                h = [value(name, v) for name, v in zip(self.names[index], z, strict=True)]
        return inputs, outputs

    def cotangents(self, outputs: list, a: int) -> list:
        """`d f_a/d z_l` of every layer."""
        g = [arb(int(k == a)) for k in range(len(outputs[-1]))]
        found = [g]
        for index in range(len(self.names), 0, -1):
            w = self.weights[index]
            up = [self.scales[index] * sum((w[j][k] * g[j] for j in range(len(g))), arb(0)) for k in range(len(w[0]))]
            z = outputs[index - 1]
            g = [u * slope(name, v) for u, name, v in zip(up, self.names[index - 1], z, strict=True)]
            found.append(g)
        return found[::-1]

    def rows(self, x: list) -> list:
        """The derivative of each output by all weights and biases, one list of numbers for each output."""
        inputs, outputs = self.layers(x)
        found = []
        for a in range(len(outputs[-1])):
            row = []
            for index, g in enumerate(self.cotangents(outputs, a)):
                row += [self.scales[index] * u * h for u in g for h in inputs[index]]
                row += [self.offsets[index] * u for u in g] if self.biases[index] is not None else []
            found.append(row)
        return found


def _scale(rng, low, high):
    """Often ordinary, else anything between two powers of ten."""
    return 10.0 ** (rng.uniform(-2, 2) if rng.random() < 0.3 else rng.uniform(low, high))


def attempt(rng):
    """A network and data `(x, y)`; a third of the networks in float32, whose weights may be subnormal."""
    single = rng.random() < 0.33
    low, high = (-45, 30) if single else (-320, 150)
    d, n, c, depth = (int(rng.integers(1, k)) for k in (4, 4, 3, 4))
    depth -= 1
    widths = [int(rng.integers(1, 6)) for _ in range(depth)]
    if depth and rng.random() < 0.7:
        widths[-1] = max(widths[-1], n)
    elif rng.random() < 0.5:
        d = max(d, n)
    names = [str(rng.choice(NAMES)) for _ in widths]
    sizes = [d, *widths, c]
    dtype = np.float32 if single else np.float64
    weights, biases = [], []
    with np.errstate(all="ignore"):
        for a, b in itertools.pairwise(sizes):
            spread = 10.0 ** (rng.uniform(-3, 3, (b, a)) if rng.random() < 0.3 else 0)
            weights.append((rng.standard_normal((b, a)) * spread * _scale(rng, low, high)).astype(dtype))
            some = rng.random() < 0.5
            biases.append((rng.standard_normal(b) * _scale(rng, low, high)).astype(dtype) if some else None)
        if rng.random() < 0.2:
            weights[-1] = np.zeros_like(weights[-1])
        scales = [_scale(rng, -60, 60) if rng.random() < 0.3 else 1.0 for _ in weights]
        offsets = [_scale(rng, -60, 60) if rng.random() < 0.3 else 1.0 for _ in weights]
        x = rng.standard_normal((n, d)) * _scale(rng, -323, 150)
        y = rng.standard_normal((n, c)) * _scale(rng, -323, 300)
        if rng.random() < 0.2:
            x[-1] = x[0] * (1 + 2.0**-52)
    with double():
        network = FeedForward(
            [jnp.asarray(w) for w in weights],
            [None if b is None else jnp.asarray(b) for b in biases],
            names,
            scales,
            offsets,
        )
    return network, x, y


def readout_matrix(exact: Exact, features: list) -> arb_mat:
    """`[a H, c 1]`."""
    bias = [exact.offsets[-1]] if exact.biases[-1] is not None else []
    return arb_mat([[exact.scales[-1] * v for v in h] + bias for h in features])


def not_semidefinite(gram: arb_mat, bound: float) -> bool:
    """Whether `G - b^2 I` surely has a negative principal minor, `b` the bound less a part in `1e20`."""
    n = gram.nrows()
    shift = (arb(bound) * (1 - arb(10) ** -20)) ** 2
    less = arb_mat([[gram[i, j] - (shift if i == j else 0) for j in range(n)] for i in range(n)])
    for size in range(1, n + 1):
        for rows in itertools.combinations(range(n), size):
            if arb_mat([[less[i, j] for j in rows] for i in rows]).det() < 0:
                return True
    return False


def above(first: arb, second: float) -> bool:
    """Whether `first > second` beyond doubt and beyond the precision of the balls."""
    return bool(first * (1 - arb(10) ** -20) > arb(second))


def precision():
    return flint.ctx.workprec(BITS)
