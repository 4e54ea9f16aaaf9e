"""Whole numbers and truth values: they are exact, and an operation on them alone is run exactly.

They are NumPy arrays of integers and booleans. What may grow is computed in 64 bits and compared with its size in float64;
what leaves the narrowest type among the arguments has no value here (`NoBoundError`), as it would wrap around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.program import OWN_PRECISION, Dtype
from zeroloss.verified.balls.ball import Ball, NoBoundError, Unsure, exact

WHOLE: dict[str, Callable[..., Any]] = {}
"""Operators on whole numbers and truth values alone, by the names of `zeroloss.networks.pytorch.operators`."""
_MOST = 2.0**62


def whole(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            WHOLE[f"aten.{name}"] = function
        return function

    return enter


def is_whole(value: Any) -> bool:
    """Whether the value is of integers or booleans, or is no number at all (None, a text)."""
    if isinstance(value, list | tuple):
        return all(map(is_whole, value))
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "iub"
    return value is None or isinstance(value, bool | int | str)


def settled(value: Any) -> Any:
    """Truth values that every comparison has decided, as an array; all else as it is."""
    if isinstance(value, Unsure) and not value.open.any():
        return value.value
    return [settled(v) for v in value] if isinstance(value, list) else value


def numbers_of(dtype: Any) -> np.dtype | None:
    """The type of integers or booleans that torch names so; None for the network's own precision.

    Raises:
        NoBoundError: a floating type of a precision of its own: it rounds.
    """
    name = dtype.name if isinstance(dtype, Dtype) else str(dtype)
    if name in OWN_PRECISION:
        return None
    kind = np.dtype(name) if name in np.sctypeDict else None
    if kind is None or kind.kind not in "iub" or kind.itemsize > 8:
        raise NoBoundError(f"a cast to {'float32' if name == 'single' else name}, which rounds")
    return kind


def cast(x: Any, dtype: Any) -> Any:
    """`x` as a cast makes it: whole numbers and truth values of balls that lie on one side; the network's own precision
    keeps the number.

    Raises:
        NoBoundError: a cast that rounds, wraps around, or is not decided.
    """
    if dtype is None:
        return x
    kind, x = numbers_of(dtype), settled(x)
    if kind is None:
        return x if isinstance(x, Ball) else exact(_decided(x)).mid
    x = _decided(x)
    if kind.kind == "b":
        if isinstance(x, Ball):
            if np.any((np.abs(x.mid) <= x.err) & (x.err > 0)):
                raise NoBoundError("a cast to truth values of what may be 0")
            x = x.mid
        return np.asarray(x) != 0
    if isinstance(x, Ball) or np.asarray(x).dtype.kind == "f":
        x = stepped(np.trunc, x).mid
    return _within(np.asarray(x), [kind]).astype(kind)


def _decided(x: Any) -> Any:
    if isinstance(x, Unsure):
        raise NoBoundError("truth values taken for numbers")
    return x


def stepped(function: Callable[[np.ndarray], np.ndarray], x: Any) -> Ball:
    """A monotone step function (floor, round, sign) of balls that lie within one step: exact.

    Raises:
        NoBoundError: a ball that reaches over the edge of a step.
    """
    x = x if isinstance(x, Ball) else exact(x)
    if not np.isfinite(x.mid).all():
        raise NoBoundError("a step function of infinity")
    low = np.where(x.err > 0, np.nextafter(x.mid - x.err, -np.inf), x.mid)
    high = np.where(x.err > 0, np.nextafter(x.mid + x.err, np.inf), x.mid)
    mid = function(x.mid)
    if np.any(function(low) != function(high)):
        raise NoBoundError("a step function of balls that reach over a step")
    return Ball(mid + 0.0, np.zeros(mid.shape))


def _within(x: np.ndarray, kinds: list[np.dtype]) -> np.ndarray:
    """`x`, if it fits each of the types."""
    for kind in kinds:
        if kind.kind == "b" or not x.size:
            continue
        limits = np.iinfo(kind)
        if x.dtype.kind == "f":  # the largest 64-bit integer is no float64
            fits = bool(
                np.all((x >= float(limits.min)) & (x < float(limits.max) + 1 if kind.itemsize < 8 else x < 2.0**63))
            )
            fits = fits and (kind != np.dtype(np.uint64))
        else:
            fits = int(x.min()) >= limits.min and int(x.max()) <= limits.max
        if not fits:
            raise NoBoundError(f"whole numbers beyond {kind.name}, which would wrap around")
    return x


def _fitting(values: tuple[Any, ...]) -> list[np.dtype]:
    """The types of the arrays, each of which must hold the numbers beside them (torch casts these, and they wrap around)."""
    kinds = [v.dtype for v in values if isinstance(v, np.ndarray | np.generic)]
    for v in values:
        if not isinstance(v, np.ndarray | np.generic):
            _within(np.asarray(v), kinds)
    return kinds


def _checked(function: Callable[..., Any], *values: Any) -> np.ndarray:
    """`function` on whole numbers in 64 bits; as it is on truth values alone."""
    kinds = _fitting(values)
    if all(k.kind == "b" for k in kinds) and all(isinstance(v, bool | np.ndarray | np.generic) for v in values):
        return np.asarray(function(*values))
    if np.dtype(np.uint64) in kinds:
        raise NoBoundError("unsigned whole numbers of 64 bits")
    wide = [np.asarray(v).astype(np.int64) for v in values]
    found = np.asarray(function(*wide))
    with np.errstate(all="ignore"):
        size = np.asarray(function(*(v.astype(np.float64) for v in wide)), np.float64)
    if not np.all(np.abs(size) < _MOST):
        raise NoBoundError("whole numbers beyond 64 bits, which would wrap around")
    kind = np.result_type(*[v if isinstance(v, np.ndarray | np.generic) else int(v) for v in values])
    return _within(found, [k for k in kinds if k.kind != "b"]).astype(kind)


def _product_of(alpha: Any, y: Any) -> Any:
    return y if isinstance(alpha, int) and alpha == 1 else _checked(np.multiply, alpha, y)


@whole("add.Tensor", "add.Scalar")
def _add(x: Any, y: Any, alpha: Any = 1) -> Any:
    return _checked(np.add, x, _product_of(alpha, y))


@whole("sub.Tensor", "sub.Scalar")
def _sub(x: Any, y: Any, alpha: Any = 1) -> Any:
    return _checked(np.subtract, x, _product_of(alpha, y))


@whole("rsub.Scalar", "rsub.Tensor")
def _rsub(x: Any, y: Any, alpha: Any = 1) -> Any:
    return _checked(np.subtract, y, _product_of(alpha, x))


_function: Callable[..., Any]
for _name, _function in (("mul", np.multiply), ("maximum", np.maximum), ("minimum", np.minimum)):
    whole(*(f"{_name}.{kind}" for kind in ("Tensor", "Scalar", "default")))(
        lambda x, y, _function=_function: _checked(_function, x, y)
    )
for _name, _function in (("neg", np.negative), ("abs", np.abs), ("sign", np.sign), ("square", np.square)):
    whole(f"{_name}.default")(lambda x, _function=_function: _checked(_function, x))
whole("relu.default")(lambda x: _checked(np.maximum, x, 0))
for _name in ("floor", "ceil", "trunc", "round"):
    whole(f"{_name}.default")(lambda x: x)


@whole("pow.Tensor_Scalar", "pow.Tensor_Tensor", "pow.Scalar")
def _pow(x: Any, exponent: Any) -> Any:
    if np.any(np.asarray(exponent) < 0):
        raise NoBoundError("a negative power of whole numbers")
    return _checked(np.power, x, exponent)


def _quotient(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    def apply(x: Any, y: Any) -> np.ndarray:
        if np.any(np.asarray(y) == 0):
            raise NoBoundError("a division of whole numbers by 0")
        return _checked(function, x, y)

    return apply


def _toward_zero(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y))


whole("remainder.Tensor", "remainder.Scalar", "remainder.default")(_quotient(np.remainder))
whole("fmod.Tensor", "fmod.Scalar", "fmod.default")(_quotient(np.fmod))
whole("floor_divide.default")(_quotient(np.floor_divide))


@whole("div.Tensor_mode", "div.Scalar_mode")
def _div(x: Any, y: Any, rounding_mode: Any = None) -> Any:
    if rounding_mode is None:
        raise NoBoundError("a quotient of whole numbers by mode None")
    return _quotient(np.floor_divide if rounding_mode == "floor" else _toward_zero)(x, y)


@whole("clamp.default", "clamp.Tensor", "hardtanh.default")
def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    x = x if min is None else _checked(np.maximum, x, min)
    return x if max is None else _checked(np.minimum, x, max)


whole("clamp_min.default")(_clamp)
whole("clamp_max.default")(lambda x, high: _clamp(x, None, high))


def _exactly(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Comparisons and bits: nothing grows."""

    def apply(x: Any, y: Any) -> np.ndarray:
        _fitting((x, y))
        return np.asarray(function(x, y))

    return apply


