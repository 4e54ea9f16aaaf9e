"""Rules that only move numbers: the same on midpoints and on errors, and so exact; and windows, which move them first."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.tangent.balls.ball import Ball, NoBoundError, Unsure, add, as_ball, divide
from zeroloss.tangent.balls.rules import RULES, product, rule


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
    return kind(first, second)


def _squeeze(x, dims=None):
    dims = range(x.ndim) if dims is None else [dims] if isinstance(dims, int) else dims
    return np.squeeze(x, tuple({d % max(1, x.ndim) for d in dims if x.shape[d] == 1}))


def _expand(x, size, implicit=False):
    lead = len(size) - x.ndim
    return np.broadcast_to(x, [x.shape[i - lead] if s == -1 else s for i, s in enumerate(size)])


def _slice(x, dim=0, start=None, end=None, step=1):
    size = x.shape[dim]
    end = size if end is None else min(end, size)
    return x[tuple(slice(start, end, step) if i == dim % x.ndim else slice(None) for i in range(x.ndim))]


def _select(x, dim, index):
    return np.take(x, index, axis=dim)


_MOVES: dict[str, Callable[..., Any]] = {
    "view.default": lambda x, size: x.reshape(size),
    "_unsafe_view.default": lambda x, size: x.reshape(size),
    "reshape.default": lambda x, size: x.reshape(size),
    "permute.default": lambda x, dims: np.transpose(x, dims),
    "t.default": lambda x: x.T,
    "transpose.int": lambda x, a, b: np.swapaxes(x, a, b),
    "squeeze.dims": _squeeze,
    "squeeze.dim": _squeeze,
    "unsqueeze.default": np.expand_dims,
    "expand.default": _expand,
    "slice.Tensor": _slice,
    "select.int": _select,
    "flip.default": lambda x, dims: np.flip(x, tuple(dims)),
    "repeat.default": lambda x, repeats: np.tile(x, tuple(repeats)),
    "split_with_sizes.default": lambda x, sizes, dim=0: np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=dim),
    "clone.default": lambda x, *_, **__: x,
    "alias.default": lambda x: x,
    "detach.default": lambda x: x,
}
for _name, _function in _MOVES.items():
    rule(_name)(moving(_function))
RULES["getitem"] = lambda values, index: values[index]


@rule("_to_copy.default")
def _to_copy(x, dtype=None, **_):
    """A cast to a floating type keeps the number (the network's own precision is not the question); no other does."""
    if dtype is not None and not dtype.name.startswith(("float", "double")):
        raise NoBoundError(f"a cast to {dtype.name}")
    if isinstance(x, Unsure):
        raise NoBoundError("truth values taken for numbers")
    return x


@rule("cat.default")
def _cat(tensors, dim=0):
    balls = [as_ball(t) for t in tensors if np.shape(getattr(t, "mid", t)) != (0,)]
    return Ball(np.concatenate([b.mid for b in balls], dim), np.concatenate([b.err for b in balls], dim))


@rule("full.default")
def _full(size, value, **_):
    return np.full(tuple(size), value)


@rule("full_like.default")
def _full_like(x, value, **_):
    return np.full(x.shape, float(value))


@rule("zeros.default", "empty.memory_format")
def _zeros(size, *_, **__):
    return np.zeros(tuple(size))


@rule("scalar_tensor.default")
def _scalar_tensor(value, **_):
    return np.asarray(value)


@rule("embedding.default")
def _embedding(weight, indices, *_, **__):
    if isinstance(indices, Ball):
        raise NoBoundError("tokens that were computed")
    return np.asarray(weight)[np.asarray(indices, np.int64)]


@rule("constant_pad_nd.default")
def _pad(x, pad, value=0):
    x = as_ball(x)
    pairs = [(0, 0)] * (x.mid.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    if min(map(min, pairs)) < 0:
        raise NoBoundError("padding that cuts")
    return Ball(np.pad(x.mid, pairs, constant_values=value or 0), np.pad(x.err, pairs))


def windows(x: np.ndarray, kernel, stride, padding, dilation, fill: float) -> np.ndarray:
    """`(..., *out, *kernel)`: the windows of the padded input."""
    dims = len(kernel)
    wide = np.pad(x, [(0, 0)] * (x.ndim - dims) + [(p, p) for p in padding], constant_values=fill)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    axes = tuple(range(x.ndim - dims, x.ndim))
    found = np.lib.stride_tricks.sliding_window_view(wide, reach, axes)
    cut = (slice(None),) * (x.ndim - dims) + tuple(slice(None, None, s) for s in stride)
    return found[cut + tuple(slice(None, None, d) for d in dilation)]


def _all(values, dims, default=None):
    values = default if not values else [values] if isinstance(values, int) else list(values)
    return list(values) * dims if len(values) == 1 else list(values)


@rule("convolution.default")
def _convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """Patches and one product of matrices a group."""
    if transposed:
        raise NoBoundError("a transposed convolution")
    x, weight = as_ball(x), np.asarray(weight, np.float64)
    dims = weight.ndim - 2
    kernel = weight.shape[2:]
    stride, padding, dilation = (_all(v, dims) for v in (stride, padding, dilation))
    parts = [windows(part, kernel, stride, padding, dilation, 0.0) for part in (x.mid, x.err)]
    n, _, *rest = parts[0].shape
    out = rest[:dims]
    order = (0, *range(2, 2 + dims), 1, *range(2 + dims, 2 + 2 * dims))
    rows = [p.transpose(order).reshape(n * math.prod(out), groups, -1) for p in parts]
    kernels = weight.reshape(groups, weight.shape[0] // groups, -1)
    found = [product(Ball(rows[0][:, g], rows[1][:, g]), kernels[g].T) for g in range(groups)]

    def shaped(columns):
        return np.moveaxis(np.concatenate(columns, 1).reshape(n, *out, -1), -1, 1)

    z = Ball(shaped([f.mid for f in found]), shaped([f.err for f in found]))
    return z if bias is None else add(z, np.reshape(bias, (1, -1, *(1,) * dims)))


def _max_pool(dims: int) -> Callable[..., Any]:
    def pool(x, kernel, stride=(), padding=0, dilation=1, ceil_mode=False):
        """`|max a - max b| <= max |a - b|`."""
        x = as_ball(x)
        ks = _all(kernel, dims)
        given = (_all(stride, dims, ks), _all(padding, dims, [0]), _all(dilation, dims, [1]))
        if ceil_mode:
            raise NoBoundError("pooling with ceil_mode")
        axes = tuple(range(-dims, 0))
        mid = np.max(windows(x.mid, ks, *given, -np.inf), axis=axes)
        return Ball(mid, np.max(windows(x.err, ks, *given, 0.0), axis=axes)), None

    return pool


rule("max_pool2d_with_indices.default")(_max_pool(2))
rule("max_pool3d_with_indices.default")(_max_pool(3))


@rule("avg_pool2d.default")
def _avg_pool(x, kernel, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    from zeroloss.tangent.balls.rules import total

    x, ks = as_ball(x), _all(kernel, 2)
    given = (_all(stride, 2, ks), _all(padding, 2, [0]), [1, 1])
    if ceil_mode or (not count_include_pad and any(given[1])):
        raise NoBoundError("pooling with ceil_mode or uncounted padding")
    parts = [windows(part, ks, *given, 0.0) for part in (x.mid, x.err)]
    found, count = total(Ball(*parts), [-2, -1], False)
    return divide(found, float(divisor_override or count))


@rule("_adaptive_avg_pool2d.default")
def _adaptive(x, output_size):
    x = as_ball(x)
    mid, err = (np.empty((*x.shape[:-2], *output_size)) for _ in range(2))
    from zeroloss.tangent.balls.rules import _mean

    def part(size, out, i):
        return slice(i * size // out, -(-(i + 1) * size // out))

    for i, j in itertools.product(*map(range, output_size)):
        cut = (..., part(x.shape[-2], output_size[0], i), part(x.shape[-1], output_size[1], j))
        found = _mean(Ball(x.mid[cut], x.err[cut]), [-2, -1])
        mid[..., i, j], err[..., i, j] = found.mid, found.err
    return Ball(mid, err)
