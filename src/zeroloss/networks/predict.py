"""A network on many examples."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.plumbing import double


def is_double(network: Any) -> bool:
    """Whether any parameter of the network is float64."""
    leaves = [leaf for leaf in jax.tree.leaves(network) if eqx.is_inexact_array(leaf)]
    return any(leaf.dtype == jnp.dtype("float64") for leaf in leaves)


def predict(network: Any, x: np.ndarray, *, block: int = 4096) -> np.ndarray:
    """`network` on each row of `x`: `(n, ...) -> (n, c)`, in the network's own precision, `block` rows at a time.

    A plain Python function of a batch of arrays (a black box) is called as it is.
    """
    if not jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)):
        return np.asarray(network(np.asarray(x)))
    wide = is_double(network)
    x = np.asarray(x, np.float64 if wide else np.float32)
    if wide:
        with double():
            return _blocks(network, x, block)
    return _blocks(network, x, block)


def _blocks(network: Any, x: np.ndarray, block: int) -> np.ndarray:
    # One shape where there are several blocks: the last one is padded, so that it does not compile again.
    if len(x) <= block:
        return np.asarray(_apply(network, jnp.asarray(x)))
    parts = []
    for start in range(0, len(x), block):
        part = x[start : start + block]
        short = block - len(part)
        padded = np.concatenate([part, np.repeat(part[-1:], short, axis=0)]) if short else part
        parts.append(np.asarray(_apply(network, jnp.asarray(padded)))[: len(part)])
    return np.concatenate(parts)


@eqx.filter_jit
def _apply(network: Any, x):
    return jax.vmap(network)(x)
