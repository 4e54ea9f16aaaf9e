"""Which rows of the data lie on a kink of a converted module, where its derivative is a convention."""

from __future__ import annotations

import warnings
from typing import Any

from zeroloss.networks.pytorch.forms import ConversionWarning
from zeroloss.networks.pytorch.kink_rules import TAKING, on_a_kink
from zeroloss.networks.pytorch.program import Dtype, Program, Ref
from zeroloss.plumbing import double

ROWS = 32
"""Rows that are looked at: the first of the batch."""


class KinkWarning(ConversionWarning):
    """Derivatives at these inputs are those of a convention: torch's, as far as it has one."""


def warn_of_kinks(torch: Any, program: Program, values: dict[tuple[str, str], Any], batch: Any) -> None:
    """`KinkWarning` where rows of the batch lie on a kink; the program is run by torch, whose operators it consists of.

    Args:
        values: parameters and constants of the program, torch tensors; batch: examples as the program takes them.
    """
    rows = batch[:ROWS]
    if bool((rows == 0).all()):
        return  # a shape, no data
    found: dict[str, int] = {}
    with torch.no_grad():
        for row in rows:
            try:
                met = _met(torch, program, values, row[None])
            except Exception:  # an operator that neither torch nor the table takes on its own: no warning
                return
            for name in met:
                found[name] = found.get(name, 0) + 1
    if found:
        names = ", ".join(f"{name} ({count} of {len(rows)} rows)" for name, count in sorted(found.items()))
        free = [name for name in sorted(found) if name in TAKING]
        more = (
            f" Which of equal values {' and '.join(free)} takes is no rule of torch: its own derivatives may differ."
            if free
            else ""
        )
        warnings.warn(
            f"rows of the example lie exactly on a kink of the network: {names}. The derivatives there are torch's convention, one of "
            f"several that would do, and so are kernel and sharpness.{more}",
            KinkWarning,
            stacklevel=3,
        )


def _met(torch: Any, program: Program, values: dict[tuple[str, str], Any], x: Any) -> set[str]:
    """The operators that stand on a kink at this example where the choice of a slope, or among equals, changes the derivative.

    Values and their derivatives along a random direction of the parameters (forward mode) are computed step by step. Where an
    operator has no forward derivative, its results are given random ones: nothing then is taken for equal by mistake.
    """
    noise = torch.Generator().manual_seed(0)
    results: dict[int, Any] = {n: x if key[0] == "input" else values[key] for n, key in enumerate(program.inputs)}
    tangents = {
        n: torch.randn(results[n].shape, generator=noise, dtype=torch.float64).to(results[n].dtype)
        for n, (kind, _) in enumerate(program.inputs)
        if kind == "parameter"
    }
    met = set()
    for step in program.steps:
        numbers: set[int] = set()
        args = [_torch(torch, a, results, numbers) for a in step.args]
        kwargs = {k: _torch(torch, a, results, numbers) for k, a in step.kwargs}
        if step.operator == "getitem":
            results[step.out] = args[0][args[1]]
            own = tangents.get(next(iter(numbers)))
            if own is not None:
                tangents[step.out] = own[args[1]]
            continue
        moving = {id(results[n]): tangents[n] for n in numbers if tangents.get(n) is not None}
        result = _value(torch, program, step.operator, args, kwargs)
        results[step.out] = result
        if moving:
            tangents[step.out] = _tangent(torch, step.operator, args, kwargs, moving, result, noise)
            if _stands(torch, step.operator, moving, result, args, kwargs):
                met.add(step.operator.split(".")[1])
    return met


def _function(torch: Any, operator: str) -> Any:
    library, name, overload = operator.split(".")
    return getattr(getattr(torch.ops.aten, name), overload) if library == "aten" else None


def _value(torch: Any, program: Program, operator: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """The result by torch, or, of an operator of ours, by the table."""
    function = _function(torch, operator)
    if function is not None:
        return function(*args, **kwargs)
    import jax
    import jax.numpy as jnp
    import numpy as np

    with double():
        given = jax.tree.map(lambda a: jnp.asarray(a.numpy()) if isinstance(a, torch.Tensor) else a, (args, kwargs))
        result = program._functions[operator](*given[0], **given[1])
        return jax.tree.map(lambda a: torch.from_numpy(np.array(a)), result)


def _tangent(
    torch: Any, operator: str, args: list[Any], kwargs: dict[str, Any], moving: dict[int, Any], result: Any, noise: Any
) -> Any:
    """The tangent of a result; of a result in several parts those of its parts."""
    forward = torch.autograd.forward_ad

    def dual(value: Any) -> Any:
        if isinstance(value, list):
            return [dual(v) for v in value]
        known = moving.get(id(value)) if value is not None else None
        return value if known is None or isinstance(known, list) else forward.make_dual(value, known)

    def read(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [read(v) for v in value]
        return forward.unpack_dual(value).tangent if isinstance(value, torch.Tensor) else None

    def drawn(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [drawn(v) for v in value]
        if not isinstance(value, torch.Tensor) or not value.dtype.is_floating_point:
            return None
        return torch.randn(value.shape, generator=noise, dtype=torch.float64).to(value.dtype)

    function = _function(torch, operator)
    if function is None:
        return drawn(result)
    try:
        with (
            warnings.catch_warnings(),
            forward.dual_level(),
        ):  # torch's own rules are scripted, which it calls deprecated
            warnings.simplefilter("ignore", DeprecationWarning)
            return read(function(*map(dual, args), **{k: dual(v) for k, v in kwargs.items()}))
    except (RuntimeError, NotImplementedError):
        return drawn(result)


def _stands(
    torch: Any, operator: str, moving: dict[int, Any], result: Any, args: list[Any], kwargs: dict[str, Any]
) -> bool:
    library, name, overload = operator.split(".")
    if library != "aten" or not isinstance(args[0], torch.Tensor) or not args[0].is_floating_point():
        return False

    def tangent(value: Any) -> Any:
        known = moving.get(id(value))
        if known is not None:
            return known
        return torch.zeros_like(value) if isinstance(value, torch.Tensor) else torch.zeros((), dtype=args[0].dtype)

    return on_a_kink(name, overload, tangent, result, args, kwargs)


def _torch(torch: Any, value: Any, results: dict[int, Any], numbers: set[int]) -> Any:
    if isinstance(value, Ref):
        numbers.add(value.index)
        return results[value.index]
    if isinstance(value, tuple):
        return [_torch(torch, v, results, numbers) for v in value]
    return getattr(torch, value.name) if isinstance(value, Dtype) else value
