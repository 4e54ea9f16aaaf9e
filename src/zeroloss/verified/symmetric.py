"""A matrix made ready for a bound on its eigenvalues: finite, bitwise symmetric, with the power of two that scales it.

No copy is made where the matrix can be used as it is.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.linalg.blas

from zeroloss.plumbing import InputError
from zeroloss.plumbing.float64 import exact_float64
from zeroloss.verified.directed import UNIT, UP, WIDE, norm_upper

TILE = 128
MOST_ENTRIES = 1 << 28
"""Most numbers summed by one call of BLAS."""
PLAIN = 2.0**400
"""Matrices with diagonal and norm between this and its inverse are multiplied as they are; others are scaled first."""


def _array(k: Any) -> np.ndarray:
    """`k` as an array without rounding: a list of Python's numbers keeps them; what is masked has no value."""
    if isinstance(k, np.ma.MaskedArray):
        if np.ma.is_masked(k):
            raise InputError(
                "the entries of the matrix are partly masked; fill them, for instance by array.filled(value)."
            )
        k = k.data
    return np.asarray(k) if hasattr(k, "__array__") else np.asarray(k, dtype=object)


def as_matrix(k: np.ndarray) -> np.ndarray:
    """A full kernel `(n, n, c, c)` as the matrix `(n c, n c)`, example-major (without a copy where there need be
    none)."""
    k = np.asarray(k)
    if k.ndim == 2:
        return k
    if k.ndim != 4:
        raise InputError(f"a kernel of shape {k.shape}: give a matrix (n, n), or a full kernel (n1, n2, c, c).")
    n1, n2, c, d = k.shape
    return k.transpose(0, 2, 1, 3).reshape(n1 * c, n2 * d)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """`A = factor * matrix`, finite, bitwise symmetric and with `max |A_ii|` in [1, 2) unless its diagonal is zero.

    Attributes:
        matrix: `(n, n)` float64.
        factor: a power of two.
        scale: the power of two by which `A` differs from what was given (`factor`, or the matrix is scaled already).
        norm: `|A|_F`, rounded up.
    """

    matrix: np.ndarray
    factor: float
    scale: float
    norm: float

    @property
    def diagonal(self) -> np.ndarray:
        """`A_ii`."""
        return np.diag(self.matrix) * self.factor

    def product(self, v: np.ndarray) -> np.ndarray:
        """`A v`."""
        return symmetric_product(self.matrix, v, self.factor)


def prepare(k: Any, entry_error: float) -> tuple[Prepared, float]:
    """The matrix `(n, n)` or full kernel `(n, n, c, c)`, ready, and the whole entry error in the original scale.

    Raises:
        InputError: not square, not finite, numbers that are no float64 (complex ones, say), an off-diagonal beyond all scaling,
            or a bad `entry_error`.
    """
    if not entry_error >= 0 or math.isinf(entry_error):
        raise InputError(f"entry_error={entry_error}: it must be a finite number, 0 or more.")
    matrix = as_matrix(exact_float64(_array(k), "entries of the matrix"))
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise InputError(f"a matrix of shape {matrix.shape} has no eigenvalues; give a square one.")
    if not (matrix.flags.c_contiguous or matrix.flags.f_contiguous):
        matrix = np.ascontiguousarray(matrix)
    norm = _norm(matrix)
    if not math.isfinite(norm) and not np.isfinite(matrix).all():
        raise InputError("the matrix holds NaN or infinity; no eigenvalue of it can be bounded.")
    n, error = len(matrix), float(entry_error)
    if not _is_symmetric(matrix):
        matrix, more = _symmetric_part(matrix)
        norm, error = _norm(matrix), error + more
    peak = float(np.max(np.abs(np.diag(matrix)))) or float(np.max(np.abs(matrix)))
    # 2^1000 is enough for a matrix of subnormals, whose own power would overflow.
    scale = math.ldexp(1.0, min(1 - math.frexp(peak)[1], 1000)) if peak else 1.0
    if not norm * scale <= 1e100 and float(np.max(np.abs(matrix))) * scale > 1e100:
        raise InputError("the off-diagonal entries exceed the diagonal by more than 1e100; rescale the matrix.")
    if scale < 1:
        error += n * 2.0**-1074 / scale
    error *= UP
    if 1 / PLAIN < peak and norm < PLAIN:
        return Prepared(matrix, scale, scale, norm * scale), error
    scaled = matrix * scale  # a power of two: exact but for underflow
    return Prepared(scaled, 1.0, scale, _norm(scaled)), error


# Large products go through SciPy's BLAS, as the factorisations do: NumPy brings its own, and the threads of the two,
# which spin for a while after each call, would stand in each other's way.


def sum_of_squares(matrix: np.ndarray) -> float:
    """Of a contiguous matrix, in any order; infinite where squares overflow, NaN or infinite if an entry is.

    In parts: BLAS counts entries in 32 bits and leaves out what lies beyond.
    """
    flat, total = matrix.ravel(order="K"), 0.0
    for start in range(0, flat.size, MOST_ENTRIES):
        part = flat[start : start + MOST_ENTRIES]
        total += float(scipy.linalg.blas.ddot(part, part))
    return total


def symmetric_product(matrix: np.ndarray, v: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """`factor K v` of a contiguous, bitwise symmetric matrix, reading one triangle; `factor` a power of two."""
    stored = matrix if matrix.flags.f_contiguous else matrix.T
    return scipy.linalg.blas.dsymv(factor, stored, v)


def _norm(matrix: np.ndarray) -> float:
    """`|matrix|_F` rounded up; infinite where squares overflow."""
    return math.sqrt(sum_of_squares(matrix)) * (1 + 4 * matrix.size * UNIT)


def _tiles(n: int) -> list[tuple[slice, slice]]:
    edges = [slice(start, min(start + TILE, n)) for start in range(0, n, TILE)]
    return [(rows, columns) for i, rows in enumerate(edges) for columns in edges[: i + 1]]


def _is_symmetric(matrix: np.ndarray) -> bool:
    """Bit for bit (but for the sign of zeros), tile by tile, so that both triangles stay in the cache."""
    return all(np.array_equal(matrix[r, c], matrix[c, r].T) for r, c in _tiles(len(matrix)))


def _symmetric_part(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """`(K + K^T)/2` as stored, and a bound on its distance from `K` in the 2-norm of the symmetric parts.

    Either triangle may be the meant one: half the Frobenius norm of `K - K^T` is counted, and the rounding.
    """
    half, square = np.empty_like(matrix, order="C"), 0.0  # square: the root of the sum of squares so far
    with np.errstate(over="ignore"):
        for r, c in _tiles(len(matrix)):
            upper, lower = matrix[r, c], matrix[c, r].T
            square = math.hypot(square, norm_upper(upper - lower) * (1.0 if r == c else math.sqrt(2.0) * (1 + UNIT)))
            mean = 0.5 * upper + 0.5 * lower
            half[r, c], half[c, r] = mean, mean.T
        rounding = 4 * UNIT * norm_upper(matrix) + len(matrix) * 2.0**-1072
        return half, 0.5 * square * WIDE + rounding
