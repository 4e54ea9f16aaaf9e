"""Views: a parameter whose entries were moved, copied or multiplied by a number on the way to the data, and where each is now.

A *view* carries, beside the traced value, the integer array `index` of the same shape: which entry of the leaf stands at
each place. Whatever only moves entries (transposition, reshape, slice, split, broadcast, reversal) is done to `index` as
well, so a rule needs no algebra of dimension orders: it arranges `index` as it arranges the data, and two uses of one
leaf are compared by comparing integers.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np


@dataclasses.dataclass(frozen=True)
class View:
    """`value = scale * leaf[index] + constant`.

    Attributes:
        leaf: which leaf.
        value: the traced value.
        index: `(*levels, *value.shape)` entries of the flattened leaf; one leading axis for each loop of `levels`.
        scale: a number (traced or not) that the entries were multiplied by.
        copied: whether an entry may stand at several places.
        levels: the enclosing loops that hand out this leaf slice by slice (0 is the outermost).
    """

    leaf: int
    value: Any
    index: np.ndarray
    scale: Any = 1.0
    copied: bool = False
    levels: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Origin:
    """A value is `factor * (result at a slot) + something that does not pass through the slot`."""

    slot: int
    factor: float
    arrange: Any


@dataclasses.dataclass(frozen=True)
class Data:
    """A value that depends on the example, or on a parameter no longer followed."""

    value: Any
    origin: Origin | None = None


def value_of(entry: Any) -> Any:
    return entry.value if isinstance(entry, View | Data) else entry


def view_of(leaf: int, value: Any) -> View:
    """The leaf itself."""
    shape = np.shape(value)
    return View(leaf, value, np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape))


def move(eqn, name: str, entries: list, results: list) -> list[View] | None:
    """Views of the results where the equation only moves, copies, shifts or scales one view; None otherwise.

    Args:
        results: the equation's values, computed already.
    """
    view = next(e for e in entries if isinstance(e, View))
    if any(isinstance(e, Data) for e in entries) or sum(isinstance(e, View) for e in entries) > 1:
        return None
    if len(entries) > 1 and name != "dynamic_slice":
        return _with_constant(name, entries, view, results)
    if name == "neg":
        return [dataclasses.replace(view, value=results[0], scale=-view.scale)]
    if name in ("copy", "copy_p") or (name == "convert_element_type" and results[0].dtype == view.value.dtype):
        return [dataclasses.replace(view, value=results[0])]
    moved = _moved(eqn, name, entries, view)
    if moved is None:
        return None
    copied = view.copied or (name == "broadcast_in_dim" and moved[0].size > view.index.size)
    return [dataclasses.replace(view, value=r, index=i, copied=copied) for r, i in zip(results, moved, strict=True)]


def _with_constant(name, entries, view, results):
    """A number times the view, the view divided by a number, or a constant added."""
    first = isinstance(entries[0], View)
    other = entries[1] if first else entries[0]
    if len(entries) != 2 or results[0].shape != np.shape(view.value):
        return None
    if name in ("add", "sub", "add_any"):
        sign = -1 if name == "sub" and not first else 1
        return [dataclasses.replace(view, value=results[0], scale=sign * view.scale)]
    if np.shape(other) != () or name not in ("mul", "div") or (name == "div" and not first):
        return None
    return [
        dataclasses.replace(view, value=results[0], scale=view.scale * other if name == "mul" else view.scale / other)
    ]


def _moved(eqn, name, entries, view) -> list[np.ndarray] | None:
    """`index` after the equation, one array per result."""
    index, params = view.index, eqn.params
    k = len(view.levels)
    lead = index.shape[:k]
    every = (slice(None),) * k
    if name == "transpose":
        return [index.transpose(*range(k), *(k + a for a in params["permutation"]))]
    if name == "reshape" and params.get("dimensions") is None:
        return [index.reshape((*lead, *params["new_sizes"]))]
    if name == "squeeze":
        return [index.reshape((*lead, *eqn.outvars[0].aval.shape))]
    if name == "broadcast_in_dim":
        shape, places = params["shape"], params["broadcast_dimensions"]
        sizes = [1] * len(shape)
        for place, size in zip(places, index.shape[k:], strict=True):
            sizes[place] = size
        return [np.broadcast_to(index.reshape((*lead, *sizes)), (*lead, *shape))]
    if name == "slice":
        steps = params["strides"] or (1,) * len(params["start_indices"])
        cut = zip(params["start_indices"], params["limit_indices"], steps, strict=True)
        return [index[every + tuple(slice(*c) for c in cut)]]
    if name == "split":
        return np.split(index, np.cumsum(params["sizes"])[:-1], axis=k + params["axis"])
    if name == "rev":
        return [np.flip(index, tuple(k + d for d in params["dimensions"]))]
    if name == "dynamic_slice" and all(known(e) for e in entries[1:]):
        sizes = params["slice_sizes"]
        starts = [min(max(int(s), 0), m - n) for s, m, n in zip(entries[1:], index.shape[k:], sizes, strict=True)]
        return [index[every + tuple(slice(s, s + n) for s, n in zip(starts, sizes, strict=True))]]
    return None


def known(entry) -> bool:
    return not isinstance(entry, View | Data | jax.core.Tracer)
