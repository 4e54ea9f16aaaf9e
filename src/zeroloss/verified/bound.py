"""The types of a proved bound: what only this package can make.

A `Lower` is a float64 that is proved to be at most the quantity it is of, an `Upper` one that is at least; rounding is counted. Both
are floats, and arithmetic with them gives plain floats: a number that was worked on is no longer a bound. A result read from a
file has plain floats too: it records what was proved, and proves nothing.
"""

from __future__ import annotations

KEY = object()
"""What a bound is made with; `zeroloss.verified.proved` alone uses it."""


class _Bound(float):
    """A float that is made with the key of this file."""

    __slots__ = ()

    def __new__(cls, value: float, key: object = None) -> _Bound:
        if key is not KEY:
            raise TypeError(
                f"{cls.__name__} is made by the proofs of zeroloss.verified alone; a number of your own is a float."
            )
        return super().__new__(cls, value)

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)  # a copy from elsewhere is a plain number


class Lower(_Bound):
    """Proved to be at most the quantity."""

    __slots__ = ()


class Upper(_Bound):
    """Proved to be at least the quantity."""

    __slots__ = ()