for _name, _function in (
    ("eq", np.equal), ("ne", np.not_equal), ("lt", np.less), ("le", np.less_equal), ("gt", np.greater), ("ge", np.greater_equal),
    ("logical_and", np.logical_and), ("logical_or", np.logical_or), ("logical_xor", np.logical_xor),
    ("bitwise_and", np.bitwise_and), ("bitwise_or", np.bitwise_or), ("bitwise_xor", np.bitwise_xor),
):  # fmt: skip
    whole(*(f"{_name}.{kind}" for kind in ("Tensor", "Scalar", "default")))(_exactly(_function))
whole("logical_not.default")(lambda x: np.logical_not(x))
whole("bitwise_not.default")(lambda x: np.invert(np.asarray(x)))
for _name, _value in (("isnan", False), ("isinf", False), ("isfinite", True)):
    whole(f"{_name}.default")(lambda x, _value=_value: np.full(np.shape(x), _value))


def axes_of(dim: Any) -> Any:
    """torch takes an empty list for all axes."""
    return None if dim is None or dim == [] else dim if isinstance(dim, int) else tuple(dim)


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Sums and products, in 64 bits as in torch."""

    def reduce(x: Any, dim: Any = None, keepdim: Any = False, dtype: Any = None) -> Any:
        x = np.asarray(cast(x, dtype))
        if x.dtype.kind == "f":
            raise NoBoundError("whole numbers summed as others")
        kinds = [] if dtype is None else [x.dtype]
        found = _checked(
            lambda v: function(v, axis=axes_of(dim), keepdims=keepdim), np.asarray(x, np.int64)
        )  # torch sums truth values and narrow integers in 64 bits
        return _within(found, kinds).astype(np.int64 if dtype is None else x.dtype)

    return reduce


whole("sum.dim_IntList", "sum.default")(_reduced(np.sum))
whole("prod.dim_int", "prod.default")(_reduced(np.prod))


def _running(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, dim, dtype=None: _reduced(lambda v, axis, keepdims: function(v, axis=dim))(x, dtype=dtype)


whole("cumsum.default")(_running(np.cumsum))
whole("cumprod.default")(_running(np.cumprod))


def _extreme(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, dim=None, keepdim=False: np.asarray(function(x, axis=axes_of(dim), keepdims=keepdim))


def _some(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
        if np.asarray(x).dtype == np.uint8:
            raise NoBoundError("a truth value of bytes, which torch gives as a byte")
        return _extreme(function)(x, dim, keepdim)

    return apply


whole("amax.default", "max.default")(_extreme(np.max))
whole("amin.default", "min.default")(_extreme(np.min))
whole("any.default", "any.dim", "any.dims")(_some(np.any))
whole("all.default", "all.dim", "all.dims")(_some(np.all))
whole("argmax.default")(_extreme(np.argmax))
whole("argmin.default")(_extreme(np.argmin))


def _with_place(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(x: Any, dim: Any, keepdim: Any = False) -> Any:
        place = function(x, axis=dim, keepdims=True)
        found = np.take_along_axis(np.asarray(x), place, axis=dim)
        return (found, place) if keepdim else (np.squeeze(found, dim), np.squeeze(place, dim))

    return apply


for _name, _function in (("max.dim", np.argmax), ("min.dim", np.argmin)):
    WHOLE[f"aten.{_name}"] = _with_place(_function)
