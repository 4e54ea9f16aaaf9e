"""Rules of windows, convolutions and pooling: patches are moved first, then multiplied, summed or compared."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.verified.balls.ball import Ball, NoBoundError, add, as_ball, divide
from zeroloss.verified.balls.rules import _mean, product, reshaped, rule, total


def windows(x: np.ndarray, kernel: Any, stride: Any, padding: Any, dilation: Any, fill: float) -> np.ndarray:
    """`(..., *out, *kernel)`: the windows of the padded input."""
    dims = len(kernel)
    wide = np.pad(x, [(0, 0)] * (x.ndim - dims) + [(p, p) for p in padding], constant_values=fill)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    axes = tuple(range(x.ndim - dims, x.ndim))
    found = np.lib.stride_tricks.sliding_window_view(wide, reach, axes)
    cut = (slice(None),) * (x.ndim - dims) + tuple(slice(None, None, s) for s in stride)
    return found[cut + tuple(slice(None, None, d) for d in dilation)]


def _all(values: Any, dims: Any, default: Any = None) -> Any:
    values = default if not values else [values] if isinstance(values, int) else list(values)
    return list(values) * dims if len(values) == 1 else list(values)


@rule("convolution.default")
def _convolution(
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: Any,
    output_padding: Any,
    groups: Any,
) -> Any:
    """Patches and one product of matrices per group."""
    x, weight = as_ball(x), as_ball(weight)
    if transposed:
        return _transposed(x, weight, bias, stride, padding, dilation, output_padding, groups)
    dims = weight.mid.ndim - 2
    kernel = weight.shape[2:]
    stride, padding, dilation = (_all(v, dims) for v in (stride, padding, dilation))
    parts = [windows(part, kernel, stride, padding, dilation, 0.0) for part in (x.mid, x.err)]
    n, _, *rest = parts[0].shape
    out = rest[:dims]
    order = (0, *range(2, 2 + dims), 1, *range(2 + dims, 2 + 2 * dims))
    rows = [p.transpose(order).reshape(n * math.prod(out), groups, -1) for p in parts]
    kernels = [p.reshape(groups, weight.shape[0] // groups, -1) for p in (weight.mid, weight.err)]
    sure = not weight.err.any()
    found = [
        product(
            Ball(rows[0][:, g], rows[1][:, g]),
            kernels[0][g].T if sure else Ball(kernels[0][g].T, kernels[1][g].T),
        )
        for g in range(groups)
    ]

    def shaped(columns: Any) -> Any:
        return np.moveaxis(np.concatenate(columns, 1).reshape(n, *out, -1), -1, 1)

    z = Ball(shaped([f.mid for f in found]), shaped([f.err for f in found]))
    return z if bias is None else add(z, reshaped(bias, (1, -1, *(1,) * dims)))


def _transposed(
    x: Ball, weight: Ball, bias: Any, stride: Any, padding: Any, dilation: Any, output_padding: Any, groups: Any
) -> Ball:
    """A plain convolution with the kernel turned round, of the input spread by `stride` between zeros."""
    dims = weight.mid.ndim - 2
    stride, padding, dilation, more = (_all(v, dims) for v in (stride, padding, dilation, output_padding))
    c_in, each, *window = weight.shape

    def turned(part: np.ndarray) -> np.ndarray:
        part = np.flip(part, tuple(range(2, part.ndim))).reshape(groups, c_in // groups, each, *window)
        return part.swapaxes(1, 2).reshape(groups * each, c_in // groups, *window)

    def spread(part: np.ndarray) -> np.ndarray:
        wide = np.zeros((*part.shape[:2], *((n - 1) * s + 1 for n, s in zip(part.shape[2:], stride, strict=True))))
        wide[(slice(None), slice(None), *(slice(None, None, s) for s in stride))] = part
        ends = [
            (d * (k - 1) - p, d * (k - 1) - p + m) for d, k, p, m in zip(dilation, window, padding, more, strict=True)
        ]
        if min(a for a, _ in ends) < 0:
            raise NoBoundError("a transposed convolution padded beyond its kernel")
        return np.pad(wide, [(0, 0), (0, 0), *ends])

    plain = Ball(turned(weight.mid), turned(weight.err))
    wide = Ball(spread(x.mid), spread(x.err))
    ones = [1] * dims
    return _convolution(wide, plain, bias, ones, [0] * dims, dilation, False, [0] * dims, groups)


def pooled(
    x: np.ndarray, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, fill: float
) -> np.ndarray:
    """`windows` for pooling: with `ceil_mode` also those that reach beyond the padding behind, filled like it."""
    dims = len(kernel)
    behind, out = [], []
    for s, k, st, p, d in zip(x.shape[-dims:], kernel, stride, padding, dilation, strict=True):
        reach = s + 2 * p - d * (k - 1) - 1
        count = (math.ceil if ceil_mode else math.floor)(reach / st) + 1
        count -= bool(ceil_mode and (count - 1) * st >= s + p)  # a window that starts in the padding is left out
        out.append(count)
        behind.append((0, max(0, (count - 1) * st + d * (k - 1) + 1 - s - 2 * p)))
    pads = [(0, 0)] * (x.ndim - dims) + [(p, p + more) for p, (_, more) in zip(padding, behind, strict=True)]
    wide = np.pad(x, pads, constant_values=fill)
    found = windows(wide, kernel, stride, [0] * dims, dilation, fill)
    return found[(slice(None),) * (x.ndim - dims) + tuple(slice(n) for n in out)]


def _max_pool(dims: int) -> Callable[..., Any]:
    def pool(x: Any, kernel: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: Any = False) -> Any:
        """`|max a - max b| <= max |a - b|`. Their places have no rule."""
        x = as_ball(x)
        ks = _all(kernel, dims)
        given = (_all(stride, dims, ks), _all(padding, dims, [0]), _all(dilation, dims, [1]), ceil_mode)
        axes = tuple(range(-dims, 0))
        mid = np.max(pooled(x.mid, ks, *given, -np.inf), axis=axes)
        return Ball(mid, np.max(pooled(x.err, ks, *given, 0.0), axis=axes)), None

    return pool


rule("max_pool2d_with_indices.default")(_max_pool(2))
rule("max_pool3d_with_indices.default")(_max_pool(3))


def _avg_pool(dims: int) -> Callable[..., Any]:
    def pool(
        x: Any,
        kernel: Any,
        stride: Any = (),
        padding: Any = 0,
        ceil_mode: Any = False,
        count_include_pad: Any = True,
        divisor_override: Any = None,
    ) -> Any:
        """Sums over windows by how many entries each has: of the padded input, or of the input alone."""
        x, ks = as_ball(x), _all(kernel, dims)
        pad = _all(padding, dims, [0])
        given = (_all(stride, dims, ks), pad, [1] * dims, ceil_mode)
        axes = list(range(-dims, 0))
        found = total(Ball(*(pooled(part, ks, *given, 0.0) for part in (x.mid, x.err))), axes, False)[0]
        if divisor_override is not None:
            return divide(found, float(divisor_override))
        ones = np.ones(x.shape[-dims:])
        if count_include_pad:
            ones, pad = np.pad(ones, [(p, p) for p in pad], constant_values=1.0), [0] * dims
        counts = np.sum(pooled(ones, ks, given[0], pad, [1] * dims, ceil_mode, 0.0), axis=tuple(axes))
        if counts.shape != found.shape[-dims:]:
            counts = _cut(counts, found.shape[-dims:])
        return divide(found, counts)

    return pool


def _cut(counts: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Padding that is counted may leave room for a window more, which the pooling leaves out.

    Raises:
        NoBoundError: fewer windows than there are.
    """
    if any(have < want for have, want in zip(counts.shape, shape, strict=True)):
        raise NoBoundError("pooling whose windows are not counted")
    return counts[tuple(slice(n) for n in shape)]


