"""Dual activations without the package: integrals over the Gaussian variables themselves, and ball arithmetic."""

import itertools
import math

import numpy as np
import scipy.special as sp
from flint import arb, ctx
from scipy.integrate import quad

from zeroloss.networks.activations import LEAKY_SLOPE


def density(z):
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


SMOOTH = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sp.expit, lambda z: sp.expit(z) * sp.expit(-z)),
    "softplus": (lambda z: np.logaddexp(0, z), sp.expit),
    "silu": (lambda z: z * sp.expit(z), lambda z: sp.expit(z) * (1 + z * sp.expit(-z))),
    "gelu": (lambda z: z * sp.ndtr(z), lambda z: sp.ndtr(z) + z * density(z)),
    "erf": (sp.erf, lambda z: 2 / math.sqrt(math.pi) * np.exp(-z * z)),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda z: -np.sin(z)),
}
KINKED = {
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "leaky_relu": (lambda z: z if z > 0 else LEAKY_SLOPE * z, lambda z: 1.0 if z > 0 else LEAKY_SLOPE),
    "abs": (abs, lambda z: math.copysign(1.0, z)),
}
NAMES = (*SMOOTH, *KINKED, "identity")


def dual_reference(name, first, second, angle):
    """`E phi(u) phi(v)` and `E phi'(u) phi'(v)`, standard deviations `first`, `second`, correlation `cos(angle)`."""
    if name == "identity":
        return first * second * math.cos(angle), 1.0
    if name in KINKED:
        return _polar(*KINKED[name], first, second, angle)
    # The trapezoidal rule errs by exp(-2 pi d/h), where the integrand is analytic for |Im z| < d = pi/(2 deviation).
    h = min(0.3, math.pi**2 / (50 * max(first, second)))
    z = np.arange(-round(8.8 / h), round(8.8 / h) + 1) * h
    weights = h * density(z)
    v = second * (math.cos(angle) * z[:, None] + math.sin(angle) * z[None, :])
    return tuple(float((weights * phi(first * z)) @ (phi(v) @ weights)) for phi in SMOOTH[name])


def _polar(phi, slope, first, second, angle):
    """`(u, v) = R (first cos t, second cos(t - angle))`, `t` uniform, `E R^2 = 2`, and `phi(R z) = R phi(z)`."""
    kinks = [-math.pi / 2, math.pi / 2, angle - math.pi / 2, angle + math.pi / 2, -math.pi, math.pi]
    ends = sorted({(k + math.pi) % (2 * math.pi) - math.pi for k in kinks} | {math.pi})
    pieces = [(a, b) for a, b in itertools.pairwise(ends) if b - a > 1e-13]

    def mean(function):
        return sum(quad(function, a, b, epsabs=1e-15, epsrel=1e-13)[0] for a, b in pieces) / (2 * math.pi)

    value = 2 * mean(lambda t: phi(math.cos(t)) * phi(math.cos(t - angle)))
    return first * second * value, mean(lambda t: slope(math.cos(t)) * slope(math.cos(t - angle)))


def recursion_reference(name, x, y, depth, s, t, blocks=0):
    """Both kernels of one pair by the recursion on variances, with the reference duals.

    `depth` hidden layers, or one hidden layer and `blocks` residual sums.
    """
    m = len(x)
    q1, q2, q12 = (s * s * float(a @ b) / m + t * t for a, b in ((x, x), (y, y), (x, y)))
    ntk = q12
    for layer in range((blocks + 1) if blocks else depth):
        angle = math.acos(max(-1.0, min(1.0, q12 / math.sqrt(q1 * q2))))
        value, slope = dual_reference(name, math.sqrt(q1), math.sqrt(q2), angle)
        one, two = (dual_reference(name, math.sqrt(q), math.sqrt(q), 0.0)[0] for q in (q1, q2))
        n1, n2, n12 = (s * s * q + t * t for q in (one, two, value))
        new = n12 + s * s * ntk * slope
        if layer < blocks:
            q1, q2, q12, ntk = q1 + n1, q2 + n2, q12 + n12, ntk + new
        else:
            q1, q2, q12, ntk = n1, n2, n12, new
    return q12, ntk


def relu_in_balls(x, y, depth, s, t, alpha=0.5, beta=0.5, bits=400):
    """Both kernels of `alpha z + beta |z|` by the textbook arc-cosine formulas, on the exact float inputs."""
    before, ctx.prec = ctx.prec, bits
    try:
        s2, t2, m = arb(s) ** 2, arb(t) ** 2, arb(len(x))
        a2, b2, pi = arb(alpha) ** 2, arb(beta) ** 2, arb.pi()

        def dot(a, b):
            return sum((arb(float(p)) * arb(float(q)) for p, q in zip(a, b, strict=True)), arb(0)) * s2 / m + t2

        q1, q2, q12 = dot(x, x), dot(y, y), dot(x, y)
        ntk = q12
        for _ in range(depth):
            size, cosine = (q1 * q2).sqrt(), q12 / (q1 * q2).sqrt()
            gram = q1 * q2 - q12 * q12
            sine = (gram.sqrt() / size) if gram > 0 else arb(0)
            theta = arb.atan2(sine, cosine)
            slope = a2 + b2 * (1 - 2 * theta / pi)
            value = a2 * q12 + b2 * (2 / pi) * size * (sine + (pi / 2 - theta) * cosine)
            q1, q2, q12 = s2 * (a2 + b2) * q1 + t2, s2 * (a2 + b2) * q2 + t2, s2 * value + t2
            ntk = q12 + s2 * ntk * slope
        return float(q12.mid()), float(ntk.mid()), float(ntk.rad())
    finally:
        ctx.prec = before
