"""Double precision inside a scope: no global JAX flag is touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from zeroloss.plumbing.errors import InputError


@contextlib.contextmanager
def double() -> Iterator[None]:
    """Inside the scope JAX computes in float64 where its inputs are float64; outside nothing has changed."""
    import jax

    with jax.enable_x64(True):
        yield


def as_double(tree):
    """`tree` with every floating array as a float64 JAX array of the same exact value (call inside `double()`).

    Raises:
        InputError: an array of complex numbers, whose imaginary parts would be lost.
    """
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    def cast(leaf):
        if eqx.is_inexact_array(leaf) and jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise InputError(f"the network has complex weights ({leaf.dtype}); answers here are about real parameters.")
        return jnp.asarray(leaf, jnp.float64) if eqx.is_inexact_array(leaf) else leaf

    return jax.tree.map(cast, tree)
