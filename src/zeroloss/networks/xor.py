"""The network of the XOR detection problem: two groups of filters, a maximum over pairs, a fixed read-out."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.plumbing.numbers import real_number, whole_number


class XorNetwork(eqx.Module):
    """`N(x) = sum_{i<=k} [max_j relu(w_i . x_j) - max_j relu(u_i . x_j)]`, `x_j` the j-th pair of `x`.

    Called on one example `(2 d,)`, for any number `d` of pairs; answers `(1,)`. All weights are in the filters; the
    read-out, +1 for `w` and -1 for `u`, is fixed.

    Args:
        k: filters of each group, 1 or more.
        weight_std: `sigma`; the entries of the filters are N(0, sigma^2).
        key: an integer seed or a JAX key.

    Attributes:
        w, u: `(k, 2)`.

    Standing: recalled.
    Source: A. Brutzkus, A. Globerson, Why do larger models generalize better? arXiv 1810.03037 (ICML 2019).
    """

    w: jax.Array
    u: jax.Array
    weight_std: float = eqx.field(static=True)

    def __init__(self, k: int, weight_std: float, key: Any = 0):
        k, weight_std = whole_number("k", k), real_number("weight_std", weight_std)
        self.weight_std = float(weight_std)
        self.w, self.u = random_filters(jax.random.key(key) if isinstance(key, int) else key, k, weight_std)

    def __call__(self, x: jax.Array) -> jax.Array:
        pairs = x.reshape(-1, 2)

        def detected(filters):
            return jax.nn.relu(filters @ pairs.T).max(axis=1).sum()

        return (detected(self.w) - detected(self.u))[None]

    def restarted(self, key: Any) -> XorNetwork:
        """A network of the same kind with new random filters."""
        return XorNetwork(len(self.w), self.weight_std, key)


def random_filters(key: Any, k: int, weight_std: float) -> jax.Array:
    """`(2, k, 2)` float32: `w` and `u`, entries N(0, weight_std^2)."""
    return weight_std * jax.random.normal(key, (2, k, 2), jnp.float32)
