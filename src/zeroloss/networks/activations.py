"""The activation functions, by the names users give, with the constants that proofs need.

Each is the exact function, not an approximation (`gelu` is `z Phi(z)`, not its tanh form). Beside the names in
`ACTIVATIONS` there is `prelu(a)`, for instance `"prelu(0.25)"`: `z` where `z > 0` and `a z` elsewhere.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import lru_cache

from zeroloss.plumbing import InputError


@dataclasses.dataclass(frozen=True)
class Activation:
    """An activation `phi`.

    Attributes:
        name: what users call it.
        slope: a bound on `|phi'|` over the real line.
        curvature: a bound on `|phi''|` (infinite where `phi` has a kink).
        analytic: whether `phi` is real analytic.
        bound: a bound on `|phi|` (infinite where there is none).
    """

    name: str
    slope: float
    curvature: float
    analytic: bool
    bound: float = math.inf

    def __call__(self, z):
        return _function(self.name)(z)


# Bounds are rounded up in the last digit given. tanh'': 4/(3 sqrt 3); sigmoid'': 1/(6 sqrt 3);
# gelu' is largest at z = sqrt 2: Phi(sqrt 2) + sqrt 2 phi(sqrt 2) = 1.128904...;
# gelu'' = (2 - z^2) phi(z), largest at 0:
# 2/sqrt(2 pi) = .797884...; silu' is largest at 2.3994: 1.099839...; silu'' is largest at 0: 1/2;
# erf' = 2/sqrt(pi) = 1.128379...; erf'' = -4 z exp(-z^2)/sqrt(pi), largest at 1/sqrt 2: .967882...
ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation("relu", 1.0, math.inf, False),
        Activation("leaky_relu", 1.0, math.inf, False),
        Activation("abs", 1.0, math.inf, False),
        Activation("tanh", 1.0, 0.7698004, True, 1.0),
        Activation("sigmoid", 0.25, 0.0962251, True, 1.0),
        Activation("softplus", 1.0, 0.25, True),
        Activation("gelu", 1.1289045, 0.7978846, True),
        Activation("silu", 1.0998394, 0.5, True),
        Activation("erf", 1.1283792, 0.9678829, True, 1.0),
        Activation("identity", 1.0, 0.0, True),
    )
}
LEAKY_SLOPE = 0.01


@lru_cache
def activation(name: str) -> Activation:
    """The activation of that name; `InputError` names the ones there are."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    slope = negative_slope(name)
    if slope is None:
        raise InputError(f"there is no activation {name!r}; choose one of {', '.join(ACTIVATIONS)}, prelu(a).")
    return Activation(name, max(1.0, abs(slope)), math.inf, False)


def negative_slope(name: str) -> float | None:
    """`a` of the parametric relu `z -> z if z > 0 else a z` (0.01 of `leaky_relu`); None for another activation."""
    if name == "leaky_relu":
        return LEAKY_SLOPE
    if not (name.startswith("prelu(") and name.endswith(")")):
        return None
    try:
        slope = float(name[6:-1])
    except ValueError:
        return None
    return slope if math.isfinite(slope) else None


@lru_cache
def _function(name: str) -> Callable:
    import jax
    import jax.numpy as jnp

    slope = negative_slope(name)
    if slope is not None:
        return lambda z: jnp.where(z > 0, z, slope * z)  # at 0 the slope of the left, as torch has it
    return {
        "relu": jax.nn.relu,
        "abs": lambda z: z * jax.lax.stop_gradient(jnp.sign(z)),  # derivative 0 at 0, as torch has it
        "tanh": jnp.tanh,
        "sigmoid": jax.nn.sigmoid,
        "softplus": jax.nn.softplus,
        "gelu": lambda z: jax.nn.gelu(z, approximate=False),
        "silu": jax.nn.silu,
        "erf": jax.scipy.special.erf,
        "identity": lambda z: z,
    }[name]


@lru_cache
def gain(name: str) -> float:
    """`1/sqrt(E phi(Z)^2)`, `Z` standard normal: the weight scale that keeps the mean square of a layer's input."""
    import numpy as np
    import scipy.special as sp

    leak = negative_slope(name)
    slope = 0.0 if leak is None else leak
    z = np.linspace(-12, 12, 24_001)
    phi = {
        "relu": lambda: np.maximum(z, 0),
        name if leak is not None else "leaky_relu": lambda: np.where(z > 0, z, slope * z),
        "abs": lambda: np.abs(z),
        "tanh": lambda: np.tanh(z),
        "sigmoid": lambda: sp.expit(z),
        "softplus": lambda: np.logaddexp(0, z),
        "gelu": lambda: z * sp.ndtr(z),
        "silu": lambda: z * sp.expit(z),
        "erf": lambda: sp.erf(z),
        "identity": lambda: z,
    }[name]()
    weight = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return float(1 / math.sqrt(np.trapezoid(phi**2 * weight, z)))
