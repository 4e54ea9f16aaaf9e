"""Parts of arrays, taken or written by place or by number."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import OPERATORS, operator


def _getitem(values, index):
    found = values[index]
    if isinstance(found, Unused):
        found.refuse()
    return found() if isinstance(found, Later) else found


OPERATORS["getitem"] = _getitem


class Later:
    """An output that is computed where it is used, which it seldom is."""

    def __init__(self, function):
        self._function = function

    def __call__(self):
        return self._function()


class Unused:
    """An output that is not computed, such as the places of a pooling's maxima."""

    def __init__(self, what: str):
        self.what = what

    def refuse(self) -> None:
        from zeroloss.plumbing import InputError

        raise InputError(f"the module uses {self.what}, which are not translated; rewrite that layer without them.")


def _slice_index(x, dim, start, end, step):
    size = x.shape[dim]
    start = 0 if start is None else min(max(start + size if start < 0 else start, 0), size)
    end = size if end is None else min(max(end + size if end < 0 else end, start), size)
    return tuple(slice(start, end, step) if i == dim % x.ndim else slice(None) for i in range(x.ndim))


@operator("slice.Tensor", "slice_copy.Tensor")
def _slice(x, dim=0, start=None, end=None, step=1):
    return x[_slice_index(x, dim, start, end, step)]


@operator("slice_scatter.default")
def _slice_scatter(x, source, dim=0, start=None, end=None, step=1):
    return x.at[_slice_index(x, dim, start, end, step)].set(source)


def _place(x, dim, index):
    return tuple(index if i == dim % x.ndim else slice(None) for i in range(x.ndim))


@operator("select.int", "select_copy.int")
def _select(x, dim, index):
    return x[_place(x, dim, index)]


@operator("select_scatter.default")
def _select_scatter(x, source, dim, index):
    return x.at[_place(x, dim, index)].set(source)


@operator("narrow.default")
def _narrow(x, dim, start, length):
    return _slice(x, dim, start, start + length)


@operator("index.Tensor", "_unsafe_index.Tensor")
def _index(x, indices):
    return x[tuple(slice(None) if i is None else i for i in indices)]


@operator("index_put.default", "_unsafe_index_put.default")
def _index_put(x, indices, values, accumulate=False):
    at = x.at[tuple(slice(None) if i is None else i for i in indices)]
    return at.add(values) if accumulate else at.set(values)


@operator("index_select.default")
def _index_select(x, dim, index):
    return jnp.take(x, index, axis=dim)


@operator("gather.default")
def _gather(x, dim, index, sparse_grad=False):
    return _along(x, dim, index)


def _along(x, dim, index):
    # torch lets the index be smaller than x in the other dimensions.
    if x.ndim == 0:
        return jnp.broadcast_to(x, index.shape)
    cut = tuple(slice(None) if i == dim % x.ndim else slice(0, s) for i, s in enumerate(index.shape))
    return jnp.take_along_axis(x[cut], index, axis=dim)


def _grid(x, dim, index):
    places = list(jnp.indices(index.shape, sparse=True))
    places[dim % x.ndim] = index
    return tuple(places)


@operator("scatter.src", "scatter.value")
def _scatter(x, dim, index, source, **_):
    return x.at[_grid(x, dim, index)].set(_source(source, index))


@operator("scatter_add.default")
def _scatter_add(x, dim, index, source):
    return x.at[_grid(x, dim, index)].add(_source(source, index))


def _source(source, index):
    return source[tuple(slice(0, s) for s in index.shape)] if jnp.ndim(source) else source


@operator("embedding.default")
def _embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    rows = weight[indices]
    if padding_idx < 0:
        return rows
    # torch passes no gradient to the row that stands for padding.
    return jnp.where((indices == padding_idx)[..., None], jax.lax.stop_gradient(rows), rows)


@operator("topk.default")
def _topk(x, k, dim=-1, largest=True, sorted=True):
    moved = jnp.moveaxis(x, dim, -1)
    values, indices = jax.lax.top_k(moved if largest else -moved, k)
    return jnp.moveaxis(values if largest else -values, -1, dim), jnp.moveaxis(indices, -1, dim)


@operator("sort.default")
def _sort(x, dim=-1, descending=False):
    order = jnp.argsort(x, axis=dim, descending=descending)
    return jnp.take_along_axis(x, order, axis=dim), order
