"""Resizing by the nearest entry or linearly, as matrices along each axis."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.operators.table import operator


def _sizes(x, output_size, factors):
    dims = x.ndim - 2
    if output_size is not None:
        return list(output_size)
    return [int(np.floor(s * f)) for s, f in zip(x.shape[-dims:], factors, strict=True)]


@operator("upsample_nearest1d.vec", "upsample_nearest2d.vec", "upsample_nearest3d.vec")
def _nearest(x, output_size=None, scale_factors=None):
    sizes = _sizes(x, output_size, scale_factors)
    for k, (axis, out) in enumerate(zip(range(2, x.ndim), sizes, strict=True)):
        step = 1 / scale_factors[k] if scale_factors else x.shape[axis] / out
        rows = np.minimum(np.floor(np.arange(out) * step).astype(int), x.shape[axis] - 1)
        x = jnp.take(x, rows, axis=axis)
    return x


@operator("upsample_linear1d.vec", "upsample_bilinear2d.vec", "upsample_trilinear3d.vec")
def _linear(x, output_size, align_corners, scale_factors=None):
    sizes = _sizes(x, output_size, scale_factors)
    for k, (axis, out) in enumerate(zip(range(2, x.ndim), sizes, strict=True)):
        size = x.shape[axis]
        if align_corners:
            place = np.arange(out) * ((size - 1) / (out - 1) if out > 1 else 0.0)
        else:
            step = 1 / scale_factors[k] if scale_factors else size / out
            place = np.maximum((np.arange(out) + 0.5) * step - 0.5, 0.0)
        low = np.minimum(np.floor(place).astype(int), size - 1)
        weights = np.zeros((size, out))
        np.add.at(weights, (low, np.arange(out)), 1 - (place - low))
        np.add.at(weights, (np.minimum(low + 1, size - 1), np.arange(out)), place - low)
        x = jnp.moveaxis(jnp.moveaxis(x, axis, -1) @ jnp.asarray(weights, x.dtype), -1, axis)
    return x


def _triangle(x):
    return np.maximum(0.0, 1 - np.abs(x))


def _keys(x):
    """Keys' cubic with a = -1/2."""
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _antialiased(kernel, reach):
    """Weights of a kernel as wide as the entries that one output stands for, normalised."""

    def resize(x, output_size, align_corners, *scales):
        factors = scales[0] if len(scales) == 1 and isinstance(scales[0], list | tuple) else scales
        sizes = _sizes(x, output_size, factors)
        for k, (axis, out) in enumerate(zip(range(2, x.ndim), sizes, strict=True)):
            size, given = x.shape[axis], factors[k] if k < len(factors) else None
            between = (size - 1) / (out - 1) if out > 1 else 0.0
            scale = between if align_corners else 1 / given if given else size / out
            width = max(scale, 1.0)
            weights = np.zeros((size, out))
            for i in range(out):
                centre = scale * (i + 0.5)
                rows = np.arange(
                    max(int(centre - reach * width + 0.5), 0), min(int(centre + reach * width + 0.5), size)
                )
                found = kernel((rows - centre + 0.5) / width)
                weights[rows, i] = found / found.sum()
            x = jnp.moveaxis(jnp.moveaxis(x, axis, -1) @ jnp.asarray(weights, x.dtype), -1, axis)
        return x

    return resize


operator("_upsample_bilinear2d_aa.default", "_upsample_bilinear2d_aa.vec")(_antialiased(_triangle, 1))
operator("_upsample_bicubic2d_aa.default", "_upsample_bicubic2d_aa.vec")(_antialiased(_keys, 2))
