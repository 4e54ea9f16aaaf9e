"""Error bounds of JAX's primitives (`lax.add`, ...), of which traced networks are made: by the rules of what torch calls the same.

Where JAX differs the rule is its own: whole numbers keep their type in sums, quotients of them are cut toward zero, places
beyond an array's end are moved inside it where the program says so (otherwise there is no bound).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.tangent import libm
from zeroloss.tangent.balls import moves, rules
from zeroloss.tangent.balls.ball import Ball, NoBoundError, Unsure, add, as_ball, negative, rounded
from zeroloss.tangent.balls.moves import moving
from zeroloss.tangent.balls.rules import RULES, product, total
from zeroloss.tangent.balls.whole import WHOLE, cast, is_whole, settled
from zeroloss.tangent.balls.windows import _convolution
from zeroloss.tangent.rounding import SLOP

LAX: dict[str, Callable[..., Any]] = {}
"""By the names of `zeroloss.networks.pytorch.operators.lax`, with the prefix."""


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
def _div(x, y):
    """Of whole numbers cut toward zero."""
    if is_whole(settled(x)) and is_whole(settled(y)):
        return _either("div.Tensor_mode", x, y, rounding_mode="trunc")
    return _either("div.Tensor", x, y)


@rule("rem")
def _rem(x, y):
    """With the sign of the dividend; of whole numbers alone."""
    x, y = settled(x), settled(y)
    if not (is_whole(x) and is_whole(y)):
        raise NoBoundError("a remainder of numbers that are not whole")
    return WHOLE["aten.fmod.Tensor"](x, y)


@rule("erfc")
def _erfc(x):
    return add(1.0, negative(_either("erf.default", x)))


@rule("logaddexp")
def _logaddexp(x, y):
    """`max + log1p(exp(-|x - y|))`."""
    apart = rules._abs(add(x, negative(y)))
    return add(rules._maximum(x, y), _log1p(rules._exp(negative(apart))))


@rule("log1p")
def _log1p(x):
    """Of balls above -1/2: slope at most `1/(1 + the lower end)`, and at most 1 of what is not negative."""
    x = as_ball(x)
    low = np.minimum(x.mid - x.err * SLOP, 0.0)
    if not np.all(low > -0.5) or not np.isfinite(x.mid).all():
        raise NoBoundError("log1p of what may be far below 0")
    mid = np.maximum(x.mid, 0.0)  # where the midpoint itself is negative, the ball is taken round 0
    err = np.abs(mid - x.mid) + x.err
    return rounded(libm.logarithm1p(mid), err / (1 + low), libm.ULPS + 1)


@rule("is_finite")
def _is_finite(x):
    x = as_ball(x)
    return np.isfinite(x.mid)


@rule("integer_pow")
def _integer_pow(x, y):
    return _either("pow.Tensor_Scalar", x, y)


@rule("pow")
def _pow(x, y):
    return _either("pow.Tensor_Tensor", x, y)


@rule("select_n")
def _select_n(which, *cases):
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
def _clamp(low, x, high):
    return _either("minimum.default", _either("maximum.default", x, low), high)


@rule("constant")
def _constant(value, dtype):
    return np.asarray(cast(np.asarray(value), dtype))


@rule("convert_element_type")
def _convert(x, dtype):
    return cast(x, dtype)


@rule("reshape")
def _reshape(x, sizes):
    return moving(np.reshape)(x, tuple(sizes))


@rule("transpose")
def _transpose(x, permutation):
    return moving(np.transpose)(x, tuple(permutation))


@rule("broadcast_in_dim")
def _broadcast_in_dim(x, shape, dimensions):
    def spread(a: np.ndarray) -> np.ndarray:
        sizes = [1] * len(shape)
        for axis, place in enumerate(dimensions):
            sizes[place] = a.shape[axis]
        return np.broadcast_to(a.reshape(sizes), tuple(shape))

    return moving(spread)(x)


@rule("slice")
def _slice(x, start, limit, strides):
    cut = tuple(slice(*part) for part in zip(start, limit, strides, strict=True))
    return moving(lambda a: a[cut])(x)


@rule("concatenate")
def _concatenate(*arrays, dimension):
    return moves._joined([settled(a) for a in arrays], lambda parts: np.concatenate(parts, dimension))


@rule("pad")
def _pad(x, value, config):
    x, value = settled(x), settled(value)
    if not (is_whole(x) and is_whole(value)):
        x, value = as_ball(x), as_ball(value)

    def padded(a: np.ndarray, fill: np.ndarray) -> np.ndarray:
        inner = [n + max(0, n - 1) * between for n, (_, _, between) in zip(a.shape, config, strict=True)]
        wide = np.full(
            [max(0, lo) + n + max(0, hi) for n, (lo, hi, _) in zip(inner, config, strict=True)], fill, a.dtype
        )
        at = [slice(max(0, lo), max(0, lo) + n, b + 1) for n, (lo, _, b) in zip(inner, config, strict=True)]
        wide[tuple(at)] = a
        cut = [slice(max(0, -lo), s - max(0, -hi)) for s, (lo, hi, _) in zip(wide.shape, config, strict=True)]
        return wide[tuple(cut)]

    if isinstance(x, Ball):
        return Ball(padded(x.mid, value.mid), padded(x.err, value.err))
    return padded(np.asarray(x), np.asarray(value))


@rule("rev")
def _rev(x, dimensions):
    return moving(np.flip)(x, tuple(dimensions))


@rule("iota")
def _iota(shape, dimension, dtype):
    sizes = [n if axis == dimension else 1 for axis, n in enumerate(shape)]
    numbers = np.broadcast_to(np.arange(shape[dimension]).reshape(sizes), tuple(shape))
    return np.asarray(cast(numbers, dtype))


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
def _reduce_sum(x, axes):
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
def _cumsum(x, axis, reverse):
    x = settled(x)
    if reverse:
        return _rev(_cumsum(_rev(x, [axis]), axis, False), [axis])
    found = _either("cumsum.default", x, axis)
    return cast(found, np.asarray(x).dtype.name) if is_whole(x) else found


@rule("dot_general")
def _dot_general(x, y, contracted, batch, precision=None):
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


@rule("conv_general_dilated")
def _conv(x, kernel, strides, padding, spread, dilation, specs, groups, batch_groups, precision=None):
    """In torch's order of axes, spread and padded first."""
    if batch_groups != 1:
        raise NoBoundError("a convolution with groups of examples")
    config = [[0, 0, 0], [0, 0, 0], *([lo, hi, s - 1] for (lo, hi), s in zip(padding, spread, strict=True))]
    x = _pad(as_ball(_transpose(x, specs[0])), 0.0, config)
    kernel = _transpose(kernel, specs[1])
    zeros = [0] * len(strides)
    found = _convolution(x, kernel, None, list(strides), zeros, list(dilation), False, zeros, groups)
    return _transpose(found, np.argsort(specs[2]).tolist())


