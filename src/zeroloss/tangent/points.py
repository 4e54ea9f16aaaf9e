"""Examples checked for a kernel, and the number of outputs of a network."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks import as_input
from zeroloss.networks.predict import rows_of
from zeroloss.plumbing import InputError
from zeroloss.plumbing.exact import as_float64


def points(network: Any, x: Any) -> np.ndarray:
    """Checked examples `(n, ...)` in the precision of the network (tokens stay whole)."""
    x = rows_of(network, x)
    if x.ndim < 1 or len(x) == 0:
        raise InputError(f"inputs of shape {x.shape}: give at least one example, as the rows of an array.")
    if x.dtype.kind not in "iu" and not np.isfinite(as_float64(x, "the inputs")).all():
        raise InputError("the inputs hold NaN or infinity; remove or fill those rows.")
    return as_input(network, x)


def _why_not(error: Exception, shape: tuple[int, ...]) -> str:
    first = next(iter(str(error).strip().split("\n")), "") or type(error).__name__
    if "key when running" in first or "PRNG" in first or "rngs" in first:
        mend = "give it in evaluation mode, as eqx.nn.inference_mode does"
        return f"the network draws random numbers (dropout in training mode?); {mend}: {first}"
    if isinstance(error, jax.errors.ConcretizationTypeError):
        mend = "use jnp.where or lax.cond"
        return (
            f"the network branches or loops by the values of its input, so it is no fixed computation; {mend}: {first}"
        )
    return f"the network does not take inputs of shape {shape}: {first}"


def _described(answer: Any) -> str:
    count = len(jax.tree.leaves(answer))
    return f"a {type(answer).__name__} of {count} array{'s' * (count != 1)}"


def output_size(network: Any, x: np.ndarray) -> int:
    """`c` of a network that maps one row of `x` to `(c,)`; `InputError` where it does not."""
    try:
        answer = eqx.filter_eval_shape(network, jax.ShapeDtypeStruct(x.shape[1:], x.dtype))
        shape = getattr(answer, "shape", None)
    except InputError:
        raise
    except Exception as error:  # a network of the user's own may fail in any way on what it does not take
        raise InputError(_why_not(error, x.shape[1:])) from error
    if shape is None:
        raise InputError(f"the network answers one example with {_described(answer)}; it must be one array (c,).")
    if len(shape) != 1:
        raise InputError(
            f"the network answers one example with shape {shape}; it must be (c,), (1,) for a single number."
        )
    return int(shape[0])
