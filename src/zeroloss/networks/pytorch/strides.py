"""`as_strided` in a program whose arrays have no strides: where each entry of torch's memory stands in the tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError


def strided(size: Any, stride: Any, offset: Any, tensor: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """The operator, the arguments behind the tensor and the keywords for `tensor.as_strided(size, stride, offset)`.

    torch reads places in memory; here a tensor is its entries in row-major order. A tensor that fills its memory in another
    order of axes (channels last) is put in that order first; what then reads every entry in turn is a `view`.

    Args:
        tensor: as torch knows it while it exports: shape, strides and offset count.

    Raises:
        InputError: it reads memory that the tensor does not show.
    """
    start = int(tensor.storage_offset())
    offset = start if offset is None else int(offset)
    shape, steps = [int(s) for s in tensor.shape], [int(s) for s in tensor.stride()]
    order = sorted(range(len(shape)), key=lambda a: (-steps[a], -shape[a] if shape[a] != 1 else 0))
    expected = 1
    for axis in reversed(order):
        if shape[axis] != 1 and steps[axis] != expected:
            raise _outside()
        expected *= shape[axis]
    size, stride = tuple(int(s) for s in size), tuple(int(s) for s in stride)
    first = offset - start
    last = first + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if math.prod(size) else first
    if first < 0 or last >= max(1, math.prod(shape)):
        raise _outside()
    turned = {} if _in_turn(order, shape) else {"order": tuple(order)}
    if not turned and first == 0 and math.prod(size) == math.prod(shape) and _row_major(size, stride):
        return "aten.view.default", (size,), {}
    return "aten.as_strided.default", (size, stride, first), turned


def _in_turn(order: list[int], shape: list[int]) -> bool:
    """Whether the axes that count are in their own order already."""
    counting = [axis for axis in order if shape[axis] != 1]
    return counting == sorted(counting)


def _row_major(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    place = np.zeros(size, np.int64)
    for axis, (n, step) in enumerate(zip(size, stride, strict=True)):
        place = place + np.arange(n).reshape([-1 if i == axis else 1 for i in range(len(size))]) * step
    return bool((place.ravel() == np.arange(place.size)).all())


def _outside() -> InputError:
    return InputError(
        "the module reads memory by strides beyond the tensor it has (as_strided); write it with reshape, unfold or indexing."
    )
