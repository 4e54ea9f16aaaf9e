"""Functions with a kink, or a root of what may be zero, with the derivative that torch gives them there.

At a kink any number between the slopes beside it would do; training is what torch does, so that is followed:
`docs/converting-pytorch.md` has the table. Where JAX's own function follows torch too, it is used elsewhere.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.operators.table import operator

_SIXTH = float(np.float32(1) / np.float32(6))
"""torch's slope of hardsigmoid, in float64 too."""


def absolute(x: Any) -> Any:
    """`|x|`, with derivative 0 at 0."""
    return jnp.abs(x) if jnp.iscomplexobj(x) else x * jax.lax.stop_gradient(jnp.sign(x))


operator("abs.default")(absolute)


@operator("hardtanh.default")
def _hardtanh(x, low=-1.0, high=1.0, **named):
    low, high = named.get("min_val", low), named.get("max_val", high)
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x)).astype(x.dtype)  # derivative 0 at the ends


@operator("relu6.default")
def _relu6(x):
    return _hardtanh(x, 0.0, 6.0)


@operator("hardswish.default")
def _hardswish(x):
    return jnp.where(x <= -3, 0.0, jnp.where(x < 3, x * (x + 3) / 6, x)).astype(x.dtype)


@jax.custom_jvp
def _hardsigmoid(x):
    return jnp.clip(x + 3, 0, 6) / 6


@_hardsigmoid.defjvp
def _(primals, tangents):
    (x,), (dx,) = primals, tangents
    return _hardsigmoid(x), dx * jnp.where((x > -3) & (x < 3), jnp.asarray(_SIXTH, x.dtype), 0).astype(x.dtype)


operator("hardsigmoid.default")(_hardsigmoid)


@operator("fmax.default")
def _fmax(x, y):
    return jnp.where((x >= y) | jnp.isnan(y), x, y)  # all of the derivative to the first of equals


@operator("fmin.default")
def _fmin(x, y):
    return jnp.where((x <= y) | jnp.isnan(y), x, y)


@operator("atan2.default")
def _atan2(y, x):
    both = (y == 0) & (x == 0)  # derivative 0 there; the value keeps the signs of the zeros
    angle = jnp.arctan2(jnp.where(both, 0.0, y), jnp.where(both, 1.0, x))
    return jnp.where(both, jax.lax.stop_gradient(jnp.arctan2(y, x)), angle)


@jax.custom_jvp
def _power(x, y):
    return jnp.power(x, y)


@_power.defjvp
def _(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    out = _power(x, y)
    constant, still = y == 0, (x == 0) & (y >= 0)
    by_base = jnp.where(constant, 0.0, y * _power(x, jnp.where(constant, 1.0, y - 1)))
    by_exponent = jnp.where(still, 0.0, out * jnp.log(jnp.where(still, 1.0, x)))
    return out, dx * by_base + dy * by_exponent


@operator("pow.Tensor_Tensor", "pow.Scalar")
def _pow(x, y):
    if not jnp.issubdtype(jnp.result_type(x, y), jnp.floating):
        return jnp.power(x, y)
    kind = jnp.result_type(x, y)
    x, y = jnp.broadcast_arrays(jnp.asarray(x, kind), jnp.asarray(y, kind))
    return _power(x, y)


def p_norm(x: Any, p: float, axes: Any, keepdims: bool) -> Any:
    """`(sum |x|^p)^(1/p)`, `max |x|` or `min |x|` for infinite `p`, the number of entries that are not 0 for `p = 0`; derivative 0
    where the norm is 0, and by an entry that is 0."""
    if p == 2:
        squares = jnp.sum(x * x, axis=axes, keepdims=keepdims)
        away = squares > 0
        return jnp.where(away, jnp.sqrt(jnp.where(away, squares, 1.0)), 0.0)
    size = absolute(x)
    if p == 0:
        return jnp.sum(x != 0, axis=axes, keepdims=keepdims).astype(size.dtype)
    if math.isinf(p):
        return (jnp.max if p > 0 else jnp.min)(size, axis=axes, keepdims=keepdims)
    if p == 1:
        return jnp.sum(size, axis=axes, keepdims=keepdims)
    nothing = size == 0
    total = jnp.sum(jnp.where(nothing, 0.0, jnp.where(nothing, 1.0, size) ** p), axis=axes, keepdims=keepdims)
    away = (total > 0) & ~(jnp.any(nothing, axis=axes, keepdims=keepdims) & (p < 0))
    return jnp.where(away, jnp.where(away, total, 1.0) ** (1 / p), 0.0)


@operator("linalg_vector_norm.default", "norm.ScalarOpt_dim", "norm.Scalar")
def _vector_norm(x, ord=2, dim=None, keepdim=False, dtype=None):
    axes = None if dim is None or dim == [] else dim if isinstance(dim, int) else tuple(dim)
    return p_norm(x if dtype is None else x.astype(dtype), 2 if ord is None else ord, axes, keepdim)


@operator("_cdist_forward.default")
def _cdist(x, y, p, compute_mode=None):
    difference = x[..., :, None, :] - y[..., None, :, :]
    if not math.isinf(p):
        return p_norm(difference, p, -1, False)
    size = absolute(difference)  # of equal largest differences each has all of the derivative
    most = jax.lax.stop_gradient(jnp.max(size, axis=-1, keepdims=True))
    return most[..., 0] + jnp.sum(jnp.where(size == most, size - most, 0.0), axis=-1)


@operator("std.correction", "std.dim")
def _std(x, dim=None, correction=1, keepdim=False):
    return _root(_variance(x, dim, correction, keepdim))


@operator("std_mean.correction")
def _std_mean(x, dim=None, correction=1, keepdim=False):
    axes = None if dim is None or dim == [] else dim if isinstance(dim, int) else tuple(dim)
    return _std(x, dim, correction, keepdim), jnp.mean(x, axis=axes, keepdims=keepdim)


def _variance(x, dim, correction, keepdim):
    axes = None if dim is None or dim == [] else dim if isinstance(dim, int) else tuple(dim)
    return jnp.var(x, axis=axes, ddof=1 if correction is None else int(correction), keepdims=keepdim)


def _root(squares):
    """The square root of a variance; derivative 0 at 0."""
    away = squares > 0
    return jnp.where(away, jnp.sqrt(jnp.where(away, squares, 1.0)), jax.lax.stop_gradient(jnp.sqrt(squares)))
