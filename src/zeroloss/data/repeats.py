"""Repeated inputs: which rows are equal, which of them contradict each other, and the data without repeats.

Numbers are compared by their bits, as given: nothing is rounded before it is decided what is equal, and what the processor does
with subnormal numbers plays no part. Sums and means are exact, in rational arithmetic, at every scale of float64.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from zeroloss.data.content import read_only
from zeroloss.plumbing import InputError
from zeroloss.plumbing.exact import as_float64
from zeroloss.verdict import Record


@dataclasses.dataclass(frozen=True, repr=False)
class Groups(Record):
    """Rows in groups of equal inputs, numbered in the order of their first rows.

    Attributes:
        index: `(n,)` int, the group of each row.
        first: `(count,)` int, the first row of each group.
        sizes: `(count,)` int, the number of rows in each group.
    """

    index: np.ndarray
    first: np.ndarray
    sizes: np.ndarray

    def __post_init__(self) -> None:
        for name in ("index", "first", "sizes"):
            object.__setattr__(self, name, read_only(np.asarray(getattr(self, name), np.int64)))

    @property
    def count(self) -> int:
        """Number of distinct inputs."""
        return len(self.first)

    @property
    def repeated(self) -> np.ndarray:
        """The groups with more than one row."""
        return np.flatnonzero(self.sizes > 1)

    def members(self, group: int) -> np.ndarray:
        """The rows of a group, ascending."""
        return np.flatnonzero(self.index == group)

    def __repr__(self) -> str:
        return f"<Groups: {len(self.index)} rows, {self.count} distinct, {len(self.repeated)} of them repeated>"


class Collapsed(NamedTuple):
    """Distinct inputs `x` `(g, d)`, mean targets `y` `(g, c)`, group `sizes` `(g,)`, and `rounding` `(g, c)`.

    `|y - exact mean| <= rounding`, entry by entry; 0 where the mean is a float64.
    """

    x: np.ndarray
    y: np.ndarray
    sizes: np.ndarray
    rounding: np.ndarray


def groups(x: Any) -> Groups:
    """Groups of rows of `x` `(n, d)` that are equal bit for bit, with -0.0 taken for 0.0.

    Raises:
        InputError: `x` is not 2-D or empty, or holds NaN (which equals nothing), or numbers that no float64 equals.
    """
    keys = _bits(_matrix(x, "inputs"))
    rows = keys.view(np.dtype((np.void, keys.dtype.itemsize * keys.shape[1]))).ravel()
    _, first, index, sizes = np.unique(rows, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return Groups(index=rank[index.ravel()], first=first[order], sizes=sizes[order])


def contradictions(x: Any, y: Any) -> np.ndarray:
    """The groups (numbers as in `groups(x)`) whose rows differ in target: zero loss is impossible.

    `x` is `(n, d)` and `y` `(n, c)`.
    """
    y = _matrix(y, "targets")
    found = groups(x)
    _same_rows(found, y)
    return np.unique(found.index[_differs(found, y)])


def collapse(x: Any, y: Any) -> Collapsed:
    """The data without repeats: distinct inputs in order of first appearance, and the mean target of each group.

    The means are correctly rounded, and `rounding` bounds the error of each entry, itself rounded up: computed in exact
    rational arithmetic where the targets of a group differ, and 0 where they agree.

    Standing: ours. Group means serve as targets, their rounding counted.
    """
    array, y = _matrix(x, "inputs"), _matrix(y, "targets")
    found = groups(array)
    _same_rows(found, y)
    mean, rounding = y[found.first].copy(), np.zeros((found.count, y.shape[1]))
    for group, rows in _contradictory_rows(found, y):
        for k in range(y.shape[1]):
            exact = sum(fractions(y[rows, k]), Fraction(0)) / len(rows)
            mean[group, k] = float(exact)  # a quotient of integers, correctly rounded
            rounding[group, k] = round_up(abs(fractions(mean[group, k : k + 1])[0] - exact))
    return Collapsed(array[found.first], mean, found.sizes, rounding)


def check_directions(raw: np.ndarray, x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> list[str]:
    """A note on inputs that become equal where `raw` `(n, d)` is scaled to the sphere as `x`; none where none do.

    Raises:
        InputError: two inputs that differ become equal, and their targets in `y` differ: `rows` names them.
    """
    before, after = groups(raw), groups(x)
    if after.count == before.count:
        return []
    targets = y.reshape(len(y), -1)
    first = after.first[after.index]
    merged = (raw != raw[first]).any(axis=1)
    differs = (targets != targets[first]).any(axis=1)
    clash = np.intersect1d(after.index[merged], after.index[differs])
    if clash.size:
        row = int(np.flatnonzero(merged & (after.index == clash[0]))[0])
        raise InputError(
            f"rows {int(rows[first[row]])} and {int(rows[row])} differ and become equal on the sphere, where the targets "
            "are not the same; use scaling 'auto' or 'none'."
        )
    return [f"on the sphere {before.count} different training inputs became {after.count}"]


def spread(x: np.ndarray, y: np.ndarray) -> Fraction:
    """`sum_groups sum_{i in group} |y_i - mean_group|^2`, exactly."""
    total = Fraction(0)
    for _, rows in _contradictory_rows(groups(x), y):
        for column in y[rows].T:
            values = fractions(column)
            total += sum((v * v for v in values), Fraction(0)) - sum(values, Fraction(0)) ** 2 / len(values)
    return total


def fractions(values: np.ndarray) -> list[Fraction]:
    """Finite float64 numbers as fractions, read from their bits: no arithmetic that might flush a subnormal one."""
    found = []
    for bits in np.ascontiguousarray(values).view(np.uint64).tolist():
        exponent, mantissa = bits >> 52 & 0x7FF, bits & (1 << 52) - 1
        if exponent:
            mantissa, exponent = mantissa | 1 << 52, exponent - 1
        number = Fraction(mantissa << exponent, 1 << 1074)
        found.append(-number if bits >> 63 else number)
    return found


def round_down(value: Fraction) -> float:
    """The largest finite float64 that is at most `value`; minus infinity below all of them."""
    try:
        near = float(value)
    except OverflowError:
        return math.nextafter(math.inf, 0.0) if value > 0 else -math.inf
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)


def round_up(value: Fraction) -> float:
    """The smallest finite float64 that is at least `value`; infinite above all of them."""
    return -round_down(-value)


def _contradictory_rows(found: Groups, y: np.ndarray) -> list[tuple[int, np.ndarray]]:
    wanted = np.unique(found.index[_differs(found, y)])
    order = np.argsort(found.index, kind="stable")
    starts = np.concatenate([[0], np.cumsum(found.sizes)])
    return [(int(g), order[starts[g] : starts[g + 1]]) for g in wanted]


def _bits(array: np.ndarray) -> np.ndarray:
    """The numbers as integers that are equal where the numbers are, -0.0 and 0.0 among them."""
    bits = np.ascontiguousarray(array).view(np.int64)
    return np.where(bits == np.iinfo(np.int64).min, 0, bits)


def _differs(found: Groups, y: np.ndarray) -> np.ndarray:
    """`(n,)`: whether a row's target is another than that of its group's first row."""
    bits = _bits(y)
    return (bits != bits[found.first][found.index]).any(axis=1)


def _matrix(array: Any, what: str) -> np.ndarray:
    result = as_float64(array, what)
    if result.ndim != 2 or result.size == 0:
        raise InputError(f"the {what} have shape {result.shape}; give a non-empty array (n, columns).")
    if not np.isfinite(result).all():
        raise InputError(f"the {what} hold NaN or infinity; remove or replace those rows.")
    return result


def _same_rows(found: Groups, y: np.ndarray) -> None:
    if len(found.index) != len(y):
        raise InputError(f"there are {len(found.index)} inputs and {len(y)} targets; give one target per input.")
