"""The same numbers in another shape or order."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.operators.table import operator
from zeroloss.plumbing import InputError


@operator("view.default", "_unsafe_view.default", "reshape.default", "view_copy.default")
def _view(x, size):
    return jnp.reshape(x, tuple(size))


@operator("flatten.using_ints")
def _flatten(x, start=0, end=-1):
    start, end = start % x.ndim, end % x.ndim
    return jnp.reshape(x, (*x.shape[:start], -1, *x.shape[end + 1 :]))


@operator("permute.default", "permute_copy.default")
def _permute(x, dims):
    return jnp.transpose(x, [d % x.ndim for d in dims])


@operator("t.default", "t_copy.default")
def _t(x):
    return x.T


@operator("transpose.int", "transpose_copy.int")
def _transpose(x, a, b):
    return jnp.swapaxes(x, a, b)


@operator("squeeze.dims", "squeeze.dim", "squeeze.default", "squeeze_copy.dim")
def _squeeze(x, dims=None):
    dims = range(x.ndim) if dims is None else [dims] if isinstance(dims, int) else dims
    return jnp.squeeze(x, tuple({d % max(1, x.ndim) for d in dims if x.ndim and x.shape[d] == 1}))


@operator("unsqueeze.default", "unsqueeze_copy.default")
def _unsqueeze(x, dim):
    return jnp.expand_dims(x, dim)


@operator("expand.default", "expand_copy.default")
def _expand(x, size, implicit=False):
    lead = len(size) - x.ndim
    shape = [x.shape[i - lead] if s == -1 else s for i, s in enumerate(size)]
    return jnp.broadcast_to(x, shape)


@operator("repeat.default")
def _repeat(x, repeats):
    return jnp.tile(x, tuple(repeats))


@operator("repeat_interleave.self_int")
def _repeat_interleave(x, repeats, dim=None, **_):
    return jnp.repeat(x, repeats, axis=dim)


@operator("repeat_interleave.Tensor")
def _repeated_numbers(repeats, output_size=None):
    """Each number repeated `repeats` times."""
    if output_size is None:
        raise InputError("repeat_interleave by numbers that may differ has no fixed length; give it output_size=.")
    return jnp.repeat(jnp.arange(len(repeats)), repeats, total_repeat_length=output_size)


@operator("cat.default")
def _cat(tensors, dim=0):
    parts = [t for t in tensors if t.shape != (0,)]  # torch leaves empty vectors out
    return jnp.concatenate(parts, axis=dim)


@operator("stack.default")
def _stack(tensors, dim=0):
    return jnp.stack(tensors, axis=dim)


@operator("split_with_sizes.default", "split_with_sizes_copy.default", "unsafe_split_with_sizes.default")
def _split_with_sizes(x, sizes, dim=0):
    return jnp.split(x, np.cumsum(sizes)[:-1].tolist(), axis=dim)


@operator("split.Tensor", "split_copy.Tensor", "unsafe_split.Tensor")
def _split(x, size, dim=0):
    return jnp.split(x, list(range(size, x.shape[dim], size)), axis=dim)


@operator("chunk.default")
def _chunk(x, chunks, dim=0):
    return _split(x, -(-x.shape[dim] // chunks), dim)


@operator("unbind.int", "unbind_copy.int")
def _unbind(x, dim=0):
    return [jnp.take(x, i, axis=dim) for i in range(x.shape[dim])]


@operator("flip.default")
def _flip(x, dims):
    return jnp.flip(x, tuple(dims))


@operator("roll.default")
def _roll(x, shifts, dims=()):
    return jnp.roll(x, tuple(shifts), tuple(dims)) if dims else jnp.roll(x.ravel(), shifts[0]).reshape(x.shape)


@operator("diagonal.default", "diagonal_copy.default")
def _diagonal(x, offset=0, dim1=0, dim2=1):
    return jnp.diagonal(x, offset, dim1, dim2)


@operator("unfold.default", "unfold_copy.default")
def _unfold(x, dim, size, step):
    dim %= x.ndim
    rows = np.arange(0, x.shape[dim] - size + 1, step)[:, None] + np.arange(size)
    return jnp.moveaxis(jnp.take(x, rows, axis=dim), dim + 1, -1)


@operator("as_strided.default", "as_strided_copy.default")
def _as_strided(x, size, stride, storage_offset=0, order=None):
    """Entries by their places in memory, where `x` lies in row-major order after its axes are put in this `order`."""
    x = x if order is None else jnp.transpose(x, order)
    place = storage_offset or 0
    for axis, (length, step) in enumerate(zip(size, stride, strict=True)):
        place = place + np.arange(length).reshape([-1 if i == axis else 1 for i in range(len(size))]) * step
    return x.ravel()[place]


@operator("constant_pad_nd.default", "pad.default")
def _pad(x, pad, value=0, mode="constant"):
    value = value or 0
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    cut = tuple(slice(max(0, -a), s - max(0, -b)) for (a, b), s in zip(pairs, x.shape, strict=True))
    return jnp.pad(x[cut], [(max(0, a), max(0, b)) for a, b in pairs], constant_values=value)


def _padded(x, pad, mode):
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    return jnp.pad(x, pairs, mode=mode)


@operator("reflection_pad1d.default", "reflection_pad2d.default", "reflection_pad3d.default")
def _reflection_pad(x, pad):
    return _padded(x, pad, "reflect")


@operator("replication_pad1d.default", "replication_pad2d.default", "replication_pad3d.default")
def _replication_pad(x, pad):
    return _padded(x, pad, "edge")


@operator("pixel_shuffle.default")
def _pixel_shuffle(x, factor):
    *lead, c, h, w = x.shape
    k = len(lead)
    cut = x.reshape(*lead, c // factor**2, factor, factor, h, w)
    order = (*range(k), k, k + 3, k + 1, k + 4, k + 2)
    return cut.transpose(order).reshape(*lead, c // factor**2, h * factor, w * factor)


@operator("pixel_unshuffle.default")
def _pixel_unshuffle(x, factor):
    *lead, c, h, w = x.shape
    k = len(lead)
    cut = x.reshape(*lead, c, h // factor, factor, w // factor, factor)
    order = (*range(k), k, k + 2, k + 4, k + 1, k + 3)
    return cut.transpose(order).reshape(*lead, c * factor**2, h // factor, w // factor)


@operator("channel_shuffle.default")
def _channel_shuffle(x, groups):
    n, c, *rest = x.shape
    return x.reshape(n, groups, c // groups, *rest).swapaxes(1, 2).reshape(x.shape)
