"""Rules that only move numbers, the same on midpoints and on errors, and so exact; and new arrays of given numbers.

Whole numbers stay whole. Places are whole numbers themselves: where they were computed from balls there is no rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.verified.balls.ball import Ball, NoBoundError, Unsure, as_ball
from zeroloss.verified.balls.rules import RULES, product, rule
from zeroloss.verified.balls.whole import cast, is_whole, settled


def moving(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of an array first, applied to each part of a ball."""

    def apply(x: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(x, Ball):
            return _zipped(Ball, function(x.mid, *args, **kwargs), function(x.err, *args, **kwargs))
        if isinstance(x, Unsure):
            return _zipped(Unsure, function(x.value, *args, **kwargs), function(x.open, *args, **kwargs))
        return function(np.asarray(x), *args, **kwargs)

    return apply


def _zipped(kind: Any, first: Any, second: Any) -> Any:
    if isinstance(first, list):
        return [kind(a, b) for a, b in zip(first, second, strict=True)]
    return kind(np.asarray(first), np.asarray(second))


def _squeeze(x: Any, dims: Any = None) -> Any:
    dims = range(x.ndim) if dims is None else [dims] if isinstance(dims, int) else dims
    return np.squeeze(x, tuple({d % max(1, x.ndim) for d in dims if x.ndim and x.shape[d] == 1}))


def _expand(x: Any, size: Any, implicit: Any = False) -> Any:
    lead = len(size) - x.ndim
    return np.broadcast_to(x, [x.shape[i - lead] if s == -1 else s for i, s in enumerate(size)])


def _slice(x: Any, dim: Any = 0, start: Any = None, end: Any = None, step: Any = 1) -> Any:
    size = x.shape[dim]
    end = size if end is None else min(end, size)
    return x[tuple(slice(start, end, step) if i == dim % x.ndim else slice(None) for i in range(x.ndim))]


def _places(index: Any, size: int, negative: bool = False) -> np.ndarray:
    """Whole numbers below `size`; those below 0 count from the end where torch lets them.

    Raises:
        NoBoundError: places that were computed from balls, or beyond the end.
    """
    index = settled(index)
    if not is_whole(index) or index is None or np.asarray(index).dtype.kind == "b":
        raise NoBoundError("places that were computed from inexact numbers")
    index = np.asarray(index).astype(np.int64)
    if index.size and not (-size if negative else 0) <= int(index.min()) <= int(index.max()) < size:
        raise NoBoundError("places beyond an array's end")
    return index


def _select(x: Any, dim: Any, index: Any) -> Any:
    return np.take(x, _places(index, x.shape[dim], True), axis=dim)


def _gather(x: Any, dim: Any, index: Any, sparse_grad: Any = False) -> Any:
    if x.ndim == 0:
        return np.broadcast_to(x, np.shape(index))
    index = _places(index, x.shape[dim])
    cut = tuple(slice(None) if i == dim % x.ndim else slice(0, s) for i, s in enumerate(index.shape))
    return np.take_along_axis(x[cut], index, axis=dim)


def _index(x: Any, indices: Any) -> Any:
    """torch's advanced indexing is NumPy's."""
    found: list[Any] = []
    for i in map(settled, indices):
        axis = sum(np.ndim(f) if isinstance(f, np.ndarray) and f.dtype.kind == "b" else 1 for f in found)
        if i is None:
            found.append(slice(None))
        elif isinstance(i, np.ndarray) and i.dtype.kind == "b":
            found.append(i)
        else:
            found.append(_places(i, x.shape[axis], True))
    return x[tuple(found)]


def _unfold(x: Any, dim: Any, size: Any, step: Any) -> Any:
    dim %= x.ndim
    rows = np.arange(0, x.shape[dim] - size + 1, step)[:, None] + np.arange(size)
    return np.moveaxis(np.take(x, rows, axis=dim), dim + 1, -1)


def _roll(x: Any, shifts: Any, dims: Any = ()) -> Any:
    return np.roll(x, tuple(shifts), tuple(dims)) if dims else np.roll(x.ravel(), shifts[0]).reshape(x.shape)


def _padded(mode: Any) -> Callable[..., np.ndarray]:
    def pad(x: Any, pad: Any) -> Any:
        pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
        return np.pad(x, pairs, mode=mode)

    return pad


def _nearest(x: Any, output_size: Any = None, scale_factors: Any = None) -> Any:
    """By the same places as the network's own resizing takes."""
    sizes = output_size or [int(np.floor(s * f)) for s, f in zip(x.shape[2:], scale_factors, strict=True)]
    for k, (axis, out) in enumerate(zip(range(2, x.ndim), sizes, strict=True)):
        step = 1 / scale_factors[k] if scale_factors else x.shape[axis] / out
        rows = np.minimum(np.floor(np.arange(out) * step).astype(int), x.shape[axis] - 1)
        x = np.take(x, rows, axis=axis)
    return x


def _linear_weights(size: int, out: int, align_corners: bool, scale: float | None) -> np.ndarray:
    """Those of the network's own resizing, `(size, out)`."""
    if align_corners:
        place = np.arange(out) * ((size - 1) / (out - 1) if out > 1 else 0.0)
    else:
        place = np.maximum((np.arange(out) + 0.5) * (1 / scale if scale else size / out) - 0.5, 0.0)
    low = np.minimum(np.floor(place).astype(int), size - 1)
    weights = np.zeros((size, out))
    np.add.at(weights, (low, np.arange(out)), 1 - (place - low))
    np.add.at(weights, (np.minimum(low + 1, size - 1), np.arange(out)), place - low)
    return weights


@rule("upsample_linear1d.vec", "upsample_bilinear2d.vec", "upsample_trilinear3d.vec")
def _resized(x: Any, output_size: Any, align_corners: Any, scale_factors: Any = None) -> Any:
    x = as_ball(x)
    sizes = output_size or [int(np.floor(s * f)) for s, f in zip(x.shape[2:], scale_factors, strict=True)]
    for k, (axis, out) in enumerate(zip(range(2, x.mid.ndim), sizes, strict=True)):
        weights = _linear_weights(x.shape[axis], out, align_corners, scale_factors[k] if scale_factors else None)
        found = product(Ball(np.moveaxis(x.mid, axis, -1), np.moveaxis(x.err, axis, -1)), weights)
        x = Ball(np.moveaxis(found.mid, -1, axis), np.moveaxis(found.err, -1, axis))
    return x


_MOVES: dict[str, Callable[..., Any]] = {
    "view.default": lambda x, size: x.reshape(size),
    "_unsafe_view.default": lambda x, size: x.reshape(size),
    "reshape.default": lambda x, size: x.reshape(size),
    "permute.default": lambda x, dims: np.transpose(x, dims),
    "t.default": lambda x: x.T,
    "transpose.int": lambda x, a, b: np.swapaxes(x, a, b),
    "squeeze.dims": _squeeze,
    "squeeze.dim": _squeeze,
    "squeeze.default": _squeeze,
    "unsqueeze.default": np.expand_dims,
    "expand.default": _expand,
    "slice.Tensor": _slice,
    "narrow.default": lambda x, dim, start, length: _slice(x, dim, start, start + length),
    "select.int": _select,
    "index.Tensor": _index,
    "_unsafe_index.Tensor": _index,
    "index_select.default": lambda x, dim, index: np.take(x, _places(index, x.shape[dim]), axis=dim),
    "gather.default": _gather,
    "embedding.default": lambda weight, indices, *_, **__: weight[_places(indices, weight.shape[0])],
    "flip.default": lambda x, dims: np.flip(x, tuple(dims)),
    "roll.default": _roll,
    "repeat.default": lambda x, repeats: np.tile(x, tuple(repeats)),
    "repeat_interleave.self_int": lambda x, repeats, dim=None, output_size=None: np.repeat(x, repeats, axis=dim),
    "diagonal.default": lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    "tril.default": lambda x, diagonal=0: np.tril(x, diagonal),
    "triu.default": lambda x, diagonal=0: np.triu(x, diagonal),
    "unfold.default": _unfold,
    "unbind.int": lambda x, dim=0: [np.take(x, i, axis=dim) for i in range(x.shape[dim])],
    "split_with_sizes.default": lambda x, sizes, dim=0: np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=dim),
    "split.Tensor": lambda x, size, dim=0: np.split(x, list(range(size, x.shape[dim], size)), axis=dim),
    "reflection_pad1d.default": _padded("reflect"),
    "reflection_pad2d.default": _padded("reflect"),
    "reflection_pad3d.default": _padded("reflect"),
    "replication_pad1d.default": _padded("edge"),
    "replication_pad2d.default": _padded("edge"),
    "replication_pad3d.default": _padded("edge"),
    "upsample_nearest1d.vec": _nearest,
    "upsample_nearest2d.vec": _nearest,
    "upsample_nearest3d.vec": _nearest,
    "clone.default": lambda x, *_, **__: x,
    "alias.default": lambda x: x,
    "detach.default": lambda x: x,
    "lift_fresh_copy.default": lambda x: x,
}
for _name, _function in _MOVES.items():
    rule(_name)(moving(_function))
