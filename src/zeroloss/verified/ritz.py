"""Estimates of an extreme eigenpair by Rayleigh-Ritz: where a proof should try; they prove nothing.

The subspace grows by the preconditioned residual (E. R. Davidson, J. Comput. Phys. 17 (1975) 87-94): with the Ritz pair
`(theta, v)`, `r = A v - theta v`, the next direction is `M^{-1} r`, `M` a Cholesky factor of `A` in single or double
precision, or the identity (which is Lanczos). Ritz values and residuals are those of `A` in float64 whatever `M` is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy.linalg

from zeroloss.verified.symmetric import Prepared

SMALL = 400
"""Up to this size the eigenvalues of a matrix are estimated by `eigh`."""
Map = Callable[[np.ndarray], np.ndarray]
START = 3
"""Inverse Lanczos steps before the first Rayleigh-Ritz projection."""
SETTLED = 8.0
"""Expected further fall of the Ritz value, in units of its fall in the last two steps."""


@dataclasses.dataclass(frozen=True)
class RitzPair:
    """An approximate smallest eigenpair of `A`.

    Attributes:
        value: the Ritz value `theta`, never below the eigenvalue but for rounding.
        vector: the unit Ritz vector `v`.
        error: how far below `theta` the eigenvalue is expected: the least of `|r|`, `|r|^2/gap` with the gap to the
            next Ritz value, and a multiple of what the last two steps brought. An estimate: the subspace may have missed
            the eigenvector.
        steps: products with `A`.
    """

    value: float
    vector: np.ndarray
    error: float
    steps: int


def lowest_pair(multiply: Map, solve: Map | None, size: int, *, noise: float, tolerance: float, most: int) -> RitzPair:
    """The smallest eigenpair of the symmetric operator `multiply`, until `error <= max(noise, tolerance |theta|)`.

    Args:
        multiply, solve: `v -> A v` and `v -> M^{-1} v` for vectors `(size,)`; no `solve`: `M` is the identity.
        size: rows of `A`.
        noise: an error that need not be undercut.
        tolerance: the same, relative to the eigenvalue.
        most: dimensions of the subspace at most.
    """
    most = min(most, size)
    basis = np.empty((most, size))  # one vector per row
    images = np.empty((most, size))
    new = np.random.default_rng(size).standard_normal(size)  # a fixed seed: the same matrix gives the same bound
    begin = START if solve is not None else 1
    for k in range(min(begin, most)):  # a Krylov space of M^{-1}, cheap where M is in single precision
        basis[k] = _orthonormal(new, basis[:k])
        if not np.isfinite(basis[k]).all():  # the Krylov space is exhausted
            basis[k] = _orthonormal(np.random.default_rng([size, k]).standard_normal(size), basis[:k])
        new = basis[k] if solve is None else solve(basis[k])
    k, history, projected = min(begin, most), [], np.empty((most, most))
    for j in range(k):
        images[j] = multiply(basis[j])
        projected[j, : j + 1] = _products(basis[: j + 1], images[j])
    while True:
        values, vectors = scipy.linalg.eigh(projected[:k, :k], lower=True, check_finite=False)
        vector, image = _combine(vectors[:, 0], basis[:k]), _combine(vectors[:, 0], images[:k])
        residual = image - values[0] * vector
        length = float(np.linalg.norm(residual))
        gap = float(values[1] - values[0]) if k > 1 else 0.0
        error = min(length, length**2 / gap) if gap > 0 else length
        history.append(float(values[0]))
        if len(history) > 2:  # in a cluster there is no gap, but the value has settled
            error = min(error, SETTLED * abs(history[-3] - history[-1]))
        if error <= max(noise, tolerance * abs(values[0])) or k == most:
            return RitzPair(float(values[0]), vector / np.linalg.norm(vector), error, k)
        direction = _orthonormal(residual if solve is None else solve(residual), basis[:k])
        if not np.isfinite(direction).all():
            return RitzPair(float(values[0]), vector / np.linalg.norm(vector), error, k)
        basis[k], images[k] = direction, multiply(direction)
        projected[k, : k + 1] = _products(basis[: k + 1], images[k])
        k += 1


# Without BLAS: these are small, and NumPy's threads would spin against those of SciPy's solver.


def _products(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return np.einsum("kn,n->k", rows, vector)


def _combine(coefficients: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.einsum("k,kn->n", coefficients, rows)


def _orthonormal(vector: np.ndarray, basis: np.ndarray) -> np.ndarray:
    peak = float(np.max(np.abs(vector)))
    if not 0 < peak < np.inf:
        return np.full_like(vector, np.nan)
    vector = vector / peak  # before squaring: a nearly singular factor gives huge numbers
    vector = vector / np.linalg.norm(vector)
    for _ in range(2):  # once leaves what cancellation has lost; twice is enough (Kahan, Parlett)
        vector = vector - _combine(_products(basis, vector), basis)
    left = float(np.linalg.norm(vector))
    return vector / left if left > 0 else np.full_like(vector, np.nan)


def lowest_of_matrix(prepared: Prepared, sign: int, *, noise: float) -> tuple[RitzPair, int]:
    """The smallest eigenpair of `sign A`, `A` the prepared matrix, and how many double-precision factors it took.

    Small matrices by `eigh`; the largest eigenvalue (`sign = -1`) by Lanczos; the smallest with a Cholesky factor in
    single precision, or where that fails or does not resolve it, in double precision.
    """
    n = len(prepared.matrix)
    if n <= SMALL:
        values, vectors = np.linalg.eigh(prepared.matrix * (sign * prepared.factor))
        return RitzPair(float(values[0]), vectors[:, 0], 0.0, 0), 0

    def multiply(v: np.ndarray) -> np.ndarray:
        return sign * prepared.product(v)

    if sign < 0:
        return lowest_pair(multiply, None, n, noise=noise, tolerance=1e-4, most=60), 0
    if prepared.norm < 1e30:  # else single precision overflows
        solve = _solver(prepared, 0.0, np.float32)
        if solve is not None:
            pair = lowest_pair(multiply, solve, n, noise=noise, tolerance=4e-3, most=24)
            if pair.error <= max(noise, 0.1 * abs(pair.value)):
                return pair, 0
            del solve  # its factor makes room for the next
    count, shift, solve = 1, 4 * noise, None
    solve = _solver(prepared, shift, np.float64)
    while solve is None:
        if count == 1:  # not positive definite: how far below zero?
            pair = lowest_pair(multiply, None, n, noise=noise, tolerance=1e-3, most=60)
            if pair.value < 0 and pair.error <= 2e-3 * abs(pair.value):
                return pair, count
            shift = max(
                shift, -1.1 * pair.value, 2.0**-900
            )  # beyond the lowest Ritz value: positive definite, if it is close
        else:
            shift *= 4
        solve, count = _solver(prepared, shift, np.float64), count + 1
    return lowest_pair(multiply, solve, n, noise=noise, tolerance=4e-3, most=24), count


def _solver(prepared: Prepared, shift: float, dtype: type[np.floating]) -> Map | None:
    """`v -> (A + shift I)^{-1} v` by a Cholesky factor in `dtype`; None where the factorisation fails."""
    matrix, factor = prepared.matrix, prepared.factor
    # Symmetric: the transpose is the same matrix, in the order LAPACK works in.
    stored = (matrix.astype(dtype, order="C") if factor == 1 else np.multiply(matrix, factor, order="C", dtype=dtype)).T
    if shift:
        stored[np.diag_indices(len(matrix))] += dtype(shift)
    (potrf,) = scipy.linalg.lapack.get_lapack_funcs(("potrf",), dtype=dtype)
    (trsv,) = scipy.linalg.blas.get_blas_funcs(("trsv",), dtype=dtype)
    stored, info = potrf(stored, lower=1, clean=0, overwrite_a=1)
    if info != 0 or not np.isfinite(np.diag(stored)).all():
        return None

    def solve(v: np.ndarray) -> np.ndarray:
        half = trsv(stored, v.astype(dtype), lower=1, overwrite_x=1)
        return trsv(stored, half, lower=1, trans=1, overwrite_x=1).astype(np.float64)

    return solve
