"""Any function of parameters and a batch, as a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.plumbing import double


class Wrapped(eqx.Module):
    """`f(params, batch)` as a network that is called on one example.

    `batch` is `(n, ...)` and the answer `(n, c)`. One example is a batch of one, which is the same function only if no
    example's answer depends on another's: what uses the wrapped function on data checks that, and refuses it otherwise.
    """

    params: Any
    function: Callable = eqx.field(static=True)

    def __call__(self, x):
        return self.function(self.params, x[None])[0]

    def batch(self, x):
        """The original function, `(n, ...) -> (n, c)`."""
        return self.function(self.params, x)


def wrap(function: Callable, params: Any) -> Wrapped:
    """Any `function(params, batch) -> (n, c)` as a network: `zl.tangent.kernel`, `descend`, `audit` then work on it.

    NumPy arrays among the parameters become JAX arrays of the same precision.
    """

    def parameter(leaf):
        return jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf

    with double():  # float64 stays float64
        return Wrapped(jax.tree.map(parameter, params), function)
