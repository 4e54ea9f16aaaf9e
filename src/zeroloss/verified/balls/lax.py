"""Error bounds of JAX's primitives (`lax.add`, ...), of which traced networks are made: by the rules of what torch calls the same.

Where JAX differs the rule is its own: whole numbers keep their type in sums, quotients of them are cut toward zero. Rules of what
moves numbers are in `zeroloss.verified.balls.lax_moves`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.verified import libm
from zeroloss.verified.balls import rules
from zeroloss.verified.balls.ball import Ball, NoBoundError, Unsure, add, as_ball, negative, rounded
from zeroloss.verified.balls.moves import moving
from zeroloss.verified.balls.rules import RULES, product
from zeroloss.verified.balls.whole import WHOLE, cast, is_whole, settled
from zeroloss.verified.directed import SLOP

LAX: dict[str, Callable[..., Any]] = {}
"""Rules by the names of `zeroloss.networks.pytorch.operators.lax`, with the prefix."""


def rule(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            LAX[f"lax.{name}"] = function
        return function

    return enter


def _either(name: str, *args: Any, **kwargs: Any) -> Any:
    """The rule of a torch operator: exactly on whole numbers and truth values, else on balls."""
    name, given = f"aten.{name}", [settled(a) for a in args]
    exactly = name in WHOLE and is_whole(given) and is_whole(list(kwargs.values()))
    return (WHOLE if exactly else RULES)[name](*given, **kwargs)


_ALIKE = {
    "add": "add.Tensor", "sub": "sub.Tensor", "mul": "mul.Tensor", "neg": "neg.default", "abs": "abs.default", "sign": "sign.default",
    "floor": "floor.default", "ceil": "ceil.default", "max": "maximum.default", "min": "minimum.default", "log": "log.default",
    "exp": "exp.default", "expm1": "expm1.default", "tanh": "tanh.default", "logistic": "sigmoid.default",
    "sin": "sin.default", "cos": "cos.default", "sqrt": "sqrt.default", "rsqrt": "rsqrt.default", "erf": "erf.default",
    "square": "square.default", "relu": "relu.default", "not": "bitwise_not.default", "and": "bitwise_and.Tensor",
    "or": "bitwise_or.Tensor", "xor": "bitwise_xor.Tensor", "lt": "lt.Tensor", "le": "le.Tensor", "gt": "gt.Tensor", "ge": "ge.Tensor",
}  # fmt: skip
for _name, _same in _ALIKE.items():
    rule(_name)(lambda *args, _same=_same: _either(_same, *args))
rule("stop_gradient")(lambda x: x)


def _equality(name: str, of_itself: bool) -> Callable[..., Any]:
    def compare(x: Any, y: Any) -> Any:
        """A number is equal to itself, whatever it is; NaN has no ball."""
        if x is y and isinstance(x, Ball):
            return np.full(x.shape, of_itself)
        return _either(name, x, y)

    return compare


LAX["lax.eq"], LAX["lax.ne"] = _equality("eq.Tensor", True), _equality("ne.Tensor", False)


@rule("div")
def _div(x: Any, y: Any) -> Any:
    """Of whole numbers cut toward zero."""
    if is_whole(settled(x)) and is_whole(settled(y)):
        return _either("div.Tensor_mode", x, y, rounding_mode="trunc")
    return _either("div.Tensor", x, y)


@rule("rem")
def _rem(x: Any, y: Any) -> Any:
    """With the sign of the dividend; of whole numbers alone."""
    x, y = settled(x), settled(y)
    if not (is_whole(x) and is_whole(y)):
        raise NoBoundError("a remainder of numbers that are not whole")
    return WHOLE["aten.fmod.Tensor"](x, y)


@rule("erfc")
def _erfc(x: Any) -> Any:
    return add(1.0, negative(_either("erf.default", x)))


@rule("logaddexp")
def _logaddexp(x: Any, y: Any) -> Any:
    """`max + log1p(exp(-|x - y|))`."""
    apart = rules._abs(add(x, negative(y)))
    return add(rules._maximum(x, y), _log1p(rules._exp(negative(apart))))


@rule("log1p")
def _log1p(x: Any) -> Any:
    """Of balls above -1/2: slope at most `1/(1 + the lower end)`, and at most 1 of what is not negative."""
    x = as_ball(x)
    low = np.minimum(x.mid - x.err * SLOP, 0.0)
    if not np.all(low > -0.5) or not np.isfinite(x.mid).all():
        raise NoBoundError("log1p of what may be far below 0")
    mid = np.maximum(x.mid, 0.0)  # where the midpoint itself is negative, the ball is taken round 0
    err = np.abs(mid - x.mid) + x.err
    return rounded(libm.logarithm1p(mid), err / (1 + low), libm.ULPS + 1)


@rule("is_finite")
def _is_finite(x: Any) -> Any:
    x = as_ball(x)
    return np.isfinite(x.mid)


@rule("integer_pow")
def _integer_pow(x: Any, y: Any) -> Any:
    return _either("pow.Tensor_Scalar", x, y)


@rule("pow")
def _pow(x: Any, y: Any) -> Any:
    return _either("pow.Tensor_Tensor", x, y)


@rule("select_n")
def _select_n(which: Any, *cases: Any) -> Any:
    which = settled(which)
    if isinstance(which, Unsure) or np.asarray(which).dtype.kind == "b":
        if len(cases) == 1:
            return cases[0]
        return RULES["aten.where.self"](which, settled(cases[1]), settled(cases[0]))
    if not is_whole(which):
        raise NoBoundError("a choice by numbers that are not whole")
    found = settled(cases[0])
    for place, case in enumerate(cases[1:], 1):
        found = RULES["aten.where.self"](np.asarray(which) == place, settled(case), found)
    return found


@rule("clamp")
def _clamp(low: Any, x: Any, high: Any) -> Any:
    return _either("minimum.default", _either("maximum.default", x, low), high)


@rule("constant")
def _constant(value: Any, dtype: Any) -> Any:
    return np.asarray(cast(np.asarray(value), dtype))


@rule("convert_element_type")
def _convert(x: Any, dtype: Any) -> Any:
    return cast(x, dtype)


def _over(name: str) -> Callable[..., Any]:
    def reduce(x: Any, axes: list[int]) -> Any:
        x = settled(x)
        if not axes:  # torch takes none for all
            return x
        return _either(name, x, list(axes))

    return reduce


for _name, _same in (("reduce_max", "amax.default"), ("reduce_min", "amin.default")):
    rule(_name)(_over(_same))


def _of_truth(name: str) -> Callable[..., Any]:
    def reduce(x: Any, axes: list[int]) -> Any:
        """Of truth values; of numbers it would be one of bits."""
        x = settled(x)
        if not isinstance(x, Unsure) and np.asarray(x).dtype.kind != "b":
            raise NoBoundError("bits of numbers, joined")
        return _over(name)(x, axes)

    return reduce


for _name, _same in (("reduce_and", "all.dims"), ("reduce_or", "any.dims")):
    rule(_name)(_of_truth(_same))


@rule("reduce_sum")
def _reduce_sum(x: Any, axes: Any) -> Any:
    """Whole numbers in their own type, in which JAX would wrap around."""
    x = settled(x)
    found = _over("sum.dim_IntList")(x, axes)
    return cast(found, np.asarray(x).dtype.name) if is_whole(x) else found


def _place_of(name: str) -> Callable[..., Any]:
    def place(x: Any, axis: int, dtype: Any) -> Any:
        return cast(np.asarray(_either(name, x, axis)), dtype)

    return place


rule("argmax")(_place_of("argmax.default"))
rule("argmin")(_place_of("argmin.default"))


@rule("cumsum")
def _cumsum(x: Any, axis: Any, reverse: Any) -> Any:
    x = settled(x)
    if reverse:
        turned = moving(np.flip)
        return turned(_cumsum(turned(x, axis), axis, False), axis)
    found = _either("cumsum.default", x, axis)
    return cast(found, np.asarray(x).dtype.name) if is_whole(x) else found


@rule("dot_general")
def _dot_general(x: Any, y: Any, contracted: Any, batch: Any, precision: Any = None) -> Any:
    """One product of matrices for each place of the batch."""
    left, free_x = _arranged(x, batch[0], contracted[0], last=True)
    right, free_y = _arranged(y, batch[1], contracted[1], last=False)
    lead = as_ball(x).shape
    found = product(left, right)
    shape = (*(lead[a] for a in batch[0]), *free_x, *free_y)
    return Ball(found.mid.reshape(shape), found.err.reshape(shape))


def _arranged(x: Any, batch: list[int], contracted: list[int], last: bool) -> tuple[Any, tuple[int, ...]]:
    """`(batch, free, contracted)`, or `(batch, contracted, free)`; a ball, or an array where it is exact."""
    x = as_ball(x)
    free = [a for a in range(x.mid.ndim) if a not in (*batch, *contracted)]
    order = (*batch, *free, *contracted) if last else (*batch, *contracted, *free)
    count = [int(np.prod([x.shape[a] for a in axes], dtype=np.int64)) for axes in (batch, free, contracted)]
    sizes = (count[0], count[1], count[2]) if last else (count[0], count[2], count[1])
    mid, err = (a.transpose(order).reshape(sizes if batch else sizes[1:]) for a in (x.mid, x.err))
    return (Ball(mid, err) if last or x.err.any() else mid), tuple(x.shape[a] for a in free)
