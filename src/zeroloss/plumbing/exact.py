"""Arrays taken as float64 without a change of any number: what a proof is about is what was given.

`np.asarray(x, np.float64)` rounds whole numbers beyond `2^53` and long doubles, drops imaginary parts, uncovers what a mask
hides and parses text, all silently; two different numbers may become one. Here each is refused instead. (Ours.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.plumbing.errors import InputError


def as_float64(array: Any, what: str) -> np.ndarray:
    """`array` as float64, entry by entry the same number (NaN and infinities stay); `what` is how an error calls it.

    Booleans count as 0 and 1. No copy where it is float64 already. A cast is NumPy's own, which keeps float32 subnormals; XLA's
    would flush them.

    Raises:
        InputError: complex numbers, text, dates, objects that are no real numbers, masked entries; numbers without an equal
            float64 (whole numbers beyond `2^53`, long doubles).
    """
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.getmaskarray(array).any():
            raise InputError(f"{what}: entries are masked; fill or remove them (array.filled(value)).")
        array = array.data
    found = np.asarray(array)
    if found.dtype == np.float64:
        if isinstance(array, list | tuple) and float(np.max(np.abs(found), initial=0.0)) >= 2.0**53:
            return _from_objects(np.asarray(array, object), what)  # NumPy has rounded whole numbers beside others
        return found
    kind = found.dtype.kind
    if kind == "c":
        raise InputError(f"{what}: the numbers are complex ({found.dtype}); give real ones, such as array.real.")
    if kind == "O":
        return _from_objects(found, what)
    if kind not in "biuf" and not _is_small_float(found.dtype):
        raise InputError(f"{what}: entries of type {found.dtype} are no numbers; give floating-point or whole numbers.")
    with np.errstate(all="ignore"):
        cast = found.astype(np.float64)
        if kind in "iu" and found.dtype.itemsize > 4:
            same = _same_integers(found, cast)
        elif kind == "f" and found.dtype.itemsize > 8:
            same = (cast == found) | np.isnan(found)
        else:
            return cast
    if not np.all(same):
        first = found[~same].ravel()[0]
        raise InputError(
            f"{what}: {first!s} and {int(np.sum(~same)) - 1} other entries have no equal float64 ({found.dtype}), so that "
            "different numbers might be taken for one; subtract an offset or split them into parts first."
        )
    return cast


def _is_small_float(dtype: np.dtype) -> bool:
    """bfloat16 and the like, which `ml_dtypes` adds: every one of their numbers is a float64."""
    return dtype.kind == "V" and dtype.names is None and dtype.name.startswith(("bfloat", "float"))


def _same_integers(found: np.ndarray, cast: np.ndarray) -> np.ndarray:
    """Which 64-bit integers their float64 equals: compared as integers, for NumPy would compare them as float64."""
    limit = 2.0**63 if found.dtype.kind == "i" else 2.0**64
    inside = cast < limit
    return inside & (np.where(inside, cast, 0.0).astype(found.dtype) == found)


def _from_objects(found: np.ndarray, what: str) -> np.ndarray:
    cast = np.empty(found.shape)
    for place, value in np.ndenumerate(found):
        try:
            if isinstance(value, str | bytes | complex | np.complexfloating):
                raise TypeError
            number = float(value)
            # As Python compares, exactly; NumPy would round a whole number first.
            own = value.item() if isinstance(value, np.integer) else value
            cast[place], same = number, bool(number == own) or bool(own != own)
        except (TypeError, ValueError, OverflowError):
            same = False
        if not same:
            raise InputError(
                f"{what}: {str(value)[:40]} ({type(value).__name__}) has no equal float64; give an array of floating-point numbers."
            )
    return cast
