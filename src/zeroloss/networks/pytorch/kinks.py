"""Which rows of the data lie on a kink of a converted module, where its derivative is a convention."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from zeroloss.networks.pytorch.forms import ConversionWarning
from zeroloss.networks.pytorch.program import Dtype, Program, Ref

ROWS = 32
"""Rows that are looked at: the first of the batch."""


class KinkWarning(ConversionWarning):
    """Derivatives at these inputs are those of a convention: torch's, as far as it has one."""


def _ends(x: Any, low: Any = None, high: Any = None, **named: Any) -> bool:
    ends = [low, high, named.get("min"), named.get("max"), named.get("min_val"), named.get("max_val")]
    return any(bool((x == end).any()) for end in ends if end is not None)


def _tie(x: Any, dim: Any = None, keepdim: bool = False) -> bool:
    axes = list(range(x.ndim)) if dim is None or dim == [] else [dim] if isinstance(dim, int) else list(dim)
    return any(bool(((x == end(axes, keepdim=True)).sum(axes) > 1).any()) for end in (x.amax, x.amin))


def _zero(x: Any, *_: Any, **__: Any) -> bool:
    return bool((x == 0).any())


def _at(value: float) -> Callable[..., bool]:
    return lambda x, *_, **__: bool((x.abs() == value).any())


def _shrink(x: Any, lambd: float = 0.5) -> bool:
    return bool((x.abs() == lambd).any())


def _equal(x: Any, y: Any) -> bool:
    return bool((x == y).any())


def _norm(x: Any, ord: Any = 2, dim: Any = None, *_: Any, **__: Any) -> bool:
    return bool((x.abs().amax(dim) == 0).any() if dim else (x == 0).all())


_KINKS: dict[str, Callable[..., bool]] = {
    "relu": _zero, "leaky_relu": _zero, "prelu": _zero, "_prelu_kernel": _zero, "abs": _zero, "relu6": _ends, "hardtanh": _ends,
    "clamp": _ends, "clamp_min": _ends, "clamp_max": _ends, "hardswish": _at(3.0), "hardsigmoid": _at(3.0), "hardshrink": _shrink,
    "softshrink": _shrink, "threshold": lambda x, threshold, value: bool((x == threshold).any()), "maximum": _equal,
    "minimum": _equal, "fmax": _equal, "fmin": _equal, "amax": _tie, "amin": _tie, "max": _tie, "min": _tie,
    "linalg_vector_norm": _norm,
}  # fmt: skip


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
            except Exception:  # an operator that torch has under another name: nothing is said
                return
            for name in met:
                found[name] = found.get(name, 0) + 1
    if found:
        names = ", ".join(f"{name} ({count} of {len(rows)} rows)" for name, count in sorted(found.items()))
        warnings.warn(
            f"rows of the example lie exactly on a kink of the network: {names}. The derivatives there are torch's convention, one of "
            "several that would do, and so are kernel and sharpness.",
            KinkWarning,
            stacklevel=3,
        )


def _met(torch: Any, program: Program, values: dict[tuple[str, str], Any], x: Any) -> set[str]:
    """The kinked operators that this example is on a kink of, where a parameter's derivative passes."""
    results: dict[int, Any] = {n: x if key[0] == "input" else values[key] for n, key in enumerate(program.inputs)}
    moving = {n for n, (kind, _) in enumerate(program.inputs) if kind == "parameter"}
    met = set()
    for step in program.steps:
        numbers: set[int] = set()
        args = [_torch(torch, a, results, numbers) for a in step.args]
        kwargs = {k: _torch(torch, a, results, numbers) for k, a in step.kwargs}
        if step.operator == "getitem":
            results[step.out] = args[0][args[1]]
        else:
            _, name, overload = step.operator.split(".")
            results[step.out] = getattr(getattr(torch.ops.aten, name), overload)(*args, **kwargs)
            if numbers & moving and name in _KINKS and args[0].is_floating_point() and _KINKS[name](*args, **kwargs):
                met.add(name)
        if numbers & moving:
            moving.add(step.out)
    return met


def _torch(torch: Any, value: Any, results: dict[int, Any], numbers: set[int]) -> Any:
    if isinstance(value, Ref):
        numbers.add(value.index)
        return results[value.index]
    if isinstance(value, tuple):
        return [_torch(torch, v, results, numbers) for v in value]
    return getattr(torch, value.name) if isinstance(value, Dtype) else value
