"""Dual activations: `E phi(u) phi(v)` and `E phi'(u) phi'(v)` of a Gaussian pair.

`(u, v)` has mean 0, variances `q1`, `q2` and covariance `q12`; `gram = q1 q2 - q12^2` is handed over beside them, as
their difference loses half the digits where `u` and `v` are almost proportional. All arrays are of one shape (or
broadcast to it), and everything is differentiable with finite derivatives.

Every smooth activation here is a kink or a step with Gaussian noise on its argument, so that its dual is that of the
kink at larger variances: with `step(z) = 1` where `z > 0`, else 0,

    erf(u) = E sign(u + Z/sqrt 2)      tanh(u) = E sign(u + S Z)          gelu(u) = E u step(u + Z)
    sigmoid(u) = E step(u + 2 S Z)     softplus(u) = E relu(u + 2 S Z)    silu(u) = E u step(u + 2 S Z)

where `S` is the scale of `zeroloss.tangent.infinite.quadrature`. With noise of variances `a`, `b` on `u`, `v`,
`Q1 = q1 + a`, `Q2 = q2 + b`, `D = Q1 Q2 - q12^2 = gram + q1 b + q2 a + a b` and `theta` the angle whose cosine is
`q12/sqrt(Q1 Q2)`:

    sign:   E = (2/pi) arcsin(q12/sqrt(Q1 Q2)),               E' = (2/pi)/sqrt D
    relu:   E = (sqrt D + (pi - theta) q12)/(2 pi),           E' = (pi - theta)/(2 pi)
    u step: E = q12 (pi - theta)/(2 pi) + N/(2 pi sqrt D),    N = q1 q2 + q12^2 (1 - q1/Q1 - q2/Q2)
            E' = dE/dq12 (Price's theorem)

Standing: the first two at `a = b = 0` are the arc-cosine kernels of Cho & Saul (2009) and at `a = b = 1/2` the kernel
of Williams (1997), recalled; the third, the cancellation-free forms and the use of `S` are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from zeroloss.networks.activations import LEAKY_SLOPE
from zeroloss.tangent.infinite.quadrature import Rule


class Pair(NamedTuple):
    """Variances, covariance and Gram determinant `q1 q2 - q12^2` of Gaussian pairs."""

    q1: Any
    q2: Any
    q12: Any
    gram: Any


KINKED = {"relu": (0.5, 0.5), "leaky_relu": ((1 + LEAKY_SLOPE) / 2, (1 - LEAKY_SLOPE) / 2), "abs": (0.0, 1.0)}
"""`alpha`, `beta` of the activations `alpha z + beta |z|`."""


def dual(name: str, pair: Pair, rule: Rule) -> tuple[Any, Any]:
    """`E phi(u) phi(v)` and `E phi'(u) phi'(v)` of a smooth activation; kinked ones go by angles: `kinked_dual`."""
    if name == "identity":
        return pair.q12, jnp.ones_like(pair.q12)
    if name in _WAVES:
        return _WAVES[name](pair)
    form, noise, mixed = _FORMS[name]
    if not mixed:
        return form(pair, noise, noise)
    left = jnp.repeat(noise * rule.nodes**2, len(rule.nodes))
    right = jnp.tile(noise * rule.nodes**2, len(rule.nodes))
    weights = (rule.weights[:, None] * rule.weights[None, :]).ravel()

    @jax.checkpoint
    def add(total, node):
        a, b, weight = node
        return jax.tree.map(lambda t, e: t + weight * e, total, form(pair, a, b)), None

    zero = jnp.zeros(jnp.broadcast_shapes(*map(jnp.shape, pair)))
    return jax.lax.scan(add, (zero, zero), (left, right, weights))[0]


def kinked_dual(name: str, angle: Any) -> tuple[Any, Any, Any]:
    """`E phi(u) phi(v)` at variances 1, `E phi'(u) phi'(v)` (at any), and the angle of `phi(u)`, `phi(v)` after.

    For `phi(z) = alpha z + beta |z|` and `u`, `v` at the angle `theta`, with `phi = min(theta, pi - theta)`, `+` below
    pi/2 and `-` above:

        E  = (beta^2 +- alpha^2) cos phi + beta^2 (2/pi) (sin phi - phi cos phi)
        E' = alpha^2 + beta^2 (1 - 2 theta/pi)

    Angles keep the digits that `1 - cos` would lose: `1 - cos theta'` is a sum of terms that do not cancel, so the
    absolute error of `theta'` is a few units of rounding, at parallel and antipodal pairs too.
    Standing: recalled (Cho & Saul 2009, for relu); these forms are ours.
    """
    alpha, beta = KINKED[name]
    a2, b2 = alpha**2, beta**2
    acute = angle <= math.pi / 2
    fold = jnp.where(acute, angle, math.pi - angle)
    bend = b2 * (2 / math.pi) * _sine_less_chord(fold)
    value = jnp.where(acute, b2 + a2, b2 - a2) * jnp.cos(fold) + bend
    slope = a2 + b2 * jnp.where(acute, 1 - 2 * fold / math.pi, 2 * fold / math.pi - 1)
    versine = 2 * b2 * jnp.sin(fold / 2) ** 2 - bend + 2 * a2 * jnp.sin(angle / 2) ** 2
    versine = jnp.maximum(versine / (a2 + b2), 0.0)
    return value, slope, jnp.arctan2(safe_sqrt(versine * (2 - versine)), 1 - versine)


def _sine_less_chord(x: Any) -> Any:
    """`sin x - x cos x`, by its series `sum_k (-1)^(k+1) 2k x^(2k+1)/(2k+1)!` below 1/2."""
    series = sum((-1) ** (k + 1) * 2 * k / math.factorial(2 * k + 1) * x ** (2 * k + 1) for k in range(1, 8))
    return jnp.where(x < 0.5, series, jnp.sin(x) - x * jnp.cos(x))


def safe_sqrt(x: Any) -> Any:
    """The square root, with derivative 0 at 0 and below."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def _root(pair: Pair, a: Any, b: Any) -> Any:
    """`sqrt D`."""
    return jnp.sqrt(pair.gram + pair.q1 * b + pair.q2 * a + a * b)


