"""Is the arithmetic what a proof assumes: IEEE 754 double precision, to nearest, with subnormal numbers?

A library may switch a thread to flush subnormals to zero (`torch.set_flush_denormal(True)`, `-ffast-math` in an extension) or
to another direction of rounding, at any time; threads of NumPy's and SciPy's BLAS keep the mode of the thread that started
them. Each proof therefore looks first: sums and products with known results are computed by Python, by NumPy entry by
entry, and by both BLAS libraries in a product that is large enough for all of their threads, and are compared bit by bit.
(Ours.)
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import numpy as np

from zeroloss.plumbing.errors import InputError

EACH, COLUMNS, DEEP = 32, 256, 256
"""Rows for each thread, columns and inner length of the product: OpenBLAS takes a thread for about `2^19` multiplications."""
EVERY = 8
"""One row in so many is not zero: every thread gets some, and few subnormal numbers, which are slow."""
MOST_THREADS = 128
ASSUMPTION = "IEEE 754 double arithmetic, round to nearest, in BLAS and LAPACK"
STANDING = "assumed; checked before the proof on sums and products with known results"
MEND = (
    "turn off what changed it (torch.set_flush_denormal(False), fesetround, -ffast-math) before zeroloss is imported, in a "
    "fresh process"
)


def _power(exponent: int, sign: int = 0) -> int:
    """The bits of `2^exponent`, made without floating-point arithmetic, which may be what is wrong."""
    bits = 1 << (exponent + 1074) if exponent < -1022 else (exponent + 1023) << 52
    return bits | sign << 63


_ONE, _TIE = _power(0), _power(-53)
_ABOVE = _power(-53) | 1 << 40  # 2^-53 + 2^-65: above the tie in double precision, on it after rounding to 64 bits
_NEXT, _MINUS = _ONE | 1, 1 << 63
# First and second summand, and their sum rounded to nearest, ties to even.
_SUMS = (
    (_ONE, _TIE, _ONE, "rounding to nearest"),
    (_ONE, _ABOVE, _NEXT, "rounding to nearest in double precision"),
    (_ONE | _MINUS, _TIE | _MINUS, _ONE | _MINUS, "rounding to nearest"),
    (_ONE | _MINUS, _ABOVE | _MINUS, _NEXT | _MINUS, "rounding to nearest in double precision"),
    (_power(-1060), 0, _power(-1060), "subnormal operands"),
    (_power(-1022) | 1 << 51, _power(-1022) | _MINUS, _power(-1023), "subnormal results"),
)
# Factors, and their product.
_PRODUCTS = (
    (_power(-540), _power(-530), _power(-1070), "subnormal results"),
    (_power(-1), _power(-1060), _power(-1061), "subnormal operands"),
)


@lru_cache(maxsize=1)
def _factors() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors `(m, DEEP)`, `(DEEP, COLUMNS)` whose product holds the sums and products above, over and over; and its bits.

    Row `r` is zero unless `EVERY` divides it; else its column k holds the case `k mod 8`.
    """
    rows = EACH * min(os.cpu_count() or 1, MOST_THREADS)
    cases = len(_SUMS) + len(_PRODUCTS)
    left, right = np.zeros((rows, DEEP), np.uint64), np.zeros((DEEP, COLUMNS), np.uint64)
    left[::EVERY, 0] = left[::EVERY, 1] = _ONE
    for case, (first, second, _, _) in enumerate(_SUMS):
        right[0, case::cases], right[1, case::cases] = first, second
    for case, (first, second, _, _) in enumerate(_PRODUCTS):
        left[::EVERY, 2 + case], right[2 + case, len(_SUMS) + case :: cases] = first, second
    expected = np.zeros((rows, COLUMNS), np.uint64)
    sums = np.array([case[2] for case in (*_SUMS, *_PRODUCTS)], np.uint64)
    expected[::EVERY] = np.tile(sums, COLUMNS // cases)
    return left.view(np.float64), right.view(np.float64), expected


def _words(column: int) -> str:
    return (*_SUMS, *_PRODUCTS)[column][3]


def _scalars() -> str:
    """Python's own arithmetic."""
    numbers = np.array([case[:3] for case in (*_SUMS, *_PRODUCTS)], np.uint64).view(np.float64).tolist()
    for column, (first, second, expected) in enumerate(numbers):
        found = first + second if column < len(_SUMS) else first * second
        if np.float64(found).view(np.uint64) != np.float64(expected).view(np.uint64):
            return _words(column)
    return ""


def _entries() -> str:
    """NumPy's, entry by entry, on arrays long enough for its vector instructions."""
    numbers = [np.array([case[:3] for case in cases], np.uint64).T for cases in (_SUMS, _PRODUCTS)]
    for cases, operation in zip(numbers, (np.add, np.multiply), strict=True):
        first, second, expected = (np.tile(row, 8) for row in cases)
        wrong = operation(first.view(np.float64), second.view(np.float64)).view(np.uint64) != expected
        if wrong.any():
            start = 0 if operation is np.add else len(_SUMS)
            return _words(start + int(np.argmax(wrong)) % cases.shape[1])
    return ""


def _compared(product: Any) -> str:
    expected = _factors()[2]
    bits = np.ascontiguousarray(product).view(np.uint64)
    if np.array_equal(bits, expected):
        return ""
    wrong = (bits != expected).any(axis=0)
    return _words(int(np.argmax(wrong)) % (len(_SUMS) + len(_PRODUCTS)))


def _blas() -> str:
    left, right, _ = _factors()
    return _compared(left @ right)


def _scipy_blas() -> str:
    import scipy.linalg.blas as blas

    left, right, _ = _factors()
    # (A B)^T = B^T A^T on the transposes, which are in BLAS's own order.
    return _compared(blas.dgemm(1.0, right.T, left.T).T)


def _lapack() -> str:
    """The Cholesky factor of `I` bordered by a subnormal number."""
    import scipy.linalg.lapack as lapack

    bits = np.zeros((4, 4), np.uint64)
    bits[range(4), range(4)] = _ONE
    bits[1:, 0] = bits[0, 1:] = _power(-1060)
    factor, info = lapack.dpotrf(np.asfortranarray(bits.view(np.float64)), lower=1)
    return "" if info == 0 and (factor[1:, 0].view(np.uint64) == _power(-1060)).all() else "subnormal operands"


_HERE = (("Python", _scalars), ("NumPy", _entries), ("SciPy's LAPACK", _lapack))
_THREADS = (("NumPy's BLAS", _blas), ("SciPy's BLAS", _scipy_blas))
ALONE = 60
"""Rows of square matrices below which BLAS takes no other thread."""


def departure(rows: int | None = None) -> str:
    """Where and how this process's arithmetic departs from IEEE 754 double precision; "" if it does not. Below 1 ms.

    With square matrices of fewer than `ALONE` `rows`, only this thread computes, and only its arithmetic is looked at.
    """
    for place, look in _HERE if rows is not None and rows < ALONE else (*_HERE, *_THREADS):
        found = look()
        if found:
            return f"{place} does without {found}"
    return ""


def require_ieee(rows: int | None = None) -> None:
    """Check the arithmetic of this thread and of both BLAS libraries' threads (see `departure`); the first line of every proof.

    Raises:
        InputError: it is not IEEE 754 double precision, to nearest, with subnormals.
    """
    found = departure(rows)
    if found:
        raise InputError(f"nothing can be proved in this arithmetic: {found}; {MEND}.")
