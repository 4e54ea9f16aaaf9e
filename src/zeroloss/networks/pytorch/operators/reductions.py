"""Sums, means, extremes, along axes."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator


def _axes(dim):
    """torch takes an empty list for all axes."""
    if dim is None or dim == []:
        return None
    return dim if isinstance(dim, int) else tuple(dim)


def _reduction(function):
    def reduce(x, dim=None, keepdim=False, dtype=None):
        return function(x, axis=_axes(dim), keepdims=keepdim, **({} if dtype is None else {"dtype": dtype}))

    return reduce


operator("sum.dim_IntList", "sum.default")(_reduction(jnp.sum))
operator("prod.dim_int", "prod.default")(_reduction(jnp.prod))
operator("amax.default", "max.default")(_reduction(jnp.max))
operator("amin.default", "min.default")(_reduction(jnp.min))
operator("any.dim", "any.dims", "any.default")(_reduction(jnp.any))
operator("all.dim", "all.dims", "all.default")(_reduction(jnp.all))
operator("argmax.default")(_reduction(jnp.argmax))
operator("argmin.default")(_reduction(jnp.argmin))
operator("logsumexp.default")(_reduction(jax.scipy.special.logsumexp))
operator("mean.dim", "mean.default")(_reduction(jnp.mean))


@operator("max.dim")
def _max_dim(x, dim, keepdim=False):
    return _chosen(x, jnp.argmax(x, axis=dim, keepdims=True), dim, keepdim)


@operator("min.dim")
def _min_dim(x, dim, keepdim=False):
    return _chosen(x, jnp.argmin(x, axis=dim, keepdims=True), dim, keepdim)


def _chosen(x, place, dim, keepdim):
    found = jnp.take_along_axis(x, place, axis=dim)
    return (found, place) if keepdim else (jnp.squeeze(found, dim), jnp.squeeze(place, dim))


@operator("var.correction", "var.dim")
def _var(x, dim=None, correction=1, keepdim=False):
    return jnp.var(x, axis=_axes(dim), ddof=1 if correction is None else int(correction), keepdims=keepdim)


@operator("var_mean.correction")
def _var_mean(x, dim=None, correction=1, keepdim=False):
    return _var(x, dim, correction, keepdim), jnp.mean(x, axis=_axes(dim), keepdims=keepdim)


@operator("cumsum.default")
def _cumsum(x, dim, dtype=None):
    return jnp.cumsum(x, axis=dim, dtype=dtype)


@operator("cumprod.default")
def _cumprod(x, dim, dtype=None):
    return jnp.cumprod(x, axis=dim, dtype=dtype)
