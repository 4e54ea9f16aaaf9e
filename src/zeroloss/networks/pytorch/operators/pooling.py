"""Pooling: maxima and means over windows, fixed or adaptive.

Windows are taken as strided slices, one per place within the window: on a CPU the gradients of XLA's own windows are slow.
Of equal maxima the first one has the gradient, as in torch.
"""

from __future__ import annotations

import itertools
import math
from functools import reduce

import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.operators.selecting import Later, Unused
from zeroloss.networks.pytorch.operators.table import operator


def _sizes(values, dims, default=None):
    values = default if not values else [values] if isinstance(values, int) else list(values)
    return list(values) * dims if len(values) == 1 else list(values)


def _windows(x, kernel, stride, padding, dilation, ceil_mode, fill):
    """For each place within the window its strided slice of the padded input, and the padded input's numbers."""
    dims = len(kernel)
    size, out, pads = x.shape[-dims:], [], []
    for s, k, st, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        reach = s + 2 * p - d * (k - 1) - 1
        count = (math.ceil if ceil_mode else math.floor)(reach / st) + 1
        if ceil_mode and (count - 1) * st >= s + p:
            count -= 1  # a window that starts in the padding behind is left out
        out.append(count)
        pads.append((p, max(p, (count - 1) * st + d * (k - 1) + 1 - s - p)))
    wide = (np if isinstance(x, np.ndarray) else jnp).pad(x, [(0, 0)] * (x.ndim - dims) + pads, constant_values=fill)
    for place in itertools.product(*map(range, kernel)):
        cut = tuple(
            slice(i * d, i * d + st * (n - 1) + 1, st) for i, d, st, n in zip(place, dilation, stride, out, strict=True)
        )
        yield wide[(..., *cut)]


def _larger(a, b):
    return jnp.where((b > a) | (b != b), b, a)


@operator("max_pool1d.default", "max_pool2d.default", "max_pool3d.default")
def _max_pool(x, kernel, stride=(), padding=0, dilation=1, ceil_mode=False, dims=None):
    dims = x.ndim - 2 if dims is None else dims
    kernel = _sizes(kernel, dims)
    stride = _sizes(stride, dims, kernel)
    padding, dilation = _sizes(padding, dims, [0]), _sizes(dilation, dims, [1])
    return reduce(_larger, _windows(x, kernel, stride, padding, dilation, ceil_mode, -jnp.inf))


def _with_indices(dims):
    def pool(x, kernel, stride=(), padding=0, dilation=1, ceil_mode=False):
        options = (kernel, stride, padding, dilation, ceil_mode, dims)
        return _max_pool(x, *options), Later(lambda: _places_of_maxima(x, *options))

    return pool


def _places_of_maxima(x, kernel, stride, padding, dilation, ceil_mode, dims):
    """Where each maximum stands, counted through the pooled axes."""
    kernel = _sizes(kernel, dims)
    options = (kernel, _sizes(stride, dims, kernel), _sizes(padding, dims, [0]), _sizes(dilation, dims, [1]), ceil_mode)
    size = x.shape[-dims:]
    numbers = jnp.broadcast_to(jnp.arange(math.prod(size)).reshape(size), x.shape)
    pairs = zip(_windows(x, *options, -jnp.inf), _windows(numbers, *options, 0), strict=True)

    def larger(a, b):
        takes = (b[0] > a[0]) | (b[0] != b[0])
        return jnp.where(takes, b[0], a[0]), jnp.where(takes, b[1], a[1])

    return reduce(larger, pairs)[1]


operator("max_pool2d_with_indices.default")(_with_indices(2))
operator("max_pool3d_with_indices.default")(_with_indices(3))


def _average(dims):
    def pool(x, kernel, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
        ks = _sizes(kernel, dims)
        st, pad, one = _sizes(stride, dims, ks), _sizes(padding, dims, [0]), [1] * dims
        total = sum(_windows(x, ks, st, pad, one, ceil_mode, 0))
        if divisor_override is not None:
            return total / divisor_override
        ones = np.ones(x.shape[-dims:])
        if count_include_pad:  # padding counts, what `ceil_mode` adds behind it does not
            ones = np.pad(ones, [(p, p) for p in pad])
            counted = _counts(ones, ks, st, [0] * dims, total.shape[-dims:])
        else:
            counted = _counts(ones, ks, st, pad, total.shape[-dims:])
        return total / jnp.asarray(counted, x.dtype)

    return pool


def _counts(ones, kernel, stride, padding, out):
    """How many entries each window holds."""
    counts = np.ones(())
    for size, k, st, p, n in zip(ones.shape, kernel, stride, padding, out, strict=True):
        start = np.arange(n) * st - p
        counts = np.multiply.outer(counts, np.minimum(start + k, size) - np.maximum(start, 0))
    return counts


operator("avg_pool1d.default")(_average(1))
operator("avg_pool2d.default")(_average(2))
operator("avg_pool3d.default")(_average(3))


def _parts(size: int, out: int) -> list[tuple[int, int]]:
    return [(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


@operator("adaptive_avg_pool1d.default", "_adaptive_avg_pool2d.default", "_adaptive_avg_pool3d.default")
@operator("adaptive_avg_pool2d.default")
def _adaptive_average(x, output_size):
    sizes = _sizes(output_size, 1)
    for axis, out in enumerate(sizes, x.ndim - len(sizes)):
        weights = np.zeros((x.shape[axis], out))
        for i, (start, stop) in enumerate(_parts(x.shape[axis], out)):
            weights[start:stop, i] = 1 / (stop - start)
        x = jnp.moveaxis(jnp.moveaxis(x, axis, -1) @ jnp.asarray(weights, x.dtype), -1, axis)
    return x


@operator("adaptive_max_pool1d.default", "adaptive_max_pool2d.default", "adaptive_max_pool3d.default")
def _adaptive_max(x, output_size):
    sizes = _sizes(output_size, 1)
    for axis, out in enumerate(sizes, x.ndim - len(sizes)):
        parts = _parts(x.shape[axis], out)
        taken = [reduce(_larger, [jnp.take(x, i, axis=axis) for i in range(*part)]) for part in parts]
        x = jnp.stack(taken, axis=axis)
    return x, Unused("the places of pooling's maxima")