for _dims in (1, 2, 3):
    rule(f"avg_pool{_dims}d.default")(_avg_pool(_dims))


def _parts(size: int, out: int) -> list[slice]:
    return [slice(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


@rule("adaptive_max_pool1d.default", "adaptive_max_pool2d.default", "adaptive_max_pool3d.default")
def _adaptive_max(x: Any, output_size: Any) -> Any:
    x = as_ball(x)
    sizes = _all(output_size, 1)
    for axis, out in enumerate(sizes, x.mid.ndim - len(sizes)):
        parts = [(*(slice(None),) * axis, part) for part in _parts(x.shape[axis], out)]
        x = Ball(*(np.stack([np.max(a[cut], axis=axis) for cut in parts], axis) for a in (x.mid, x.err)))
    return x, None


@rule("_adaptive_avg_pool2d.default")
def _adaptive(x: Any, output_size: Any) -> Any:
    x = as_ball(x)
    mid, err = (np.empty((*x.shape[:-2], *output_size)) for _ in range(2))

    for i, j in itertools.product(*map(range, output_size)):
        cut = (..., _parts(x.shape[-2], output_size[0])[i], _parts(x.shape[-1], output_size[1])[j])
        found = _mean(Ball(x.mid[cut], x.err[cut]), [-2, -1])
        mid[..., i, j], err[..., i, j] = found.mid, found.err
    return Ball(mid, err)
