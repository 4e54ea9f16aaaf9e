"""A number known within an error: midpoint and radius, entry by entry, in float64.

`Ball(mid, err)` stands for any real array within `err` of `mid`. Each rule returns a ball that holds every result the
exact operation can have on what its arguments hold: the arguments' errors passed on by a Lipschitz bound over the
balls, plus the rounding of the float64 operation (`2 u` relative for one operation, `u = 2^-53`; `gamma_k` for a sum of
k products in any order, Higham, Accuracy and Stability, 2nd ed., section 3.1). Errors are themselves computed in float64
from terms that are all positive, and multiplied by `SLOP` to stay above their own rounding; underflow adds less than `TINY`.
A midpoint of minus or plus infinity with radius 0 is that infinity (a mask's); only rules that mention infinities take it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.verified.directed import DOWN, SLOP, TINY, ULP

"""Twice the unit roundoff."""


class NoBoundError(Exception):
    """An operation for which there is no error bound, or whose balls are too wide for one; the message names it."""


@dataclasses.dataclass(frozen=True)
class Ball:
    """`mid` and `err` of one shape, float64."""

    mid: np.ndarray
    err: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.mid.shape

    @property
    def size(self) -> np.ndarray:
        """A bound on the absolute value."""
        return np.abs(self.mid) + self.err


@dataclasses.dataclass(frozen=True)
class Unsure:
    """Truth values, and where the balls compared do not decide them."""

    value: np.ndarray
    open: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape


def exact(value: Any) -> Ball:
    """Exact numbers: balls of radius 0.

    Raises:
        NoBoundError: whole numbers or others that float64 does not hold.
    """
    given = np.asarray(value)
    if given.dtype.kind not in "iub" and given.dtype not in (
        np.float32,
        np.float64,
    ):  # half precision rounds as it goes
        raise NoBoundError(f"numbers of the type {given.dtype}")
    mid = given.astype(np.float64)
    if given.dtype.kind in "iu" and given.dtype.itemsize > 4 and given.size and np.max(np.abs(mid)) >= 2.0**53:
        raise NoBoundError("whole numbers beyond 2^53 taken for floating ones")
    return Ball(mid, np.zeros(mid.shape))


def as_ball(value: Any) -> Ball:
    """Balls as they are; arrays and numbers as exact.

    Raises:
        NoBoundError: truth values that a comparison of balls may have left open.
    """
    if isinstance(value, Unsure):
        if value.open.any():
            raise NoBoundError("truth values taken for numbers")
        return exact(value.value)
    return value if isinstance(value, Ball) else exact(value)


def rounded(mid: np.ndarray, err: Any, units: float = 1.0) -> Ball:
    """`mid` as one float64 operation made it, beside errors passed on: `units` operations' rounding is added."""
    if not np.isfinite(mid).all():
        raise NoBoundError("numbers too large for float64 appear on the way")
    err = (np.broadcast_to(err, mid.shape) + units * ULP * np.abs(mid)) * SLOP + TINY
    if not np.isfinite(err).all():
        raise NoBoundError("balls too wide for float64 appear on the way")
    return Ball(mid, err)


def infinite(a: Ball) -> np.ndarray:
    """Where the ball is an infinity."""
    return np.isinf(a.mid) & (a.err == 0)


def add(a: Any, b: Any) -> Ball:
    """A finite number and an infinity are that infinity."""
    a, b = as_ball(a), as_ball(b)
    with np.errstate(invalid="ignore"):
        mid, err = a.mid + b.mid, a.err + b.err
    at = (infinite(a) | infinite(b)) & np.isinf(mid)
    if not at.any():
        return rounded(mid, err)
    found = rounded(np.where(at, 0.0, mid), np.where(at, 0.0, err))
    return Ball(np.where(at, mid, found.mid), np.where(at, 0.0, found.err))


def negative(a: Any) -> Ball:
    a = as_ball(a)
    return Ball(-a.mid, a.err)


def multiply(a: Any, b: Any) -> Ball:
    a, b = as_ball(a), as_ball(b)
    return rounded(a.mid * b.mid, np.abs(a.mid) * b.err + a.err * b.size)


def divide(a: Any, b: Any) -> Ball:
    """`|a*/b* - a/b| = |(a* - a) - (a/b)(b* - b)|/|b*|`."""
    a, b = as_ball(a), as_ball(b)
    least = np.abs(b.mid) * DOWN - b.err
    if not np.all(least > 0):
        raise NoBoundError("a division by what may be 0")
    mid = a.mid / b.mid
    # A quotient or a product that underflows is off by less than TINY, before `least` divides it and after.
    return rounded(mid, (a.err + (np.abs(mid) * SLOP + TINY) * b.err + TINY * (b.err > 0)) / least)


def root(a: Any) -> Ball:
    """The square root of positive balls: slope at most `1/(2 sqrt(a - err))`."""
    a = as_ball(a)
    least = a.mid * DOWN - a.err
    if not np.all(least > 0):
        raise NoBoundError("a root of what may not be positive")
    return rounded(np.sqrt(a.mid), 0.5 * a.err / np.sqrt(least))
