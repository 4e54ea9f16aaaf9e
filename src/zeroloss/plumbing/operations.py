"""Counted operations of a function: its matrix products and convolutions, loops and sub-programs included."""

from __future__ import annotations

import math
from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex


def count(jaxpr) -> float:
    """Floating-point operations of one evaluation: 2 for each multiplication and addition of a product, 1 for each entry
    of anything else."""
    return sum(map(count_one, jaxpr.eqns), 0.0)


def count_one(eqn) -> float:
    """The operations of one equation."""
    name, params = eqn.primitive.name, eqn.params
    size = sum(math.prod(v.aval.shape) for v in eqn.outvars if hasattr(v.aval, "shape"))
    inner = [getattr(p, "jaxpr", p) for p in _programs(params)]
    if name == "dot_general":
        (left, _), _ = params["dimension_numbers"]
        return 2.0 * size * math.prod(eqn.invars[0].aval.shape[a] for a in left)
    if name == "conv_general_dilated":
        kernel = eqn.invars[1].aval.shape
        return 2.0 * size * math.prod(kernel) / kernel[params["dimension_numbers"].rhs_spec[0]]
    if inner:
        return params.get("length", 1) * sum(map(count, inner))
    return size


def _programs(params):
    for value in params.values():
        for entry in value if isinstance(value, tuple | list) else (value,):
            if isinstance(entry, jex.Jaxpr | jex.ClosedJaxpr):
                yield entry


def lowest_precision(jaxpr) -> np.dtype:
    """The floating type with the fewest bits that any value of the program has; float64 where none is floating.

    Complex values count as pairs of their parts. It bounds from below how far two evaluations of the same derivative may be
    apart: a program that passes through bfloat16 is right to 2^-8, whatever its weights and its answers are stored in.
    """
    kinds = [v.aval.dtype for v in (*jaxpr.invars, *jaxpr.constvars)]
    kinds += [v.aval.dtype for eqn in equations(jaxpr) for v in eqn.outvars if hasattr(v.aval, "dtype")]
    floating = [jnp.finfo(kind).dtype for kind in kinds if jnp.issubdtype(kind, jnp.inexact)]
    return max(floating, key=lambda kind: float(jnp.finfo(kind).eps), default=np.dtype(np.float64))


def equations(jaxpr) -> Iterator:
    """Every equation of a program, those of its sub-programs included."""
    for eqn in jaxpr.eqns:
        yield eqn
        for inner in _programs(eqn.params):
            yield from equations(getattr(inner, "jaxpr", inner))


def of_example(jaxpr, own) -> tuple[float, float]:
    """Operations, and bytes of all results (none freed), of the equations that depend on the example.

    What is done to the weights alone (a transposition, a scale) happens once for all examples of a block.

    Args:
        jaxpr: of one evaluation.
        own: for each of its inputs whether it belongs to the example.
    """
    known = {v for v, mine in zip(jaxpr.invars, own, strict=True) if mine}
    operations = size = 0.0
    for eqn in jaxpr.eqns:
        mine = [not isinstance(v, jex.Literal) and v in known for v in eqn.invars]
        if not any(mine):
            continue
        known |= set(eqn.outvars)
        inner = [getattr(p, "jaxpr", p) for p in _programs(eqn.params)]
        for program in inner:
            fits = len(program.invars) == len(mine)
            more = of_example(program, mine if fits else [True] * len(program.invars))
            turns = eqn.params.get("length", 1) or 1
            operations, size = operations + turns * more[0], size + turns * more[1]
        if not inner:
            operations += count_one(eqn)
        size += sum(map(_bytes, eqn.outvars))
    return operations, size


def held(jaxpr, own) -> float:
    """Bytes that depend on the example and are held at once, at the peak, each freed after its last use.

    What one evaluation without derivatives needs; a compiler that fuses operations needs less. Arguments as for `of_example`.
    """
    known = {v for v, mine in zip(jaxpr.invars, own, strict=True) if mine}
    last = {v: i for i, eqn in enumerate(jaxpr.eqns) for v in eqn.invars if not isinstance(v, jex.Literal)}
    last |= {v: len(jaxpr.eqns) for v in jaxpr.outvars if not isinstance(v, jex.Literal)}
    live = {v: _bytes(v) for v in known}
    peak = sum(live.values())
    for i, eqn in enumerate(jaxpr.eqns):
        mine = [not isinstance(v, jex.Literal) and v in known for v in eqn.invars]
        if any(mine):
            known |= set(eqn.outvars)
            within = 0.0
            for program in (getattr(p, "jaxpr", p) for p in _programs(eqn.params)):
                fits = len(program.invars) == len(mine)
                within = max(within, held(program, mine if fits else [True] * len(program.invars)))
            live |= {v: _bytes(v) for v in eqn.outvars}
            peak = max(peak, sum(live.values()) + within)
        live = {v: size for v, size in live.items() if last.get(v, -1) > i}
    return peak


def _bytes(v) -> float:
    aval = v.aval
    return math.prod(aval.shape) * aval.dtype.itemsize if hasattr(aval, "shape") else 0.0
