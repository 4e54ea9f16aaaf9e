"""Entry by entry: arithmetic, functions, activations, comparisons, choices, casts."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator, table

_UNARY: dict[str, Any] = {
    "acos": jnp.arccos, "acosh": jnp.arccosh, "asin": jnp.arcsin, "asinh": jnp.arcsinh, "atan": jnp.arctan,
    "atanh": jnp.arctanh, "bitwise_not": jnp.bitwise_not, "ceil": jnp.ceil, "cos": jnp.cos, "cosh": jnp.cosh,
    "erf": jax.scipy.special.erf, "erfc": jax.scipy.special.erfc, "exp": jnp.exp, "exp2": jnp.exp2, "expm1": jnp.expm1,
    "floor": jnp.floor, "isfinite": jnp.isfinite, "isinf": jnp.isinf, "isnan": jnp.isnan, "log": jnp.log, "log10": jnp.log10,
    "log1p": jnp.log1p, "log2": jnp.log2, "logical_not": jnp.logical_not, "neg": jnp.negative, "reciprocal": lambda x: 1 / x,
    "relu": jax.nn.relu, "round": jnp.round, "rsqrt": jax.lax.rsqrt, "sigmoid": jax.nn.sigmoid,
    "sign": jnp.sign, "silu": jax.nn.silu, "sin": jnp.sin, "sinh": jnp.sinh, "sqrt": jnp.sqrt, "square": jnp.square, "tan": jnp.tan,
    "tanh": jnp.tanh, "trunc": jnp.trunc, "log_sigmoid": jax.nn.log_sigmoid, "mish": jax.nn.mish,
    "frac": lambda x: x - jnp.trunc(x),
}  # fmt: skip
table({f"{name}.default": function for name, function in _UNARY.items()})

_BINARY: dict[str, Any] = {
    "mul": jnp.multiply, "maximum": jnp.maximum, "minimum": jnp.minimum, "remainder": jnp.remainder,
    "fmod": jnp.fmod,
    "eq": jnp.equal, "ne": jnp.not_equal, "lt": jnp.less, "le": jnp.less_equal, "gt": jnp.greater, "ge": jnp.greater_equal,
    "logical_and": jnp.logical_and, "logical_or": jnp.logical_or, "logical_xor": jnp.logical_xor, "bitwise_and": jnp.bitwise_and,
    "bitwise_or": jnp.bitwise_or, "bitwise_xor": jnp.bitwise_xor,
}  # fmt: skip
table({f"{name}.{kind}": function for name, function in _BINARY.items() for kind in ("Tensor", "Scalar", "default")})


@operator("add.Tensor", "add.Scalar")
def _add(x, y, alpha=1):
    return x + (y if alpha == 1 else alpha * y)


@operator("sub.Tensor", "sub.Scalar")
def _sub(x, y, alpha=1):
    return x - (y if alpha == 1 else alpha * y)


@operator("rsub.Scalar", "rsub.Tensor")
def _rsub(x, y, alpha=1):
    return y - alpha * x


@operator("div.Tensor", "div.Scalar", "div.Tensor_mode", "div.Scalar_mode")
def _div(x, y, rounding_mode=None):
    if rounding_mode == "floor":
        return jnp.floor_divide(x, y)
    quotient = jnp.true_divide(x, y)
    if rounding_mode != "trunc":
        return quotient
    return jnp.trunc(quotient).astype(jnp.result_type(x, y))


@operator("floor_divide.default")
def _floor_divide(x, y):
    return jnp.floor_divide(x, y)


@operator("pow.Tensor_Scalar")
def _pow(x, exponent):
    # A whole exponent as one keeps the derivative at 0 finite.
    return x ** int(exponent) if float(exponent).is_integer() else x**exponent


@operator("addcmul.default")
def _addcmul(x, a, b, value=1):
    return x + value * a * b


@operator("addcdiv.default")
def _addcdiv(x, a, b, value=1):
    return x + value * a / b


@operator("lerp.Scalar", "lerp.Tensor")
def _lerp(x, y, weight):
    return x + weight * (y - x)


@operator("clamp.default", "clamp.Tensor")
def _clamp(x, low=None, high=None, **named):
    low, high = named.get("min", low), named.get("max", high)
    # Derivative 1 at the ends, as in torch.
    x = x if low is None else jnp.where(x < low, low, x)
    return x if high is None else jnp.where(x > high, high, x)


@operator("clamp_min.default")
def _clamp_min(x, low):
    return _clamp(x, low)


@operator("clamp_max.default")
def _clamp_max(x, high):
    return _clamp(x, None, high)


@operator("gelu.default")
def _gelu(x, approximate="none"):
    return jax.nn.gelu(x, approximate=approximate == "tanh")


@operator("elu.default")
def _elu(x, alpha=1.0, scale=1.0, input_scale=1.0):
    negative = alpha * jnp.expm1(jnp.where(x > 0, 0.0, x) * input_scale)
    return scale * jnp.where(x > 0, x, negative)


@operator("leaky_relu.default")
def _leaky_relu(x, negative_slope=0.01):
    return jnp.where(x > 0, x, negative_slope * x)


@operator("prelu.default", "_prelu_kernel.default")
def _prelu(x, weight):
    weight = weight.reshape(1, -1, *(1,) * (x.ndim - 2)) if weight.ndim == 1 and x.ndim >= 2 else weight
    return jnp.where(x > 0, x, weight * x)


@operator("softplus.default")
def _softplus(x, beta=1, threshold=20):
    z = x * beta
    return jnp.where(z > threshold, x, jnp.logaddexp(jnp.where(z > threshold, 0.0, z), 0.0) / beta)


@operator("threshold.default")
def _threshold(x, threshold, value):
    return jnp.where(x <= threshold, value, x)


@operator("hardshrink.default")
def _hardshrink(x, lambd=0.5):
    return jnp.where(jnp.abs(x) > lambd, x, 0.0)


@operator("softshrink.default")
def _softshrink(x, lambd=0.5):
    return jnp.where(x > lambd, x - lambd, jnp.where(x < -lambd, x + lambd, 0.0))


@operator("glu.default")
def _glu(x, dim=-1):
    first, gate = jnp.split(x, 2, axis=dim)
    return first * jax.nn.sigmoid(gate)


@operator("_softmax.default", "softmax.int")
def _softmax(x, dim, half_to_float=False, dtype=None):
    return jax.nn.softmax(x, axis=dim)


@operator("_safe_softmax.default")
def _safe_softmax(x, dim, dtype=None):
    gone = jnp.all(x == -math.inf, axis=dim, keepdims=True)
    return jnp.where(gone, 0.0, jax.nn.softmax(jnp.where(gone, 0.0, x), axis=dim))


@operator("_log_softmax.default", "log_softmax.int")
def _log_softmax(x, dim, half_to_float=False, dtype=None):
    return jax.nn.log_softmax(x, axis=dim)


@operator("where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar")
def _where(condition, x, y):
    return jnp.where(condition, x, y)


@operator("masked_fill.Scalar", "masked_fill.Tensor")
def _masked_fill(x, mask, value):
    return jnp.where(mask, value, x)


@operator("nan_to_num.default")
def _nan_to_num(x, nan=None, posinf=None, neginf=None):
    return jnp.nan_to_num(x, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


@operator("_to_copy.default", "to.dtype")
def _to_copy(x, dtype=None, **_):
    return x if dtype is None else x.astype(dtype)


@operator("clone.default", "alias.default", "lift_fresh_copy.default", "contiguous.default", "dropout.default")
def _same(x, *_, **__):
    return x


@operator("detach.default", "detach_.default")
def _detach(x):
    return jax.lax.stop_gradient(x)


@operator("copy.default")
def _copy(x, source, non_blocking=False):
    return jnp.broadcast_to(source, x.shape).astype(x.dtype)
