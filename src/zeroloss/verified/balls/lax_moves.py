"""Rules of JAX's primitives that move numbers, or take them by windows: shapes, slices, gathers, convolutions, pooling.

Places beyond an array's end are moved inside it where the program's mode requires it; otherwise there is no bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.verified.balls import moves
from zeroloss.verified.balls.ball import Ball, NoBoundError, as_ball, negative
from zeroloss.verified.balls.lax import rule
from zeroloss.verified.balls.moves import moving
from zeroloss.verified.balls.rules import total
from zeroloss.verified.balls.whole import cast, is_whole, settled
from zeroloss.verified.balls.windows import _convolution


@rule("reshape")
def _reshape(x: Any, sizes: Any) -> Any:
    return moving(np.reshape)(x, tuple(sizes))


@rule("transpose")
def _transpose(x: Any, permutation: Any) -> Any:
    return moving(np.transpose)(x, tuple(permutation))


@rule("broadcast_in_dim")
def _broadcast_in_dim(x: Any, shape: Any, dimensions: Any) -> Any:
    def spread(a: np.ndarray) -> np.ndarray:
        sizes = [1] * len(shape)
        for axis, place in enumerate(dimensions):
            sizes[place] = a.shape[axis]
        return np.broadcast_to(a.reshape(sizes), tuple(shape))

    return moving(spread)(x)


@rule("slice")
def _slice(x: Any, start: Any, limit: Any, strides: Any) -> Any:
    cut = tuple(slice(*part) for part in zip(start, limit, strides, strict=True))
    return moving(lambda a: a[cut])(x)


@rule("concatenate")
def _concatenate(*arrays: Any, dimension: Any) -> Any:
    return moves._joined([settled(a) for a in arrays], lambda parts: np.concatenate(parts, dimension))


@rule("pad")
def _pad(x: Any, value: Any, config: Any) -> Any:
    x, value = settled(x), settled(value)
    if not (is_whole(x) and is_whole(value)):
        x, value = as_ball(x), as_ball(value)

    def padded(a: np.ndarray, fill: np.ndarray) -> np.ndarray:
        inner = [n + max(0, n - 1) * between for n, (_, _, between) in zip(a.shape, config, strict=True)]
        wide = np.full(
            [max(0, lo) + n + max(0, hi) for n, (lo, hi, _) in zip(inner, config, strict=True)], fill, a.dtype
        )
        at = [slice(max(0, lo), max(0, lo) + n, b + 1) for n, (lo, _, b) in zip(inner, config, strict=True)]
        wide[tuple(at)] = a
        cut = [slice(max(0, -lo), s - max(0, -hi)) for s, (lo, hi, _) in zip(wide.shape, config, strict=True)]
        return wide[tuple(cut)]

    if isinstance(x, Ball):
        return Ball(padded(x.mid, value.mid), padded(x.err, value.err))
    return padded(np.asarray(x), np.asarray(value))


@rule("rev")
def _rev(x: Any, dimensions: Any) -> Any:
    return moving(np.flip)(x, tuple(dimensions))


@rule("iota")
def _iota(shape: Any, dimension: Any, dtype: Any) -> Any:
    sizes = [n if axis == dimension else 1 for axis, n in enumerate(shape)]
    numbers = np.broadcast_to(np.arange(shape[dimension]).reshape(sizes), tuple(shape))
    return np.asarray(cast(numbers, dtype))


@rule("conv_general_dilated")
def _conv(
    x: Any,
    kernel: Any,
    strides: Any,
    padding: Any,
    spread: Any,
    dilation: Any,
    specs: Any,
    groups: Any,
    batch_groups: Any,
    precision: Any = None,
) -> Any:
    """In torch's order of axes, spread and padded first."""
    if batch_groups != 1:
        raise NoBoundError("a convolution with groups of examples")
    config = [[0, 0, 0], [0, 0, 0], *([lo, hi, s - 1] for (lo, hi), s in zip(padding, spread, strict=True))]
    x = _pad(as_ball(_transpose(x, specs[0])), 0.0, config)
    kernel = _transpose(kernel, specs[1])
    zeros = [0] * len(strides)
    found = _convolution(x, kernel, None, list(strides), zeros, list(dilation), False, zeros, groups)
    return _transpose(found, np.argsort(specs[2]).tolist())


def _windows(a: np.ndarray, window: Any, strides: Any, padding: Any, dilation: Any, fill: float) -> np.ndarray:
    wide = np.pad(a, [tuple(p) for p in padding], constant_values=fill)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    found = np.lib.stride_tricks.sliding_window_view(wide, reach)
    cut = [slice(None, None, s) for s in (*strides, *dilation)]
    return found[tuple(cut)]


