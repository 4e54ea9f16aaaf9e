"""Activations and their derivatives by the C library's functions, with stated error bounds.

XLA documents no error bounds for tanh, exp, erf, so proofs evaluate them through Python's `math`, which calls libm. The
bounds below rest on one assumption, which a test checks against ball arithmetic and every proof names:
`ASSUMPTION`. (Measured with the GNU C library 2.36 on x86-64: exp 0.51, log1p 0.8, erf 1, tanh 2 and erfc 4.23 ulp. Where a
result is subnormal, `LEAST` covers its error.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from zeroloss.networks.activations import negative_slope
from zeroloss.verified.directed import LEAST, ULP

ULPS = 5
"""Bound on the error of each of these functions, in units of the last place of the result."""
ASSUMPTION = f"exp, log, log1p, sin, cos, tanh, erf and erfc of the C library are within {ULPS} ulp"


def _each(function: Callable[[float], float], z: np.ndarray) -> np.ndarray:
    return np.fromiter(map(function, z.ravel().tolist()), np.float64, z.size).reshape(z.shape)


def exponential(z: np.ndarray) -> np.ndarray:
    """`exp(z)`, relative error `ULPS` ulp, for `z` of at most 700 in absolute value."""
    return _each(math.exp, z)


def logarithm1p(z: np.ndarray) -> np.ndarray:
    """`log(1 + z)`, relative error `ULPS` ulp, for `z` of at least 0."""
    return _each(math.log1p, z)


def logarithm(z: np.ndarray) -> np.ndarray:
    """`log(z)`, relative error `ULPS` ulp, for positive `z`."""
    return _each(math.log, z)


def sine(z: np.ndarray) -> np.ndarray:
    """`sin(z)`, relative error `ULPS` ulp."""
    return _each(math.sin, z)


def cosine(z: np.ndarray) -> np.ndarray:
    """`cos(z)`, relative error `ULPS` ulp."""
    return _each(math.cos, z)


def _exp_minus(z: np.ndarray) -> np.ndarray:
    """`exp(-|z|)`, relative error `ULPS` ulp."""
    return _each(math.exp, -np.abs(z))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    """Relative error at most 12 ulp: exp 5, passed on by `e/(1 + e)` and `1/(1 + e)` at most once; `1 + e` and the quotient 1
    each."""
    e = _exp_minus(z)
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def value(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`phi(z)` for float64 `z`, and a bound on the error of each entry (for exactly that `z`)."""
    if name in ("relu", "abs", "identity"):
        exact = np.maximum(z, 0.0) if name == "relu" else np.abs(z) if name == "abs" else z
        return exact, np.zeros_like(z)
    leak = negative_slope(name)
    if leak is not None:
        v = np.where(z > 0, z, leak * z)
        return v, ULP * np.abs(v) + LEAST
    if name == "tanh":
        v = _each(math.tanh, z)
        return v, ULPS * ULP * np.abs(v) + LEAST
    if name == "erf":
        v = _each(math.erf, z)
        return v, ULPS * ULP * np.abs(v) + LEAST
    if name == "sigmoid":
        v = _sigmoid(z)
        return v, 12 * ULP * v + LEAST
    if name == "softplus":  # max(z, 0) + log1p(e^-|z|): all terms positive
        v = np.maximum(z, 0.0) + _each(math.log1p, _exp_minus(z))
        return v, 12 * ULP * v + LEAST
    if name == "silu":
        v = z * _sigmoid(z)
        return v, 13 * ULP * np.abs(v) + LEAST
    if (
        name == "gelu"
    ):  # z/2 erfc(-z/sqrt 2): 5 ulp and the product's 1; the argument's rounding d costs z/2 |y erfc'(y)| d <= .25 |z| d, d < 3 ulp
        v = 0.5 * z * _each(math.erfc, z * -math.sqrt(0.5))
        return v, ULP * (7 * np.abs(v) + np.abs(z)) + LEAST
    raise KeyError(name)


def slope(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`phi'(z)` for float64 `z`, and a bound on the error of each entry; for smooth activations only."""
    if name == "identity":
        return np.ones_like(z), np.zeros_like(z)
    if name == "tanh":  # 1 - t^2
        t = _each(math.tanh, z)
        return 1.0 - t * t, np.full_like(z, (2 * ULPS + 2) * ULP)
    if name == "sigmoid":
        v = _sigmoid(z) * _sigmoid(-z)
        return v, 26 * ULP * v + LEAST
    if name == "softplus":
        v = _sigmoid(z)
        return v, 12 * ULP * v + LEAST
    if name == "erf":  # 2/sqrt(pi) e^{-z^2}; z^2 rounds by u z^2, and z^2 e^{-z^2} <= .37
        z = np.clip(z, -1e3, 1e3)  # beyond, the derivative underflows; the square of z would overflow
        v = 2 / math.sqrt(math.pi) * _each(math.exp, -z * z)
        return v, ULP * ((ULPS + 4) * v + 1) + LEAST
    if name == "silu":  # s + z s (1 - s), and |z| s (1 - s) < .23
        s, left = _sigmoid(z), _sigmoid(-z)
        return s + z * s * left, ULP * (14 * s + 28 * np.abs(z) * s * left + 4) + LEAST
    if name == "gelu":  # Phi(z) + z phi(z), |z| phi(z) < .25, and z^2 |z| phi(z) < .47 for the exponent's rounding
        cdf = 0.5 * _each(math.erfc, z * -math.sqrt(0.5))
        near = np.clip(z, -1e3, 1e3)  # beyond, the density underflows; the square of z would overflow
        density = _each(math.exp, -0.5 * near * near) / math.sqrt(2 * math.pi)
        return cdf + z * density, np.full_like(z, 24 * ULP)
    raise KeyError(name)
