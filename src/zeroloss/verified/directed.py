"""The rounding policy of the core, once: the constants that bounds are widened by, and norms rounded to the safe side.

Float64 with round-to-nearest: an operation is within `u = 2^-53` relative of the exact one, and within `2^-1075` where it underflows.
A sum or inner product of k terms in any order is within `gamma_k` of the sum of absolute values (Higham, Accuracy and Stability,
2nd ed., section 3.1). Bounds are themselves computed in float64 and then widened by one of the constants below. A constant that
is changed may only widen a bound.

Squares underflow below `1e-154` and overflow above `1e154`, and BLAS counts entries in 32 bits: a norm taken plainly is 0 for a
vector of `1e-170`, and that of more than `2^31` numbers leaves some out. Here entries are first scaled by a power of two (exact but
for what underflows beside the largest entry, which the rounding allowed for covers), and summed by NumPy in blocks. (Ours.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from zeroloss.plumbing.errors import InputError

UNIT = 2.0**-53
"""`u`, the largest relative error of one operation."""
ULP = 2.0**-52
"""`2 u`: the roundings of an operation and of one operand."""
SLOP = 1 + 1e-6
"""Factor that covers the rounding of a bound computed as a sum of up to `1e9` positive terms (`gamma_k` is below `2e-7`)."""
WIDE = 1 + 1e-9
"""Factor that covers the rounding of a formula of fewer than `1e6` operations."""
UP, DOWN = 1 + 1e-12, 1 - 1e-12
"""Factors that cover, upward and downward, fewer than a thousand operations: roots, products of a few factors."""
FEW_UP, FEW_DOWN = 1 + 2.0**-50, 1 - 2.0**-50
"""Factors that cover, upward and downward, four operations."""
TINY = 1e-290
"""An upper bound on what fewer than `1e30` operations lose by underflow."""
LEAST = 1e-300
"""The same for single numbers that are not multiplied afterwards: keeps a bound on a positive quantity positive."""
FLOOR = 1e-60
"""No factor of a recursion is taken below this, so that products of four of them do not underflow."""
LOST = 2.0**-1000
"""An entry or a product that underflows beside a largest entry near 1 loses at most `2^-1074`, far less than this."""
BLOCK = 1 << 22
"""Numbers summed at a time."""
PLAIN = 2.0**400
"""Entries between `1/PLAIN` and this are squared without scaling."""


def gamma(k: int) -> float:
    """`k u/(1 - k u)`, rounded up."""
    if k * UNIT >= 0.01:
        raise InputError(f"{k} operations in a row are more than the rounding analysis covers.")
    return k * UNIT / (1 - k * UNIT) * (1 + 1e-10)


def blocks(array: Any, size: int = 0) -> Iterator[np.ndarray]:
    """The entries of an array, each once, in pieces of about `size` (`BLOCK`) that are no copies where there need be none."""
    array = np.asarray(array)
    size = size or BLOCK
    if array.size <= size:
        yield array
    elif array.ndim == 1:
        for start in range(0, len(array), size):
            yield array[start : start + size]
    else:
        # Along the longest stride, so that the pieces of a matrix in either order lie together.
        axis = int(np.argmax(np.abs(array.strides)))
        axis = axis if array.shape[axis] > 1 else int(np.argmax(array.shape))
        array = np.moveaxis(array, axis, 0)
        rows = max(1, size // (array.size // len(array)))
        for start in range(0, len(array), rows):
            piece = array[start : start + rows]
            yield from (blocks(piece[0], size) if rows == 1 else (piece,))


def norm_upper(array: Any) -> float:
    """An upper bound on the Euclidean norm of all entries, within a relative `1e-8` for up to `2^22` of them.

    0 only for zeros; infinite beyond float64, and NaN if an entry is.
    """
    array = np.asarray(array, np.float64)
    with np.errstate(invalid="ignore"):
        largest = max(
            (float(np.max(np.abs(piece), initial=0.0)) for piece in blocks(array)), key=_nan_first, default=0.0
        )
    if largest == 0 or not math.isfinite(largest):
        return largest
    power = 0 if 1 / PLAIN < largest < PLAIN else math.frexp(largest)[1]
    total = 0.0
    for piece in blocks(array):
        scaled = piece if power == 0 else _scaled(piece, -power)
        total += float(np.sum(np.square(scaled))) * FEW_UP
    # One addition per entry, in any order; the powers of two and the root round a few times more.
    return ldexp_up(math.sqrt(total) * (1 + (min(array.size, BLOCK) + 64) * 2.0**-52), power)


def _nan_first(value: float) -> float:
    return math.inf if math.isnan(value) else value


def norms_upper(array: Any, axis: int = -1) -> np.ndarray:
    """Upper bounds on the Euclidean norms along one axis, as `norm_upper`."""
    array = np.asarray(array, np.float64)
    count = array.shape[axis]
    if count == 0 or array.size == 0:
        return np.zeros(np.delete(array.shape, axis))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        largest = np.maximum(array.max(axis=axis, keepdims=True), -array.min(axis=axis, keepdims=True))
        inner = largest[largest != 0]
        if inner.size == 0:
            return np.zeros(np.delete(array.shape, axis))
        grown = 1 + (count + 64) * 2.0**-52
        if 1 / PLAIN < inner.min() and inner.max() < PLAIN:
            return np.sqrt(np.sum(np.square(array), axis=axis)) * grown
        power = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
        lengths = np.sqrt(np.sum(np.square(_scaled(array, -power)), axis=axis)) * grown
        lengths = np.ldexp(lengths, np.squeeze(power, axis))
        return np.where(
            lengths > 0, np.nextafter(lengths, np.inf), np.where(np.squeeze(largest, axis) == 0, 0.0, lengths)
        )


def _scaled(array: np.ndarray, power: Any) -> np.ndarray:
    """`array 2^power`, exact but for underflow."""
    half = np.asarray(power) // 2  # in two steps: one power of two may be out of range
    return np.ldexp(np.ldexp(array, half), np.asarray(power) - half)


def scaled_to_one(matrix: np.ndarray) -> tuple[np.ndarray, int]:
    """`(A 2^-k, k)` with the largest entry of `A 2^-k` in [1/2, 1); exact but for entries lost by underflow, `2^-1074` each.

    Matrices of ordinary size are left as they are, with `k = 0`.
    """
    largest = float(np.max(np.abs(matrix), initial=0.0))
    if largest == 0 or not math.isfinite(largest) or 2.0**-100 < largest < 2.0**100:
        return matrix, 0
    power = math.frexp(largest)[1]
    return _scaled(matrix, -power), power


def ldexp_up(value: float, power: int) -> float:
    """`value 2^power` for a value of at least 0, rounded up."""
    if power == 0 or value == 0:
        return value
    try:
        found = math.ldexp(value, power)
    except OverflowError:
        return math.inf
    return math.nextafter(found, math.inf)


def ldexp_down(value: float, power: int) -> float:
    """`value 2^power` for a value of at least 0, rounded down."""
    if value == 0 or power == 0:
        return value
    try:
        found = math.ldexp(value, power)
    except OverflowError:
        return math.nextafter(math.inf, 0.0)
    return max(0.0, math.nextafter(found, -math.inf))


def ratio_upper(top: Iterable[float], bottom: Sequence[float] = ()) -> float:
    """`(product of top)/(product of bottom)` of numbers of at least 0, rounded up by a few parts in `1e15`.

    Nothing underflows or overflows on the way. Infinite where one of `top` is, or one of `bottom` is 0; NaN if one is NaN.
    """
    mantissa, power = 1.0, 0
    top = list(top)
    if any(math.isnan(v) for v in (*top, *bottom)):
        return math.nan
    if any(v == 0 for v in bottom) or math.inf in top:
        return math.inf
    if any(v == 0 for v in top):
        return 0.0
    for index, value in enumerate((*top, *bottom)):
        if math.isinf(value):
            return ldexp_up(mantissa, -1100)  # smaller than anything: the least positive number
        part, exponent = math.frexp(value)
        mantissa, power = (
            (mantissa * part, power + exponent) if index < len(top) else (mantissa / part, power - exponent)
        )
        mantissa, exponent = math.frexp(mantissa * (1 + 2.0**-51))
        power += exponent
    return ldexp_up(mantissa, min(power, 2000))


def square_lower(value: float) -> float:
    """`value^2` for a value of at least 0, rounded down; 0 below `1e-290`, where rounding is no longer relative."""
    square = value * value * FEW_DOWN
    return square if 1e-290 <= square < math.inf else 0.0 if square < 1e-290 else math.nextafter(math.inf, 0.0)


def square_upper(value: float) -> float:
    """`value^2`, rounded up."""
    return ratio_upper((abs(value), abs(value)))


def sqrt_lower(value: float) -> float:
    """The root of a number of at least 0, rounded down; 0 for a negative one."""
    return math.sqrt(max(value, 0.0)) * DOWN