RULES["getitem"] = lambda values, index: values[index]


@rule("_to_copy.default", "to.dtype")
def _to_copy(x: Any, dtype: Any = None) -> Any:
    return cast(x, dtype)


def _joined(tensors: list[Any], join: Callable[[list[np.ndarray]], np.ndarray]) -> Any:
    """Whole numbers together stay whole."""
    if is_whole(tensors):
        return join([np.asarray(t) for t in tensors])
    balls = [as_ball(t) for t in tensors]
    return Ball(join([b.mid for b in balls]), join([b.err for b in balls]))


@rule("cat.default")
def _cat(tensors: Any, dim: Any = 0) -> Any:
    kept = [t for t in map(settled, tensors) if np.shape(getattr(t, "mid", t)) != (0,)]  # torch leaves these out
    return _joined(kept, lambda parts: np.concatenate(parts, dim))


@rule("stack.default")
def _stack(tensors: Any, dim: Any = 0) -> Any:
    return _joined([settled(t) for t in tensors], lambda parts: np.stack(parts, dim))


@rule("copy.default")
def _copy(x: Any, source: Any) -> Any:
    """The numbers of `source` in the shape and type of `x`."""
    shape = np.shape(getattr(x, "mid", getattr(x, "value", x)))
    return moving(np.broadcast_to)(cast(source, _type_of(x)), shape)


