"""Rules for kinks: does an operator's derivative at these arguments depend on a choice among slopes, or among equal values?

Each rule is given values `x` and tangents `dx` (derivatives along one random direction of the parameters): equal values with
equal tangents, such as zeros behind a relu that is off, leave nothing to choose. All arrays are torch tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.operators.pooling import _parts, _sizes, _windows

Tangent = Callable[[Any], Any]
"""The tangent of an argument: a tensor of its shape; 0 for numbers."""


def _differ(a: Any, b: Any, scale: Any) -> Any:
    """Where two tangents differ by more than rounding; `scale` is a tensor of the same computation."""
    import torch

    rounding = torch.finfo(scale.dtype).eps ** 0.5
    return (a - b).abs() > rounding * scale.abs().amax() if scale.numel() else scale != 0


def _spread(ties: Any, dx: Any, axes: list[int]) -> bool:
    """Whether entries that tie along `axes` have different tangents."""
    if not dx.numel() or not axes:
        return False
    most = dx.masked_fill(~ties, -math.inf).amax(axes)
    least = dx.masked_fill(~ties, math.inf).amin(axes)
    return bool((ties.sum(axes) > 1).logical_and(_differ(most, least, dx)).any())


def _axes(x: Any, dim: Any) -> list[int]:
    return list(range(x.ndim)) if dim is None or dim == [] else [dim] if isinstance(dim, int) else list(dim)


def zero(tangent: Tangent, x: Any, *_: Any, **__: Any) -> bool:
    return bool(((x == 0) & (tangent(x) != 0)).any())


def at(value: float) -> Callable[..., bool]:
    return lambda tangent, x, *_, **__: bool(((x.abs() == value) & (tangent(x) != 0)).any())


def shrink(tangent: Tangent, x: Any, lambd: float = 0.5) -> bool:
    return at(lambd)(tangent, x)


def threshold(tangent: Tangent, x: Any, threshold: float, value: float) -> bool:
    return bool(((x == threshold) & (tangent(x) != 0)).any())


def elu(tangent: Tangent, x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> bool:
    return alpha * input_scale != 1 and zero(tangent, x)


def equal(tangent: Tangent, x: Any, y: Any, *_: Any) -> bool:
    dx = tangent(x)
    return bool(((x == y) & _differ(dx, tangent(y), dx)).any())


def ends(tangent: Tangent, x: Any, low: Any = None, high: Any = None, **named: Any) -> bool:
    found = [low, high, named.get("min"), named.get("max"), named.get("min_val"), named.get("max_val")]
    return any(equal(tangent, x, end) for end in found if end is not None)


def relu6(tangent: Tangent, x: Any) -> bool:
    return ends(tangent, x, 0.0, 6.0)


def hardtanh(tangent: Tangent, x: Any, low: Any = -1.0, high: Any = 1.0, **named: Any) -> bool:
    return ends(tangent, x, named.get("min_val", low), named.get("max_val", high))


def extreme(*signs: int) -> Callable[..., bool]:
    """Ties of the largest (1) or smallest (-1) entry; of two arrays, equal entries."""

    def look(tangent: Tangent, x: Any, dim: Any = None, keepdim: bool = False, **named: Any) -> bool:
        if hasattr(dim, "ndim"):
            return equal(tangent, x, dim)
        axes = _axes(x, named.get("dim", dim))
        ties = [x == (x.amax(axes, True) if sign > 0 else x.amin(axes, True)) for sign in signs]
        return any(_spread(tie, tangent(x), axes) for tie in ties)

    return look


def selected(tangent: Tangent, x: Any, *args: Any, values: Any, dim: int) -> bool:
    """Ties with one of the entries that were taken along `dim`."""
    if x.ndim == 0:
        return False
    x, dx = x.movedim(dim, -1), tangent(x).movedim(dim, -1)
    taken = values.movedim(dim, -1).reshape(*x.shape[:-1], -1)
    if 2 * taken.shape[-1] < x.shape[-1]:
        return any(_spread(x == taken[..., [i]], dx, [-1]) for i in range(taken.shape[-1]))
    order = x.argsort(dim=-1, stable=True)  # of many, neighbours in order; as good, for a run of equals has such a pair
    x, dx = x.gather(-1, order), dx.gather(-1, order)
    last = taken.amin(-1, True), taken.amax(-1, True)
    pairs = (x[..., 1:] == x[..., :-1]) & (x[..., 1:] >= last[0]) & (x[..., 1:] <= last[1])
    return bool((pairs & _differ(dx[..., 1:], dx[..., :-1], dx)).any())


def running(best: str) -> Callable[..., bool]:
    """Ties of a running extreme with the entry that is next."""

    def look(tangent: Tangent, x: Any, dim: int) -> bool:
        if x.ndim == 0:
            return False
        values, places = getattr(x, best)(dim)
        length = x.shape[dim] - 1
        before, after = values.narrow(dim, 0, length), x.narrow(dim, 1, length)
        dx = tangent(x)
        own = dx.gather(dim, places).narrow(dim, 0, length)
        return bool(((before == after) & _differ(own, dx.narrow(dim, 1, length), dx)).any())

    return look


def norm(tangent: Tangent, x: Any, p: Any = 2, dim: Any = None, *_: Any, **__: Any) -> bool:
    """A p-norm of zeros; for `p = 1` any entry 0; for infinite `p` equal largest entries."""
    dx, axes, p = tangent(x), _axes(x, dim), 2 if p is None else p
    size = x.abs()
    if p == 1 or p == 0:
        return p == 1 and zero(tangent, x)
    if math.isinf(p):
        best = size.amax(axes, True) if p > 0 else size.amin(axes, True)
        return bool(((best == 0) & (size == best) & (dx != 0)).any()) or _spread(size == best, dx * x.sgn(), axes)
    return bool(((size.amax(axes, True) == 0) & (dx != 0)).any()) if size.numel() else False


def distances(tangent: Tangent, x: Any, y: Any, p: float = 2.0, *_: Any) -> bool:
    def difference(a: Any, b: Any) -> Any:
        return a[..., :, None, :] - b[..., None, :, :]

    return norm(lambda _: difference(tangent(x), tangent(y)), difference(x, y), p, -1)


def deviation(tangent: Tangent, x: Any, dim: Any = None, *_: Any, **__: Any) -> bool:
    """A standard deviation of 0."""
    axes = _axes(x, dim)
    return _spread((x.amax(axes, True) == x.amin(axes, True)).expand_as(x), tangent(x), axes)


def both_zero(tangent: Tangent, y: Any, x: Any) -> bool:
    return bool(((x == 0) & (y == 0) & ((tangent(x) != 0) | (tangent(y) != 0))).any())


def _among(stack: list[Any], tangents: list[Any]) -> bool:
    """Ties of the largest among arrays of the same shape."""
    import torch

    values, dx = torch.stack([torch.as_tensor(v) for v in stack]), torch.stack([torch.as_tensor(t) for t in tangents])
    return _spread(values == values.amax(0), dx, [0])


def pooled(dims: int) -> Callable[..., bool]:
    def look(
        tangent: Tangent,
        x: Any,
        kernel: Any,
        stride: Any = (),
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> bool:
        kernel = _sizes(kernel, dims)
        options = (
            kernel,
            _sizes(stride, dims, kernel),
            _sizes(padding, dims, [0]),
            _sizes(dilation, dims, [1]),
            ceil_mode,
        )
        both = ((x.to(tangent(x).dtype), -np.inf), (tangent(x), 0))
        windows = [list(_windows(a.numpy(), *options, fill)) for a, fill in both]
        return _among(*windows)

    return look


def pooled_to_size(tangent: Tangent, x: Any, output_size: Any) -> bool:
    sizes = _sizes(output_size, 1)
    first = x.ndim - len(sizes)
    parts = [_parts(x.shape[first + i], out) for i, out in enumerate(sizes)]
    places: list[tuple[Any, ...]] = [()]
    for axis in parts:
        places = [(*place, slice(*part)) for place in places for part in axis]
    dx, axes = tangent(x), list(range(first, x.ndim))
    return any(_spread(x[(..., *p)] == x[(..., *p)].amax(axes, True), dx[(..., *p)], axes) for p in places)


def scattered(
    tangent: Tangent, x: Any, dim: int, index: Any, source: Any, reduce: str, include_self: bool = True
) -> bool:
    """Ties among what is written to one place."""
    import torch

    if reduce not in ("amax", "amin"):
        return False
    source, ds = (a[tuple(slice(0, s) for s in index.shape)] for a in (source, tangent(source)))
    best = torch.scatter_reduce(x, dim, index, source, reduce, include_self=include_self)
    ties, own = (
        source == best.gather(dim, index),
        (x == best) if include_self else torch.zeros_like(x, dtype=torch.bool),
    )
    ends: list[Any] = []
    for side, how in ((-math.inf, "amax"), (math.inf, "amin")):
        start = tangent(x).masked_fill(~own, side)
        ends.append(start.scatter_reduce(dim, index, ds.masked_fill(~ties, side), how, include_self=True))
    number = own.to(torch.int64).scatter_add(dim, index, ties.to(torch.int64))
    return bool(((number > 1) & _differ(ends[0], ends[1], ds)).any())


RULES: dict[str, Callable[..., bool]] = {
    "relu": zero, "leaky_relu": zero, "prelu": zero, "_prelu_kernel": zero, "abs": zero, "selu": zero, "elu": elu, "relu6": relu6,
    "hardtanh": hardtanh, "clamp": ends, "clamp_min": ends, "clamp_max": ends, "hardswish": at(3.0), "hardsigmoid": at(3.0),
    "hardshrink": shrink, "softshrink": shrink, "threshold": threshold, "maximum": equal, "minimum": equal, "fmax": equal,
    "fmin": equal, "l1_loss": equal, "amax": extreme(1), "amin": extreme(-1), "max": extreme(1), "min": extreme(-1),
    "aminmax": extreme(1, -1), "cummax": running("cummax"), "cummin": running("cummin"), "linalg_vector_norm": norm, "norm": norm,
    "_cdist_forward": distances, "std": deviation, "std_mean": deviation, "atan2": both_zero, "max_pool1d": pooled(1),
    "max_pool2d": pooled(2), "max_pool3d": pooled(3), "max_pool2d_with_indices": pooled(2), "max_pool3d_with_indices": pooled(3),
    "adaptive_max_pool1d": pooled_to_size, "adaptive_max_pool2d": pooled_to_size, "adaptive_max_pool3d": pooled_to_size,
    "scatter_reduce": scattered,
}  # fmt: skip
"""Rules by the name of torch's operator."""
TAKING = ("topk", "sort", "kthvalue", "median", "nanmedian")
"""Operators that take entries, of equal ones without a documented rule which."""


def on_a_kink(name: str, overload: str, tangent: Tangent, result: Any, args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Whether the operator `aten.name.overload` stands on a kink at these arguments."""
    x = args[0]
    if name in TAKING:
        values = result[0] if isinstance(result, tuple | list) else result
        if overload == "default" and name.endswith("median"):
            return selected(lambda _: tangent(x).ravel(), x.ravel(), values=values.reshape(1), dim=0)
        place = 1 if name.endswith("median") or (name == "sort" and overload == "default") else 2
        dim = kwargs.get("dim", args[place] if len(args) > place else -1)
        if values.ndim < x.ndim:
            values = values.unsqueeze(dim)
        return selected(tangent, x, values=values, dim=dim)
    return name in RULES and RULES[name](tangent, *args, **kwargs)
