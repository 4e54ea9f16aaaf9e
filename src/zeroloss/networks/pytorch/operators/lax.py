"""Primitives of JAX under their own names (`lax.add`): what a traced JAX network is made of; see `zeroloss.networks.traced`.

Each takes the arrays of the primitive in its order and its parameters by name, as plain numbers and lists, so that a program of
them is written to a file and read again. What is not here cannot be written. Shapes and types are those of JAX: nothing is
broadcast but scalars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from zeroloss.networks.pytorch.operators.table import OPERATORS
from zeroloss.plumbing import InputError

PREFIX = "lax."


def primitive(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function under these names."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            OPERATORS[PREFIX + name] = function
        return function

    return enter


_PLAIN: dict[str, Callable[..., Any]] = {
    "neg": lax.neg, "sign": lax.sign, "floor": lax.floor, "ceil": lax.ceil, "exp": lax.exp, "log": lax.log, "log1p": lax.log1p,
    "expm1": lax.expm1, "tanh": lax.tanh, "logistic": lax.logistic, "sin": lax.sin, "cos": lax.cos, "sqrt": lax.sqrt,
    "rsqrt": lax.rsqrt, "erf": lax.erf, "erfc": lax.erfc, "abs": lax.abs, "square": lax.square, "is_finite": lax.is_finite,
    "not": lax.bitwise_not, "stop_gradient": lax.stop_gradient, "add": lax.add, "sub": lax.sub, "mul": lax.mul, "div": lax.div,
    "rem": lax.rem, "max": lax.max, "min": lax.min, "pow": lax.pow, "eq": lax.eq, "ne": lax.ne, "lt": lax.lt, "le": lax.le,
    "gt": lax.gt, "ge": lax.ge, "and": lax.bitwise_and, "or": lax.bitwise_or, "xor": lax.bitwise_xor, "select_n": lax.select_n,
    "clamp": lax.clamp, "relu": jax.nn.relu, "logaddexp": jnp.logaddexp,
}  # fmt: skip
for _name, _function in _PLAIN.items():
    primitive(_name)(_function)


def _type(dtype: Any) -> Any:
    """A type as a program resolves it. A text would be another type than the one that bounds of rounding take it for."""
    if isinstance(dtype, str) or dtype is None:
        raise InputError("a type of numbers that is given as a text")
    return dtype


def _chosen(precision: Any) -> Any:
    """How exactly a product of float32 numbers is taken."""
    if precision not in (None, "default", "high", "highest"):
        raise InputError(f"a product to the precision {str(precision)[:40]!r}")
    return precision


@primitive("constant")
def _constant(value, dtype):
    if not isinstance(value, bool | int | float):
        raise InputError("a constant that is not one number")
    return jnp.asarray(value, _type(dtype))


@primitive("convert_element_type")
def _convert(x, dtype):
    return lax.convert_element_type(x, _type(dtype))


@primitive("integer_pow")
def _integer_pow(x, y):
    return lax.integer_pow(x, y)


@primitive("reshape")
def _reshape(x, sizes):
    return lax.reshape(x, tuple(sizes))


@primitive("transpose")
def _transpose(x, permutation):
    return lax.transpose(x, tuple(permutation))


@primitive("broadcast_in_dim")
def _broadcast_in_dim(x, shape, dimensions):
    return lax.broadcast_in_dim(x, tuple(shape), tuple(dimensions))


@primitive("slice")
def _slice(x, start, limit, strides):
    return lax.slice(x, tuple(start), tuple(limit), tuple(strides))


@primitive("concatenate")
def _concatenate(*arrays, dimension):
    return lax.concatenate(arrays, dimension)


@primitive("pad")
def _pad(x, value, config):
    return lax.pad(x, value, [tuple(c) for c in config])


@primitive("rev")
def _rev(x, dimensions):
    return lax.rev(x, tuple(dimensions))


@primitive("iota")
def _iota(shape, dimension, dtype):
    return lax.broadcasted_iota(_type(dtype), tuple(shape), dimension)


@primitive("reduce_sum")
def _reduce_sum(x, axes):
    return lax.reduce_sum(x, tuple(axes))


@primitive("reduce_max")
def _reduce_max(x, axes):
    return lax.reduce_max(x, tuple(axes))


@primitive("reduce_min")
def _reduce_min(x, axes):
    return lax.reduce_min(x, tuple(axes))


@primitive("reduce_and")
def _reduce_and(x, axes):
    return lax.reduce_and(x, tuple(axes))


@primitive("reduce_or")
def _reduce_or(x, axes):
    return lax.reduce_or(x, tuple(axes))


@primitive("argmax")
def _argmax(x, axis, dtype):
    return lax.argmax(x, axis, _type(dtype))


@primitive("argmin")
def _argmin(x, axis, dtype):
    return lax.argmin(x, axis, _type(dtype))


@primitive("cumsum")
def _cumsum(x, axis, reverse):
    return lax.cumsum(x, axis, reverse)


@primitive("dot_general")
def _dot_general(x, y, contracted, batch, precision=None):
    numbers = tuple(tuple(tuple(side) for side in pair) for pair in (contracted, batch))
    return lax.dot_general(x, y, numbers, precision=_chosen(precision))


@primitive("conv_general_dilated")
def _convolution(x, kernel, strides, padding, spread, dilation, specs, groups, batch_groups, precision=None):
    numbers = lax.ConvDimensionNumbers(*(tuple(s) for s in specs))
    pads = [tuple(p) for p in padding]
    return lax.conv_general_dilated(
        x,
        kernel,
        tuple(strides),
        pads,
        tuple(spread),
        tuple(dilation),
        numbers,
        groups,
        batch_groups,
        _chosen(precision),
    )


def _window(start: Callable[[Any], Any], operation: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(x, window, strides, padding, base, dilation):
        pads = [tuple(p) for p in padding]
        # A number of NumPy, which JAX recognises: the reduction keeps its derivative.
        given = start(x.dtype)
        return lax.reduce_window(x, given, operation, tuple(window), tuple(strides), pads, tuple(base), tuple(dilation))

    return reduce


primitive("reduce_window_sum")(_window(lambda dtype: dtype.type(0), lax.add))
primitive("reduce_window_max")(_window(lambda dtype: dtype.type(-jnp.inf), lax.max))
primitive("reduce_window_min")(_window(lambda dtype: dtype.type(jnp.inf), lax.min))

MODES = {"clip": lax.GatherScatterMode.CLIP, "fill": lax.GatherScatterMode.FILL_OR_DROP}
MODES["inside"] = lax.GatherScatterMode.PROMISE_IN_BOUNDS
"""Modes for places beyond an array's end."""


@primitive("gather")
def _gather(x, places, offset, collapsed, start, batching, places_batching, sizes, mode):
    numbers = lax.GatherDimensionNumbers(*map(tuple, (offset, collapsed, start, batching, places_batching)))
    return lax.gather(x, places, numbers, tuple(sizes), mode=MODES[mode])


@primitive("dynamic_slice")
def _dynamic_slice(x, *starts, sizes):
    return lax.dynamic_slice(x, starts, tuple(sizes))


@primitive("dynamic_update_slice")
def _dynamic_update_slice(x, update, *starts):
    return lax.dynamic_update_slice(x, update, starts)
