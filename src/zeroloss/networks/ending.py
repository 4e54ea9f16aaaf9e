"""`ends_in_sigmoid`: does a network answer with logits or with probabilities?"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks.precision import precision
from zeroloss.networks.predict import as_input

_SHAPES = {"reshape", "squeeze", "broadcast_in_dim", "convert_element_type", "transpose", "copy", "expand_dims"}
_CALLS = {"pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint"}


def ends_in_sigmoid(network: Any, x: np.ndarray) -> bool:
    """Whether the last operation on the answer to a row of `x` is the logistic function (JAX's `logistic`, torch's `sigmoid`).

    Only what only changes the shape or type may follow it. A sigmoid that is written out (`1/(1 + e^-z)`) is not seen; a
    function without parameters is not looked into.
    """
    if not jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)):
        return False
    row = as_input(network, x[:1])[0]
    with precision(network):
        try:
            jaxpr = jax.make_jaxpr(network)(jax.ShapeDtypeStruct(row.shape, row.dtype)).jaxpr
        except Exception:  # a network that does not take the row is refused where it is used
            return False
    return len(jaxpr.outvars) == 1 and _last(jaxpr, jaxpr.outvars[0]) == "logistic"


def _last(jaxpr: Any, variable: Any) -> str:
    """The name of the operation that makes `variable`, seen through changes of shape and type and through calls."""
    made = {out: (eqn, place) for eqn in jaxpr.eqns for place, out in enumerate(eqn.outvars)}
    while True:
        if hasattr(variable, "val") or variable not in made:  # a constant or an input
            return ""
        eqn, place = made[variable]
        name = str(eqn.primitive.name)
        if name in _SHAPES:
            variable = eqn.invars[0]
            continue
        inner = next((eqn.params[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr") if k in eqn.params), None)
        if name not in _CALLS or inner is None:
            return name
        inner = getattr(inner, "jaxpr", inner)
        found = _last(inner, inner.outvars[place])
        if found or inner.outvars[place] not in inner.invars:
            return found
        variable = eqn.invars[inner.invars.index(inner.outvars[place])]