def _windows(a: np.ndarray, window, strides, padding, dilation, fill: float) -> np.ndarray:
    wide = np.pad(a, [tuple(p) for p in padding], constant_values=fill)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    found = np.lib.stride_tricks.sliding_window_view(wide, reach)
    cut = [slice(None, None, s) for s in (*strides, *dilation)]
    return found[tuple(cut)]


def _plain_window(base: list[int], padding: Any) -> None:
    if any(b != 1 for b in base) or any(side < 0 for pair in padding for side in pair):
        raise NoBoundError("windows of an array that is spread or cut")


@rule("reduce_window_sum")
def _window_sum(x, window, strides, padding, base, dilation):
    _plain_window(base, padding)
    x = as_ball(x)
    parts = [_windows(a, window, strides, padding, dilation, 0.0) for a in (x.mid, x.err)]
    return total(Ball(*parts), list(range(-len(window), 0)), False)[0]


@rule("reduce_window_max")
def _window_max(x, window, strides, padding, base, dilation):
    """`|max a - max b| <= max |a - b|`."""
    _plain_window(base, padding)
    x, axes = as_ball(x), tuple(range(-len(window), 0))
    mid = np.max(_windows(x.mid, window, strides, padding, dilation, -np.inf), axis=axes)
    return Ball(mid, np.max(_windows(x.err, window, strides, padding, dilation, 0.0), axis=axes))


