"""Where parameters meet data: one rule per operation, and the one form they all bring a use into.

Whatever the operation, the gradient of one output by the leaf is, with the leaf's entries arranged as `index` `(B, A, F)`,

    grad[index[b, a, f]] = sum_p h[b, p, a] g[b, p, f],

`h` the input that the leaf met and `g` the cotangent of the result, both cut into `B` groups of entries that never meet
(batch dimensions, groups of a convolution) and `P` positions at which the same entries are used:

| kind | leaf meets data as | `h` | `B, P, A, F` |
|---|---|---|---|
| dense | `dot_general`, any order of dimensions | the other factor | batch, its free, contracted, the leaf's free dimensions |
| convolution | `conv_general_dilated` | patches | groups, outputs of the window, entries of a patch, channels per group |
| bias | `z + b` | 1 | 1, places that share an entry, 1, entries |
| scale | `z = s * h` entrywise | `h` | entries, places that share one, 1, 1 |
| lookup | rows taken by integers | the row numbers | 1, rows taken, rows there are, length of a row |

A rule looks at one equation and either returns its `Meeting`s or None. More rules go into `RULES`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.tangent.jaxpr.views import Data, Origin, View, value_of


@dataclasses.dataclass(frozen=True)
class Arrange:
    """How a result `z` is brought into `(B, P, F)`: reshape to `first`, transpose by `order`, reshape to `last`."""

    first: tuple[int, ...]
    order: tuple[int, ...]
    last: tuple[int, int, int]

    def __call__(self, z: Any) -> Any:
        return z.reshape(self.first).transpose(self.order).reshape(self.last)


@dataclasses.dataclass(frozen=True)
class Meeting:
    """One use of one view: `h()` makes the input `(B, P, A)` (row numbers `(1, P, 1)` for a lookup), `index` is
    `(*levels, B, A, F)`; `origin` is given where the cotangent is that of an earlier slot, up to a factor that `h` holds.
    """

    view: View
    kind: str
    arrange: Arrange
    index: np.ndarray
    h: Callable[[], Any]
    origin: Origin | None = None


def meetings(eqn, name: str, entries: list) -> list[Meeting] | None:
    """How each view of the equation meets what it meets (the other operand, a view's value too); None: no rule."""
    views = [i for i, e in enumerate(entries) if isinstance(e, View)]
    rule = RULES.get(name)
    if rule is None:
        return None
    found = [rule(eqn, name, entries, i) for i in views]
    return None if any(m is None for m in found) else found


def _dense(eqn, name, entries, place) -> Meeting | None:
    """`dot_general`: batch, contracted and free dimensions of either side in any order."""
    view, other = entries[place], value_of(entries[1 - place])
    if view.copied:
        return None
    contracted, batch = eqn.params["dimension_numbers"]
    (va, oa), (vb, ob) = (x if place == 0 else x[::-1] for x in (contracted, batch))
    vf, of = _rest(view.value.ndim, va, vb), _rest(other.ndim, oa, ob)
    b, a, f = (_size(view.value, axes) for axes in (vb, va, vf))
    p = _size(other, of)
    shape = eqn.outvars[0].aval.shape
    nb, nv, no = len(vb), len(vf), len(of)
    heads, views, others = range(nb), range(nb, nb + nv), range(nb + nv, nb + nv + no)
    if place == 1:
        others, views = range(nb, nb + no), range(nb + no, nb + no + nv)
    arrange = Arrange(shape, (*heads, *others, *views), (b, p, f))
    index = _arranged(view, (*vb, *va, *vf), (b, a, f))
    return Meeting(view, "dense", arrange, index, lambda: other.transpose(*ob, *of, *oa).reshape(b, p, a) * view.scale)


def _convolution(eqn, name, entries, place) -> Meeting | None:
    """The kernel of a convolution: its groups, and one patch of the input per position."""
    view, data, params = entries[1], value_of(entries[0]), eqn.params
    if place != 1 or view.copied or isinstance(entries[0], View) or params["batch_group_count"] != 1:
        return None
    numbers, groups = params["dimension_numbers"], params["feature_group_count"]
    o, i, *window = (view.value.shape[a] for a in numbers.rhs_spec)
    shape = eqn.outvars[0].aval.shape
    n, _, *out = (shape[a] for a in numbers.out_spec)
    a, f, p = i * math.prod(window), o // groups, n * math.prod(out)
    index = _arranged(view, numbers.rhs_spec, (groups, f, a)).swapaxes(-1, -2)
    # The channel dimension of the result is cut into (groups, f); the dimensions behind it move up by one.
    channel = numbers.out_spec[1]
    first = (*shape[:channel], groups, f, *shape[channel + 1 :])
    behind = [d + (d > channel) for d in (numbers.out_spec[0], *numbers.out_spec[2:])]
    arrange = Arrange(first, (channel, *behind, channel + 1), (groups, p, f))

    def h():
        found = patches(data, params, window)  # (n, C, K, places of the window)
        found = found.reshape(n, groups, a, -1).transpose(1, 2, 0, 3).reshape(groups, a, p)
        return found.swapaxes(1, 2) * view.scale

    return Meeting(view, "convolution", arrange, index, h)


def patches(data: Any, params: dict, window: list[int]) -> Any:
    """`(n, C, K, Q)`: for each of the K entries of the window and each of its Q places, the entry of the input it meets.

    One `take` by fixed numbers: on a CPU several times faster than strided slices.
    """
    x = data.transpose(params["dimension_numbers"].lhs_spec)
    pads = [(lo, hi, d - 1) for (lo, hi), d in zip(params["padding"], params["lhs_dilation"], strict=True)]
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), *pads])
    numbers = np.arange(math.prod(x.shape[2:]), dtype=np.int32).reshape(x.shape[2:])
    strides, holes = params["window_strides"], params["rhs_dilation"]
    out = [
        max(0, (size - (k - 1) * hole - 1) // stride + 1)
        for size, k, hole, stride in zip(x.shape[2:], window, holes, strides, strict=True)
    ]
    taken = []
    for entry in np.ndindex(*window):
        start = [k * hole for k, hole in zip(entry, holes, strict=True)]
        cut = (slice(s, s + (m - 1) * stride + 1, stride) for s, m, stride in zip(start, out, strides, strict=True))
        taken.append(numbers[tuple(cut)].ravel())
    return x.reshape(*x.shape[:2], -1)[:, :, np.stack(taken)]


def _bias(eqn, name, entries, place) -> Meeting | None:
    """`z + b`, `z - b`, `b - z`; entries may be shared by places of z. A bias right behind another use has its
    cotangent."""
    view, other = entries[place], entries[1 - place]
    sign = -1.0 if name == "sub" and place == 1 else 1.0
    shape = eqn.outvars[0].aval.shape
    index = _spread(view, shape)
    origin = other.origin if isinstance(other, Data) else None
    if origin is not None and np.shape(other.value) == shape and not view.levels:
        there = origin.arrange(index)
        if (there == there[:, :1]).all() and _distinct(there[:, 0]):
            b, p, _ = there.shape
            if name == "sub" and place == 0:  # b - z: the result is minus the slot's
                origin = dataclasses.replace(origin, factor=-origin.factor)
            number = sign * view.scale / origin.factor
            return Meeting(view, "bias", origin.arrange, there[:, :1], lambda: _filled(number, (b, p, 1), view), origin)
    found = _shared(index, len(view.levels))
    if found is None:
        return None
    shared, own = found
    p, f = _sizes(shape, shared), _sizes(shape, own)
    arranged = _first(index, len(view.levels), shared).reshape(*index.shape[: len(view.levels)], 1, 1, f)
    arrange = Arrange(shape, (*shared, *own), (1, p, f))
    return Meeting(view, "bias", arrange, arranged, lambda: _filled(sign * view.scale, (1, p, 1), view))


def _entrywise(eqn, name, entries, place) -> Meeting | None:
    """`s * h` entry by entry; entries of s may be shared by places of h."""
    view, other = entries[place], value_of(entries[1 - place])
    shape = eqn.outvars[0].aval.shape
    index = _spread(view, shape)
    found = _shared(index, len(view.levels))
    if found is None:
        return None
    shared, own = found
    p, b = _sizes(shape, shared), _sizes(shape, own)
    arranged = _first(index, len(view.levels), shared).reshape(*index.shape[: len(view.levels)], b, 1, 1)
    arrange = Arrange(shape, (*own, *shared), (b, p, 1))
    return Meeting(view, "scale", arrange, arranged, lambda: arrange(jnp.broadcast_to(other, shape) * view.scale))


def _lookup(eqn, name, entries, place) -> Meeting | None:
    """Rows `table[i]` by integers that depend on the data: `gather` along the first axis, or `dynamic_slice` of one row."""
    view = entries[0]
    if place != 0 or view.copied or view.levels or not isinstance(view.scale, float) or view.scale != 1:
        return None
    rows, shape = view.value.shape[0], eqn.outvars[0].aval.shape
    size = math.prod(view.value.shape[1:])
    if name == "dynamic_slice":
        if tuple(eqn.params["slice_sizes"]) != (1, *view.value.shape[1:]):
            return None
        batch = (0,)
        numbers = jnp.clip(value_of(entries[1]), 0, rows - 1)[None]
    else:
        found = _gathered(eqn, view, value_of(entries[1]))
        if found is None:
            return None
        batch, numbers = found
    arrange = Arrange(shape, (*batch, *_rest(len(shape), batch, ())), (1, _sizes(shape, batch), size))
    return Meeting(view, "lookup", arrange, view.index.reshape(1, rows, size), lambda: numbers.reshape(1, -1, 1))


def _gathered(eqn, view, indices):
    """The batch axes of the result and the row numbers (-1: none), of a `gather` along the first axis."""
    numbers = eqn.params["dimension_numbers"]
    places, fills = tuple(numbers.start_index_map), "FILL" in str(eqn.params["mode"])
    whole = tuple(eqn.params["slice_sizes"]) == (1, *view.value.shape[1:])
    # Beside the row there may be starts of dimensions that are taken whole: clipped, they are 0.
    rowwise = 0 in places and tuple(numbers.collapsed_slice_dims) in ((), (0,)) and (places == (0,) or not fills)
    if not whole or not rowwise or tuple(numbers.operand_batching_dims):
        return None
    batch = _rest(len(eqn.outvars[0].aval.shape), numbers.offset_dims, ())
    rows, row = view.value.shape[0], indices[..., places.index(0)]
    if fills:
        return batch, jnp.where((row >= 0) & (row < rows), row, -1)
    return batch, jnp.clip(row, 0, rows - 1)


RULES: dict[str, Callable] = {
    "dot_general": _dense,
    "conv_general_dilated": _convolution,
    "add": _bias,
    "sub": _bias,
    "add_any": _bias,
    "mul": _entrywise,
    "gather": _lookup,
    "dynamic_slice": _lookup,
}


def _rest(ndim, *taken) -> tuple[int, ...]:
    used = {a for axes in taken for a in axes}
    return tuple(a for a in range(ndim) if a not in used)


def _size(array, axes) -> int:
    return math.prod(array.shape[a] for a in axes)


def _sizes(shape, axes) -> int:
    return math.prod(shape[a] for a in axes)


def _arranged(view: View, axes, last) -> np.ndarray:
    k = len(view.levels)
    return view.index.transpose(*range(k), *(k + a for a in axes)).reshape(*view.index.shape[:k], *last)


def _spread(view: View, shape) -> np.ndarray:
    """The view's index at every place of a result of that shape."""
    k = len(view.levels)
    lead, own = view.index.shape[:k], view.index.shape[k:]
    if own == tuple(shape):
        return view.index
    return np.broadcast_to(view.index.reshape((*lead, *(1,) * (len(shape) - len(own)), *own)), (*lead, *shape))


def _first(index, k, shared) -> np.ndarray:
    """`index` at the first of the places that share entries."""
    cut = [slice(None)] * index.ndim
    for axis in shared:
        cut[k + axis] = slice(0, 1)
    return index[tuple(cut)]


def _shared(index, k) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Axes along which all places share their entries, and the others, along which no two do; None if it is neither."""
    shared = []
    for axis in range(k, index.ndim):
        if (index == np.take(index, [0], axis=axis)).all():
            shared.append(axis - k)
    if not _distinct(_first(index, k, shared)):
        return None
    return tuple(shared), _rest(index.ndim - k, shared)


def _distinct(index: np.ndarray) -> bool:
    return np.unique(index).size == index.size


def _filled(number, shape, view):
    return jnp.full(shape, number, view.value.dtype)
