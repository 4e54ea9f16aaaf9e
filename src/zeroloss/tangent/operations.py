"""Counted operations of a function: its matrix products and convolutions, loops and sub-programs included."""

from __future__ import annotations

import math

from jax.extend import core as jex


def count(jaxpr) -> float:
    """Floating-point operations of one evaluation: 2 for each multiplication and addition of a product, 1 an entry of
    anything else."""
    total = 0.0
    for eqn in jaxpr.eqns:
        name, params = eqn.primitive.name, eqn.params
        size = sum(math.prod(v.aval.shape) for v in eqn.outvars if hasattr(v.aval, "shape"))
        inner = [getattr(p, "jaxpr", p) for p in _programs(params)]
        if name == "dot_general":
            (left, _), _ = params["dimension_numbers"]
            total += 2.0 * size * math.prod(eqn.invars[0].aval.shape[a] for a in left)
        elif name == "conv_general_dilated":
            kernel = eqn.invars[1].aval.shape
            total += 2.0 * size * math.prod(kernel) / kernel[params["dimension_numbers"].rhs_spec[0]]
        elif inner:
            total += params.get("length", 1) * sum(map(count, inner))
        else:
            total += size
    return total


def _programs(params):
    for value in params.values():
        for entry in value if isinstance(value, tuple | list) else (value,):
            if isinstance(entry, jex.Jaxpr | jex.ClosedJaxpr):
                yield entry
