"""Double precision inside a scope: no global JAX flag is touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def double() -> Iterator[None]:
    """Inside the scope JAX computes in float64 where its inputs are float64; outside nothing has changed."""
    import jax

    with jax.enable_x64(True):
        yield


def as_double(tree: Any) -> Any:
    """`tree` with every floating array as a float64 JAX array of the same exact value (call inside `double()`).

    The cast is NumPy's: XLA's takes subnormal float32 numbers for 0.

    Raises:
        InputError: complex arrays, whose imaginary part a cast would drop.
    """
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import numpy as np

    from zeroloss.plumbing.exact import as_float64

    def cast(leaf):
        if not eqx.is_inexact_array(leaf):
            return leaf
        return jnp.asarray(as_float64(np.asarray(leaf), "network's weights"))

    return jax.tree.map(cast, tree)
