"""Proved bounds on the extreme eigenvalues of a symmetric matrix, by one Cholesky factorisation each.

Lower bound (after S. M. Rump, BIT 46 (2006) 433-452; conditions sharpened, ours). With `u = 2^-53`,
`gamma_k = k u/(1 - k u)`, `g = gamma_{n+3}/(1 - gamma_{n+3})`: for a finite, bitwise symmetric `K` scaled by a power
of two and `T = fl(trace) + n max(0, -tau)`, `c = 1.001 g T`, if the floating-point Cholesky of
`nextafter(K - (tau + c) I)` (down the diagonal) ends with `info == 0`, a finite factor and a positive diagonal, then
`lambda_min(K) > tau`. The shift costs about `n u trace(K)`; no eigenvalue below that can be told from zero, and none
is claimed to be.

The bound holds for the matrix *as stored*. `entry_error`, a bound on the 2-norm of what its entries are off by,
carries it over to the matrix that was meant.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.linalg.lapack

from zeroloss.plumbing import InputError
from zeroloss.tangent.kernel import as_matrix
from zeroloss.tangent.lanczos import lanczos
from zeroloss.verdict import Record

UNIT = 2.0**-53
SMALL = 400
"""Up to this size the eigenvalues are estimated by `eigvalsh`; above, by Lanczos on the factor."""


@dataclasses.dataclass(frozen=True)
class Enclosure(Record):
    """`lower <= lambda <= upper`, proved, rounding included.

    Attributes:
        lower, upper: the bounds.
        which: "smallest" or "largest" eigenvalue.
        method: how, in words.
        about: "the matrix as stored", or the matrix that was meant, with the entry error counted.
        size: rows of the matrix.
        factorisations: how many Cholesky factorisations it took.
    """

    lower: float
    upper: float
    which: str
    method: str
    about: str
    size: int
    factorisations: int

    def __repr__(self) -> str:
        return f"<{self.which} eigenvalue in [{self.lower:.6g}, {self.upper:.6g}] of {self.about} ({self.size} rows)>"

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


def gamma(k: int) -> float:
    """`k u/(1 - k u)`, rounded up."""
    if k * UNIT >= 0.01:
        raise InputError(f"{k} operations in a row are more than the rounding analysis covers.")
    return k * UNIT / (1 - k * UNIT) * (1 + 1e-10)


def smallest_eigenvalue(k: Any, *, entry_error: float = 0.0) -> Enclosure:
    """An enclosure of the smallest eigenvalue of a symmetric matrix or full kernel.

    Args:
        k: `(n, n)`, or a full kernel `(n, n, c, c)`. A matrix that is not bitwise symmetric is replaced by its
            symmetric part and half the norm of the difference is counted as entry error.
        entry_error: a bound on the 2-norm of (stored - meant).

    Raises:
        InputError: not square, or not finite.
    """
    matrix, error, scale = _prepare(k, entry_error)
    estimate, vector, used = _estimate_smallest(matrix)
    lower, tried = _certify_below(matrix, estimate)
    upper = min(rayleigh_upper(matrix, vector), float(np.min(np.diag(matrix))))
    return _enclosure(lower / scale - error, upper / scale + error, "smallest", entry_error, len(matrix), used + tried)


def largest_eigenvalue(k: Any, *, entry_error: float = 0.0) -> Enclosure:
    """An enclosure of the largest eigenvalue: the smallest one of `-K`, by the same criterion."""
    matrix, error, scale = _prepare(k, entry_error)
    negative = -matrix
    vector = _top_vector(matrix)
    estimate = -float(vector @ (matrix @ vector))
    lower, tried = _certify_below(negative, estimate)
    upper = min(rayleigh_upper(negative, vector), float(np.min(np.diag(negative))))
    return _enclosure(-upper / scale - error, -lower / scale + error, "largest", entry_error, len(matrix), tried)


def _enclosure(lower, upper, which, entry_error, size, count) -> Enclosure:
    about = (
        "the matrix as stored"
        if entry_error == 0
        else f"the matrix meant (entries within {entry_error:.3g} in the 2-norm)"
    )
    lower, upper = math.nextafter(lower, -math.inf), math.nextafter(upper, math.inf)
    return Enclosure(lower, upper, which, "Cholesky criterion (Rump 2006) and Rayleigh quotient", about, size, count)


def _prepare(k: Any, entry_error: float) -> tuple[np.ndarray, float, float]:
    """The matrix times a power of two, the whole error in the original scale, and that power."""
    if not entry_error >= 0 or math.isinf(entry_error):
        raise InputError(f"entry_error={entry_error}: it must be a finite number, 0 or more.")
    matrix = np.asarray(as_matrix(k), np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise InputError(f"a matrix of shape {matrix.shape} has no eigenvalues; give a square one.")
    if not np.isfinite(matrix).all():
        raise InputError("the matrix holds NaN or infinity; no eigenvalue of it can be bounded.")
    peak = float(np.max(np.abs(np.diag(matrix)))) or float(np.max(np.abs(matrix)))
    # 2^1000 is enough for a matrix of subnormals, whose own power would overflow.
    scale = math.ldexp(1.0, min(1 - math.frexp(peak)[1], 1000)) if peak else 1.0
    largest = float(np.max(np.abs(matrix)))
    if largest * scale > 1e100:
        raise InputError("the off-diagonal entries exceed the diagonal by more than 1e100; rescale the matrix.")
    error = float(entry_error)
    if not np.array_equal(matrix, matrix.T):
        difference = matrix - matrix.T
        error += 0.5 * float(np.linalg.norm(difference)) * (1 + 1e-10) + 4 * UNIT * float(np.linalg.norm(matrix))
        matrix = 0.5 * (matrix + matrix.T)
    scaled = matrix if scale == 1.0 else matrix * scale  # a power of two: exact but for underflow
    if scale < 1:
        error += len(matrix) * 2.0**-1074 / scale
    return scaled, error * (1 + 1e-12), scale


def is_above(matrix: np.ndarray, tau: float) -> bool:
    """Whether one Cholesky factorisation proves `lambda_min(matrix) > tau` (scaled, finite, bitwise symmetric matrix).

    False says nothing.
    """
    n = len(matrix)
    step = gamma(n + 3)
    diagonal = np.diag(matrix)
    trace = math.fsum(diagonal) + n * max(0.0, -tau)
    shift = 1.001 * (step / (1 - step)) * max(trace, 0.0) + n * (2 * n + 3) * 2.0**-1020
    shifted = np.array(matrix.T, order="F")
    total = math.nextafter(tau + shift, math.inf)
    new = np.nextafter(diagonal - total, -np.inf)
    if not (new > 0).all():
        return False
    shifted[np.diag_indices(n)] = new
    factor, info = scipy.linalg.lapack.dpotrf(shifted, lower=1, clean=0, overwrite_a=1)
    # OpenBLAS returns info = 0 on NaN, so the factor itself is looked at.
    return info == 0 and bool((np.diag(factor) > 0).all()) and bool(np.isfinite(factor).all())


def _certify_below(matrix: np.ndarray, estimate: float) -> tuple[float, int]:
    """A proved `tau < lambda_min`, close below `estimate`; how many factorisations it took."""
    n = len(matrix)
    if n == 1:
        return float(matrix[0, 0]), 0
    noise = 4 * gamma(n + 3) * (math.fsum(np.abs(np.diag(matrix))) + n * abs(estimate)) + 2.0**-900
    slack = max(noise, 1e-7 * abs(estimate))
    for count in range(1, 16):
        tau = estimate - slack
        if is_above(matrix, tau):
            return tau, count
        slack *= 8
    # Gershgorin needs no factorisation: the honest last resort.
    radius = np.sum(np.abs(matrix), axis=1) - np.abs(np.diag(matrix))
    return float(np.min(np.diag(matrix) - radius * (1 + gamma(n + 3)))) - 2.0**-900, count


def rayleigh_upper(matrix: np.ndarray, vector: np.ndarray) -> float:
    """`fl(v^T K v / v^T v)` plus its rounding: an upper bound on `lambda_min`, a finite symmetric matrix given."""
    n = len(matrix)
    norm = float(vector @ vector)
    quotient = float(vector @ (matrix @ vector)) / norm
    return quotient + (gamma(2 * n + 3) * float(np.linalg.norm(matrix)) + 4 * gamma(n + 3) * abs(quotient)) * (
        1 + 1e-10
    )


def _estimate_smallest(matrix: np.ndarray) -> tuple[float, np.ndarray, int]:
    n = len(matrix)
    if n <= SMALL:
        values, vectors = np.linalg.eigh(matrix)
        return float(values[0]), vectors[:, 0], 0
    trace = math.fsum(np.abs(np.diag(matrix)))
    shift, count = 4 * gamma(n + 3) * trace, 0
    while True:
        count += 1
        shifted = np.array(matrix.T, order="F")
        shifted[np.diag_indices(n)] += shift
        factor, info = scipy.linalg.lapack.dpotrf(shifted, lower=1, clean=0, overwrite_a=1)
        if info == 0 and np.isfinite(np.diag(factor)).all():
            break
        shift = max(shift * 64, 2.0**-900)

    def solve(v: np.ndarray) -> np.ndarray:
        return scipy.linalg.lapack.dpotrs(factor, v[:, None], lower=1)[0][:, 0]

    start = np.random.default_rng(n).standard_normal(n)
    result = lanczos(solve, start, 24)
    vector = result.vectors[:, -1]
    vector = vector / np.linalg.norm(vector)
    return float(vector @ (matrix @ vector)), vector, count


def _top_vector(matrix: np.ndarray) -> np.ndarray:
    if len(matrix) <= SMALL:
        return np.linalg.eigh(matrix)[1][:, -1]
    start = np.random.default_rng(len(matrix)).standard_normal(len(matrix))
    shift = float(np.sum(np.abs(np.diag(matrix)))) / len(matrix)
    result = lanczos(lambda v: matrix @ v + shift * v, start, 40)
    return result.vectors[:, -1] / np.linalg.norm(result.vectors[:, -1])
