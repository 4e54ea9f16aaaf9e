"""Equality by content for records that hold arrays."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.verdict import Record


def same(a: Any, b: Any) -> bool:
    """Whether `a` and `b` hold the same: arrays by dtype, shape and values, containers item by item."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        return arrays and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(p, q) for p, q in zip(a, b, strict=True))
    return bool(a == b)


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayRecord(Record):
    """A `Record` with arrays in it: `==` compares them by value (the generated comparison would raise)."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in dataclasses.fields(self))

    def __hash__(self) -> int:
        return hash((type(self).__name__, repr(self)))


def read_only(array: np.ndarray) -> np.ndarray:
    """`array` if nobody can write to it, else a copy that nobody can."""
    if array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, order="C")
        array.flags.writeable = False
    return array
