"""Rules of windows, convolutions and pooling: patches are moved first, then multiplied, summed or compared."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.tangent.balls.ball import Ball, NoBoundError, add, as_ball, divide
from zeroloss.tangent.balls.rules import _mean, product, reshaped, rule, total


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
    x, weight = as_ball(x), as_ball(weight)
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

    def shaped(columns):
        return np.moveaxis(np.concatenate(columns, 1).reshape(n, *out, -1), -1, 1)

    z = Ball(shaped([f.mid for f in found]), shaped([f.err for f in found]))
    return z if bias is None else add(z, reshaped(bias, (1, -1, *(1,) * dims)))


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

    def part(size, out, i):
        return slice(i * size // out, -(-(i + 1) * size // out))

    for i, j in itertools.product(*map(range, output_size)):
        cut = (..., part(x.shape[-2], output_size[0], i), part(x.shape[-1], output_size[1], j))
        found = _mean(Ball(x.mid[cut], x.err[cut]), [-2, -1])
        mid[..., i, j], err[..., i, j] = found.mid, found.err
    return Ball(mid, err)
