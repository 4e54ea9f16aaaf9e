"""Examples as a kernel takes them, and what a network answers to one."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks import suited
from zeroloss.networks.predict import rows_of
from zeroloss.plumbing import InputError


def points(network: Any, x: Any) -> np.ndarray:
    """Checked examples `(n, ...)` in the precision of the network (tokens stay whole)."""
    x = rows_of(network, x)
    if x.ndim < 1 or len(x) == 0:
        raise InputError(f"inputs of shape {x.shape}: give at least one example, as the rows of an array.")
    if x.dtype.kind not in "iu" and not np.isfinite(np.asarray(x, np.float64)).all():
        raise InputError("the inputs hold NaN or infinity; remove or fill those rows.")
    return suited(network, x)


def output_size(network: Any, x: np.ndarray) -> int:
    """`c` of a network that maps one row of `x` to `(c,)`; `InputError` where it does not."""
    try:
        shape = eqx.filter_eval_shape(network, jax.ShapeDtypeStruct(x.shape[1:], x.dtype)).shape
    except (TypeError, ValueError) as error:
        first = str(error).strip().split("\n")[0]
        raise InputError(f"the network does not take inputs of shape {x.shape[1:]}: {first}") from error
    if len(shape) != 1:
        raise InputError(
            f"the network answers one example with shape {shape}; it must be (c,), (1,) for a single number."
        )
    return int(shape[0])
