"""Error bounds of the operators that converted networks are made of; without a rule here there is no proof, and the operator is named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.networks.activations import activation
from zeroloss.verified import libm
from zeroloss.verified.balls.ball import (
    Ball,
    NoBoundError,
    Unsure,
    add,
    as_ball,
    divide,
    exact,
    infinite,
    multiply,
    negative,
    root,
    rounded,
)
from zeroloss.verified.balls.whole import axes_of, cast, is_whole, stepped
from zeroloss.verified.directed import DOWN, SLOP, TINY

RULES: dict[str, Callable[..., Any]] = {}
"""Rules by the names of `zeroloss.networks.pytorch.operators`."""


def rule(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            RULES[f"aten.{name}"] = function
        return function

    return enter


@rule("add.Tensor", "add.Scalar")
def _add(x: Any, y: Any, alpha: Any = 1) -> Any:
    return add(x, y if alpha == 1 else multiply(alpha, y))


@rule("sub.Tensor", "sub.Scalar")
def _sub(x: Any, y: Any, alpha: Any = 1) -> Any:
    return add(x, negative(y if alpha == 1 else multiply(alpha, y)))


@rule("rsub.Scalar", "rsub.Tensor")
def _rsub(x: Any, y: Any, alpha: Any = 1) -> Any:
    return _sub(y, x, alpha)


@rule("mul.Tensor", "mul.Scalar")
def _mul(x: Any, y: Any) -> Any:
    """By 0 it is 0, exactly."""
    if x is y:
        return _square(x)
    found = multiply(x, y)
    none = [np.asarray(v.mid == 0) & (v.err == 0) for v in (as_ball(x), as_ball(y))]
    zero = np.broadcast_to(none[0] | none[1], found.shape)
    return Ball(found.mid, np.where(zero, 0.0, found.err)) if zero.any() else found


@rule("div.Tensor", "div.Scalar")
def _div(x: Any, y: Any) -> Any:
    return divide(x, y)


@rule("reciprocal.default")
def _reciprocal(x: Any) -> Any:
    return divide(1.0, x)


@rule("neg.default")
def _neg(x: Any) -> Any:
    return negative(x)


@rule("abs.default")
def _abs(x: Any) -> Any:
    x = as_ball(x)
    return Ball(np.abs(x.mid), x.err)


for _name, _step in (
    ("floor", np.floor),
    ("ceil", np.ceil),
    ("trunc", np.trunc),
    ("round", np.round),
    ("sign", np.sign),
):
    rule(f"{_name}.default")(lambda x, _step=_step: stepped(_step, as_ball(x)))


@rule("maximum.default", "maximum.Tensor")
def _maximum(x: Any, y: Any) -> Any:
    x, y = as_ball(x), as_ball(y)
    return Ball(np.maximum(x.mid, y.mid), np.maximum(x.err, y.err))


@rule("minimum.default", "minimum.Tensor")
def _minimum(x: Any, y: Any) -> Any:
    return negative(_maximum(negative(x), negative(y)))


@rule("hardtanh.default")
def _hardtanh(x: Any, min_val: Any = -1.0, max_val: Any = 1.0) -> Any:
    return _clamp(x, min_val, max_val)


@rule("clamp.default", "clamp.Tensor")
def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    x = as_ball(x)
    x = x if min is None else _maximum(x, min)
    return x if max is None else _minimum(x, max)


rule("clamp_min.default")(_clamp)
rule("clamp_max.default")(lambda x, high: _clamp(x, None, high))
rule("relu6.default")(lambda x: _clamp(x, 0.0, 6.0))
rule("hardsigmoid.default")(lambda x: divide(_clamp(add(x, 3.0), 0.0, 6.0), 6.0))
rule("hardswish.default")(lambda x: multiply(x, divide(_clamp(add(x, 3.0), 0.0, 6.0), 6.0)))


def _activation(name: str) -> Callable[..., Ball]:
    def apply(x: Any) -> Ball:
        x = as_ball(x)
        mid, own = libm.value(name, x.mid)
        return Ball(mid, (activation(name).slope * x.err + own) * SLOP)

    return apply


for _name in ("relu", "tanh", "sigmoid", "erf", "silu"):
    rule(f"{_name}.default")(_activation(_name))


@rule("gelu.default")
def _gelu(x: Any, approximate: Any = "none") -> Any:
    if approximate == "tanh":
        return _gelu_tanh(x)
    if approximate != "none":
        raise NoBoundError(f"gelu by {approximate!r}")
    return _activation("gelu")(x)


def _gelu_tanh(x: Any) -> Ball:
    """`x/2 (1 + tanh(sqrt(2/pi) (x + .044715 x^3)))`; the constants are off by less than their last place."""
    x, scale = as_ball(x), math.sqrt(2 / math.pi)
    inner = multiply(
        Ball(np.asarray(scale), np.asarray(2 * np.spacing(scale))), add(x, multiply(0.044715, _whole_power(x, 3)))
    )
    return multiply(multiply(0.5, x), add(1.0, _activation("tanh")(inner)))


@rule("leaky_relu.default")
def _leaky_relu(x: Any, negative_slope: Any = 0.01) -> Any:
    return _activation(f"prelu({float(negative_slope)!r})")(x)


@rule("_prelu_kernel.default", "prelu.default")
def _prelu(x: Any, weight: Any) -> Any:
    x, weight = as_ball(x), as_ball(weight)
    if weight.mid.ndim == 1 and x.mid.ndim >= 2:
        shape = (1, -1, *(1,) * (x.mid.ndim - 2))
        weight = Ball(weight.mid.reshape(shape), weight.err.reshape(shape))
    return add(_maximum(x, 0.0), multiply(weight, _minimum(x, 0.0)))


@rule("elu.default")
def _elu(x: Any, alpha: Any = 1.0, scale: Any = 1.0, input_scale: Any = 1.0) -> Any:
    """Its two parts, each cut at 0: `scale (max(x, 0) + alpha (exp(s min(x, 0)) - 1))`."""
    below = _expm1(multiply(_minimum(x, 0.0), input_scale))
    return multiply(scale, add(_maximum(x, 0.0), multiply(alpha, below)))


@rule("softplus.default")
def _softplus(x: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    """`log(1 + exp(beta x))/beta`, and `x` beyond the threshold: they differ by up to `exp(-threshold)/beta` there."""
    if not beta > 0:
        raise NoBoundError("softplus of negative beta")
    z = multiply(beta, x)
    smooth = divide(_activation("softplus")(z), float(beta))
    return _where(_order(np.greater)(z, threshold), x, smooth)


@rule("log_sigmoid.default")
def _log_sigmoid(x: Any) -> Any:
    return negative(_activation("softplus")(negative(x)))


@rule("mish.default")
def _mish(x: Any) -> Any:
    return multiply(x, _activation("tanh")(_activation("softplus")(x)))


@rule("exp.default")
def _exp(x: Any) -> Any:
    """`exp` over the ball: `exp(mid) (exp(err) - 1)`, and `exp(e) - 1 <= e + e^2` up to 1; what is below -700 is 0 within
    `exp(-700)`, and minus infinity gives 0."""
    x = as_ball(x)
    gone = infinite(x) & (x.mid < 0)
    low = x.mid + x.err * SLOP < -700
    mid, err = np.where(low, 0.0, x.mid), np.where(low, 0.0, x.err)
    if not np.all(err < 1) or not np.all(np.abs(mid) < 700):
        raise NoBoundError("exp of balls too wide")
    power = libm.exponential(mid)
    found = rounded(power, power * (err + err**2), libm.ULPS + 1)
    if not low.any():
        return found
    return Ball(np.where(low, 0.0, found.mid), np.where(gone, 0.0, np.where(low, 1e-304, found.err)))


@rule("expm1.default")
def _expm1(x: Any) -> Any:
    """As `exp(x) - 1`: its absolute error is that of `exp`, and of the difference."""
    return add(_exp(x), -1.0)


@rule("log1p.default")
def _log1p(x: Any) -> Any:
    """Of balls that are not negative: slope at most 1."""
    x = as_ball(x)
    if not np.all(x.mid - x.err >= 0):
        raise NoBoundError("log1p of what may be negative")
    return rounded(libm.logarithm1p(x.mid), x.err, libm.ULPS + 1)


@rule("log.default")
def _log(x: Any) -> Any:
    """Of positive balls: slope at most `1/(x - err)`."""
    x = as_ball(x)
    least = x.mid * DOWN - x.err
    if not np.all(least > 0) or not np.isfinite(x.mid).all():
        raise NoBoundError("a logarithm of what may not be positive")
    return rounded(libm.logarithm(x.mid), x.err / least, libm.ULPS + 1)


def _wave(function: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Ball]:
    """Slope at most 1."""

    def apply(x: Any) -> Ball:
        x = as_ball(x)
        if not np.all(np.abs(x.mid) < 1e9):
            raise NoBoundError("a sine of what is far from 0")
        return rounded(function(x.mid), x.err, libm.ULPS + 1)

    return apply


rule("sin.default")(_wave(libm.sine))
rule("cos.default")(_wave(libm.cosine))


@rule("rsqrt.default")
def _rsqrt(x: Any) -> Any:
    return divide(1.0, root(x))


@rule("sqrt.default")
def _sqrt(x: Any) -> Any:
    return root(x)


def _square(x: Any) -> Ball:
    """Never negative: a ball that reaches below 0 is cut there."""
    found = multiply(x, x)
    half = 0.5 * (found.mid + found.err)
    below = found.err > found.mid
    return Ball(np.where(below, half, found.mid), np.where(below, half * SLOP, found.err))


rule("square.default")(_square)


def _whole_power(x: Any, exponent: int) -> Ball:
    if exponent == 1:
        return as_ball(x)
    half = _whole_power(x, exponent // 2)
    return multiply(_square(half), x) if exponent % 2 else _square(half)


@rule("pow.Tensor_Scalar")
def _pow(x: Any, exponent: Any) -> Any:
    """Whole powers up to 16 as products, halves by roots, others of positive balls by the logarithm."""
    if exponent == 0:
        return exact(np.ones(np.shape(as_ball(x).mid)))
    if exponent < 0:
        return divide(1.0, _pow(x, -exponent))
    if float(exponent).is_integer() and exponent <= 16:
        return _whole_power(x, int(exponent))
    if exponent == 0.5:
        return root(x)
    return _exp(multiply(exponent, _log(x)))


@rule("pow.Scalar")
def _power_of(x: Any, exponent: Any) -> Any:
    return _exp(multiply(exponent, _log(x)))


@rule("pow.Tensor_Tensor")
def _power_by(x: Any, exponent: Any) -> Any:
    exponent = as_ball(exponent)
    if exponent.mid.size == 1 and np.all(exponent.err == 0):
        return _pow(x, float(exponent.mid.reshape(())))
    return _exp(multiply(exponent, _log(x)))


@rule("addcmul.default")
def _addcmul(x: Any, a: Any, b: Any, value: Any = 1) -> Any:
    return add(x, multiply(value, multiply(a, b)))


@rule("addcdiv.default")
def _addcdiv(x: Any, a: Any, b: Any, value: Any = 1) -> Any:
    return add(x, divide(multiply(value, a), b))


@rule("lerp.Scalar", "lerp.Tensor")
def _lerp(x: Any, y: Any, weight: Any) -> Any:
    return add(x, multiply(weight, add(y, negative(x))))


def total(x: Any, dim: Any, keepdim: bool) -> tuple[Ball, int]:
    """The sum over axes, and how many terms it has."""
    from zeroloss.verified.directed import gamma

    x = as_ball(x)
    axes = axes_of(dim)
    mid = np.sum(x.mid, axis=axes, keepdims=keepdim)
    count = x.mid.size // max(1, mid.size)
    err = np.sum(x.err + gamma(count) * np.abs(x.mid), axis=axes, keepdims=keepdim)
    return rounded(np.asarray(mid), err), count


@rule("sum.dim_IntList", "sum.default")
def _sum(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    return total(x, dim, keepdim)[0]


@rule("mean.dim", "mean.default")
def _mean(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    found, count = total(x, dim, keepdim)
    return divide(found, float(count))


@rule("cumsum.default")
def _cumsum(x: Any, dim: Any) -> Any:
    """In any order of at most as many terms as there are."""
    from zeroloss.verified.directed import gamma

    x = as_ball(x)
    wide = np.cumsum(x.err + gamma(x.shape[dim]) * np.abs(x.mid), axis=dim)
    return rounded(np.cumsum(x.mid, axis=dim), wide * (1 + gamma(x.shape[dim])))


@rule("amax.default", "max.default")
def _amax(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """Between the largest lower and the largest upper end."""
    x = as_ball(x)
    over = {"axis": axes_of(dim), "keepdims": keepdim}
    mid, wide = np.max(x.mid, **over), np.max(x.err, **over)
    with np.errstate(invalid="ignore"):
        up, down = np.max(x.mid + x.err, **over) - mid, mid - np.max(x.mid - x.err, **over)
        near = np.maximum(up, down) * SLOP + 4 * np.spacing(np.abs(mid) + wide)
    return Ball(np.asarray(mid), np.asarray(np.where(wide > 0, np.fmin(wide, near), 0.0)))


@rule("amin.default", "min.default")
def _amin(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    return negative(_amax(negative(x), dim, keepdim))


@rule("argmax.default")
def _argmax(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """Of balls of which one lies above all others; the first of equal exact numbers.

    Raises:
        NoBoundError: balls that overlap at the top.
    """
    x = as_ball(x)
    axis = axes_of(dim)
    if axis is None:
        if keepdim:
            raise NoBoundError("the place of the largest of all, kept as an array")
        x, axis = Ball(x.mid.ravel(), x.err.ravel()), 0
    place = np.argmax(x.mid, axis=axis, keepdims=True)
    least = np.take_along_axis(x.mid - x.err, place, axis=axis)
    others = np.where(
        np.arange(x.shape[axis]).reshape([-1 if a == axis % x.mid.ndim else 1 for a in range(x.mid.ndim)]) == place,
        -np.inf,
        x.mid + x.err,
    )
    most = np.max(others, axis=axis, keepdims=True)
    fixed = np.max(x.err, axis=axis, keepdims=True) == 0
    if not np.all(fixed | (np.nextafter(least, -np.inf) > np.nextafter(most, np.inf))):
        raise NoBoundError("the largest of balls that overlap")
    return place if keepdim else np.squeeze(place, axis)


@rule("argmin.default")
def _argmin(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    return _argmax(negative(x), dim, keepdim)


@rule("max.dim")
def _max_dim(x: Any, dim: Any, keepdim: Any = False) -> Any:
    """Its value; the places only where they are decided."""
    return _amax(x, dim, keepdim), _place(_argmax, x, dim, keepdim)


@rule("min.dim")
def _min_dim(x: Any, dim: Any, keepdim: Any = False) -> Any:
    return _amin(x, dim, keepdim), _place(_argmin, x, dim, keepdim)


def _place(function: Callable[..., Any], x: Any, dim: int, keepdim: bool) -> Any:
    try:
        return function(x, dim, keepdim)
    except NoBoundError:
        return None  # what uses it has no rule for it


def _variance(x: Any, dim: Any, correction: Any, keepdim: bool) -> Ball:
    x = as_ball(x)
    centre = add(x, negative(_mean(x, dim, True)))
    found, count = total(_square(centre), dim, keepdim)
    left = count - (1 if correction is None else correction)
    if not left > 0:
        raise NoBoundError("a variance of too few numbers")
    return divide(found, float(left))


@rule("var.correction", "var.dim")
def _var(x: Any, dim: Any = None, correction: Any = 1, keepdim: Any = False) -> Any:
    return _variance(x, dim, correction, keepdim)


@rule("std.correction", "std.dim")
def _std(x: Any, dim: Any = None, correction: Any = 1, keepdim: Any = False) -> Any:
    return root(_variance(x, dim, correction, keepdim))


@rule("var_mean.correction")
def _var_mean(x: Any, dim: Any = None, correction: Any = 1, keepdim: Any = False) -> Any:
    return _variance(x, dim, correction, keepdim), _mean(x, dim, keepdim)


@rule("linalg_vector_norm.default", "norm.ScalarOpt_dim")
def _vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: Any = False) -> Any:
    """Positive 2-norms by their squares; sums and maxima of absolute values."""
    if ord == 2:
        return root(total(_square(x), dim, keepdim)[0])
    if ord == 1:
        return total(_abs(x), dim, keepdim)[0]
    if ord == math.inf:
        return _amax(_abs(x), dim, keepdim)
    raise NoBoundError(f"a norm of order {ord}")


def _shifted(x: Any, dim: Any) -> tuple[Ball, np.ndarray]:
    """`x` less its largest midpoint (a number, and exact in that sense), and that number."""
    x = as_ball(x)
    most = np.max(x.mid, axis=axes_of(dim), keepdims=True)
    return add(x, -most), most


@rule("_softmax.default", "softmax.int")
def _softmax(x: Any, dim: Any, half_to_float: Any = False) -> Any:
    """Unchanged by the shift."""
    if half_to_float:
        raise NoBoundError("a softmax in half precision")
    powers = _exp(_shifted(x, dim)[0])
    return divide(powers, total(powers, dim, True)[0])


@rule("_log_softmax.default", "log_softmax.int")
def _log_softmax(x: Any, dim: Any, half_to_float: Any = False) -> Any:
    """`x - logsumexp(x)`: that of what is shifted."""
    if half_to_float:
        raise NoBoundError("a softmax in half precision")
    less, _ = _shifted(x, dim)
    return add(less, negative(_log(total(_exp(less), dim, True)[0])))


@rule("logsumexp.default")
def _logsumexp(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    less, most = _shifted(x, dim)
    found = add(_log(total(_exp(less), dim, True)[0]), most)
    if keepdim:
        return found
    axes = axes_of(dim)
    return Ball(np.squeeze(found.mid, axes), np.squeeze(found.err, axes))


def product(x: Any, y: Any) -> Ball:
    """A product of matrices: `|x| e_y + e_x |y| + e_x e_y + gamma_k |x||y|` (and `TINY` for what underflows before `y`)."""
    from zeroloss.verified.directed import gamma

    x = as_ball(x)
    wide, step = np.abs(x.mid), gamma(x.shape[-1] + 2)
    if not isinstance(y, Ball):  # a matrix of weights: exact
        y = as_ball(y).mid
        return rounded(x.mid @ y, (x.err + step * wide + TINY) @ np.abs(y))
    return rounded(x.mid @ y.mid, (x.err + step * wide + TINY) @ np.abs(y.mid) + (wide + x.err) @ y.err)


@rule("mm.default", "bmm.default", "mv.default", "dot.default", "matmul.default")
def _mm(x: Any, y: Any) -> Any:
    return product(x, y)


@rule("addmm.default", "baddbmm.default", "addmv.default")
def _addmm(bias: Any, x: Any, y: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    z = product(x, y)
    z = z if alpha == 1 else multiply(alpha, z)
    return z if beta == 0 else add(z, bias if beta == 1 else multiply(beta, bias))


@rule("linear.default")
def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    turned = Ball(weight.mid.T, weight.err.T) if isinstance(weight, Ball) else np.asarray(weight).T
    z = product(x, turned)
    return z if bias is None else add(z, bias)


def _apart(x: Ball, y: Ball) -> np.ndarray:
    """Where two balls do not overlap, or are both exact."""
    wide = (x.err + y.err) > 0
    with np.errstate(invalid="ignore"):
        return ~(wide & ~(np.abs(x.mid - y.mid) > (x.err + y.err) * SLOP + TINY))


def _order(function: Callable[..., np.ndarray]) -> Callable[..., Unsure]:
    def compare(x: Any, y: Any) -> Unsure:
        x, y = as_ball(x), as_ball(y)
        return Unsure(np.asarray(function(x.mid, y.mid)), np.asarray(~_apart(x, y)))

    return compare


for _name, _function in (
    ("gt", np.greater),
    ("ge", np.greater_equal),
    ("lt", np.less),
    ("le", np.less_equal),
    ("eq", np.equal),
    ("ne", np.not_equal),
):
    rule(f"{_name}.Scalar", f"{_name}.Tensor")(_order(_function))


def _truth(x: Any) -> Unsure:
    if isinstance(x, Unsure):
        return x
    if isinstance(x, Ball) or np.asarray(x).dtype.kind == "f":
        raise NoBoundError("numbers taken for truth values")
    value = np.asarray(x).astype(bool)
    return Unsure(value, np.zeros(value.shape, bool))


@rule("logical_not.default", "bitwise_not.default")
def _not(x: Any) -> Any:
    x = _truth(x)
    return Unsure(~x.value, x.open)


def _both(x: Any, y: Any) -> Unsure:
    """`x and y`: decided where one is surely False, or where both are decided."""
    x, y = _truth(x), _truth(y)
    no = (~x.value & ~x.open) | (~y.value & ~y.open)
    return Unsure(x.value & y.value, (x.open | y.open) & ~no)


@rule("logical_and.default", "bitwise_and.Tensor", "bitwise_and.Scalar")
def _and(x: Any, y: Any) -> Any:
    return _both(_flags(x), _flags(y))


@rule("logical_or.default", "bitwise_or.Tensor", "bitwise_or.Scalar")
def _or(x: Any, y: Any) -> Any:
    return _not(_both(_not(_flags(x)), _not(_flags(y))))


@rule("logical_xor.default", "bitwise_xor.Tensor", "bitwise_xor.Scalar")
def _xor(x: Any, y: Any) -> Any:
    x, y = _truth(_flags(x)), _truth(_flags(y))
    return Unsure(x.value ^ y.value, x.open | y.open)


def _flags(x: Any) -> Any:
    """Truth values; other whole numbers have bits, for which there is no rule here."""
    if not isinstance(x, Unsure) and np.asarray(x).dtype.kind != "b":
        raise NoBoundError("bits of numbers beside open truth values")
    return x


@rule("any.dim", "any.dims", "any.default")
def _any(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """Decided where one entry is surely True, or where all are decided."""
    x = _truth(x)
    over = {"axis": axes_of(dim), "keepdims": keepdim}
    yes = np.any(x.value & ~x.open, **over)
    return Unsure(np.asarray(np.any(x.value, **over)), np.asarray(~yes & np.any(x.open, **over)))


@rule("all.dim", "all.dims", "all.default")
def _all_true(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    return _not(_any(_not(x), dim, keepdim))


@rule("where.self", "where.ScalarOther", "where.ScalarSelf", "where.Scalar")
def _where(condition: Any, x: Any, y: Any) -> Any:
    """Where the condition is open, a ball that holds both; whole numbers stay whole where it is decided."""
    c = _truth(condition)
    if not c.open.any() and is_whole(x) and is_whole(y) and x is not None:
        return np.where(c.value, x, y)
    x, y = as_ball(x), as_ball(y)
    mid = np.where(c.value, x.mid, y.mid)
    err = np.where(c.value, x.err, y.err)
    if not c.open.any():
        return Ball(mid, err)
    with np.errstate(invalid="ignore"):
        both = np.where(c.open, np.abs(x.mid - y.mid) * SLOP + np.maximum(x.err, y.err), 0.0)
    if not np.isfinite(both).all():
        raise NoBoundError("an open choice between infinities")
    return Ball(mid, np.where(c.open, both * SLOP + TINY, err))


@rule("masked_fill.Scalar", "masked_fill.Tensor")
def _masked_fill(x: Any, mask: Any, value: Any) -> Any:
    if is_whole(x):
        if not is_whole(value):
            raise NoBoundError("whole numbers filled with others")
        return cast(_where(mask, value, x), np.asarray(x).dtype.name)
    return _where(mask, value, x)


def norm_over(x: Any, axes: tuple[int, ...], eps: float) -> Ball:
    """`(x - mean)/sqrt(var + eps)` over the axes."""
    x = as_ball(x)
    centred = add(x, negative(_mean(x, list(axes), True)))
    return multiply(centred, divide(1.0, root(add(_mean(_square(centred), list(axes), True), eps))))


def reshaped(x: Any, shape: tuple[int, ...]) -> Ball:
    x = as_ball(x)
    return Ball(x.mid.reshape(shape), x.err.reshape(shape))


def affine(x: Ball, weight: Any, bias: Any, shape: tuple[int, ...]) -> Ball:
    x = x if weight is None else multiply(x, reshaped(weight, shape))
    return x if bias is None else add(x, reshaped(bias, shape))


@rule("native_layer_norm.default")
def _layer_norm(x: Any, normalized_shape: Any, weight: Any, bias: Any, eps: Any) -> Any:
    x = as_ball(x)
    axes = tuple(range(x.mid.ndim - len(normalized_shape), x.mid.ndim))
    return affine(norm_over(x, axes, eps), weight, bias, tuple(normalized_shape)), None, None


@rule("_fused_rms_norm.default", "rms_norm.default")
def _rms_norm(x: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Any:
    """`x/sqrt(mean of squares + eps)`; `eps` by default that of float64, in which the network is judged."""
    x = as_ball(x)
    axes = list(range(x.mid.ndim - len(normalized_shape), x.mid.ndim))
    eps = np.finfo(np.float64).eps if eps is None else eps
    out = multiply(x, divide(1.0, root(add(_mean(_square(x), axes, True), eps))))
    return affine(out, weight, None, tuple(normalized_shape))


@rule("native_group_norm.default")
def _group_norm(x: Any, weight: Any, bias: Any, n: Any, channels: Any, positions: Any, groups: Any, eps: Any) -> Any:
    x = as_ball(x)
    cut = Ball(x.mid.reshape(n, groups, -1), x.err.reshape(n, groups, -1))
    out = norm_over(cut, (2,), eps)
    shape = (1, channels, *(1,) * (x.mid.ndim - 2))
    return affine(Ball(out.mid.reshape(x.shape), out.err.reshape(x.shape)), weight, bias, shape), None, None


@rule("_native_batch_norm_legit_no_training.default")
def _batch_norm(x: Any, weight: Any, bias: Any, mean: Any, variance: Any, momentum: Any, eps: Any) -> Any:
    shape = (1, -1, *(1,) * (as_ball(x).mid.ndim - 2))
    scale = divide(1.0, root(add(reshaped(variance, shape), eps)))
    return affine(multiply(add(x, negative(reshaped(mean, shape))), scale), weight, bias, shape), None, None


@rule("_native_batch_norm_legit.no_stats")
def _instance_norm(x: Any, weight: Any, bias: Any, training: Any, momentum: Any, eps: Any) -> Any:
    """Over one example's positions, channel by channel: so an instance normalisation is exported. One example at a time only."""
    x = as_ball(x)
    shape = (1, -1, *(1,) * (x.mid.ndim - 2))
    out = norm_over(x, (0, *range(2, x.mid.ndim)), eps)
    return affine(out, weight, bias, shape), None, None
