"""What a computation costs before it is run: counted operations, memory at the peak, expected seconds.

Expected seconds are counted operations over the speed of this machine, which one short matrix product measures; they are
right to a factor of 3 or so.
"""

from __future__ import annotations

import dataclasses
import functools
import time

import numpy as np

from zeroloss.plumbing.format import format_bytes, format_seconds

SHARE = 0.9
"""Of the free memory, what a computation may take at its peak; the rest is left to what was not counted."""
SIZE = 512
"""Rows of the matrices whose product is timed: large enough for all cores, a few milliseconds long."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of one computation, or (`a + b`) of several that run one after the other.

    Attributes:
        seconds: expected.
        bytes: memory at the peak; of a sum the largest, since each frees its memory before the next begins.
        operations: of floating point, counted (a multiplication and an addition are two).
    """

    seconds: float = 0.0
    bytes: float = 0.0
    operations: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, max(self.bytes, other.bytes), self.operations + other.operations)

    @property
    def sentence(self) -> str:
        """Expected time and memory as text, to be shown before the start: "about 44 s and 604 MB"."""
        return f"about {format_seconds(self.seconds)} and {format_bytes(self.bytes)}"

    def fits(self, free: float | None) -> bool:
        """Whether the peak leaves a tenth of the `free` bytes (None: not known, then it does)."""
        return free is None or self.bytes <= SHARE * free


def expected_seconds(operations: float, dtype: str = "float64", slower: float = 1.0) -> float:
    """Seconds for so many operations where they run `slower` times as slowly as one large matrix product in `dtype`."""
    return slower * operations / matrix_product_rate(dtype)


@functools.cache
def matrix_product_rate(dtype: str) -> float:
    """Floating-point operations per second of a 512 x 512 matrix product on this machine, now (a few milliseconds)."""
    a = np.random.default_rng(0).standard_normal((SIZE, SIZE)).astype(dtype)
    a @ a
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * SIZE**3 / best
