"""Numbers as float64 from whatever holds them: exactly or not at all; what float64 cannot hold is refused, never rounded silently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zeroloss.plumbing.containers import read_array
from zeroloss.plumbing.float64 import exact_float64


def as_float64(array: Any, what: str, names: Sequence[str] = ()) -> np.ndarray:
    """The numbers of `array`, of the same shape, as float64: each exactly, NaN and infinities included.

    Truth values are 0 and 1. Whole numbers of any size, long doubles and object arrays of Python's numbers are taken if
    float64 holds every one. Decimals and fractions that are no whole numbers become the nearest float64, as decimals in
    a text do, and are refused where two different ones of a column would become equal.

    No copy where it is a float64 array already. Casts are NumPy's own, which keep subnormal float32 numbers; XLA's would flush
    them to 0.

    Args:
        array: an array, or a container that `zeroloss.plumbing.containers.read_array` reads.
        what: what the array is called in messages ("inputs", "targets"); a plural.
        names: names of the columns of an `(n, d)` array, for messages.

    Raises:
        InputError: masked entries, complex numbers, times, texts, missing values, or a number that float64 cannot hold: row and column.
    """
    if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray) or array.dtype.kind in "OVT":
        array = read_array(array, what).array
    return exact_float64(array, what, names)
