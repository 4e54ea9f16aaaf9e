"""Does a wrapped function answer a batch as it answers its rows one by one? Compared in numbers, at two sets of weights.

Beside `zeroloss.tangent.jaxpr.independence`, which follows the batch axis: that examples do not meet does not yet mean that an answer is
the same whatever the number of examples and wherever one stands among them.
"""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import Wrapped
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.operations import lowest_precision
from zeroloss.plumbing.outputs import one_array


def compare_one_by_one(network: Wrapped, x: np.ndarray) -> None:
    """What the batch axis cannot show: an answer that depends on how many examples come, or on their places.

    In float64 (as far as the function lets it), so that rounding is far below any such difference however small the
    answers are; at the weights given, and where all of them are moved a little, for at a read-out of zeros nothing shows.
    """
    with double():
        some = jnp.asarray(np.asarray(x[: min(3, len(x))], np.float64 if x.dtype.kind == "f" else x.dtype))
        given = jax.tree.map(_wide, network.params)
        for params in (given, _moved_a_little(given)):
            try:
                eps = _eps(network.function, params, some)
                together = np.asarray(one_array(network.function(params, some)))
                alone = np.concatenate([np.asarray(one_array(network.function(params, row[None]))) for row in some])
            except (
                TypeError,
                ValueError,
            ):  # strict on types, or a branch that only these weights take: compared as it is
                together = np.asarray(network.batch(jnp.asarray(x[: len(some)])))
                alone = np.concatenate([np.asarray(network.batch(jnp.asarray(row[None]))) for row in x[: len(some)]])
                eps = float(jnp.finfo(together.dtype).eps)
            if together.shape != alone.shape or not _alike(together, alone, math.sqrt(eps)):
                raise InputError(
                    "the wrapped function answers a batch otherwise than its rows one by one; it depends on the batch's size "
                    "or on an example's place in it."
                )


def _eps(function, params, batch) -> float:
    arrays, static = eqx.partition(params, eqx.is_array)
    jaxpr = jax.make_jaxpr(lambda p, v: function(eqx.combine(p, static), v))(arrays, batch).jaxpr
    return float(jnp.finfo(lowest_precision(jaxpr)).eps)


def _wide(leaf):
    """The same numbers in 64 bits (cast by NumPy: XLA flushes subnormals), complex ones in twice as many."""
    if not eqx.is_inexact_array(leaf):
        return leaf
    wide = np.complex128 if jnp.issubdtype(leaf.dtype, jnp.complexfloating) else np.float64
    return jnp.asarray(np.asarray(leaf).astype(wide))


def _moved_a_little(params):
    rng = np.random.default_rng(0)

    def moved(leaf):
        if not eqx.is_inexact_array(leaf):
            return leaf
        return leaf + jnp.asarray(0.01 * (1 + jnp.abs(leaf)) * rng.standard_normal(leaf.shape), leaf.dtype)

    return jax.tree.map(moved, params)


def _alike(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    """Equal to `tolerance` of the largest finite entry; NaN and infinity at the same places."""
    finite = np.isfinite(one)
    if not np.array_equal(finite, np.isfinite(other)):
        return False
    size = float(np.abs(one[finite]).max(initial=0.0))
    return bool(float(np.abs(one[finite] - other[finite]).max(initial=0.0)) <= tolerance * size)