def _sign(pair: Pair, a: Any, b: Any) -> tuple[Any, Any]:
    root = _root(pair, a, b)
    return (2 / math.pi) * jnp.arctan2(pair.q12, root), (2 / math.pi) / root


def _step(pair: Pair, a: Any, b: Any) -> tuple[Any, Any]:
    value, slope = _sign(pair, a, b)
    return 0.25 + value / 4, slope / 4


def _relu(pair: Pair, a: Any, b: Any) -> tuple[Any, Any]:
    root = _root(pair, a, b)
    share = jnp.arctan2(root, -pair.q12) / (2 * math.pi)  # (pi - theta)/(2 pi)
    return root / (2 * math.pi) + share * pair.q12, share


def _gated(pair: Pair, a: Any, b: Any) -> tuple[Any, Any]:
    """`u step(u + noise)`; `N = gram + q12^2 (a/Q1 + b/Q2)`, and `N - D` likewise without cancellation."""
    q1, q2, q12, gram = pair
    big1, big2, root = q1 + a, q2 + b, _root(pair, a, b)
    square = root**2
    share = jnp.arctan2(root, -q12) / (2 * math.pi)
    noise = a / big1 + b / big2
    value = share * q12 + (gram + q12**2 * noise) / (2 * math.pi * root)
    less = a * (gram + a * q2) / big1 + b * (gram + b * q1) / big2 + a * b  # D - N
    return value, share + q12 / (2 * math.pi * root) * (2 * noise - less / square)


def _cos_sin(pair: Pair) -> tuple[Any, Any]:
    """`E cos u cos v` and `E sin u sin v`: `exp(-(q1 + q2)/2)` times `cosh q12` and `sinh q12`."""
    q1, q2, q12, _ = pair
    near, far = jnp.exp(q12 - (q1 + q2) / 2), jnp.exp(-q12 - (q1 + q2) / 2)
    small = jnp.abs(q12) < 1
    sinh = jnp.sinh(jnp.where(small, q12, 0.0)) * jnp.exp(-(q1 + q2) / 2)
    return (near + far) / 2, jnp.where(small, sinh, (near - far) / 2)


_WAVES: dict[str, Callable] = {"cos": lambda pair: _cos_sin(pair), "sin": lambda pair: _cos_sin(pair)[::-1]}

# The form, its noise variance (times S^2 where the scale is random), and whether it is.
_FORMS: dict[str, tuple[Callable, float, bool]] = {
    "erf": (_sign, 0.5, False),
    "gelu": (_gated, 1.0, False),
    "tanh": (_sign, 1.0, True),
    "sigmoid": (_step, 4.0, True),
    "softplus": (_relu, 4.0, True),
    "silu": (_gated, 4.0, True),
}
CLOSED = (*KINKED, "identity", "erf", "gelu", "sin", "cos")
"""Activations with a closed form; the others of `DUALS` go by quadrature."""
DUALS = (*KINKED, "identity", *_FORMS, *_WAVES)
