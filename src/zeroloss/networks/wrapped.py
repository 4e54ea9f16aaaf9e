"""Any function of parameters and a batch, as a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks.frameworks import all_as_arrays, framework_of, parts_of
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.layout import Layout, by_name, is_whole, layout_of, pieces
from zeroloss.plumbing.outputs import one_array


class Wrapped(eqx.Module):
    """`f(params, batch)` as a network that is called on one example.

    `batch` is `(n, ...)` and the answer `(n, c)`. One example is a batch of one, which is the same function only if no
    example's answer depends on another's: what uses the wrapped function on data checks that, and refuses it otherwise.
    """

    params: Any
    function: Callable = eqx.field(static=True)

    @property
    def takes_tokens(self) -> bool:
        """Whether an input is of whole numbers that stand for something, so that no point lies between two."""
        return any(is_whole(dtype) for _, _, dtype in getattr(self.function, "layout", None) or ())

    def __call__(self, x):
        return self.batch(x[None])[0]

    def batch(self, x):
        """The original function, `(n, ...) -> (n, c)`."""
        return one_array(self.function(self.params, x))


@dataclasses.dataclass(frozen=True)
class Adapted:
    """`function(params, inputs)` as one of rows `(n, d)` that answers `(n, c)`: several inputs split, one array taken."""

    function: Callable
    layout: Layout | None
    output: str | int | None

    def __call__(self, params, rows):
        answer = one_array(self.function(params, self._inputs(rows)), self.output)
        return answer.reshape((answer.shape[0], -1)) if answer.ndim > 2 else answer

    def _inputs(self, rows):
        if self.layout is None:
            return rows
        parts = [
            part.astype(jax.dtypes.canonicalize_dtype(np.dtype(dtype))) if is_whole(dtype) else part
            for part, (_, _, dtype) in zip(pieces(self.layout, rows), self.layout, strict=True)
        ]
        return (
            {name: part for (name, _, _), part in zip(self.layout, parts, strict=True)}
            if by_name(self.layout)
            else tuple(parts)
        )


def wrap(function: Any, params: Any = None, *, inputs: Any = None, output: str | int | None = None) -> Wrapped:
    """Any `function(params, batch) -> (n, c)` as a network: `zl.tangent.kernel`, `descend`, `audit` then work on it.

    NumPy arrays among the parameters become JAX arrays of the same precision; half-precision ones (float16, bfloat16) are taken
    at their exact float32 values.

    Args:
        function: the function; or a model of Flax (NNX; linen with its variables; a `TrainState`), of Haiku (with its parameters) or of
            Keras on the JAX backend, taken in evaluation mode (`zeroloss.networks.frameworks`).
        params: a pytree whose floating arrays are the parameters.
        inputs: where the batch is a tuple or dict of several arrays: one such, of one or more examples (or a `Dataset` of
            them). A row is then all inputs of an example side by side, and `function` gets them in their shapes and types.
        output: which array of the answer is meant, where it is a dict, tuple or dataclass of several.

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
    layout = None
    if inputs is not None:
        layout = tuple(inputs.layout) if getattr(inputs, "layout", None) else layout_of(inputs)
    function = Adapted(function, layout, output) if layout is not None or output is not None else function
    with double():  # float64 stays float64
        return Wrapped(all_as_arrays(params), function)