@rule("reduce_window_min")
def _window_min(x, window, strides, padding, base, dilation):
    return negative(_window_max(negative(x), window, strides, padding, base, dilation))


def _inside(place: Any, most: np.ndarray | int, mode: str) -> np.ndarray:
    """Whole numbers from 0 to `most`; beyond only where the mode moves them inside.

    Raises:
        NoBoundError: places that were computed from balls, or beyond the end.
    """
    place = settled(place)
    if not is_whole(place) or np.asarray(place).dtype.kind == "b":
        raise NoBoundError("places that were computed from inexact numbers")
    place = np.asarray(place).astype(np.int64)
    if mode == "clip":
        return np.clip(place, 0, most)
    if np.any(place < 0) or np.any(place > most):
        raise NoBoundError("places beyond an array's end")
    return place


@rule("gather")
def _gather(x, places, offset, collapsed, start, batching, places_batching, sizes, mode):
    """Entry `(b, o)` is that at `start(b) + o`; see `jax.lax.GatherDimensionNumbers`."""
    places = settled(places)
    if not is_whole(places):
        raise NoBoundError("places that were computed from inexact numbers")
    shape, lead = moves._shape(x), np.shape(places)[:-1]
    kept = [a for a in range(len(shape)) if a not in collapsed and a not in batching]
    index = []
    for axis in range(len(shape)):
        base: Any = np.zeros((1,) * len(lead), np.int64)
        if axis in start:
            base = _inside(places[..., start.index(axis)], shape[axis] - sizes[axis], mode)
        elif axis in batching:
            along = places_batching[batching.index(axis)]
            base = np.arange(lead[along]).reshape([-1 if a == along else 1 for a in range(len(lead))])
        more = [-1 if a == axis else 1 for a in kept]
        own = np.arange(sizes[axis]).reshape(more) if axis in kept else np.zeros((1,) * len(kept), np.int64)
        index.append(base.reshape((*base.shape, *(1,) * len(kept))) + own)
    full = (*lead, *(sizes[a] for a in kept))
    index = [np.broadcast_to(i, full) for i in index]
    rest = [a for a in range(len(full)) if a not in offset]
    order = np.argsort([*rest, *offset]).tolist()
    return moving(lambda a: a[tuple(index)].transpose(order))(x)


@rule("dynamic_slice")
def _dynamic_slice(x, *starts, sizes):
    """Starts beyond the end are moved inside."""
    shape = moves._shape(x)
    at = [int(_inside(s, n - k, "clip")) for s, n, k in zip(starts, shape, sizes, strict=True)]
    return moving(lambda a: a[tuple(slice(i, i + k) for i, k in zip(at, sizes, strict=True))])(x)


@rule("dynamic_update_slice")
def _dynamic_update_slice(x, update, *starts):
    shape, size = moves._shape(x), moves._shape(update)
    at = [int(_inside(s, n - k, "clip")) for s, n, k in zip(starts, shape, size, strict=True)]
    x, update = settled(x), settled(update)

    def written(parts: list[np.ndarray]) -> np.ndarray:
        into = np.array(parts[0])
        into[tuple(slice(i, i + k) for i, k in zip(at, size, strict=True))] = parts[1]
        return into

    return moves._joined([x, update], written)