def _plain_window(base: list[int], padding: Any) -> None:
    if any(b != 1 for b in base) or any(side < 0 for pair in padding for side in pair):
        raise NoBoundError("windows of an array that is spread or cut")


@rule("reduce_window_sum")
def _window_sum(x: Any, window: Any, strides: Any, padding: Any, base: Any, dilation: Any) -> Any:
    _plain_window(base, padding)
    x = as_ball(x)
    parts = [_windows(a, window, strides, padding, dilation, 0.0) for a in (x.mid, x.err)]
    return total(Ball(*parts), list(range(-len(window), 0)), False)[0]


@rule("reduce_window_max")
def _window_max(x: Any, window: Any, strides: Any, padding: Any, base: Any, dilation: Any) -> Any:
    """`|max a - max b| <= max |a - b|`."""
    _plain_window(base, padding)
    x, axes = as_ball(x), tuple(range(-len(window), 0))
    mid = np.max(_windows(x.mid, window, strides, padding, dilation, -np.inf), axis=axes)
    return Ball(mid, np.max(_windows(x.err, window, strides, padding, dilation, 0.0), axis=axes))


@rule("reduce_window_min")
def _window_min(x: Any, window: Any, strides: Any, padding: Any, base: Any, dilation: Any) -> Any:
    return negative(_window_max(negative(x), window, strides, padding, base, dilation))


def _inside(place: Any, most: np.ndarray | int, mode: str) -> np.ndarray:
    """Whole numbers from 0 to `most`; beyond only where the mode moves them inside.

    Raises:
        NoBoundError: places that were computed from balls, or beyond the end.
    """
    place = settled(place)
    if not is_whole(place) or np.asarray(place).dtype.kind == "b":
        raise NoBoundError("places that were computed from inexact numbers")
    place = np.asarray(place).astype(np.int64)
    if mode == "clip":
        return np.clip(place, 0, most)
    if np.any(place < 0) or np.any(place > most):
        raise NoBoundError("places beyond an array's end")
    return place


@rule("gather")
def _gather(
    x: Any,
    places: Any,
    offset: Any,
    collapsed: Any,
    start: Any,
    batching: Any,
    places_batching: Any,
    sizes: Any,
    mode: Any,
) -> Any:
    """Entry `(b, o)` is that at `start(b) + o`; see `jax.lax.GatherDimensionNumbers`."""
    places = settled(places)
    if not is_whole(places):
        raise NoBoundError("places that were computed from inexact numbers")
    shape, lead = moves._shape(x), np.shape(places)[:-1]
    kept = [a for a in range(len(shape)) if a not in collapsed and a not in batching]
    index = []
    for axis in range(len(shape)):
        base: Any = np.zeros((1,) * len(lead), np.int64)
        if axis in start:
            base = _inside(places[..., start.index(axis)], shape[axis] - sizes[axis], mode)
        elif axis in batching:
            along = places_batching[batching.index(axis)]
            base = np.arange(lead[along]).reshape([-1 if a == along else 1 for a in range(len(lead))])
        more = [-1 if a == axis else 1 for a in kept]
        own = np.arange(sizes[axis]).reshape(more) if axis in kept else np.zeros((1,) * len(kept), np.int64)
        index.append(base.reshape((*base.shape, *(1,) * len(kept))) + own)
    full = (*lead, *(sizes[a] for a in kept))
    index = [np.broadcast_to(i, full) for i in index]
    rest = [a for a in range(len(full)) if a not in offset]
    order = np.argsort([*rest, *offset]).tolist()
    return moving(lambda a: a[tuple(index)].transpose(order))(x)


@rule("dynamic_slice")
def _dynamic_slice(x: Any, *starts: Any, sizes: Any) -> Any:
    """Starts beyond the end are moved inside."""
    shape = moves._shape(x)
    at = [int(_inside(s, n - k, "clip")) for s, n, k in zip(starts, shape, sizes, strict=True)]
    return moving(lambda a: a[tuple(slice(i, i + k) for i, k in zip(at, sizes, strict=True))])(x)


@rule("dynamic_update_slice")
def _dynamic_update_slice(x: Any, update: Any, *starts: Any) -> Any:
    shape, size = moves._shape(x), moves._shape(update)
    at = [int(_inside(s, n - k, "clip")) for s, n, k in zip(starts, shape, size, strict=True)]
    x, update = settled(x), settled(update)

    def written(parts: list[np.ndarray]) -> np.ndarray:
        into = np.array(parts[0])
        into[tuple(slice(i, i + k) for i, k in zip(at, size, strict=True))] = parts[1]
        return into

    return moves._joined([x, update], written)
