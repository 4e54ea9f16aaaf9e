"""How a primitive with parameters becomes a step: each handler is given the writer, the equation and its arguments by number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jax import lax

from zeroloss.networks.pytorch.operators.lax import MODES


class NotWritableError(Exception):
    """A part of a function that has no step; the message names it."""


def _shapes(eqn: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(eqn.invars[0].aval.shape), tuple(eqn.outvars[0].aval.shape)


def _reshape(w: Any, eqn: Any, args: list[int]) -> int:
    """All that keeps the numbers in their order."""
    if eqn.primitive.name == "reshape" and eqn.params.get("dimensions") is not None:
        raise NotWritableError("a reshape that also turns dimensions")
    before, after = _shapes(eqn)
    return args[0] if before == after else w.step("reshape", args[:1], sizes=after)


def _transpose(w: Any, eqn: Any, args: list[int]) -> int:
    before, _ = _shapes(eqn)
    order = tuple(eqn.params["permutation"])
    if order == tuple(range(len(order))):
        return args[0]
    wide = [a for a in order if before[a] != 1]
    if len(before) != 2 and wide == sorted(wide):  # a matrix stays one: its transpose may be a read-out's
        return _reshape(w, eqn, args)
    return w.step("transpose", args, permutation=order)


def _broadcast(w: Any, eqn: Any, args: list[int]) -> int:
    before, after = _shapes(eqn)
    if math.prod(before) == math.prod(after):
        return _reshape(w, eqn, args)
    return w.step("broadcast_in_dim", args[:1], shape=after, dimensions=eqn.params["broadcast_dimensions"])


def _slice(w: Any, eqn: Any, args: list[int]) -> int:
    before, after = _shapes(eqn)
    if before == after:
        return args[0]
    p = eqn.params
    strides = p["strides"] or (1,) * len(before)
    return w.step("slice", args, start=p["start_indices"], limit=p["limit_indices"], strides=strides)


def _convert(w: Any, eqn: Any, args: list[int]) -> int:
    before, after = (v.aval.dtype for v in (eqn.invars[0], eqn.outvars[0]))
    if before == after:
        return args[0]
    if np.dtype(before).kind == "c" or np.dtype(after).kind == "c":
        raise NotWritableError("complex numbers")
    return w.step("convert_element_type", args, dtype=w.dtype(after))


HANDLERS: dict[str, Callable[[Any, Any, list[int]], int]] = {
    "reshape": _reshape,
    "squeeze": _reshape,
    "expand_dims": _reshape,
    "transpose": _transpose,
    "broadcast_in_dim": _broadcast,
    "slice": _slice,
    "convert_element_type": _convert,
}


def _precision(params: Any, name: str) -> dict[str, Any]:
    """How exactly products are taken in float32, where that is chosen."""
    given = params.get("precision")
    kinds = {p for p in (given if isinstance(given, tuple) else (given,)) if p is not None}
    if any(not isinstance(p, lax.Precision) for p in kinds) or len(kinds) > 1:
        raise NotWritableError(f"{name} by an algorithm of its own")
    return {"precision": kinds.pop().name.lower()} if kinds else {}


def _dot_general(w: Any, eqn: Any, args: list[int]) -> int:
    p = eqn.params
    if np.dtype(eqn.outvars[0].aval.dtype) != w.floating:
        raise NotWritableError("dot_general of whole numbers")
    contracted, batch = p["dimension_numbers"]
    wide = [np.dtype(v.aval.dtype) == w.floating for v in eqn.invars]
    args = [
        a if own else w.step("convert_element_type", [a], dtype=w.dtype(w.floating))
        for a, own in zip(args, wide, strict=True)
    ]
    return w.step("dot_general", args, contracted=contracted, batch=batch, **_precision(p, "dot_general"))


def _convolution(w: Any, eqn: Any, args: list[int]) -> int:
    p, numbers = eqn.params, eqn.params["dimension_numbers"]
    return w.step(
        "conv_general_dilated", args, strides=p["window_strides"], padding=p["padding"], spread=p["lhs_dilation"],
        dilation=p["rhs_dilation"], specs=(numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec), groups=p["feature_group_count"],
        batch_groups=p["batch_group_count"], **_precision(p, "conv_general_dilated"),
    )  # fmt: skip


def _window(w: Any, eqn: Any, args: list[int]) -> int:
    p = eqn.params
    if np.dtype(eqn.outvars[0].aval.dtype) != w.floating:
        raise NotWritableError(f"{eqn.primitive.name} of whole numbers")
    return w.step(
        eqn.primitive.name, args, window=p["window_dimensions"], strides=p["window_strides"], padding=p["padding"],
        base=p["base_dilation"], dilation=p["window_dilation"],
    )  # fmt: skip


def _gather(w: Any, eqn: Any, args: list[int]) -> int:
    p, numbers = eqn.params, eqn.params["dimension_numbers"]
    mode = next((name for name, mode in MODES.items() if mode == p["mode"]), None)
    if mode is None or p.get("fill_value") is not None:
        raise NotWritableError("gather with a value of its own for places beyond the end")
    return w.step(
        "gather", args, offset=numbers.offset_dims, collapsed=numbers.collapsed_slice_dims, start=numbers.start_index_map,
        batching=numbers.operand_batching_dims, places_batching=numbers.start_indices_batching_dims, sizes=p["slice_sizes"], mode=mode,
    )  # fmt: skip


def _reduce(w: Any, eqn: Any, args: list[int]) -> int:
    return w.step(eqn.primitive.name, args, axes=eqn.params["axes"])


def _argument(w: Any, eqn: Any, args: list[int]) -> int:
    p = eqn.params
    return w.step(eqn.primitive.name, args, axis=p["axes"][0], dtype=w.dtype(p["index_dtype"]))


HANDLERS |= {
    "dot_general": _dot_general,
    "conv_general_dilated": _convolution,
    "gather": _gather,
    "argmax": _argument,
    "argmin": _argument,
    "integer_pow": lambda w, e, a: w.step("integer_pow", a, y=e.params["y"]),
    "concatenate": lambda w, e, a: w.step("concatenate", a, dimension=e.params["dimension"]),
    "pad": lambda w, e, a: w.step("pad", a, config=e.params["padding_config"]),
    "rev": lambda w, e, a: w.step("rev", a, dimensions=e.params["dimensions"]),
    "cumsum": lambda w, e, a: w.step("cumsum", a, axis=e.params["axis"], reverse=bool(e.params["reverse"])),
    "dynamic_slice": lambda w, e, a: w.step("dynamic_slice", a, sizes=e.params["slice_sizes"]),
    "dynamic_update_slice": lambda w, e, a: w.step("dynamic_update_slice", a),
    "iota": lambda w, e, a: w.step(
        "iota", [], shape=e.params["shape"], dimension=e.params["dimension"], dtype=w.dtype(e.params["dtype"])
    ),
}
HANDLERS |= dict.fromkeys(("reduce_sum", "reduce_max", "reduce_min", "reduce_and", "reduce_or"), _reduce)
HANDLERS |= dict.fromkeys(("reduce_window_sum", "reduce_window_max", "reduce_window_min"), _window)