@rule("slice_scatter.default")
def _slice_scatter(x: Any, source: Any, dim: Any = 0, start: Any = None, end: Any = None, step: Any = 1) -> Any:
    if type(x) is not type(source) and not (is_whole(x) and is_whole(source)):
        x, source = as_ball(x), as_ball(source)

    def written(into: np.ndarray, part: np.ndarray) -> np.ndarray:
        into, size = np.array(into), into.shape[dim]
        stop = size if end is None else min(end, size)
        into[tuple(slice(start, stop, step) if i == dim % into.ndim else slice(None) for i in range(into.ndim))] = part
        return into

    return _joined([x, source], lambda parts: written(*parts))


def _type_of(x: Any) -> Any:
    """The type that a new array like `x` has."""
    x = settled(x)
    if isinstance(x, Unsure):
        return "bool"
    kind = "f" if isinstance(x, Ball) else np.asarray(x).dtype.kind
    return np.asarray(x).dtype.name if kind in "iub" else "float"


def _filled(size: Any, value: Any, dtype: Any) -> np.ndarray:
    """An array of one number, of the type given or that of the number."""
    if not isinstance(value, bool | int | float):
        raise NoBoundError("an array filled with a computed number")
    found = np.full(tuple(size), value)
    if getattr(dtype, "name", "") == "single" and float(np.float32(value)) == value:
        dtype = "float"  # not rounded, whatever the precision
    return found if dtype is None else np.asarray(cast(found, dtype))


@rule("full.default")
def _full(size: Any, value: Any, dtype: Any = None) -> Any:
    return _filled(size, value, dtype)


@rule("full_like.default")
def _full_like(x: Any, value: Any, dtype: Any = None) -> Any:
    return _filled(_shape(x), value, _type_of(x) if dtype is None else dtype)


@rule("zeros_like.default", "empty_like.default")
def _zeros_like(x: Any, dtype: Any = None) -> Any:
    return _full_like(x, 0, dtype)


@rule("ones_like.default")
def _ones_like(x: Any, dtype: Any = None) -> Any:
    return _full_like(x, 1, dtype)


@rule("zeros.default", "empty.memory_format")
def _zeros(size: Any, dtype: Any = None) -> Any:
    return _filled(size, 0, "float" if dtype is None else dtype)


@rule("ones.default")
def _ones(size: Any, dtype: Any = None) -> Any:
    return _filled(size, 1, "float" if dtype is None else dtype)


@rule("new_zeros.default")
def _new_zeros(x: Any, size: Any, dtype: Any = None) -> Any:
    return _filled(size, 0, _type_of(x) if dtype is None else dtype)


@rule("new_ones.default")
def _new_ones(x: Any, size: Any, dtype: Any = None) -> Any:
    return _filled(size, 1, _type_of(x) if dtype is None else dtype)


@rule("new_full.default")
def _new_full(x: Any, size: Any, value: Any, dtype: Any = None) -> Any:
    return _filled(size, value, _type_of(x) if dtype is None else dtype)


@rule("scalar_tensor.default")
def _scalar_tensor(value: Any, dtype: Any = None) -> Any:
    return _filled((), value, "float" if dtype is None else dtype)


@rule("arange.start_step", "arange.start", "arange.default")
def _arange(start: Any, end: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Of whole numbers; others are rounded on the way."""
    start, end = (0, start) if end is None else (start, end)
    if not all(float(v).is_integer() for v in (start, end, step)):
        raise NoBoundError("a range of numbers that are not whole")
    whole = all(isinstance(v, int) for v in (start, end, step))
    numbers = int(start) + int(step) * np.arange(max(0, math.ceil((end - start) / step)))
    return np.asarray(cast(numbers, dtype if dtype is not None else "int64" if whole else "float"))


@rule("eye.default", "eye.m")
def _eye(n: Any, m: Any = None, dtype: Any = None) -> Any:
    return np.asarray(cast(np.eye(n, m, dtype=np.int64), "float" if dtype is None else dtype))


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(x.shape) if isinstance(x, Ball | Unsure) else np.shape(x)


@rule("constant_pad_nd.default")
def _pad(x: Any, pad: Any, value: Any = 0) -> Any:
    pairs = [(0, 0)] * (len(_shape(x)) - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    if min(map(min, pairs)) < 0:
        raise NoBoundError("padding that cuts")
    value = value or 0
    x = settled(x)
    if is_whole(x) and isinstance(value, int):
        return np.pad(x, pairs, constant_values=value)
    x = as_ball(x)
    return Ball(np.pad(x.mid, pairs, constant_values=value), np.pad(x.err, pairs))
