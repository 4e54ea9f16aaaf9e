"""Any function of parameters and a batch, as a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax

from zeroloss.networks.frameworks import as_arrays, framework_of, parts_of
from zeroloss.plumbing import InputError, double


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


def wrap(function: Any, params: Any = None) -> Wrapped:
    """Any `function(params, batch) -> (n, c)` as a network: `zl.tangent.kernel`, `descend`, `audit` then work on it.

    NumPy arrays among the parameters become JAX arrays of the same precision; half-precision ones (float16, bfloat16) are taken
    at their exact float32 values.

    Args:
        function: the function; or a model of Flax (NNX; linen with its variables; a `TrainState`), of Haiku (with its parameters) or of
            Keras on the JAX backend, taken in evaluation mode (`zeroloss.networks.frameworks`).
        params: a pytree whose floating arrays are the parameters.

    Raises:
        InputError: no function; a model without its parameters.
    """
    if framework_of(function):
        function, params = parts_of(function, params)
    if not callable(function):
        raise InputError(f"a {type(function).__name__} is no function; give zeroloss.wrap(function, params).")
    if params is None:
        raise InputError(
            "a function alone has no parameters; give zeroloss.wrap(function, params) with function(params, batch)."
        )
    with double():  # float64 stays float64
        return Wrapped(jax.tree.map(as_arrays, params), function)
