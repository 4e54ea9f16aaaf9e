"""Proved bounds on the extreme eigenvalues of a symmetric matrix, by Cholesky factorisation.

Lower bound (after S. M. Rump, BIT 46 (2006) 433-452; conditions sharpened, ours). With `u = 2^-53`,
`gamma_k = k u/(1 - k u)`, `g = gamma_{n+3}/(1 - gamma_{n+3})`: for a finite, bitwise symmetric `K` scaled by a power
of two and `T = fl(trace) + n max(0, -tau)`, `c = 1.001 g T`, if the floating-point Cholesky of
`nextafter(K - (tau + c) I)` (down the diagonal) ends with `info == 0`, a finite factor and a positive diagonal, then
`lambda_min(K) > tau`. The shift costs about `n u trace(K)`; no eigenvalue below that can be distinguished from zero, and none
is claimed to be.

Where to try `tau` is estimated first (`zeroloss.verified.ritz`); the proof then is one factorisation in double
precision, now and then more. Beside `K` itself the memory needed is one more such matrix.

The bound holds for the matrix *as stored*. `entry_error`, a bound on the 2-norm of what its entries are off by,
carries it over to the matrix that was meant.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.linalg.lapack

from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.verdict import Record
from zeroloss.verified.bound import Lower, Upper
from zeroloss.verified.directed import UNIT, gamma
from zeroloss.verified.proved import proved_lower, proved_upper
from zeroloss.verified.ritz import RitzPair, lowest_of_matrix
from zeroloss.verified.symmetric import Prepared, prepare, sum_of_squares, symmetric_product

__all__ = ["UNIT", "Enclosure", "gamma", "is_above", "largest_eigenvalue", "rayleigh_upper", "smallest_eigenvalue"]


@dataclasses.dataclass(frozen=True)
class Enclosure(Record):
    """`lower <= lambda <= upper`, proved, rounding included.

    Attributes:
        lower, upper: the bounds; infinite where none is known.
        which: "smallest" or "largest" eigenvalue.
        method: how, in words.
        about: "the matrix as stored"; or the matrix that was meant, with the entry error counted.
        size: rows of the matrix.
        factorisations: how many Cholesky factorisations in double precision it took.
    """

    lower: Lower
    upper: Upper
    which: str
    method: str
    about: str
    size: int
    factorisations: int

    def __repr__(self) -> str:
        return f"<{self.which} eigenvalue in [{self.lower:.6g}, {self.upper:.6g}] of {self.about} ({self.size} rows)>"

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


def smallest_eigenvalue(k: Any, *, entry_error: float = 0.0) -> Enclosure:
    """An enclosure of the smallest eigenvalue of a symmetric matrix or full kernel.

    The lower bound is aimed within one per cent of the eigenvalue or about `2 n u trace`, whichever is more (in a dense
    cluster of eigenvalues it may fall shorter); `upper - lower` is what was reached.

    Args:
        k: `(n, n)`, or a full kernel `(n, n, c, c)`. A matrix that is not bitwise symmetric is replaced by its
            symmetric part and half the norm of the difference is counted as entry error.
        entry_error: a bound on the 2-norm of (stored - meant).

    Raises:
        InputError: not square, or not finite; numbers that are no float64 (complex ones, say); arithmetic in which nothing can be
            proved (`zeroloss.plumbing.arithmetic`).
    """
    prepared, error = _ready(k, entry_error)
    return _enclosure(*_bounds(prepared, 1), "smallest", prepared, entry_error, error)


def largest_eigenvalue(k: Any, *, entry_error: float = 0.0) -> Enclosure:
    """An enclosure of the largest eigenvalue: the smallest one of `-K`, by the same criterion."""
    prepared, error = _ready(k, entry_error)
    lower, upper, count = _bounds(prepared, -1)
    return _enclosure(-upper, -lower, count, "largest", prepared, entry_error, error)


def _ready(k: Any, entry_error: float) -> tuple[Prepared, float]:
    prepared, error = prepare(k, entry_error)
    require_ieee(len(prepared.matrix))
    return prepared, error


def _enclosure(
    lower: float, upper: float, count: int, which: str, prepared: Prepared, entry_error: float, error: float
) -> Enclosure:
    about = (
        "the matrix as stored"
        if entry_error == 0
        else f"the matrix meant (entries within {entry_error:.3g} in the 2-norm)"
    )
    lower, upper = lower / prepared.scale - error, upper / prepared.scale + error
    lower, upper = math.nextafter(lower, -math.inf), math.nextafter(upper, math.inf)
    method = "Cholesky criterion (Rump 2006) and Rayleigh quotient"
    return Enclosure(proved_lower(lower), proved_upper(upper), which, method, about, len(prepared.matrix), count)


def _bounds(prepared: Prepared, sign: int) -> tuple[float, float, int]:
    """Proved bounds on the smallest eigenvalue of `sign K`, and how many factorisations they took."""
    smallest_entry = float(np.min(sign * prepared.diagonal))
    if len(prepared.matrix) == 1:
        return smallest_entry, smallest_entry, 0
    pair, used = lowest_of_matrix(prepared, sign, noise=_shift(prepared.diagonal * sign, 0.0))
    quotient = rayleigh_upper(prepared.matrix, pair.vector, factor=prepared.factor, sign=sign, norm=prepared.norm)
    lower, tried = _certify_below(prepared, sign, pair)
    return lower, min(quotient, smallest_entry), used + tried


def _shift(diagonal: np.ndarray, tau: float) -> float:
    """`c = 1.001 g T` and the underflow term."""
    n = len(diagonal)
    step = gamma(n + 3)
    trace = math.fsum(diagonal) + n * max(0.0, -tau)
    # 1.001 covers the rounding of this formula; 2^-1020 is far above the 2^-1074 that one operation loses by underflow.
    return 1.001 * (step / (1 - step)) * max(trace, 0.0) + n * (2 * n + 3) * 2.0**-1020


def is_above(matrix: np.ndarray, tau: float, *, factor: float = 1.0, sign: int = 1) -> bool:
    """Whether one Cholesky factorisation proves `lambda_min(sign factor matrix) > tau`.

    False proves nothing. `matrix` is finite and bitwise symmetric, `factor` a power of two that brings its largest
    diagonal entry into [1, 2), `sign` 1 or -1. Column-oriented, row-oriented or blocked, LAPACK's Cholesky obeys the bound
    used (every entry is an inner product in some order and one division; Higham, Accuracy and Stability, 2nd ed., theorem
    10.3).
    """
    multiplier = sign * factor
    diagonal = np.diag(matrix) * multiplier
    total = math.nextafter(tau + _shift(diagonal, tau), math.inf)
    new = np.nextafter(diagonal - total, -np.inf)
    if not (new > 0).all():
        return False
    # The transpose of the symmetric matrix, in the order LAPACK works in: one copy, which the factor overwrites.
    shifted = (np.array(matrix, order="C") if multiplier == 1 else np.multiply(matrix, multiplier, order="C")).T
    shifted[np.diag_indices(len(matrix))] = new
    result, info = scipy.linalg.lapack.dpotrf(shifted, lower=1, clean=0, overwrite_a=1)
    # OpenBLAS returns info = 0 on NaN, so the factor itself is looked at: its sum of squares is finite only if it is.
    return info == 0 and bool((np.diag(result) > 0).all()) and math.isfinite(sum_of_squares(result))


def _certify_below(prepared: Prepared, sign: int, pair: RitzPair) -> tuple[float, int]:
    """A proved `tau < lambda_min(sign K)`, close below the estimate; how many factorisations it took."""
    diagonal = sign * prepared.diagonal
    estimate = pair.value
    slack = max(1.5 * _shift(diagonal, estimate) + 4 * UNIT * abs(estimate), 2 * pair.error, 1e-7 * abs(estimate))
    slack += 2.0**-900  # so that the target is below the estimate even where all of these underflow
    # A failed factorisation costs as much as one that succeeds, so the distance grows quickly.
    for count in range(1, 16):
        if is_above(prepared.matrix, estimate - slack, factor=prepared.factor, sign=sign):
            return estimate - slack, count
        slack *= 8
    # Gershgorin's bound needs no factorisation, and holds for every matrix: the last resort.
    n = len(diagonal)
    radius = np.sum(np.abs(prepared.matrix), axis=1) * prepared.factor - np.abs(diagonal)
    peak = float(np.max(radius + 2 * np.abs(diagonal)))
    return float(np.min(diagonal - radius)) - 4 * gamma(n + 3) * peak - 2.0**-900, count


def rayleigh_upper(
    matrix: np.ndarray, vector: np.ndarray, *, factor: float = 1.0, sign: int = 1, norm: float | None = None
) -> float:
    """`fl(v^T A v / v^T v)` plus its rounding, `A = sign factor K`: an upper bound on `lambda_min(A)`.

    `K` is finite and symmetric, `factor` a power of two; `norm` is `|A|_F` rounded up, if it is known.
    """
    n = len(matrix)
    if norm is None:
        norm = math.sqrt(sum_of_squares(matrix)) * factor * (1 + 4 * n * n * UNIT)
    length = float(vector @ vector)
    quotient = sign * factor * float(vector @ symmetric_product(matrix, vector)) / length
    return quotient + (gamma(2 * n + 3) * norm + 4 * gamma(n + 3) * abs(quotient)) * (1 + 1e-10)
