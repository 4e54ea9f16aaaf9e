"""Special functions, binary functions less used, and layers that are idle in evaluation mode."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator, table
from zeroloss.plumbing import InputError

_special = jax.scipy.special
table(
    {
        "digamma.default": _special.digamma,
        "lgamma.default": _special.gammaln,
        "erfinv.default": _special.erfinv,
        "i0.default": _special.i0,
        "round.decimals": lambda x, decimals=0: jnp.round(x, decimals),
        "sinc.default": jnp.sinc,
        "sgn.default": jnp.sign,
        "signbit.default": jnp.signbit,
        "positive.default": lambda x: x,
        "deg2rad.default": jnp.deg2rad,
        "rad2deg.default": jnp.rad2deg,
        "special_i1.default": _special.i1,
        "special_i1e.default": _special.i1e,
        "special_ndtri.default": _special.ndtri,
        "special_log_ndtr.default": _special.log_ndtr,
        "special_entr.default": _special.entr,
        "logaddexp.default": jnp.logaddexp,
        "logaddexp2.default": jnp.logaddexp2,
        "hypot.default": jnp.hypot,
        "copysign.Tensor": jnp.copysign,
        "copysign.Scalar": jnp.copysign,
        "heaviside.default": jnp.heaviside,
        "bitwise_left_shift.Tensor": jnp.left_shift,
        "bitwise_left_shift.Tensor_Scalar": jnp.left_shift,
        "bitwise_right_shift.Tensor": jnp.right_shift,
        "bitwise_right_shift.Tensor_Scalar": jnp.right_shift,
        "xlogy.Tensor": _special.xlogy,
        "xlogy.Scalar_Other": _special.xlogy,
        "xlogy.Scalar_Self": _special.xlogy,
        "special_xlog1py.default": _special.xlog1py,
        "polygamma.default": lambda n, x: _special.polygamma(n, x),
        "remainder.Scalar_Tensor": jnp.remainder,
    }
)


@operator("special_erfcx.default")
def _erfcx(x):
    """`exp(x^2) erfc(x)`, neither of which need be a number."""
    return jnp.exp(x * x + math.log(2) + _special.log_ndtr(-math.sqrt(2) * x))


@operator("logit.default")
def _logit(x, eps=None):
    x = x if eps is None else jnp.where(x < eps, eps, jnp.where(x > 1 - eps, 1 - eps, x))
    return jnp.log(x / (1 - x))


@operator("isin.Tensor_Tensor")
def _isin(x, among, assume_unique=False, invert=False):
    return jnp.isin(x, among, invert=invert)


@operator("rrelu_with_noise.default", "rrelu_with_noise_functional.default")
def _rrelu(x, noise, lower=0.125, upper=1 / 3, training=False, generator=None):
    if training:
        raise InputError("rrelu draws random slopes in training mode; call module.eval() first.")
    return jnp.where(x > 0, x, (lower + upper) / 2 * x), noise


@operator("native_dropout.default")
def _dropout(x, p, train=None):
    if train and p > 0:
        raise InputError("the module draws random numbers (dropout in training mode?); call module.eval() first.")
    return x, jnp.ones(x.shape, bool)


@operator("_weight_norm_interface.default")
def _weight_norm(v, g, dim=0):
    """`w = g v/||v||`, the norm over all axes but `dim`."""
    axes = tuple(a for a in range(v.ndim) if a != dim % v.ndim)
    norm = jnp.sqrt(jnp.sum(v * v, axis=axes, keepdims=True))
    return v * (g / norm), norm


@operator("_pdist_forward.default", "pdist.default")
def _pdist(x, p=2.0):
    from zeroloss.networks.pytorch.operators.kinked import _cdist

    rows, columns = jnp.triu_indices(x.shape[0], 1)
    return _cdist(x[rows][:, None], x[columns][:, None], p)[:, 0, 0]


@operator("fill.Scalar", "fill.Tensor")
def _fill(x, value):
    return jnp.full(x.shape, value, x.dtype)


@operator("empty_strided.default", "new_empty_strided.default")
def _empty_strided(first, *rest, dtype=None, **_):
    size = rest[0] if hasattr(first, "shape") else first
    kind = first.dtype if dtype is None and hasattr(first, "shape") else dtype
    return jnp.zeros(tuple(size), kind)


@operator("tril_indices.default")
def _tril_indices(rows, columns, offset=0, **_):
    return jnp.stack(jnp.tril_indices(rows, offset, columns))


@operator("triu_indices.default")
def _triu_indices(rows, columns, offset=0, **_):
    return jnp.stack(jnp.triu_indices(rows, offset, columns))


@operator("linspace.default")
def _linspace(start, end, steps, dtype=None, **_):
    return jnp.linspace(start, end, steps, dtype=dtype)


@operator("logspace.default")
def _logspace(start, end, steps, base=10.0, dtype=None, **_):
    return jnp.logspace(start, end, steps, base=base, dtype=dtype)
