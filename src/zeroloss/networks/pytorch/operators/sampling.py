"""Values read at places that were computed: grids over images, bags of rows, places in a sorted sequence, windows put back."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.operators.selecting import Unused
from zeroloss.networks.pytorch.operators.table import operator

_ZEROS, _BORDER = 0, 1
_LINEAR, _NEAREST = 0, 1


def _to_pixels(place, size, align_corners):
    return (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2


def _inside(place, size, padding, align_corners):
    """A place within the image, by the padding mode; at the ends the derivative is 0, as in torch."""
    if padding == _ZEROS:
        return place
    if padding != _BORDER:
        low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
        if span == 0:
            return jnp.zeros_like(place)
        away = jnp.abs(place - low)
        turns, rest = jnp.floor(away / span), jnp.fmod(away, span)
        place = jnp.where(turns % 2 == 0, rest + low, span - rest + low)
    return jnp.where(place <= 0, 0.0, jnp.where(place >= size - 1, size - 1.0, place))


def _read(x, places):
    """`x` `(n, c, ...)` at whole places, `(n, ...)` for each axis: `(n, c, ...)`, 0 outside."""
    sizes = x.shape[2:]
    within = math.prod(sizes)
    flat, good = 0, True
    for place, size in zip(places, sizes, strict=True):
        good = good & (place >= 0) & (place <= size - 1)
        flat = flat * size + jnp.clip(place, 0, size - 1).astype(jnp.int32)
    n, c = x.shape[:2]
    rows = jnp.broadcast_to(flat.reshape(n, 1, -1), (n, c, flat[0].size))
    found = jnp.take_along_axis(x.reshape(n, c, within), rows, axis=-1).reshape(n, c, *flat.shape[1:])
    return jnp.where(good[:, None], found, 0)


def _cubic(t):
    """Weights of the four neighbours at distances 1 + t, t, 1 - t, 2 - t (a = -3/4)."""
    a = -0.75

    def near(d):
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d):
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return far(t + 1), near(t), near(1 - t), far(2 - t)


@operator("grid_sampler_2d.default", "grid_sampler_3d.default", "grid_sampler.default")
def _grid_sampler(x, grid, mode, padding, align_corners):
    sizes = x.shape[2:]
    # The last axis of the grid counts the image's axes from behind.
    raw = [_to_pixels(grid[..., -1 - k], size, align_corners) for k, size in enumerate(sizes)]
    if mode not in (_LINEAR, _NEAREST):
        return _bicubic(x, raw, padding, align_corners)
    places = [_inside(p, s, padding, align_corners) for p, s in zip(raw, sizes, strict=True)]
    if mode == _NEAREST:
        return _read(x, [jnp.round(p) for p in places])
    low = [jnp.floor(p) for p in places]
    total = 0
    for corner in itertools.product((0, 1), repeat=len(sizes)):
        weight = math.prod((p - f) if up else (f + 1 - p) for p, f, up in zip(places, low, corner, strict=True))
        total = total + weight[:, None] * _read(x, [f + up for f, up in zip(low, corner, strict=True)])
    return total


def _bicubic(x, raw, padding, align_corners):
    low = [jnp.floor(p) for p in raw]
    weights = [_cubic(p - f) for p, f in zip(raw, low, strict=True)]
    total = 0
    for taps in itertools.product(range(4), repeat=len(raw)):
        places = [_inside(f + t - 1, s, padding, align_corners) for f, t, s in zip(low, taps, x.shape[2:], strict=True)]
        weight = math.prod(w[t] for w, t in zip(weights, taps, strict=True))
        total = total + weight[:, None] * _read(x, [jnp.round(p) for p in places])
    return total


@operator("_embedding_bag.default", "_embedding_bag_forward_only.default")
def _embedding_bag(
    weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None,
    include_last_offset=False, padding_idx=-1,
):  # fmt: skip
    bags = offsets.shape[0] - include_last_offset
    bag = jnp.sum(offsets[:bags, None] <= jnp.arange(indices.shape[0]), axis=0) - 1
    rows = weight[indices]
    rows = rows if per_sample_weights is None else rows * per_sample_weights[:, None]
    counts = (indices != padding_idx) if padding_idx >= 0 else jnp.ones(indices.shape, bool)
    number = jax.ops.segment_sum(counts.astype(jnp.int32), bag, bags)
    if mode == 2:
        most = jax.ops.segment_max(jnp.where(counts[:, None], rows, -jnp.inf), bag, bags)
        out = jnp.where(number[:, None] > 0, most, 0)
    else:
        out = jax.ops.segment_sum(jnp.where(counts[:, None], rows, 0), bag, bags)
        out = out / jnp.maximum(number, 1)[:, None].astype(out.dtype) if mode == 1 else out
    return out, bag, number, Unused("the places of a bag's maxima")


@operator("searchsorted.Tensor", "searchsorted.Scalar")
def _searchsorted(ordered, values, out_int32=False, right=False, side=None, sorter=None):
    if sorter is not None:
        ordered = jnp.take_along_axis(ordered, sorter, axis=-1)
    values = jnp.asarray(values)
    flat = ordered if ordered.ndim > 1 else ordered.reshape((1,) * (values.ndim or 1) + (-1,))
    wanted = values[..., None]
    flat = flat[..., None, :] if ordered.ndim > 1 else flat
    before = flat <= wanted if (right or side == "right") else flat < wanted
    kind = jnp.int32 if out_int32 else jax.dtypes.canonicalize_dtype(np.int64)
    return jnp.sum(before, axis=-1, dtype=kind).reshape(values.shape)


@operator("bucketize.Tensor", "bucketize.Scalar")
def _bucketize(values, boundaries, out_int32=False, right=False):
    return _searchsorted(boundaries, values, out_int32, right)


def _places(size, kernel, dilation, padding, stride):
    """Where each entry of the window stands in the padded image, `(windows, entries)`."""
    count = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    return np.arange(count)[:, None] * stride + np.arange(kernel) * dilation


def _window_numbers(sizes, kernel, dilation, padding, stride):
    """Flat numbers in the padded image, `(entries of the window, windows)`."""
    rows, columns = (_places(*each) for each in zip(sizes, kernel, dilation, padding, stride, strict=True))
    wide = sizes[1] + 2 * padding[1]
    numbers = rows[:, None, :, None] * wide + columns[None, :, None, :]  # (windows, windows, entries, entries)
    return numbers.transpose(2, 3, 0, 1).reshape(math.prod(kernel), -1)


@operator("im2col.default")
def _im2col(x, kernel, dilation, padding, stride):
    *lead, h, w = x.shape
    numbers = _window_numbers((h, w), kernel, dilation, padding, stride)
    wide = jnp.pad(x, [(0, 0)] * len(lead) + [(p, p) for p in padding])
    found = wide.reshape(*lead, -1)[..., numbers]
    return found.reshape(*lead[:-1], lead[-1] * len(numbers), -1)


@operator("col2im.default")
def _col2im(x, size, kernel, dilation, padding, stride):
    *lead, _, windows = x.shape
    numbers = _window_numbers(size, kernel, dilation, padding, stride)
    parts = x.reshape(*lead, -1, len(numbers) * windows)
    wide = [s + 2 * p for s, p in zip(size, padding, strict=True)]
    total = jnp.zeros((*parts.shape[:-1], math.prod(wide)), x.dtype).at[..., numbers.ravel()].add(parts)
    cut = tuple(slice(p, p + s) for p, s in zip(padding, size, strict=True))
    return total.reshape(*parts.shape[:-1], *wide)[(..., *cut)]
