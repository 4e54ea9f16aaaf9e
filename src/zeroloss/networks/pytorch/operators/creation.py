"""Creation of arrays: constants, ranges, triangles."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.operators.table import operator


def _kind(value, dtype):
    """torch's: whole numbers give int64, others the default float; the network's dtype comes resolved."""
    if dtype is not None:
        return dtype
    if isinstance(value, bool):
        return jnp.bool_
    return jax.dtypes.canonicalize_dtype(np.int64) if isinstance(value, int) else None


@operator("full.default")
def _full(size, value, dtype=None, **_):
    return jnp.full(tuple(size), value, _kind(value, dtype))


@operator("full_like.default")
def _full_like(x, value, dtype=None, **_):
    return jnp.full(x.shape, value, x.dtype if dtype is None else dtype)


@operator("zeros_like.default", "empty_like.default")
def _zeros_like(x, dtype=None, **_):
    return jnp.zeros(x.shape, x.dtype if dtype is None else dtype)


@operator("ones_like.default")
def _ones_like(x, dtype=None, **_):
    return jnp.ones(x.shape, x.dtype if dtype is None else dtype)


@operator("zeros.default", "empty.memory_format", "empty_permuted.default")
def _zeros(size, *_, dtype=None, **__):
    return jnp.zeros(tuple(size), dtype)


@operator("ones.default")
def _ones(size, dtype=None, **_):
    return jnp.ones(tuple(size), dtype)


@operator("new_zeros.default", "new_empty.default")
def _new_zeros(x, size, dtype=None, **_):
    return jnp.zeros(tuple(size), x.dtype if dtype is None else dtype)


@operator("new_ones.default")
def _new_ones(x, size, dtype=None, **_):
    return jnp.ones(tuple(size), x.dtype if dtype is None else dtype)


@operator("new_full.default")
def _new_full(x, size, value, dtype=None, **_):
    return jnp.full(tuple(size), value, x.dtype if dtype is None else dtype)


@operator("scalar_tensor.default")
def _scalar_tensor(value, dtype=None, **_):
    return jnp.asarray(value, _kind(value, dtype) if dtype is not None else None)


@operator("arange.start_step", "arange.start", "arange.default")
def _arange(start, end=None, step=1, dtype=None, **_):
    start, end = (0, start) if end is None else (start, end)
    whole = all(isinstance(v, int) for v in (start, end, step))
    numbers = start + step * np.arange(max(0, math.ceil((end - start) / step)))
    return jnp.asarray(numbers, _kind(0 if whole else 0.0, dtype))


@operator("eye.default", "eye.m")
def _eye(n, m=None, dtype=None, **_):
    return jnp.eye(n, m, dtype=dtype)


@operator("tril.default")
def _tril(x, diagonal=0):
    return jnp.tril(x, diagonal)


@operator("triu.default")
def _triu(x, diagonal=0):
    return jnp.triu(x, diagonal)
