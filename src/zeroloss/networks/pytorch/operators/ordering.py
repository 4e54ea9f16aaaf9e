"""Sorting, ranks, running extremes, and writing to places by number."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.operators.selecting import _grid, _source
from zeroloss.networks.pytorch.operators.table import operator
from zeroloss.plumbing import InputError


@operator("sort.stable")
def _sort_stable(x, stable=None, dim=-1, descending=False):
    order = jnp.argsort(x, axis=dim, descending=descending)
    return jnp.take_along_axis(x, order, axis=dim), order


@operator("argsort.default", "argsort.stable")
def _argsort(x, dim=-1, descending=False, stable=None):
    return jnp.argsort(x, axis=dim, descending=descending)


def _at_rank(x, rank, dim, keepdim):
    if x.ndim == 0:
        return x, jnp.zeros((), jax.dtypes.canonicalize_dtype(np.int64))
    place = jnp.take(jnp.argsort(x, axis=dim), np.array([rank]), axis=dim)
    found = jnp.take_along_axis(x, place, axis=dim)
    return (found, place) if keepdim else (jnp.squeeze(found, dim), jnp.squeeze(place, dim))


@operator("kthvalue.default")
def _kthvalue(x, k, dim=-1, keepdim=False):
    return _at_rank(x, k - 1, dim, keepdim)


@operator("median.dim")
def _median(x, dim=-1, keepdim=False):
    return _at_rank(x, (x.shape[dim] - 1) // 2, dim, keepdim)


@operator("median.default")
def _median_of_all(x):
    found = jax.lax.stop_gradient(_at_rank(x.ravel(), (x.size - 1) // 2, 0, False)[0])
    equal = x == found  # the derivative is shared among equal entries, as in torch
    return found + jnp.sum(jnp.where(equal, x - jax.lax.stop_gradient(x), 0.0)) / jnp.sum(equal)


def _running(better):
    """The running extreme and where it stands; of equals the last, as in torch."""

    def run(x, dim):
        numbers = jnp.broadcast_to(
            jnp.arange(x.shape[dim]).reshape([-1 if i == dim % x.ndim else 1 for i in range(x.ndim)]), x.shape
        )

        def later(a, b):
            takes = better(b[0], a[0])
            return jnp.where(takes, b[0], a[0]), jnp.where(takes, b[1], a[1])

        _, place = jax.lax.associative_scan(later, (x, numbers), axis=dim % x.ndim)
        return jnp.take_along_axis(x, place, axis=dim), place

    return run


operator("cummax.default")(_running(lambda new, old: new >= old))
operator("cummin.default")(_running(lambda new, old: new <= old))


@operator("logcumsumexp.default")
def _logcumsumexp(x, dim):
    return jax.lax.cumlogsumexp(x, axis=dim % x.ndim)


@operator("aminmax.default")
def _aminmax(x, dim=None, keepdim=False):
    return jnp.min(x, axis=dim, keepdims=keepdim), jnp.max(x, axis=dim, keepdims=keepdim)


@operator("count_nonzero.default", "count_nonzero.dim_IntList")
def _count_nonzero(x, dim=None):
    return jnp.count_nonzero(x, axis=tuple(dim) if isinstance(dim, list) else dim)


def _numbered(x, dim, index):
    return tuple(index if i == dim % x.ndim else slice(None) for i in range(x.ndim))


@operator("index_add.default")
def _index_add(x, dim, index, source, alpha=1):
    return x.at[_numbered(x, dim, index)].add(source if alpha == 1 else alpha * source)


@operator("index_copy.default")
def _index_copy(x, dim, index, source):
    return x.at[_numbered(x, dim, index)].set(source)


@operator("index_fill.int_Scalar", "index_fill.int_Tensor")
def _index_fill(x, dim, index, value):
    return x.at[_numbered(x, dim, index)].set(value)


@operator("scatter_reduce.two")
def _scatter_reduce(x, dim, index, source, reduce, include_self=True):
    at, source = _grid(x, dim, index), _source(source, index)
    number = jnp.zeros(x.shape, x.dtype).at[at].add(1)
    base = x if include_self else jnp.where(number > 0, 0, x)
    if reduce == "sum":
        return base.at[at].add(source)
    if reduce == "mean":
        return base.at[at].add(source) / jnp.maximum(number + (1 if include_self else 0), 1)
    if reduce not in ("amax", "amin"):
        raise InputError(f"scatter_reduce with {reduce!r} is not translated; write it with sum, mean, amax or amin.")
    return _extreme(x, at, source, number, reduce == "amax", include_self)


def _extreme(x, at, source, number, largest, include_self):
    """The derivative is shared evenly among equals; as in torch, an entry that is left out (`include_self=False`) and equals the
    result takes its share, which is lost."""
    fill = -jnp.inf if largest else jnp.inf
    start = jax.lax.stop_gradient(x if include_self else jnp.where(number > 0, fill, x))
    fixed = jax.lax.stop_gradient(source)
    best = start.at[at].max(fixed) if largest else start.at[at].min(fixed)
    equal = x == best
    own = equal if include_self else equal & (number == 0)
    ties = source == best[at]
    total = jnp.where(own, x, 0).at[at].add(jnp.where(ties, source, 0))
    count = equal.astype(x.dtype).at[at].add(ties.astype(x.dtype))
    mean = total / count
    return best + (mean - jax.lax.stop_gradient(mean))


@operator("masked_scatter.default")
def _masked_scatter(x, mask, source):
    mask = jnp.broadcast_to(mask, x.shape)
    place = jnp.clip(jnp.cumsum(mask.ravel()) - 1, 0, source.size - 1).reshape(x.shape)
    return jnp.where(mask, source.ravel()[place], x)


@operator("take.default")
def _take(x, index):
    return x.ravel()[index]


@operator("diag_embed.default")
def _diag_embed(x, offset=0, dim1=-2, dim2=-1):
    size = x.shape[-1] + abs(offset)
    rows = np.arange(x.shape[-1])
    wide = jnp.zeros((*x.shape[:-1], size, size), x.dtype)
    wide = wide.at[..., rows + max(0, -offset), rows + max(0, offset)].set(x)
    return jnp.moveaxis(wide, (-2, -1), (dim1, dim2))


@operator("diagonal_scatter.default")
def _diagonal_scatter(x, source, offset=0, dim1=0, dim2=1):
    moved = jnp.moveaxis(x, (dim1, dim2), (-2, -1))
    rows = np.arange(source.shape[-1])
    moved = moved.at[..., rows + max(0, -offset), rows + max(0, offset)].set(source)
    return jnp.moveaxis(moved, (-2, -1), (dim1, dim2))
