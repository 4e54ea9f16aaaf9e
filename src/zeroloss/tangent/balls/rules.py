"""Error bounds of the operators that converted networks are made of; one that is not here ends a proof, and is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.networks.activations import activation
from zeroloss.tangent import libm
from zeroloss.tangent.balls.ball import (
    Ball,
    NoBoundError,
    Unsure,
    add,
    as_ball,
    divide,
    exact,
    multiply,
    negative,
    root,
    rounded,
)
from zeroloss.tangent.rounding import SLOP, TINY

RULES: dict[str, Callable[..., Any]] = {}
"""By the names of `zeroloss.networks.pytorch.operators`."""


def rule(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            RULES[f"aten.{name}"] = function
        return function

    return enter


@rule("add.Tensor", "add.Scalar")
def _add(x, y, alpha=1):
    return add(x, y if alpha == 1 else multiply(alpha, y))


@rule("sub.Tensor", "sub.Scalar")
def _sub(x, y, alpha=1):
    return add(x, negative(y if alpha == 1 else multiply(alpha, y)))


@rule("rsub.Scalar")
def _rsub(x, y, alpha=1):
    return _sub(y, x, alpha)


@rule("mul.Tensor", "mul.Scalar")
def _mul(x, y):
    return multiply(x, y)


@rule("div.Tensor", "div.Scalar")
def _div(x, y):
    return divide(x, y)


@rule("neg.default")
def _neg(x):
    return negative(x)


@rule("abs.default")
def _abs(x):
    x = as_ball(x)
    return Ball(np.abs(x.mid), x.err)


@rule("maximum.default")
def _maximum(x, y):
    x, y = as_ball(x), as_ball(y)
    return Ball(np.maximum(x.mid, y.mid), np.maximum(x.err, y.err))


@rule("minimum.default")
def _minimum(x, y):
    return negative(_maximum(negative(x), negative(y)))


@rule("hardtanh.default")
def _hardtanh(x, min_val=-1.0, max_val=1.0):
    return _clamp(x, min_val, max_val)


@rule("clamp.default")
def _clamp(x, low=None, high=None, **named):
    low, high = named.get("min", low), named.get("max", high)
    x = as_ball(x)
    mid = x.mid if low is None else np.maximum(x.mid, low)
    return Ball(mid if high is None else np.minimum(mid, high), x.err)


def _activation(name: str) -> Callable[..., Ball]:
    def apply(x: Any) -> Ball:
        x = as_ball(x)
        mid, own = libm.value(name, x.mid)
        return Ball(mid, (activation(name).slope * x.err + own) * SLOP)

    return apply


for _name in ("relu", "tanh", "sigmoid", "erf", "silu"):
    rule(f"{_name}.default")(_activation(_name))


@rule("gelu.default")
def _gelu(x, approximate="none"):
    if approximate != "none":
        raise NoBoundError("gelu by its tanh form")
    return _activation("gelu")(x)


@rule("leaky_relu.default")
def _leaky_relu(x, negative_slope=0.01):
    return _activation(f"prelu({float(negative_slope)!r})")(x)


@rule("exp.default")
def _exp(x):
    """`exp` over the ball: `exp(mid) (exp(err) - 1)`, and `exp(e) - 1 <= e + e^2` up to 1."""
    x = as_ball(x)
    if not np.all(x.err < 1) or not np.all(np.abs(x.mid) < 700):
        raise NoBoundError("exp of balls too wide")
    mid = libm.exponential(x.mid)
    return rounded(mid, mid * (x.err + x.err**2), libm.ULPS + 1)


@rule("log1p.default")
def _log1p(x):
    """Of balls that are not negative: slope at most 1."""
    x = as_ball(x)
    if not np.all(x.mid - x.err >= 0):
        raise NoBoundError("log1p of what may be negative")
    return rounded(libm.logarithm1p(x.mid), x.err, libm.ULPS + 1)


@rule("rsqrt.default")
def _rsqrt(x):
    return divide(1.0, root(x))


@rule("sqrt.default")
def _sqrt(x):
    return root(x)


@rule("pow.Tensor_Scalar")
def _pow(x, exponent):
    if exponent != 2:
        raise NoBoundError(f"the power {exponent}")
    return multiply(x, x)


def _axes(dim):
    return None if dim is None or dim == [] else dim if isinstance(dim, int) else tuple(dim)


def total(x: Any, dim: Any, keepdim: bool) -> tuple[Ball, int]:
    """The sum over axes, and how many terms it has."""
    from zeroloss.tangent.enclosure import gamma

    x = as_ball(x)
    axes = _axes(dim)
    mid = np.sum(x.mid, axis=axes, keepdims=keepdim)
    count = x.mid.size // max(1, mid.size)
    err = np.sum(x.err + gamma(count) * np.abs(x.mid), axis=axes, keepdims=keepdim)
    return rounded(np.asarray(mid), err), count


@rule("sum.dim_IntList", "sum.default")
def _sum(x, dim=None, keepdim=False, dtype=None):
    return total(x, dim, keepdim)[0]


@rule("mean.dim", "mean.default")
def _mean(x, dim=None, keepdim=False, dtype=None):
    found, count = total(x, dim, keepdim)
    return divide(found, float(count))


@rule("amax.default")
def _amax(x, dim=None, keepdim=False):
    x = as_ball(x)
    return Ball(np.max(x.mid, axis=_axes(dim), keepdims=keepdim), np.max(x.err, axis=_axes(dim), keepdims=keepdim))


@rule("_softmax.default")
def _softmax(x, dim, half_to_float=False):
    """Unchanged by the shift, which is by a number and exact in that sense."""
    x = as_ball(x)
    powers = _exp(add(x, -np.max(x.mid, axis=dim, keepdims=True)))
    return divide(powers, total(powers, dim, True)[0])


def product(x: Any, y: Any) -> Ball:
    """A product of matrices: `|x| e_y + e_x |y| + e_x e_y + gamma_k |x||y|` (and `TINY` for what underflows before `y`)."""
    from zeroloss.tangent.enclosure import gamma

    x = as_ball(x)
    wide, step = np.abs(x.mid), gamma(x.shape[-1] + 2)
    if not isinstance(y, Ball):  # a matrix of weights: exact
        y = as_ball(y).mid if isinstance(y, Unsure) else np.asarray(y, np.float64)
        return rounded(x.mid @ y, (x.err + step * wide + TINY) @ np.abs(y))
    return rounded(x.mid @ y.mid, (x.err + step * wide + TINY) @ np.abs(y.mid) + (wide + x.err) @ y.err)


@rule("mm.default", "bmm.default")
def _mm(x, y):
    return product(x, y)


@rule("addmm.default", "baddbmm.default")
def _addmm(bias, x, y, beta=1, alpha=1):
    z = product(x, y)
    z = z if alpha == 1 else multiply(alpha, z)
    return z if beta == 0 else add(z, bias if beta == 1 else multiply(beta, bias))


@rule("linear.default")
def _linear(x, weight, bias=None):
    z = product(x, np.swapaxes(np.asarray(weight), 0, 1))
    return z if bias is None else add(z, bias)


@rule("eq.Scalar", "eq.Tensor")
def _eq(x, y):
    x, y = as_ball(x), as_ball(y)
    wide = (x.err + y.err) > 0
    return Unsure(x.mid == y.mid, wide & (np.abs(x.mid - y.mid) <= (x.err + y.err) * SLOP + TINY))


def _order(function: Callable[..., np.ndarray]) -> Callable[..., Unsure]:
    def compare(x: Any, y: Any) -> Unsure:
        x, y = as_ball(x), as_ball(y)
        wide = (x.err + y.err) > 0
        return Unsure(function(x.mid, y.mid), wide & (np.abs(x.mid - y.mid) <= (x.err + y.err) * SLOP + TINY))

    return compare


for _name, _function in (("gt", np.greater), ("ge", np.greater_equal), ("lt", np.less), ("le", np.less_equal)):
    rule(f"{_name}.Scalar", f"{_name}.Tensor")(_order(_function))


def _truth(x: Any) -> Unsure:
    if isinstance(x, Unsure):
        return x
    if isinstance(x, Ball):
        raise NoBoundError("numbers taken for truth values")
    return Unsure(np.asarray(x, bool), np.zeros(np.shape(x), bool))


@rule("logical_not.default", "bitwise_not.default")
def _not(x):
    x = _truth(x)
    return Unsure(~x.value, x.open)


@rule("any.dim", "any.dims")
def _any(x, dim=None, keepdim=False):
    """Decided by one decided yes, or by no open question."""
    x = _truth(x)
    yes = np.any(x.value & ~x.open, axis=_axes(dim), keepdims=keepdim)
    return Unsure(
        np.any(x.value, axis=_axes(dim), keepdims=keepdim), ~yes & np.any(x.open, axis=_axes(dim), keepdims=keepdim)
    )


@rule("where.self", "where.ScalarOther", "where.ScalarSelf")
def _where(condition, x, y):
    """Where the condition is open, a ball that holds both."""
    c, x, y = _truth(condition), as_ball(x), as_ball(y)
    mid = np.where(c.value, x.mid, y.mid)
    err = np.where(c.value, x.err, y.err)
    both = np.abs(x.mid - y.mid) * SLOP + np.maximum(x.err, y.err)
    return Ball(mid, np.where(c.open, both, err) * SLOP + np.where(c.open, TINY, 0.0))


def norm_over(x: Any, axes: tuple[int, ...], eps: float) -> Ball:
    """`(x - mean)/sqrt(var + eps)` over the axes."""
    x = as_ball(x)
    centred = add(x, negative(_mean(x, list(axes), True)))
    return multiply(centred, divide(1.0, root(add(_mean(multiply(centred, centred), list(axes), True), eps))))


def affine(x: Ball, weight: Any, bias: Any, shape: tuple[int, ...]) -> Ball:
    x = x if weight is None else multiply(x, np.reshape(weight, shape))
    return x if bias is None else add(x, np.reshape(bias, shape))


@rule("native_layer_norm.default")
def _layer_norm(x, normalized_shape, weight, bias, eps):
    x = as_ball(x)
    axes = tuple(range(x.mid.ndim - len(normalized_shape), x.mid.ndim))
    return affine(norm_over(x, axes, eps), weight, bias, tuple(normalized_shape)), None, None


@rule("native_group_norm.default")
def _group_norm(x, weight, bias, n, channels, positions, groups, eps):
    x = as_ball(x)
    cut = Ball(x.mid.reshape(n, groups, -1), x.err.reshape(n, groups, -1))
    out = norm_over(cut, (2,), eps)
    shape = (1, channels, *(1,) * (x.mid.ndim - 2))
    return affine(Ball(out.mid.reshape(x.shape), out.err.reshape(x.shape)), weight, bias, shape), None, None


@rule("_native_batch_norm_legit_no_training.default")
def _batch_norm(x, weight, bias, mean, variance, momentum, eps):
    shape = (1, -1, *(1,) * (as_ball(x).mid.ndim - 2))
    scale = divide(1.0, root(add(exact(np.reshape(variance, shape)), eps)))
    return affine(multiply(add(x, -np.reshape(mean, shape)), scale), weight, bias, shape), None, None
