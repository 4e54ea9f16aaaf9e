"""Several inputs as one row of numbers: which columns belong to which input, and what these were.

Data stay one array `(n, d)`, the inputs' columns side by side; a `Layout` describes how to split a row again. Whole numbers
(tokens, masks) are exact in float64 up to 2^53 and are cast back where they are used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from zeroloss.plumbing.containers import read_array
from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.float64 import is_extension

Layout = tuple[tuple[str, tuple[int, ...], str], ...]
"""`(name, shape of one example, dtype)` of each input, in order; inputs that were given by position are named 0, 1, ..."""
EXACT = 2**53


def several(x: Any, rows: int | None = None) -> bool:
    """Whether `x` is several inputs: a mapping, or a tuple of arrays (each of `rows` examples, if that is known)."""
    if isinstance(x, Mapping):
        return True
    if not isinstance(x, tuple) or not x or not all(hasattr(part, "shape") and len(part.shape) >= 1 for part in x):
        return False
    if rows is None:
        return any(len(part.shape) > 1 for part in x)
    deep = any(len(part.shape) > 1 for part in x)
    if all(len(part) == rows for part in x):
        return deep or len(x) != rows
    return (
        deep and len(x) != rows
    )  # arrays of different lengths are refused later, with a message; else this is a tuple of examples


def layout_of(inputs: Any, arrays: list[np.ndarray] | None = None) -> Layout:
    """The layout of a tuple or mapping of inputs `(n, ...)`.

    Raises:
        InputError: no inputs, inputs of different numbers of examples, or one that is no array of real numbers.
    """
    names = [str(name) for name in inputs] if isinstance(inputs, Mapping) else list(map(str, range(len(inputs))))
    found = as_arrays(inputs) if arrays is None else arrays
    if not found:
        raise InputError("there are no inputs; give a tuple or dict of arrays, one example per row in each.")
    return tuple(
        (name, tuple(map(int, array.shape[1:])), array.dtype.name) for name, array in zip(names, found, strict=True)
    )


def as_arrays(inputs: Any) -> list[np.ndarray]:
    """The inputs as arrays, checked: real numbers, one example per row, the same number of examples."""
    parts = inputs.items() if isinstance(inputs, Mapping) else enumerate(inputs)
    arrays = []
    for name, part in parts:
        array = read_array(part, f"values of the input {name!r}").array
        if is_extension(array.dtype) or array.dtype.kind == "O" or array.dtype == np.longdouble:
            array = as_float64(array, f"values of the input {name!r}")
        if array.dtype.kind not in "fiub" or array.ndim == 0:
            raise InputError(
                f"the input {name!r} is {array.dtype} of shape {array.shape}; give real numbers, one row each."
            )
        if array.dtype.kind in "iu" and array.size and max(abs(int(array.min())), abs(int(array.max()))) > EXACT:
            raise InputError(
                f"the input {name!r} holds whole numbers beyond 2^53, which float64 does not keep exactly."
            )
        arrays.append(array)
    counts = {len(array) for array in arrays}
    if len(counts) > 1:
        raise InputError(f"the inputs have {sorted(counts)} rows; give one example per row in each.")
    return arrays


def joined(inputs: Any, layout: Layout | None = None) -> np.ndarray:
    """The inputs side by side, `(n, d)`: whole numbers if all are, else float64.

    With a `layout` a mapping is put into its order, and the shapes are compared with it.

    Raises:
        InputError: as `as_arrays`; names or shapes that are not those of the layout.
    """
    if layout is not None and isinstance(inputs, Mapping):
        names = [name for name, _, _ in layout]
        if set(map(str, inputs)) != set(names):
            raise InputError(f"the inputs are {', '.join(map(str, inputs))}; give {', '.join(names)}.")
        inputs = {name: inputs[name] for name in names}
    arrays = as_arrays(inputs)
    if layout is not None:
        if len(arrays) != len(layout):
            raise InputError(f"there are {len(arrays)} inputs; give {len(layout)}: {described(layout)}.")
        for array, (name, shape, _) in zip(arrays, layout, strict=True):
            if array.shape[1:] != shape:
                raise InputError(f"the input {name} has examples of shape {array.shape[1:]}; give {shape}.")
    flat = [array.reshape(len(array), -1) for array in arrays]
    whole = all(array.dtype.kind in "iub" for array in flat)
    return np.concatenate([array.astype(np.int64 if whole else np.float64) for array in flat], axis=1)


def width(layout: Layout) -> int:
    """Numbers of one example."""
    return sum(math.prod(shape) for _, shape, _ in layout)


def is_whole(dtype: str) -> bool:
    """Whether an input of this type holds whole numbers or truth values."""
    return np.dtype(dtype).kind in "iub"


def pieces(layout: Layout, x: Any) -> list[Any]:
    """Rows `(n, d)` of any array type split again: `(n, ...)` each, of the type of `x`."""
    parts, start = [], 0
    for _, shape, _ in layout:
        stop = start + math.prod(shape)
        parts.append(x[:, start:stop].reshape((x.shape[0], *shape)))
        start = stop
    return parts


def by_name(layout: Layout) -> bool:
    """Whether the inputs were given by name."""
    return not all(name.isdigit() for name, _, _ in layout)


def described(layout: Layout) -> str:
    """For a message."""
    return ", ".join(f"{name} {shape}" for name, shape, _ in layout)


def plain_layout(found: Any) -> Layout:
    """A layout as JSON gives it back."""
    return tuple((str(name), tuple(int(side) for side in shape), str(np.dtype(dtype))) for name, shape, dtype in found)
